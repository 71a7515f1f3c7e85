//! The x86 filter of LZX: operands of what may be `call` instructions are stored as if they were
//! absolute addresses.

use std::hint::select_unpredictable;

use super::super::scan;

/// The code of the instruction.
const CALL: u8 = 0xE8;
/// Bytes that the instruction takes.
const CALL_LEN: usize = 5;
/// Bytes at the end of a chunk in which no instruction begins.
const TAIL: usize = 10;
/// The image size that encoder and decoder agree on, whatever is compressed.
const FILE_SIZE: i32 = 12_000_000;
/// Turns absolute addresses back into relative ones, in a whole chunk.
pub(super) fn undo(chunk: &mut [u8]) {
    let end = chunk.len().saturating_sub(TAIL);
    scan::for_each(chunk, 0, end, |[byte, ..]| byte == CALL, undo_call);
}

/// Undoes the call at `at` and returns the offset of the byte after it.
fn undo_call(chunk: &mut [u8], at: usize) -> usize {
    if let Some(operand) = chunk[at + 1..].first_chunk_mut() {
        // A chunk has at most 2 MiB.
        *operand = to_relative(i32::from_le_bytes(*operand), at as i32).to_le_bytes();
    }
    at + CALL_LEN
}

/// The operand for an instruction at `at`.
fn to_relative(target: i32, at: i32) -> i32 {
    // Which of them it is cannot be predicted.
    let relative = select_unpredictable(target < 0, target.wrapping_add(FILE_SIZE), target.wrapping_sub(at));
    select_unpredictable((-at..FILE_SIZE).contains(&target), relative, target)
}
