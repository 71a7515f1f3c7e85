//! The x86 filter of LZX: operands of what may be `call` instructions are stored as if they were absolute addresses.

/// The image size that encoder and decoder agree on, whatever is compressed.
const FILE_SIZE: i32 = 12_000_000;
/// Bytes at the end of a chunk in which no instruction begins.
const TAIL: usize = 10;

/// Turns absolute addresses back into relative ones, in a whole chunk.
pub(super) fn undo(chunk: &mut [u8]) {
    let end = chunk.len().saturating_sub(TAIL);
    let mut at = 0;
    while let Some(skipped) = find_call(&chunk[at.min(end)..end]) {
        at += skipped;
        if let Some(operand) = chunk[at + 1..].first_chunk_mut() {
            // A chunk has at most 2 MiB.
            *operand = to_relative(i32::from_le_bytes(*operand), at as i32).to_le_bytes();
        }
        at += 5;
    }
}

/// The operand for an instruction at `at`.
fn to_relative(target: i32, at: i32) -> i32 {
    if (0..FILE_SIZE).contains(&target) {
        target - at
    } else if (-at..0).contains(&target) {
        target + FILE_SIZE
    } else {
        target
    }
}

/// The position of the first byte 0xE8.
fn find_call(bytes: &[u8]) -> Option<usize> {
    const STEP: usize = 32;
    // A step without a branch inside becomes vector instructions.
    let steps = bytes.chunks_exact(STEP);
    let whole =
        steps.clone().take_while(|step| !step.iter().fold(false, |found, &byte| found | (byte == 0xE8))).count();
    let rest = whole * STEP;
    bytes[rest..].iter().position(|&byte| byte == 0xE8).map(|at| rest + at)
}
