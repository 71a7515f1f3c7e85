//! The matches of a stretch of a chunk, found once and read by every pass of a parser.

/// Matches of at most this many positions are listed at a time.
const POSITIONS: usize = 1 << 16;
/// The most matches: six for each position.
const CAPACITY: usize = 6 * POSITIONS;

/// Lists matches by position; in which form is the parser's choice.
pub(in super::super) struct MatchList {
    matches: Box<[u32]>,
    /// Where the matches of each position begin, and where the last ones end.
    starts: Box<[u32]>,
    len: usize,
    positions: usize,
}

impl Default for MatchList {
    fn default() -> Self {
        Self { matches: vec![0; CAPACITY].into(), starts: vec![0; POSITIONS + 1].into(), len: 0, positions: 0 }
    }
}

impl MatchList {
    /// Forgets everything.
    pub(in super::super) fn clear(&mut self) {
        self.len = 0;
        self.positions = 0;
    }

    /// Adds a match of the current position. Those that find no space are lost.
    #[inline(always)]
    pub(in super::super) fn push(&mut self, found: u32) {
        if let Some(place) = self.matches.get_mut(self.len) {
            *place = found;
            self.len += 1;
        }
    }

    /// Ends the current position; the next one has no matches yet.
    #[inline(always)]
    pub(in super::super) fn next_position(&mut self) {
        self.positions += 1;
        self.starts[self.positions] = self.len as u32;
    }

    /// The matches of a position, counted from the first one, in the order in which they were
    /// added.
    #[inline(always)]
    pub(in super::super) fn at(&self, position: usize) -> &[u32] {
        &self.matches[self.starts[position] as usize..self.starts[position + 1] as usize]
    }
}
