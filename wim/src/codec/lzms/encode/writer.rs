//! Writing items with the codes and contexts of a chunk.

use super::super::range::Context;
use super::super::slots::{LENGTH_SLOTS, LENGTHS, OFFSETS};
use super::super::{POWERS, slots};
use super::code::AdaptiveCode;
use super::item::{Delta, Item, Kind};
use super::state::State;
use super::streams::Streams;

/// The codes of a chunk, which adapt to what is written.
pub(super) struct Codes {
    pub(super) literal: AdaptiveCode<512>,
    pub(super) offset: AdaptiveCode<1024>,
    pub(super) delta_offset: AdaptiveCode<1024>,
    pub(super) length: AdaptiveCode<64>,
    pub(super) power: AdaptiveCode<16>,
}

/// The contexts of a chunk, which adapt to what is decided.
#[derive(Default)]
pub(super) struct Contexts {
    pub(super) is_match: Context<16>,
    pub(super) is_delta: Context<32>,
    pub(super) lz: RepeatContexts,
    pub(super) delta: RepeatContexts,
}

#[derive(Default)]
pub(super) struct RepeatContexts {
    pub(super) is_repeat: Context<64>,
    pub(super) is_not_first: Context<64>,
    pub(super) is_third: Context<64>,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            literal: AdaptiveCode::new(1024),
            offset: AdaptiveCode::new(1024),
            delta_offset: AdaptiveCode::new(1024),
            length: AdaptiveCode::new(512),
            power: AdaptiveCode::new(512),
        }
    }
}

impl Codes {
    /// Begins a chunk of `len` bytes, at least 2.
    pub(super) fn reset(&mut self, len: usize) {
        let offset_slots = OFFSETS.needed(len - 1);
        self.literal.reset(256);
        self.offset.reset(offset_slots);
        self.delta_offset.reset(offset_slots);
        self.length.reset(LENGTH_SLOTS);
        self.power.reset(POWERS);
    }
}

/// Writes the items of a chunk.
pub(super) struct Writer<'a> {
    pub(super) streams: Streams<'a>,
    pub(super) codes: &'a mut Codes,
    pub(super) contexts: Contexts,
    /// The state before the next item.
    pub(super) state: State,
}

impl<'a> Writer<'a> {
    /// Begins a chunk of `len` bytes.
    pub(super) fn new(dst: &'a mut [u8], codes: &'a mut Codes, len: usize) -> Self {
        codes.reset(len);
        Self { streams: Streams::new(dst), codes, contexts: Contexts::default(), state: State::start() }
    }

    /// Writes an item; a literal is `byte`.
    pub(super) fn put(&mut self, item: Item, byte: u8) {
        let kind = item.source.kind();
        self.state = self.state.then(item);
        let Self { streams, codes, contexts, .. } = self;
        if kind == Kind::Literal {
            streams.decision(&mut contexts.is_match, false);
            return codes.literal.put(streams, byte.into(), 0, 0);
        }
        streams.decision(&mut contexts.is_match, true);
        let is_delta = matches!(kind, Kind::Delta(_) | Kind::RepeatDelta(_));
        streams.decision(&mut contexts.is_delta, is_delta);
        let repeats = if is_delta { &mut contexts.delta } else { &mut contexts.lz };
        match kind {
            Kind::Literal => {}
            Kind::Repeat(index) | Kind::RepeatDelta(index) => put_repeat(streams, repeats, index),
            Kind::Match(offset) => {
                streams.decision(&mut repeats.is_repeat, false);
                put_offset(streams, &mut codes.offset, offset);
            }
            Kind::Delta(delta) => {
                streams.decision(&mut repeats.is_repeat, false);
                put_delta(streams, codes, delta);
            }
        }
        let slot = slots::length_slot(item.length);
        let extra = u32::from(LENGTHS.bits[slot]);
        codes.length.put(streams, slot, item.length - LENGTHS.base(slot), extra);
    }
}

/// Writes that an offset is repeated, and which.
fn put_repeat(streams: &mut Streams<'_>, contexts: &mut RepeatContexts, index: usize) {
    streams.decision(&mut contexts.is_repeat, true);
    streams.decision(&mut contexts.is_not_first, index > 0);
    if index > 0 {
        streams.decision(&mut contexts.is_third, index > 1);
    }
}

fn put_delta(streams: &mut Streams<'_>, codes: &mut Codes, delta: Delta) {
    codes.power.put(streams, delta.power() as usize, 0, 0);
    put_offset(streams, &mut codes.delta_offset, delta.raw());
}

fn put_offset(streams: &mut Streams<'_>, code: &mut AdaptiveCode<1024>, offset: u32) {
    let slot = slots::offset_slot(offset);
    code.put(streams, slot, offset - OFFSETS.base(slot), OFFSETS.bits[slot].into());
}
