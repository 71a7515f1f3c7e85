//! The codecs of the format: XPRESS, LZX and LZMS.
//!
//! An [`Encoder`] is given one whole chunk and makes fewer bytes of it, or none.
//! A decoder is given one whole compressed chunk and the exact size it decodes to. It keeps its
//! tables between chunks, so a decoder that is used again allocates nothing; it carries no other
//! state from chunk to chunk. Chunks whose stored size equals their uncompressed size are not
//! compressed and never come here.

mod bits;
mod copy;
mod encoder;
mod huffman;
pub mod lzms;
pub mod lzx;
mod matches;
mod price;
mod scan;
#[cfg(test)]
mod testing;
pub mod xpress;

pub use encoder::{Encoder, Level};

/// The rule that a compressed chunk breaks.
///
/// `at` counts bytes of output from the start of the chunk: what had been decoded when the fault
/// was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The compressed bytes end before the chunk is complete.
    #[error("compressed data ends after {at} bytes of output")]
    InputEnds {
        /// Bytes of output so far.
        at: usize,
    },
    /// The compressed bytes are too few, or not in pairs.
    #[error("compressed data of {size} bytes, not an even number of at least 4")]
    InputSize {
        /// The compressed bytes.
        size: usize,
    },
    /// A set of code lengths is over-subscribed, or does not use its code space up.
    #[error("{code} at output byte {at} is not a complete prefix code")]
    IncompleteCode {
        /// Which of the codec's codes.
        code: &'static str,
        /// Bytes of output so far.
        at: usize,
    },
    /// A symbol was asked of a code that has none.
    #[error("{code} at output byte {at} has no symbols, but one is used")]
    EmptyCode {
        /// Which of the codec's codes.
        code: &'static str,
        /// Bytes of output so far.
        at: usize,
    },
    /// A run of code lengths continues after the last symbol, or repeats a value that is no length.
    #[error("run of code lengths at output byte {at} does not fit its code")]
    LengthRun {
        /// Bytes of output so far.
        at: usize,
    },
    /// A match or a repeat offset reaches back further than there is output.
    #[error("match before the start of the chunk: offset {offset} at output byte {at}")]
    Offset {
        /// Bytes of output so far.
        at: usize,
        /// Distance back in bytes.
        offset: usize,
    },
    /// A match continues after the end of its block or chunk.
    #[error("match past the end of its block or chunk at output byte {end}")]
    PastEnd {
        /// Where the block or chunk ends, in bytes of output.
        end: usize,
    },
    /// A block is of a type that does not exist.
    #[error("block at output byte {at} has type {kind}, not 1, 2 or 3")]
    BlockType {
        /// Bytes of output so far.
        at: usize,
        /// The type as stored.
        kind: u8,
    },
    /// A block is empty, or bigger than what is left of the chunk.
    #[error("block at output byte {at} has {size} bytes, outside 1..={room}")]
    BlockSize {
        /// Bytes of output so far.
        at: usize,
        /// The size as stored.
        size: usize,
        /// Bytes that are left in the chunk.
        room: usize,
    },
    /// The caller asks for more output than the codec's chunks may have.
    #[error("chunk of {size} bytes, but at most {most} are possible")]
    ChunkSize {
        /// The size that was asked for, in bytes.
        size: usize,
        /// The largest possible size, in bytes.
        most: usize,
    },
}
