//! LZX as archives use it: blocks with their own Huffman codes, three repeat offsets, and an x86
//! filter over it all.

mod call_filter;
mod code_lengths;
mod decode;
mod encode;
mod items;

pub use decode::Decoder;
pub(super) use encode::Encoder;

/// The largest chunk, in bytes.
const MAX_CHUNK: usize = 1 << 21;
/// Offset slots of the largest window.
const MAX_SLOTS: usize = 50;
const MAX_MAIN: usize = 256 + 8 * MAX_SLOTS;
const LENGTH_SYMBOLS: usize = 249;
const ALIGNED_SYMBOLS: usize = 8;
const MAX_MATCH: usize = 257;

/// The window is 2 to the power of this.
fn window_order(chunk_size: u32) -> u32 {
    chunk_size.next_power_of_two().ilog2().max(15)
}

/// Number of offset slots for a window.
fn slots(order: u32) -> usize {
    match order {
        ..=19 => 2 * order as usize,
        20 => 42,
        _ => MAX_SLOTS,
    }
}
