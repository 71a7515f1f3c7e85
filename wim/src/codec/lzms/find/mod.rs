//! Finding matches: earlier places in a chunk with the same bytes.

pub(super) mod far;
pub(super) mod intervals;
pub(super) mod tree;

/// Zero bytes that follow the data, so that loads of eight bytes stay inside.
pub(super) const PAD: usize = 16;

/// A match at the current position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) length: u32,
    pub(super) offset: u32,
}

/// Finds matches at one position after the other.
pub(super) trait Find {
    /// Begins a chunk, `data` without the padding.
    fn start(&mut self, data: &[u8]);

    /// Appends the matches at `at`, ever longer ones, each the nearest of its length. Those that
    /// reach the longest length that is of interest may be longer.
    fn find(&mut self, data: &[u8], at: usize, matches: &mut Vec<Match>);

    /// Passes by `count` positions from `at` on.
    fn skip(&mut self, data: &[u8], at: usize, count: usize);
}

/// Eight bytes from `at` on.
#[inline(always)]
pub(super) fn load(data: &[u8], at: usize) -> u64 {
    data[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How many bytes from `a` and from `b` on are equal, at least `known`, at most `most`.
#[inline(always)]
pub(super) fn common(data: &[u8], a: usize, b: usize, known: usize, most: usize) -> usize {
    let mut length = known;
    while length < most {
        let difference = load(data, a + length) ^ load(data, b + length);
        if difference != 0 {
            return (length + (difference.trailing_zeros() >> 3) as usize).min(most);
        }
        length += 8;
    }
    most
}
