//! What items cost, from the codes and contexts as they are.

use super::super::POWERS;
use super::super::range::Context;
use super::super::slots::{self, LENGTH_SLOTS, LENGTHS, OFFSET_SLOTS, OFFSETS};
use super::code::AdaptiveCode;
use super::item::Delta;
use super::state::{self, Field, Outcomes, RepeatFields};
use super::writer::{Contexts, RepeatContexts, Writer};

/// Prices are in units of this part of a bit.
const UNITS: u32 = 64;
/// Longest match with a price.
pub(super) const MAX_LENGTH: usize = 512;

/// The price of a decision whose outcome has the probability `i / 64`.
static OF_PROBABILITY: [u32; 65] = {
    let mut prices = [6 * UNITS; 65];
    let mut probability = 1;
    while probability < 64 {
        prices[probability as usize] = 6 * UNITS - log2(probability);
        probability += 1;
    }
    prices[64] = 0;
    prices
};

/// The logarithm of a number below 2^16 in units of 1/64, by repeated squaring.
const fn log2(number: u32) -> u32 {
    let whole = number.ilog2();
    let (mut log, mut rest) = (whole * UNITS, (number as u64) << (31 - whole));
    let mut unit = UNITS / 2;
    while unit > 0 {
        rest = (rest * rest) >> 31;
        if rest >> 32 > 0 {
            log += unit;
            rest >>= 1;
        }
        unit /= 2;
    }
    log
}

/// Prices of everything.
pub(super) struct Prices {
    /// Of bytes.
    pub(super) literal: [u32; 256],
    /// Of lengths below [`MAX_LENGTH`].
    pub(super) length: [u32; MAX_LENGTH],
    /// Of slots, including the bits that follow.
    offset: [u32; 1024],
    delta_offset: [u32; 1024],
    power: [u32; POWERS],
    is_match: [[u32; 16]; 2],
    is_delta: [[u32; 32]; 2],
    lz: RepeatPrices,
    delta: RepeatPrices,
}

struct RepeatPrices {
    is_repeat: [[u32; 64]; 2],
    is_not_first: [[u32; 64]; 2],
    is_third: [[u32; 64]; 2],
}

impl Default for Prices {
    fn default() -> Self {
        let repeats = || RepeatPrices { is_repeat: [[0; 64]; 2], is_not_first: [[0; 64]; 2], is_third: [[0; 64]; 2] };
        Self {
            literal: [0; 256],
            length: [0; MAX_LENGTH],
            offset: [0; 1024],
            delta_offset: [0; 1024],
            power: [0; POWERS],
            is_match: [[0; 16]; 2],
            is_delta: [[0; 32]; 2],
            lz: repeats(),
            delta: repeats(),
        }
    }
}

impl Prices {
    /// Follows the codes and contexts.
    pub(super) fn update(&mut self, writer: &mut Writer<'_>) {
        let codes = &mut *writer.codes;
        follow_code(&mut self.literal, &mut codes.literal, &[0; 256]);
        follow_code(&mut self.offset[..OFFSET_SLOTS], &mut codes.offset, &OFFSETS.bits);
        follow_code(&mut self.delta_offset[..OFFSET_SLOTS], &mut codes.delta_offset, &OFFSETS.bits);
        follow_code(&mut self.power, &mut codes.power, &[0; POWERS]);
        let mut of_slot = [0; LENGTH_SLOTS];
        if follow_code(&mut of_slot, &mut codes.length, &LENGTHS.bits) {
            for (length, price) in (1..).zip(&mut self.length[1..]) {
                *price = of_slot[slots::length_slot(length)];
            }
        }
        let Contexts { is_match, is_delta, lz, delta } = &writer.contexts;
        follow_context(&mut self.is_match, is_match);
        follow_context(&mut self.is_delta, is_delta);
        self.lz.update(lz);
        self.delta.update(delta);
    }

    #[inline(always)]
    pub(super) fn literal(&self, after: Outcomes, byte: u8) -> u32 {
        self.is_match[0][after.get(state::IS_MATCH)] + self.literal[usize::from(byte)]
    }

    /// Of a match of bytes, without what names its offset and length.
    #[inline(always)]
    pub(super) fn lz(&self, after: Outcomes) -> u32 {
        self.is_match[1][after.get(state::IS_MATCH)] + self.is_delta[0][after.get(state::IS_DELTA)]
    }

    /// The same of a match of differences.
    #[inline(always)]
    pub(super) fn delta(&self, after: Outcomes) -> u32 {
        self.is_match[1][after.get(state::IS_MATCH)] + self.is_delta[1][after.get(state::IS_DELTA)]
    }

    /// That an offset is given.
    #[inline(always)]
    pub(super) fn no_lz_repeat(&self, after: Outcomes) -> u32 {
        self.lz.is_repeat[0][after.get(state::LZ.is_repeat)]
    }

    /// The same of differences.
    #[inline(always)]
    pub(super) fn no_delta_repeat(&self, after: Outcomes) -> u32 {
        self.delta.is_repeat[0][after.get(state::DELTA.is_repeat)]
    }

    /// That an offset is repeated.
    #[inline(always)]
    pub(super) fn lz_repeat(&self, after: Outcomes, index: usize) -> u32 {
        self.lz.repeat(after, state::LZ, index)
    }

    /// The same of differences.
    #[inline(always)]
    pub(super) fn delta_repeat(&self, after: Outcomes, index: usize) -> u32 {
        self.delta.repeat(after, state::DELTA, index)
    }

    #[inline(always)]
    pub(super) fn offset(&self, offset: u32) -> u32 {
        self.offset[slots::offset_slot(offset) % 1024]
    }

    #[inline(always)]
    pub(super) fn delta_source(&self, delta: Delta) -> u32 {
        self.power[delta.power() as usize % POWERS] + self.delta_offset[slots::offset_slot(delta.raw()) % 1024]
    }
}

impl RepeatPrices {
    fn update(&mut self, contexts: &RepeatContexts) {
        follow_context(&mut self.is_repeat, &contexts.is_repeat);
        follow_context(&mut self.is_not_first, &contexts.is_not_first);
        follow_context(&mut self.is_third, &contexts.is_third);
    }

    #[inline(always)]
    fn repeat(&self, after: Outcomes, fields: RepeatFields, index: usize) -> u32 {
        let of = |prices: &[[u32; 64]; 2], field: Field, outcome: bool| prices[usize::from(outcome)][after.get(field)];
        let price =
            of(&self.is_repeat, fields.is_repeat, true) + of(&self.is_not_first, fields.is_not_first, index > 0);
        if index > 0 { price + of(&self.is_third, fields.is_third, index > 1) } else { price }
    }
}

/// Takes over the lengths of a code that was rebuilt, and says whether it was.
fn follow_code<const LEN: usize>(prices: &mut [u32], code: &mut AdaptiveCode<LEN>, extra_bits: &[u8]) -> bool {
    let is_rebuilt = code.take_rebuilt();
    if is_rebuilt {
        for ((price, length), extra) in prices.iter_mut().zip(code.lengths()).zip(extra_bits) {
            *price = UNITS * u32::from(length + extra);
        }
    }
    is_rebuilt
}

fn follow_context<const SIZE: usize>([zero, one]: &mut [[u32; SIZE]; 2], context: &Context<SIZE>) {
    for (state, (zero, one)) in (0..).zip(zero.iter_mut().zip(one)) {
        let probability = context.zero_in_64_after(state) as usize;
        *zero = OF_PROBABILITY[probability];
        *one = OF_PROBABILITY[64 - probability];
    }
}
