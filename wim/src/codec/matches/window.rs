//! The chunk that is searched.

use super::super::bits::zeroed;
use super::steps;

/// Bytes after a chunk that loads of eight bytes may touch.
pub(in super::super) const PAD: usize = 16;

/// A chunk, and zeros after it. `SIZE` is the largest chunk, a power of two, plus [`PAD`].
///
/// Offsets are masked to the largest chunk.
pub(in super::super) struct Window<const SIZE: usize>(Box<[u8; SIZE]>);

impl<const SIZE: usize> Default for Window<SIZE> {
    fn default() -> Self {
        Self(zeroed())
    }
}

impl<const SIZE: usize> Window<SIZE> {
    /// Takes a chunk.
    pub(in super::super) fn load(&mut self, chunk: &[u8]) {
        self.0[..chunk.len()].copy_from_slice(chunk);
        self.0[chunk.len()..chunk.len() + PAD].fill(0);
    }

    /// The first `len` bytes.
    pub(in super::super) fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        &mut self.0[..len]
    }

    /// The byte at `at`.
    #[inline(always)]
    pub(in super::super) fn byte(&self, at: usize) -> u8 {
        self.0[at % (SIZE - PAD)]
    }

    /// The two bytes from `at` on.
    #[inline(always)]
    pub(in super::super) fn pair(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.load_from(at))
    }

    /// The four bytes from `at` on, the first one lowest.
    #[inline(always)]
    pub(in super::super) fn quad(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.load_from(at))
    }

    /// Number of equal bytes from `a` and from `b` on, at most `max`; the first `known` are equal.
    #[inline(always)]
    pub(in super::super) fn common(&self, a: usize, b: usize, known: usize, max: usize) -> usize {
        let mut length = known;
        while length < max {
            steps::count();
            let difference = self.eight(a + length) ^ self.eight(b + length);
            if difference != 0 {
                return (length + (difference.trailing_zeros() / 8) as usize).min(max);
            }
            length += 8;
        }
        max
    }

    /// The eight bytes from `at` on, the first one lowest.
    #[inline(always)]
    pub(in super::super) fn eight(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.load_from(at))
    }

    #[inline(always)]
    fn load_from<const N: usize>(&self, at: usize) -> [u8; N] {
        let at = at % (SIZE - PAD);
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at..at + N]);
        bytes
    }
}
