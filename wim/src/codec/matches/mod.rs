//! Finding earlier copies of the bytes that follow.
//!
//! Every finder has tables of fixed size, whose indices are masked, and its chunk in a [`Window`],
//! so that no bounds check is left in its loops. A position is stored as one more than its offset
//! in the chunk, 0 being none; those of windows up to 64 KiB take 16 bits, since the last bytes of
//! a chunk are never inserted.

mod chains;
mod list;
pub(super) mod steps;
mod trees;
mod window;

pub(super) use chains::Chains;
pub(super) use list::MatchList;
pub(super) use trees::{Search, Trees};
pub(super) use window::{PAD, Window};

/// A match of at least two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) length: usize,
    /// Distance back in bytes.
    pub(super) offset: usize,
}

/// Stored form of a position; see the module.
pub(super) trait Position: Copy + Default + PartialEq {
    /// The form of a position, one more than its offset in the chunk.
    fn new(position: usize) -> Self;
    /// The position.
    fn get(self) -> usize;
}

impl Position for u16 {
    #[inline(always)]
    fn new(position: usize) -> Self {
        position as Self
    }

    #[inline(always)]
    fn get(self) -> usize {
        usize::from(self)
    }
}

impl Position for u32 {
    #[inline(always)]
    fn new(position: usize) -> Self {
        position as Self
    }

    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }
}

/// Bytes at the end of a chunk that no finder inserts or searches: they hash the next four.
const TAIL: usize = 4;

/// Index into a table of `LEN` entries, a power of two, for four bytes.
#[inline(always)]
fn hash<const LEN: usize>(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9E37_79B1) >> (32 - LEN.ilog2())) as usize
}
