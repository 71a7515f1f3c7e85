//! Hash chains: the longest match among the last positions with the same hash.

use super::super::bits::zeroed;
use super::{Match, Position, TAIL, Window, hash, steps};

/// Entries of the table by the next four bytes.
const LONG_HASHES: usize = 1 << 14;
/// Entries of the table by the next three bytes.
const SHORT_HASHES: usize = 1 << 12;
/// Matches of three bytes cost more than literals from this offset on.
const FAR: usize = 4096;

/// A list for each hash of four bytes, the last position first, and the last position with each
/// hash of three bytes.
///
/// `POSITIONS` is the largest chunk, and `SIZE` the size of its [`Window`].
pub(in super::super) struct Chains<P, const POSITIONS: usize, const SIZE: usize> {
    by_three: Box<[P; SHORT_HASHES]>,
    by_four: Box<[P; LONG_HASHES]>,
    /// The position before with the same hash of four bytes.
    before: Box<[P; POSITIONS]>,
}

impl<P: Position, const POSITIONS: usize, const SIZE: usize> Default for Chains<P, POSITIONS, SIZE> {
    fn default() -> Self {
        Self { by_three: zeroed(), by_four: zeroed(), before: zeroed() }
    }
}

impl<P: Position, const POSITIONS: usize, const SIZE: usize> Chains<P, POSITIONS, SIZE> {
    /// Begins a chunk.
    pub(in super::super) fn reset(&mut self) {
        self.by_three.fill(P::default());
        self.by_four.fill(P::default());
    }

    /// Inserts the position `at` and returns the longest match of more than `known` and at most
    /// `max` bytes among the last `depth` positions, the nearest of several. Ends at a match of
    /// `nice` bytes.
    ///
    /// Positions are inserted in ascending order.
    #[inline(always)]
    pub(in super::super) fn longest(
        &mut self,
        window: &Window<SIZE>,
        at: usize,
        max: usize,
        (known, nice): (usize, usize),
        depth: u32,
    ) -> Option<Match> {
        if max < TAIL {
            return None;
        }
        let [near, mut node] = self.link(window, at);
        let next = window.quad(at);
        let (mut best, mut offset) = (known, 0);
        if known < 3 && near != 0 && at + 1 - near < FAR && (window.quad(near - 1) ^ next) << 8 == 0 {
            (best, offset) = (3, at + 1 - near);
        }
        let mut left = depth;
        // Bytes of a match that is longer than the best one.
        best = best.max(3);
        while node != 0 && left > 0 && best < nice {
            left -= 1;
            steps::count();
            let other = node - 1;
            if window.quad(other + best - 3) == window.quad(at + best - 3) && window.quad(other) == next {
                let length = window.common(other, at, 4, max);
                if length > best {
                    (best, offset) = (length, at - other);
                }
            }
            node = self.before[other % POSITIONS].get();
        }
        (offset != 0).then_some(Match { length: best, offset })
    }

    /// Inserts the positions `from` to `to`; those within four bytes of the chunk's end at `end`
    /// are left out.
    #[inline(always)]
    pub(in super::super) fn skip(&mut self, window: &Window<SIZE>, from: usize, to: usize, end: usize) {
        for at in from..to.min((end + 1).saturating_sub(TAIL)) {
            self.link(window, at);
        }
    }

    /// Inserts a position and returns those that were the last with the hash of its next three and
    /// four bytes.
    #[inline(always)]
    fn link(&mut self, window: &Window<SIZE>, at: usize) -> [usize; 2] {
        let next = window.quad(at);
        let short = &mut self.by_three[hash::<SHORT_HASHES>(next << 8)];
        let near = std::mem::replace(short, P::new(at + 1)).get();
        let long = &mut self.by_four[hash::<LONG_HASHES>(next)];
        let first = std::mem::replace(long, P::new(at + 1));
        self.before[at % POSITIONS] = first;
        [near, first.get()]
    }
}
