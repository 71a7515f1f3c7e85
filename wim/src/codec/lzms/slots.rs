//! The slots that LZMS sorts offsets and lengths into: a range of values each, distinguished by
//! extra bits.

/// Number of offset slots, enough for any chunk.
pub(super) const OFFSET_SLOTS: usize = 799;
/// Number of length slots.
pub(super) const LENGTH_SLOTS: usize = 54;

/// The slots of a kind of value: `COUNT` of them, in arrays whose length is a power of two.
pub(super) struct Slots<const COUNT: usize, const LEN: usize> {
    /// The first value of each, in ascending order.
    bases: [u32; LEN],
    /// The number of extra bits of each.
    pub(super) bits: [u8; LEN],
}

pub(super) static OFFSETS: Slots<OFFSET_SLOTS, 1024> = Slots::new(&[
    (8, 0),
    (9, 2),
    (7, 3),
    (10, 4),
    (15, 5),
    (15, 6),
    (20, 7),
    (20, 8),
    (30, 9),
    (33, 10),
    (40, 11),
    (42, 12),
    (45, 13),
    (60, 14),
    (73, 15),
    (80, 16),
    (85, 17),
    (95, 18),
    (105, 19),
    (6, 20),
    (1, 30),
]);
pub(super) static LENGTHS: Slots<LENGTH_SLOTS, 64> = Slots::new(&[
    (26, 0),
    (4, 1),
    (6, 2),
    (4, 3),
    (5, 4),
    (2, 5),
    (1, 6),
    (1, 7),
    (1, 8),
    (1, 9),
    (1, 10),
    (1, 16),
    (1, 30),
]);

impl<const COUNT: usize, const LEN: usize> Slots<COUNT, LEN> {
    /// Slots for the values from 1 on, as runs of slots with so many extra bits.
    const fn new(runs: &[(usize, u8)]) -> Self {
        let mut slots = Self { bases: [u32::MAX; LEN], bits: [0; LEN] };
        let (mut slot, mut base, mut run) = (0, 1, 0);
        while run < runs.len() {
            let (count, bits) = runs[run];
            let end = slot + count;
            while slot < end {
                slots.bases[slot] = base;
                slots.bits[slot] = bits;
                base += 1 << bits;
                slot += 1;
            }
            run += 1;
        }
        assert!(slot == COUNT);
        slots
    }

    /// The first value of a slot.
    #[inline(always)]
    pub(super) fn base(&self, slot: usize) -> u32 {
        self.bases[slot % LEN]
    }

    /// How many slots are needed for values up to `most`.
    pub(super) fn needed(&self, most: usize) -> usize {
        self.bases.partition_point(|&base| base as usize <= most)
    }
}

/// The slot of a length.
#[inline(always)]
pub(super) fn length_slot(length: u32) -> usize {
    match SHORT_LENGTHS.get(length as usize) {
        Some(&slot) => slot.into(),
        None => LENGTHS.needed(length as usize) - 1,
    }
}

/// The slot of an offset.
#[inline(always)]
pub(super) fn offset_slot(offset: u32) -> usize {
    if let Some(&slot) = NEAR_OFFSETS.get(offset as usize) {
        return slot.into();
    }
    let slot = if offset < OFFSETS_OF_512.first {
        OFFSETS_OF_64.slot(offset)
    } else if offset < OFFSETS_OF_16K.first {
        OFFSETS_OF_512.slot(offset)
    } else if offset < OFFSETS_OF_1M.first {
        OFFSETS_OF_16K.slot(offset)
    } else {
        OFFSETS_OF_1M.slot(offset)
    };
    slot.into()
}

static SHORT_LENGTHS: [u8; 1024] = {
    let mut slots = [0; 1024];
    let (mut slot, mut length) = (0, 1);
    while length < slots.len() {
        if LENGTHS.bases[slot + 1] as usize <= length {
            slot += 1;
        }
        slots[length] = slot as u8;
        length += 1;
    }
    slots
};

static NEAR_OFFSETS: [u16; 741] = {
    let mut slots = [0; 741];
    let (mut slot, mut offset) = (0, 1);
    while offset < slots.len() {
        if OFFSETS.bases[slot + 1] as usize <= offset {
            slot += 1;
        }
        slots[offset] = slot as u16;
        offset += 1;
    }
    slots
};

static OFFSETS_OF_64: Steps<135> = Steps::new(49, 6);
static OFFSETS_OF_512: Steps<1312> = Steps::new(104, 9);
static OFFSETS_OF_16K: Steps<6086> = Steps::new(294, 14);
static OFFSETS_OF_1M: Steps<7> = Steps::new(792, 20);

/// The slots of values that are a multiple of a power of two from one slot's first value.
struct Steps<const LEN: usize> {
    first: u32,
    shift: u32,
    slots: [u16; LEN],
}

impl<const LEN: usize> Steps<LEN> {
    /// From the first slot with at least `shift` extra bits on.
    const fn new(first_slot: usize, shift: u32) -> Self {
        let first = OFFSETS.bases[first_slot];
        let (mut slots, mut slot, mut step) = ([0; LEN], first_slot, 0);
        while step < LEN {
            if OFFSETS.bases[slot + 1] <= first + ((step as u32) << shift) {
                slot += 1;
            }
            slots[step] = slot as u16;
            step += 1;
        }
        Self { first, shift, slots }
    }

    #[inline(always)]
    fn slot(&self, value: u32) -> u16 {
        let step = (value - self.first) as usize >> self.shift;
        self.slots[step.min(LEN - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_their_slots() {
        for slot in 0..OFFSET_SLOTS {
            let (first, next) = (OFFSETS.base(slot), OFFSETS.base(slot + 1).min(1 << 30));
            for offset in [first, first + 1, (first + next) / 2, next - 1] {
                if offset < next {
                    assert_eq!(offset_slot(offset), slot, "offset {offset}");
                }
            }
        }
        for slot in 0..LENGTH_SLOTS {
            let (first, next) = (LENGTHS.base(slot), LENGTHS.base(slot + 1));
            assert_eq!((length_slot(first), length_slot(next - 1)), (slot, slot), "lengths {first} to {next}");
        }
    }

    #[test]
    fn known_slots() {
        for (slot, base) in
            [(0, 1), (8, 9), (24, 101), (104, 9381), (207, 140_453), (427, 4_056_229), (798, 0x65B_E4A5)]
        {
            assert_eq!(OFFSETS.base(slot), base, "offset slot {slot}");
        }
        for (slot, base) in [(0, 1), (26, 27), (36, 59), (51, 1195), (52, 2219), (53, 67755)] {
            assert_eq!(LENGTHS.base(slot), base, "length slot {slot}");
        }
        let sizes = [(1, 0), (2, 1), (32768, 142), (65536, 171), (131_072, 203), (1 << 20, 317), (1 << 26, 729)];
        for (size, count) in sizes.into_iter().chain([(1 << 27, 799), (1 << 30, 799)]) {
            assert_eq!(OFFSETS.needed(size - 1), count, "{size} bytes");
        }
    }
}
