//! LZMS: adaptive codes and probabilities over whole chunks, matches of bytes and of differences,
//! and an x86 filter.

mod adaptive;
mod decode;
mod encode;
mod find;
mod range;
mod slots;
mod tree;
mod x86_filter;

pub use decode::Decoder;
pub(super) use encode::Encoder;

/// The largest chunk, in bytes.
const MAX_CHUNK: usize = 1 << 30;
/// The spans of differences are the powers of two below this power.
const POWERS: usize = 8;

#[cfg(test)]
mod tests;
