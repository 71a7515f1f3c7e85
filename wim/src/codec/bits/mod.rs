//! Bit streams of 16-bit little-endian words, bits taken from the top of each.

mod reader;
mod writer;

pub(super) use reader::{BitReader, FromBack, FromFront, PAD, Words, zeroed};
pub(super) use writer::BitWriter;
