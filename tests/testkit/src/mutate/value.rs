//! Fields, and values to put into them.

use crate::bytes::hex;
use crate::content::Random;

/// One of them.
pub(super) fn pick<'a, T>(random: &mut Random, all: &'a [T]) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

/// True once in so many times.
pub(super) fn one_in(random: &mut Random, chances: u64) -> bool {
    random.below(chances) == 0
}

/// A little-endian integer, or a SHA-1 if it is 20 bytes wide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Its name in a change.
    pub(super) name: &'static str,
    /// Offset of its first byte in its structure.
    pub(super) at: usize,
    /// Length in bytes.
    pub(super) width: usize,
    /// Values that mean something in it.
    pub(super) values: &'static [u64],
}

/// A field without values of its own.
pub(super) const fn field(name: &'static str, at: usize, width: usize) -> Field {
    Field { name, at, width, values: &[] }
}

/// A field with values that mean something in it.
pub(super) const fn with(name: &'static str, at: usize, width: usize, values: &'static [u64]) -> Field {
    Field { name, at, width, values }
}

/// The three integers and the flags of a resource header at `at`.
pub(super) const fn resource_fields(at: usize) -> [Field; 4] {
    [
        field("stored size", at, 7),
        with("flags", at + 7, 1, &[0, 1, 2, 4, 6, 8, 0x10, 0x14, 0x12]),
        field("offset", at + 8, 8),
        field("size", at + 16, 8),
    ]
}

/// Changes one of these fields of the structure that starts at `start`; `hints` are values of like
/// fields elsewhere. Fields beyond the end stay as they are.
pub(super) fn change(bytes: &mut [u8], start: usize, fields: &[Field], hints: &[u64], random: &mut Random) -> String {
    let field = pick(random, fields);
    let at = start.saturating_add(field.at);
    let Some(place) = bytes.get_mut(at..at.saturating_add(field.width)) else {
        return format!("no {}", field.name);
    };
    if field.width > 8 {
        let before = hex(place);
        place[random.below(field.width as u64) as usize] ^= 1 << random.below(8);
        return format!("{} {before} -> {}", field.name, hex(place));
    }
    let old = read(place);
    let hints: Vec<u64> = hints.iter().chain(field.values).copied().collect();
    let new = match value(random, field.width, old, &hints) {
        new if new == old => old ^ 1,
        new => new,
    };
    place.copy_from_slice(&new.to_le_bytes()[..field.width]);
    format!("{} at {start:#x} {old:#x} -> {:#x}", field.name, read(place))
}

/// The integer in at most eight bytes.
pub(super) fn read(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

/// Another value for an integer of `width` bytes: a bound, a neighbour, another power of two, one
/// of `hints`.
fn value(random: &mut Random, width: usize, old: u64, hints: &[u64]) -> u64 {
    let most = u64::MAX >> (64 - 8 * width);
    let bits = 8 * width as u64;
    let new = match random.below(10) {
        0 => random.below(2),
        1 => old.wrapping_add_signed(*pick(random, &[1, -1, 2, 8, -8])),
        2 => old ^ (1 << random.below(bits)),
        3 => *pick(random, &[most, most - 1, most >> 1, (most >> 1) + 1]),
        4 => (1_u64 << random.below(bits)).wrapping_add_signed(*pick(random, &[0, 1, -1])),
        5 => old.wrapping_mul(2),
        6 => old / 2,
        _ if !hints.is_empty() => pick(random, hints).wrapping_add_signed(*pick(random, &[0, 0, 0, 0, 1, -1])),
        _ => random.below(most.max(1)),
    };
    new & most
}
