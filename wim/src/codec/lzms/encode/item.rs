//! Items of a chunk, as small numbers.

use super::super::POWERS;

/// What an item copies from; its length is kept separately.
///
/// A literal is 0, repeats are 1 to 3, repeats of differences 4 to 6. Other matches follow, those of
/// differences with the top bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source(u32);

/// A match of differences.
const DELTA: u32 = 1 << 31;
/// Where the power of a match of differences is kept.
const POWER_SHIFT: u32 = 28;
/// The source of the first match.
const FIRST_MATCH: u32 = 8;
/// The largest distance of differences, in their units, that has a number.
pub(super) const MAX_RAW: usize = (1 << POWER_SHIFT) - 1;

/// A source, spelled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Literal,
    /// A repeat: 0 to 2.
    Repeat(usize),
    /// A repeat of differences: 0 to 2.
    RepeatDelta(usize),
    /// An offset.
    Match(u32),
    /// What [`Delta`] holds.
    Delta(Delta),
}

/// The power and the distance of a match of differences, in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Delta(pub(super) u32);

impl Delta {
    /// `raw` is at least 1 and at most [`MAX_RAW`].
    #[inline(always)]
    pub(super) fn new(power: u32, raw: usize) -> Self {
        Self(power << POWER_SHIFT | raw as u32)
    }

    #[inline(always)]
    pub(super) fn power(self) -> u32 {
        self.0 >> POWER_SHIFT & (POWERS as u32 - 1)
    }

    #[inline(always)]
    pub(super) fn raw(self) -> u32 {
        self.0 & MAX_RAW as u32
    }

    /// The distance between bytes whose difference counts.
    #[inline(always)]
    pub(super) fn span(self) -> usize {
        1 << self.power()
    }

    /// The distance to the earlier differences, in bytes.
    #[inline(always)]
    pub(super) fn offset(self) -> usize {
        (self.raw() as usize) << self.power()
    }
}

impl Source {
    pub(super) const LITERAL: Self = Self(0);

    #[inline(always)]
    pub(super) const fn repeat(index: usize) -> Self {
        Self(1 + index as u32)
    }

    #[inline(always)]
    pub(super) const fn repeat_delta(index: usize) -> Self {
        Self(4 + index as u32)
    }

    #[inline(always)]
    pub(super) fn of_match(offset: u32) -> Self {
        Self(FIRST_MATCH + offset)
    }

    #[inline(always)]
    pub(super) fn of_delta(delta: Delta) -> Self {
        Self(DELTA | delta.0)
    }

    /// Whether it is a match of differences.
    #[inline(always)]
    pub(super) fn is_delta(self) -> bool {
        matches!(self.kind(), Kind::Delta(_) | Kind::RepeatDelta(_))
    }

    #[inline(always)]
    pub(super) fn kind(self) -> Kind {
        match self.0 {
            0 => Kind::Literal,
            1..=3 => Kind::Repeat(self.0 as usize - 1),
            4..FIRST_MATCH => Kind::RepeatDelta(self.0 as usize - 4),
            FIRST_MATCH..DELTA => Kind::Match(self.0 - FIRST_MATCH),
            _ => Kind::Delta(Delta(self.0 & !DELTA)),
        }
    }
}

/// A step of a chunk: a byte, or a match of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) source: Source,
    pub(super) length: u32,
}
