//! The x86 filter: operands of some instructions are stored as absolute addresses where the bytes
//! look like code.

/// Turns relative addresses into absolute ones.
pub fn apply(chunk: &mut [u8]) {
    translate(chunk, |operand, at| (operand, operand.wrapping_add(at)));
}

/// Turns them back.
pub fn undo(chunk: &mut [u8]) {
    translate(chunk, |operand, at| (operand.wrapping_sub(at), operand.wrapping_sub(at)));
}

/// Walks over the instructions of a chunk. `convert` is given an operand and its instruction's
/// place, where bytes are taken for code, and says the relative form and the new operand.
fn translate(chunk: &mut [u8], convert: impl Fn(u32, u32) -> (u32, u32)) {
    let mut last_code = -1024;
    let mut named_at = vec![-65536; 65536];
    let mut at = 1;
    while at + 16 < chunk.len() {
        let (length, max_distance) = match opcode(&chunk[at..]) {
            Opcode::None => {
                at += 1;
                continue;
            }
            Opcode::Jump => {
                at += 5;
                continue;
            }
            Opcode::Call => (1, 511),
            Opcode::Long(length) => (length, 1023),
        };
        let place = at + length;
        let mut relative = u32::from_le_bytes(chunk[place..place + 4].try_into().expect("four bytes"));
        if at as i64 - last_code <= max_distance {
            let operand;
            (relative, operand) = convert(relative, at as u32);
            chunk[place..place + 4].copy_from_slice(&operand.to_le_bytes());
        }
        let target = (at as u32).wrapping_add(relative) as usize % 65536;
        let end = (place + 3) as i64;
        if end - named_at[target] <= 65535 {
            last_code = end;
        }
        named_at[target] = end;
        at = place + 4;
    }
}

enum Opcode {
    None,
    Jump,
    Call,
    /// Of so many bytes before the operand.
    Long(usize),
}

fn opcode(bytes: &[u8]) -> Opcode {
    match bytes {
        [0x48, 0x8B, 0x05 | 0x0D, ..] | [0xF0, 0x83, 0x05, ..] => Opcode::Long(3),
        [0x48 | 0x4C, 0x8D, mode, ..] if mode & 7 == 5 => Opcode::Long(3),
        [0xFF, 0x15, ..] => Opcode::Long(2),
        [0xE8, ..] => Opcode::Call,
        [0xE9, ..] => Opcode::Jump,
        _ => Opcode::None,
    }
}
