//! The x86 filter of LZMS: operands that name an address are stored as absolute addresses. The
//! filter recognises code by the same addresses being named repeatedly.

use super::super::bits::zeroed;
use super::super::scan;

/// Bytes at the end of a chunk in which no instruction begins.
const TAIL: usize = 16;
/// Number of bytes after an instruction with a known address that are taken to be code.
const MAX_DISTANCE: i64 = 1023;
/// The same where the instruction is a single byte, which means less.
const MAX_DISTANCE_OF_CALL: i64 = MAX_DISTANCE / 2;
const CALL: u8 = 0xE8;
const JUMP: u8 = 0xE9;
/// Bytes of a jump, whose operand is left alone.
const JUMP_LEN: usize = 5;
/// Number of values by which addresses are distinguished.
const TARGETS: usize = 1 << 16;
/// An address is known if it was named at most this many bytes before.
const KNOWN_FOR: u32 = 65535;
/// The largest chunk.
const LARGEST: u32 = 1 << 30;

/// Applies and undoes the filter. Keeps its table between chunks.
pub(super) struct X86Filter {
    /// Where each address was named last, counted from a point before the first chunk.
    named_at: Box<[u32; TARGETS]>,
    /// Start of the current chunk in that count, so far on that the whole last chunk counts as
    /// forgotten.
    base: u32,
}

impl Default for X86Filter {
    fn default() -> Self {
        Self { named_at: zeroed(), base: 2 * KNOWN_FOR }
    }
}

impl X86Filter {
    /// Turns absolute addresses back into relative ones, in a whole chunk of at most 1 GiB.
    #[inline(never)]
    pub(super) fn undo(&mut self, chunk: &mut [u8]) {
        self.translate::<false>(chunk);
    }

    /// Turns relative addresses into absolute ones, in a whole chunk of at most 1 GiB.
    #[inline(never)]
    pub(super) fn apply(&mut self, chunk: &mut [u8]) {
        self.translate::<true>(chunk);
    }

    #[inline(always)]
    fn translate<const APPLY: bool>(&mut self, chunk: &mut [u8]) {
        let end = chunk.len().saturating_sub(TAIL);
        let mut last_code = -MAX_DISTANCE - 1;
        // Nothing begins at the first byte.
        scan::for_each(chunk, 1, end, is_instruction, |chunk, at| {
            let place = match chunk[at] {
                JUMP => return at + JUMP_LEN,
                CALL => 1,
                0xFF => 2,
                _ => 3,
            };
            let max_distance = if place == 1 { MAX_DISTANCE_OF_CALL } else { MAX_DISTANCE };
            let is_code = at as i64 - last_code <= max_distance;
            let behind = at + place + 4;
            let is_known = self.translate_operand::<APPLY>(chunk, at, place, is_code);
            if is_known {
                last_code = behind as i64 - 1;
            }
            behind
        });
        self.forget(chunk.len());
    }

    /// Translates the operand that follows `place` bytes of the instruction at `at`, if this is
    /// code; returns whether its address is known.
    #[inline(always)]
    fn translate_operand<const APPLY: bool>(
        &mut self,
        chunk: &mut [u8],
        at: usize,
        place: usize,
        is_code: bool,
    ) -> bool {
        let Some(operand) = chunk[at + place..].first_chunk_mut() else { return false };
        let mut relative = u32::from_le_bytes(*operand);
        if is_code {
            if APPLY {
                *operand = relative.wrapping_add(at as u32).to_le_bytes();
            } else {
                relative = relative.wrapping_sub(at as u32);
                *operand = relative.to_le_bytes();
            }
        }
        let target = (at as u32).wrapping_add(relative) as usize % TARGETS;
        let last_byte = self.base + (at + place + 3) as u32;
        let is_known = last_byte - self.named_at[target] <= KNOWN_FOR;
        self.named_at[target] = last_byte;
        is_known
    }

    /// Forgets all addresses before the next chunk, whatever its size.
    fn forget(&mut self, len: usize) {
        match self.base.checked_add(len as u32 + KNOWN_FOR + 1).filter(|base| *base <= u32::MAX - LARGEST) {
            Some(base) => self.base = base,
            None => {
                self.named_at.fill(0);
                self.base = 2 * KNOWN_FOR;
            }
        }
    }
}

/// Whether these bytes begin an instruction that matters.
#[inline(always)]
fn is_instruction([first, second, mode]: [u8; 3]) -> bool {
    // mov and lea of 64 bits, with an address relative to the next instruction
    let is_move = (first == 0x48) & (second == 0x8B) & (mode & 0xF7 == 0x05);
    let is_lea = (first & 0xFB == 0x48) & (second == 0x8D) & (mode & 0x07 == 0x05);
    let is_lock_add = (first == 0xF0) & (second == 0x83) & (mode == 0x05);
    let is_call_through_memory = (first == 0xFF) & (second == 0x15);
    is_move | is_lea | is_lock_add | is_call_through_memory | (first == CALL) | (first == JUMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that was used before knows nothing of it, however many bytes that were.
    #[test]
    fn chunks_are_independent() {
        let code = testkit::content::code(40_000);
        let mut stored = code.clone();
        testkit::lzms::x86::apply(&mut stored);
        assert!(stored != code);
        let mut filter = X86Filter::default();
        for base in [filter.base, u32::MAX - LARGEST - 40_000 - KNOWN_FOR, u32::MAX - LARGEST] {
            filter.base = base;
            for round in 0..3 {
                let mut chunk = stored.clone();
                filter.undo(&mut chunk);
                assert!(chunk == code, "counted from {base}, chunk {round}");
            }
        }
    }
}
