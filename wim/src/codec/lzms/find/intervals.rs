//! The intervals of a suffix array: all places with a common beginning of some length, as a tree.

use super::{Find, Match, common};

/// The most bytes that are sorted together. Matches do not reach from one such block into another.
const MAX_BLOCK: usize = 1 << 26;
/// The shortest common beginning that makes an interval.
const MIN_LENGTH: usize = 3;
/// The greatest possible length of interest.
pub(in super::super) const MAX_NICE: usize = 255;

/// Finds for each position the nearest match of every length.
pub(in super::super) struct IntervalFinder {
    /// First the suffix array; then, in the same memory, the intervals: two numbers each.
    memory: Vec<i32>,
    /// The smallest interval around each position; before that, its common length with the suffix
    /// that is next in order, and before that, the place of that suffix.
    smallest: Vec<u32>,
    /// Longer matches are cut to this length.
    nice: usize,
    /// Where the current block begins and ends.
    start: usize,
    end: usize,
    /// Bytes of the chunk.
    len: usize,
}

/// An interval of the suffix array: suffixes with a common beginning.
#[derive(Clone, Copy)]
struct Interval(u64);

impl Interval {
    const OUTER_BITS: u32 = 25;
    const LAST_SHIFT: u32 = Self::OUTER_BITS + 8;

    /// The length of the common beginning.
    #[inline(always)]
    fn length(self) -> usize {
        (self.0 >> Self::OUTER_BITS) as usize & MAX_NICE
    }

    /// The interval around it; 0 is the whole array.
    #[inline(always)]
    fn outer(self) -> usize {
        self.0 as usize & ((1 << Self::OUTER_BITS) - 1)
    }

    /// The last position that was met, plus one.
    #[inline(always)]
    fn last(self) -> u32 {
        (self.0 >> Self::LAST_SHIFT) as u32
    }

    #[inline(always)]
    fn with_last(self, last: u32) -> Self {
        Self(self.0 & !(u64::MAX << Self::LAST_SHIFT) | u64::from(last) << Self::LAST_SHIFT)
    }

    #[inline(always)]
    fn load([low, high]: [i32; 2]) -> Self {
        Self(u64::from(low as u32) | u64::from(high as u32) << 32)
    }

    #[inline(always)]
    fn store(self) -> [i32; 2] {
        [self.0 as i32, (self.0 >> 32) as i32]
    }
}

impl IntervalFinder {
    /// A finder for chunks of at most `chunk_size` bytes and matches of at most `nice` bytes.
    pub(in super::super) fn new(chunk_size: usize, nice: usize) -> Self {
        let block = chunk_size.clamp(2, MAX_BLOCK);
        Self { memory: vec![0; block], smallest: vec![0; block], nice: nice.min(MAX_NICE), start: 0, end: 0, len: 0 }
    }

    /// Sorts the next block, which begins at `start`.
    #[cold]
    #[inline(never)]
    fn build(&mut self, data: &[u8], start: usize, end: usize) {
        (self.start, self.end) = (start, end);
        let len = end - start;
        divsufsort::sort_in_place(&data[start..end], &mut self.memory[..len]);
        self.link(len);
        self.measure(&data[start..], len);
        self.nest(len);
    }

    /// Notes for each suffix which one comes before it in order.
    fn link(&mut self, len: usize) {
        let mut previous = u32::MAX;
        for &at in &self.memory[..len] {
            self.smallest[at as usize] = previous;
            previous = at as u32;
        }
    }

    /// Replaces that by the length of what both have in common.
    fn measure(&mut self, block: &[u8], len: usize) {
        let mut length = 0_usize;
        for (at, entry) in self.smallest[..len].iter_mut().enumerate() {
            // A suffix that is one byte shorter has in common one byte less or more.
            let other = *entry as usize;
            length = if other >= len {
                0
            } else {
                let most = self.nice.min(len - at.max(other));
                common(block, at, other, length.saturating_sub(1).min(most), most)
            };
            *entry = length as u32;
        }
    }

    /// Makes the intervals and replaces lengths by the smallest interval around each suffix.
    ///
    /// An interval takes the memory of two suffixes that come before its end. Where there are too
    /// many intervals for that, small ones are left out.
    fn nest(&mut self, len: usize) {
        let length_of = |smallest: &[u32], at: usize| match smallest[at] as usize {
            length if length < MIN_LENGTH => 0,
            length => length,
        };
        // Intervals that have not ended, each in the one before it, with their lengths.
        let mut open = [(0, 0); MAX_NICE + 1];
        let mut depth = 0;
        let mut count = 1;
        let mut previous = self.memory[0] as usize;
        for next in 1..len {
            let at = self.memory[next] as usize;
            let length = length_of(&self.smallest, at);
            let may_add = 2 * count < next;
            if length > open[depth].1 && may_add {
                depth += 1;
                open[depth] = (count, length);
                count += 1;
            }
            self.smallest[previous] = open[depth].0 as u32;
            while length < open[depth].1 {
                let (inner, inner_length) = open[depth];
                depth -= 1;
                if length > open[depth].1 && may_add {
                    depth += 1;
                    open[depth] = (count, length);
                    count += 1;
                }
                self.put(inner, open[depth].0, inner_length);
            }
            previous = at;
        }
        self.smallest[previous] = open[depth].0 as u32;
        for depth in (1..=depth).rev() {
            self.put(open[depth].0, open[depth - 1].0, open[depth].1);
        }
    }

    fn put(&mut self, interval: usize, outer: usize, length: usize) {
        let new = Interval((length as u64) << Interval::OUTER_BITS | outer as u64);
        self.memory[2 * interval..2 * interval + 2].copy_from_slice(&new.store());
    }

    /// Goes outwards through the intervals around a position, leaves it in each, and calls `each`
    /// with the length and the last position of those where that is nearer.
    #[inline(always)]
    fn visit(&mut self, data: &[u8], at: usize, mut each: impl FnMut(usize, u32)) {
        if at >= self.end {
            self.build(data, at, self.len.min(at + self.smallest.len()));
        }
        let here = (at - self.start) as u32 + 1;
        let intervals = self.memory.as_chunks_mut::<2>().0;
        let mut next = self.smallest[at - self.start] as usize;
        let mut nearest = 0;
        while next != 0 {
            let place = &mut intervals[next];
            let interval = Interval::load(*place);
            *place = interval.with_last(here).store();
            if interval.last() > nearest {
                nearest = interval.last();
                each(interval.length(), here - nearest);
            }
            next = interval.outer();
        }
    }
}

impl Find for IntervalFinder {
    fn start(&mut self, data: &[u8]) {
        (self.start, self.end, self.len) = (0, 0, data.len());
    }

    #[inline(always)]
    fn find(&mut self, data: &[u8], at: usize, matches: &mut Vec<Match>) {
        let first = matches.len();
        self.visit(data, at, |length, offset| matches.push(Match { length: length as u32, offset }));
        matches[first..].reverse();
    }

    fn skip(&mut self, data: &[u8], at: usize, count: usize) {
        for at in at..at + count {
            self.visit(data, at, |_, _| {});
        }
    }
}
