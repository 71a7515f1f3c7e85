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

/// Turns relative addresses into absolute ones, in a whole chunk.
pub(super) fn apply(chunk: &mut [u8]) {
    let end = chunk.len().saturating_sub(TAIL);
    scan::for_each(chunk, 0, end, |[byte, ..]| byte == CALL, apply_call);
}

/// Changes the call at `at` and returns the offset of the byte after it.
fn apply_call(chunk: &mut [u8], at: usize) -> usize {
    if let Some(operand) = chunk[at + 1..].first_chunk_mut() {
        // A chunk has at most 2 MiB.
        *operand = to_absolute(i32::from_le_bytes(*operand), at as i32).to_le_bytes();
    }
    at + CALL_LEN
}

/// The operand that [`to_relative`] turns back into `relative`.
fn to_absolute(relative: i32, at: i32) -> i32 {
    match relative {
        _ if relative < -at || relative >= FILE_SIZE => relative,
        _ if relative < FILE_SIZE - at => relative + at,
        _ => relative - FILE_SIZE,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn operands_survive_at_every_limit() {
        for at in [0, 1, 5, 4096, 32_757] {
            for limit in [0, -at, FILE_SIZE - at, FILE_SIZE, i32::MIN, i32::MAX] {
                for operand in (-3..4).map(|near| limit.wrapping_add(near)) {
                    assert_eq!(to_relative(to_absolute(operand, at), at), operand, "{operand} at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn undo_restores_what_apply_changed(mut chunk in prop::collection::vec(prop_oneof![Just(CALL), Just(0), any::<u8>()], 0..300)) {
            let original = chunk.clone();
            apply(&mut chunk);
            undo(&mut chunk);
            prop_assert_eq!(chunk, original);
        }
    }
}
