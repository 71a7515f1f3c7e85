//! The x86 filter of LZX: operands of what may be `call` instructions are stored as if they were absolute addresses.

use std::hint::select_unpredictable;

/// The code of the instruction.
const CALL: u8 = 0xE8;
/// Bytes that the instruction takes.
const CALL_LEN: usize = 5;
/// Bytes at the end of a chunk in which no instruction begins.
const TAIL: usize = 10;
/// The image size that encoder and decoder agree on, whatever is compressed.
const FILE_SIZE: i32 = 12_000_000;
/// Bytes that are looked at together.
const STEP: usize = 64;

/// Turns absolute addresses back into relative ones, in a whole chunk.
pub(super) fn undo(chunk: &mut [u8]) {
    let end = chunk.len().saturating_sub(TAIL);
    let mut next = 0;
    for at in (0..end).step_by(STEP) {
        let mut calls = match chunk[at..].first_chunk() {
            Some(step) => find_calls(step),
            None => {
                let mut step = [0; STEP];
                step[..chunk.len() - at].copy_from_slice(&chunk[at..]);
                find_calls(&step)
            }
        };
        while calls != 0 {
            let call = at + calls.trailing_zeros() as usize;
            calls &= calls - 1;
            // Inside the operand before it, or too near to the end, it is data.
            if call >= next && call < end {
                next = undo_call(chunk, call);
            }
        }
    }
}

/// A bit for each byte that is a call instruction's code, the lowest for the first byte.
#[inline(always)]
fn find_calls(step: &[u8; STEP]) -> u64 {
    // Multiplied by it, the ones in eight bytes meet in the top byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let equal = step.map(|byte| u8::from(byte == CALL));
    let (words, _) = equal.as_chunks();
    let mut found = 0;
    for (index, word) in words.iter().enumerate() {
        found |= (u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56) << (8 * index);
    }
    found
}

/// Undoes the call at `at` and returns the first byte behind it.
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
