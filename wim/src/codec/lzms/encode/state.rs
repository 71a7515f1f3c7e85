//! What the price of an item depends on in addition to the codes: the last outcomes of each
//! decision, and the offsets that can be repeated.

use std::hint::select_unpredictable;

use super::item::{Delta, Item, Kind};

/// Outcomes of decisions and queues of offsets, before an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) outcomes: Outcomes,
    /// Offsets of matches, the one used last first.
    pub(super) lz: [u32; 4],
    /// The same of matches of differences, as [`Delta`] holds them.
    pub(super) delta: [u32; 4],
}

/// The last outcomes of all decisions, the newest lowest, side by side; and the kind of the previous
/// item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outcomes(u64);

/// Where the outcomes of a decision are.
#[derive(Clone, Copy)]
pub(super) struct Field {
    shift: u32,
    bits: u32,
}

pub(super) const IS_MATCH: Field = Field { shift: 0, bits: 4 };
pub(super) const IS_DELTA: Field = Field { shift: 4, bits: 5 };
pub(super) const LZ: RepeatFields = RepeatFields::from(9);
pub(super) const DELTA: RepeatFields = RepeatFields::from(27);
const AFTER_LZ: u64 = 1 << 62;
const AFTER_DELTA: u64 = 1 << 63;

/// Where the outcomes of the decisions on repeats of a kind are.
#[derive(Clone, Copy)]
pub(super) struct RepeatFields {
    pub(super) is_repeat: Field,
    pub(super) is_not_first: Field,
    pub(super) is_third: Field,
}

impl RepeatFields {
    const fn from(shift: u32) -> Self {
        Self {
            is_repeat: Field { shift, bits: 6 },
            is_not_first: Field { shift: shift + 6, bits: 6 },
            is_third: Field { shift: shift + 12, bits: 6 },
        }
    }
}

impl Outcomes {
    #[inline(always)]
    pub(super) fn get(self, field: Field) -> usize {
        (self.0 >> field.shift) as usize & ((1 << field.bits) - 1)
    }

    /// Adds an outcome.
    #[inline(always)]
    fn then(self, field: Field, outcome: bool) -> Self {
        let mask = ((1 << field.bits) - 1) << field.shift;
        let next = self.0 << 1 & mask & !(1 << field.shift) | u64::from(outcome) << field.shift;
        Self(self.0 & !mask | next)
    }

    /// 1 after a match of bytes: the front of their queue cannot be named then.
    #[inline(always)]
    pub(super) fn after_lz(self) -> usize {
        (self.0 >> 62) as usize & 1
    }

    /// The same for matches of differences.
    #[inline(always)]
    pub(super) fn after_delta(self) -> usize {
        (self.0 >> 63) as usize
    }

    #[inline(always)]
    pub(super) fn then_literal(self) -> Self {
        Self(self.0 & !(AFTER_LZ | AFTER_DELTA)).then(IS_MATCH, false)
    }

    /// Adds those of a match of bytes: with a new offset, or a repeat.
    #[inline(always)]
    pub(super) fn then_lz(self, repeat: Option<usize>) -> Self {
        let after = Self(self.0 & !AFTER_DELTA | AFTER_LZ);
        after.then(IS_MATCH, true).then(IS_DELTA, false).then_repeat(LZ, repeat)
    }

    /// The same of differences.
    #[inline(always)]
    pub(super) fn then_delta(self, repeat: Option<usize>) -> Self {
        let after = Self(self.0 & !AFTER_LZ | AFTER_DELTA);
        after.then(IS_MATCH, true).then(IS_DELTA, true).then_repeat(DELTA, repeat)
    }

    #[inline(always)]
    fn then_repeat(self, fields: RepeatFields, repeat: Option<usize>) -> Self {
        let Some(index) = repeat else { return self.then(fields.is_repeat, false) };
        let next = self.then(fields.is_repeat, true).then(fields.is_not_first, index > 0);
        if index > 0 { next.then(fields.is_third, index > 1) } else { next }
    }
}

impl State {
    /// The state before the first item of a chunk.
    pub(super) fn start() -> Self {
        let offsets = [1, 2, 3, 4];
        Self { outcomes: Outcomes::default(), lz: offsets, delta: offsets.map(|raw| Delta::new(0, raw as usize).0) }
    }

    /// The offset that a repeat of bytes names.
    #[inline(always)]
    pub(super) fn lz_offset(&self, index: usize) -> u32 {
        self.lz[(index + self.outcomes.after_lz()) % 4]
    }

    /// What a repeat of differences names.
    #[inline(always)]
    pub(super) fn delta_repeat(&self, index: usize) -> Delta {
        Delta(self.delta[(index + self.outcomes.after_delta()) % 4])
    }

    /// The state after an item.
    #[inline(always)]
    pub(super) fn then(&self, item: Item) -> Self {
        let mut next = *self;
        match item.source.kind() {
            Kind::Literal => next.outcomes = self.outcomes.then_literal(),
            Kind::Match(offset) => {
                next.lz = push(self.lz, offset);
                next.outcomes = self.outcomes.then_lz(None);
            }
            Kind::Repeat(index) => {
                next.lz = to_front(self.lz, index + self.outcomes.after_lz());
                next.outcomes = self.outcomes.then_lz(Some(index));
            }
            Kind::Delta(delta) => {
                next.delta = push(self.delta, delta.0);
                next.outcomes = self.outcomes.then_delta(None);
            }
            Kind::RepeatDelta(index) => {
                next.delta = to_front(self.delta, index + self.outcomes.after_delta());
                next.outcomes = self.outcomes.then_delta(Some(index));
            }
        }
        next
    }
}

#[inline(always)]
fn push([first, second, third, _]: [u32; 4], new: u32) -> [u32; 4] {
    [new, first, second, third]
}

#[inline(always)]
fn to_front(queue: [u32; 4], index: usize) -> [u32; 4] {
    let [first, second, third, fourth] = queue;
    [
        queue[index % 4],
        select_unpredictable(index >= 1, first, second),
        select_unpredictable(index >= 2, second, third),
        select_unpredictable(index >= 3, third, fourth),
    ]
}
