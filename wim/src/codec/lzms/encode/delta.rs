//! Matches of differences.

use super::super::find::load;
use super::item::{Delta, MAX_RAW};

/// Spans that are tried: the powers of two below this power.
const POWERS: u32 = 6;
/// The shortest match that is found.
const MIN_LENGTH: usize = 3;

/// Matches of differences at a position, with their lengths.
pub(super) type Deltas = [(Delta, usize); POWERS as usize];

/// Finds matches of differences by the hash of the first three of them.
pub(super) struct DeltaFinder {
    /// The newest position of each hash, plus one.
    newest: Vec<u32>,
    hash_bits: u32,
}

impl DeltaFinder {
    /// With a table of two to the power of `hash_bits` entries.
    pub(super) fn new(hash_bits: u32) -> Self {
        Self { newest: vec![0; 1 << hash_bits], hash_bits }
    }

    pub(super) fn start(&mut self) {
        self.newest.fill(0);
    }

    /// Finds the matches at `at`, of at most `most` bytes, and their lengths. Returns the number.
    #[inline(always)]
    pub(super) fn find(&mut self, data: &[u8], at: usize, most: usize, found: &mut Deltas) -> usize {
        if at < 1 << POWERS || most < MIN_LENGTH {
            return 0;
        }
        let mut count = 0;
        let bytes = load(data, at);
        for power in 0..POWERS {
            let span = 1 << power;
            let differences = subtract(bytes, load(data, at - span)) as u32 & 0xFF_FFFF;
            let hash = (differences | power << 24).wrapping_mul(0x9E37_79B1) >> (32 - self.hash_bits);
            let newest = &mut self.newest[hash as usize];
            let near = std::mem::replace(newest, at as u32 + 1) as usize;
            let offset = at + 1 - near;
            if near == 0
                || offset == 0
                || !offset.is_multiple_of(span)
                || offset + span > at
                || offset >> power > MAX_RAW
            {
                continue;
            }
            let delta = Delta::new(power, offset >> power);
            let length = length(data, at, delta, most);
            if length >= MIN_LENGTH {
                found[count] = (delta, length);
                count += 1;
            }
        }
        count
    }
}

/// How many bytes at `at` continue the differences, at most `most`.
#[inline(always)]
pub(super) fn length(data: &[u8], at: usize, delta: Delta, most: usize) -> usize {
    let (span, offset) = (delta.span(), delta.offset());
    if offset + span > at {
        return 0;
    }
    let mut length = 0;
    while length < most {
        let here = at + length;
        let new = subtract(load(data, here), load(data, here - span));
        let old = subtract(load(data, here - offset), load(data, here - offset - span));
        let difference = new ^ old;
        if difference != 0 {
            return (length + (difference.trailing_zeros() >> 3) as usize).min(most);
        }
        length += 8;
    }
    most
}

/// Subtracts each byte from its counterpart.
#[inline(always)]
fn subtract(left: u64, right: u64) -> u64 {
    const TOP: u64 = 0x8080_8080_8080_8080;
    ((left | TOP) - (right & !TOP)) ^ ((left ^ !right) & TOP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtracts_byte_by_byte() {
        for left in 0..=255_u8 {
            for right in 0..=255_u8 {
                let (a, b) = ([left, 0, right, 255, left, left, 1, left], [right, 1, left, 0, 0, 255, right, right]);
                let want: [u8; 8] = std::array::from_fn(|at| a[at].wrapping_sub(b[at]));
                assert_eq!(subtract(u64::from_le_bytes(a), u64::from_le_bytes(b)), u64::from_le_bytes(want));
            }
        }
    }
}
