//! XPRESS with Huffman codes: one static code for literals and matches, and no state between
//! matches.

mod decode;
mod encode;

pub use decode::Decoder;
pub(super) use encode::Encoder;

/// The largest chunk, in bytes. The bit stream of a bigger one would be split.
const MAX_CHUNK: usize = 1 << 16;
const SYMBOLS: usize = 512;
