//! Writing both streams of a chunk into one buffer: decisions from its front, bits from its back.

use super::super::range::Context;

/// Writes decisions and bits until both meet.
pub(super) struct Streams<'a> {
    dst: &'a mut [u8],
    /// Bytes written from the front.
    front: usize,
    /// Where what was written from the back begins.
    back: usize,
    /// Whether there was no space left, and words are missing.
    is_full: bool,
    /// The part of the range coder's number that is not written, from the last word on.
    low: u32,
    range: u32,
    /// Bits that are not written yet: the low `count`, fewer than 16 between calls.
    bits: u64,
    count: u32,
}

impl<'a> Streams<'a> {
    pub(super) fn new(dst: &'a mut [u8]) -> Self {
        let back = dst.len() & !1;
        Self { dst, front: 0, back, is_full: false, low: 0, range: u32::MAX, bits: 0, count: 0 }
    }

    /// Whether the result does not fit.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Writes a decision in `context`, which adapts.
    #[inline(always)]
    pub(super) fn decision<const SIZE: usize>(&mut self, context: &mut Context<SIZE>, outcome: bool) {
        if self.range < 1 << 16 {
            self.range <<= 16;
            self.shift();
        }
        let bound = (self.range >> 6) * context.zero_in_64();
        if outcome {
            self.range -= bound;
            let carry;
            (self.low, carry) = self.low.overflowing_add(bound);
            if carry {
                self.carry();
            }
        } else {
            self.range = bound;
        }
        context.add(outcome);
    }

    /// Writes the low `count` bits of `value`, at most 45; its other bits are zero.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64, count: u32) {
        self.bits = self.bits << count | value;
        self.count += count;
        while self.count >= 16 {
            self.count -= 16;
            self.push_back((self.bits >> self.count) as u16);
        }
    }

    /// Ends both streams and moves them together. Returns the size of the result, if it fits.
    pub(super) fn finish(mut self) -> Option<usize> {
        // The last word is one that decoders load and never use.
        for _ in 0..3 {
            self.shift();
        }
        if self.count > 0 {
            self.put(0, 16 - self.count);
        }
        if self.is_full {
            return None;
        }
        let end = self.dst.len() & !1;
        self.dst.copy_within(self.back..end, self.front);
        Some(self.front + end - self.back)
    }

    /// Writes the upper half of `low`.
    #[inline(always)]
    fn shift(&mut self) {
        let word = (self.low >> 16) as u16;
        self.low <<= 16;
        if self.front + 2 > self.back {
            self.is_full = true;
            return;
        }
        self.dst[self.front..self.front + 2].copy_from_slice(&word.to_le_bytes());
        self.front += 2;
    }

    /// Adds one to the number that is written already.
    #[cold]
    fn carry(&mut self) {
        for word in self.dst[..self.front].as_chunks_mut::<2>().0.iter_mut().rev() {
            let (sum, carry) = u16::from_le_bytes(*word).overflowing_add(1);
            *word = sum.to_le_bytes();
            if !carry {
                return;
            }
        }
    }

    #[inline(always)]
    fn push_back(&mut self, word: u16) {
        if self.front + 2 > self.back {
            self.is_full = true;
            return;
        }
        self.back -= 2;
        self.dst[self.back..self.back + 2].copy_from_slice(&word.to_le_bytes());
    }
}
