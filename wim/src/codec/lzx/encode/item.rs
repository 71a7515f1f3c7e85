//! Literals and matches, and the repeat offsets.

/// A literal, or a match with a repeat offset or its own.
///
/// In the low 9 bits is the number of bytes, 1 for a literal. Above them is how a match is coded:
/// the number of the repeat offset, 0 to 2, or the offset plus 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Item(pub(super) u32);

pub(super) const LENGTH_BITS: u32 = 9;
const LENGTH_MASK: u32 = (1 << LENGTH_BITS) - 1;

impl Item {
    pub(super) const LITERAL: Self = Self(1);

    #[inline(always)]
    pub(super) fn repeat(index: usize, length: usize) -> Self {
        Self((index as u32) << LENGTH_BITS | length as u32)
    }

    #[inline(always)]
    pub(super) fn new_match(offset: usize, length: usize) -> Self {
        Self((offset as u32 + 2) << LENGTH_BITS | length as u32)
    }

    #[inline(always)]
    pub(super) fn is_literal(self) -> bool {
        self.length() == 1
    }

    /// Bytes it makes.
    #[inline(always)]
    pub(super) fn length(self) -> usize {
        (self.0 & LENGTH_MASK) as usize
    }

    /// How a match is coded: the index of a repeat offset, or the offset plus 2.
    #[inline(always)]
    pub(super) fn code(self) -> u32 {
        self.0 >> LENGTH_BITS
    }

    /// The offset slot of a match.
    #[inline(always)]
    pub(super) fn slot(self) -> usize {
        slot(self.code())
    }
}

/// The slot of an offset plus 2, or of the index of a repeat offset.
#[inline(always)]
pub(super) fn slot(code: u32) -> usize {
    if code < 4 {
        return code as usize;
    }
    let log = code.ilog2();
    match log {
        // Two slots for each power of two, up to 2^17 offsets in each.
        ..19 => (2 * log + (code >> (log - 1) & 1)) as usize,
        _ => 34 + (code >> 17) as usize,
    }
}

/// Number of offset bits after a match of this slot.
#[inline(always)]
pub(super) const fn extra_bits(slot: usize) -> u32 {
    match slot {
        0..2 => 0,
        2..37 => (slot as u32 - 2) / 2,
        _ => 17,
    }
}

/// The three repeat offsets, the first one lowest, 21 bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue(u64);

const OFFSET_BITS: u32 = 21;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;
const QUEUE_MASK: u64 = (1 << (3 * OFFSET_BITS)) - 1;

impl Default for Queue {
    fn default() -> Self {
        Self(1 | 1 << OFFSET_BITS | 1 << (2 * OFFSET_BITS))
    }
}

impl Queue {
    #[inline(always)]
    pub(super) fn get(self, index: usize) -> usize {
        (self.0 >> (OFFSET_BITS * index as u32) & OFFSET_MASK) as usize
    }

    /// The repeat offsets after an item.
    #[inline(always)]
    pub(super) fn after(self, item: Item) -> Self {
        if item.is_literal() {
            return self;
        }
        match item.code() {
            0 => self,
            1 => self.swapped(1),
            2 => self.swapped(2),
            code => Self((self.0 << OFFSET_BITS | u64::from(code - 2)) & QUEUE_MASK),
        }
    }

    /// With the first one and another exchanged.
    #[inline(always)]
    fn swapped(self, index: u32) -> Self {
        let shift = OFFSET_BITS * index;
        let difference = (self.0 ^ self.0 >> shift) & OFFSET_MASK;
        Self(self.0 ^ difference ^ difference << shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_cover_all_offsets() {
        let mut base = 0;
        for index in 0..50 {
            let end = base + (1 << extra_bits(index));
            assert_eq!((slot(base), slot(end - 1)), (index, index));
            base = end;
        }
        assert_eq!(base, 1 << 21);
    }

    #[test]
    fn repeats_swap_and_others_push() {
        let get = |queue: Queue| [0, 1, 2].map(|index| queue.get(index));
        let queue = [7, 0x1F_FFFD, 9]
            .into_iter()
            .fold(Queue::default(), |queue, offset| queue.after(Item::new_match(offset, 3)));
        assert_eq!(get(queue), [9, 0x1F_FFFD, 7]);
        assert_eq!(get(queue.after(Item::LITERAL)), [9, 0x1F_FFFD, 7]);
        assert_eq!(get(queue.after(Item::repeat(0, 4))), [9, 0x1F_FFFD, 7]);
        assert_eq!(get(queue.after(Item::repeat(1, 4))), [0x1F_FFFD, 9, 7]);
        assert_eq!(get(queue.after(Item::repeat(2, 4))), [7, 0x1F_FFFD, 9]);
    }
}
