//! Stored data of reparse points: the buffer of Windows without its first 8 bytes.

use crate::bytes::{Bytes, utf16};

/// Tag of a symbolic link.
pub const SYMLINK: u32 = 0xA000_000C;
/// Tag of a junction or mount point.
pub const JUNCTION: u32 = 0xA000_0003;

/// Tag of a file that is compressed, or in another WIM.
pub const WOF: u32 = 0x8000_0017;

/// Data of a symbolic link; a relative one has the same text in both names.
pub fn symlink(substitute: &str, print: &str, relative: bool) -> Vec<u8> {
    let mut bytes = names_head(substitute, print);
    bytes.u32(relative.into());
    bytes.extend(utf16(substitute));
    bytes.extend(utf16(print));
    bytes
}

/// Data of a junction, whose names end in a zero each.
pub fn junction(substitute: &str, print: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (substitute, print) = (utf16(substitute), utf16(print));
    bytes.u16(0);
    bytes.u16(substitute.len() as u16);
    bytes.u16(substitute.len() as u16 + 2);
    bytes.u16(print.len() as u16);
    for name in [substitute, print] {
        bytes.extend(name);
        bytes.u16(0);
    }
    bytes
}

fn names_head(substitute: &str, print: &str) -> Vec<u8> {
    let (substitute, print) = (utf16(substitute).len() as u16, utf16(print).len() as u16);
    let mut bytes = Vec::new();
    bytes.u16(0);
    bytes.u16(substitute);
    bytes.u16(substitute);
    bytes.u16(print);
    bytes
}
