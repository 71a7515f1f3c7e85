//! Little-endian bytes, UTF-16 and SHA-1: all that the writers share.

use sha1::{Digest, Sha1};

/// A FILETIME that tells its digits apart: 2021-03-04 05:06:07.8901234 UTC.
pub const TIME: u64 = 132_593_079_678_901_234;

/// SHA-1 of `data`.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    Sha1::digest(data).into()
}

/// 40 hexadecimal digits of a SHA-1, as tools print it.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text as UTF-16LE, without terminator.
pub fn utf16(text: &str) -> Vec<u8> {
    units(&text.encode_utf16().collect::<Vec<_>>())
}

/// UTF-16 units, paired or not, as bytes.
pub fn units(units: &[u16]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_le_bytes()).collect()
}

/// Appends and overwrites little-endian integers.
pub trait Bytes {
    /// Appends two bytes.
    fn u16(&mut self, value: u16);
    /// Appends four bytes.
    fn u32(&mut self, value: u32);
    /// Appends eight bytes.
    fn u64(&mut self, value: u64);
    /// Appends zeros until the length is a multiple of eight.
    fn align8(&mut self);
    /// Overwrites the bytes at `offset`, which must be there.
    fn poke(&mut self, offset: usize, bytes: &[u8]);
    /// Overwrites two bytes.
    fn poke_u16(&mut self, offset: usize, value: u16);
    /// Overwrites four bytes.
    fn poke_u32(&mut self, offset: usize, value: u32);
    /// Overwrites eight bytes.
    fn poke_u64(&mut self, offset: usize, value: u64);
}

impl Bytes for Vec<u8> {
    fn u16(&mut self, value: u16) {
        self.extend(value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.extend(value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.extend(value.to_le_bytes());
    }
    fn align8(&mut self) {
        self.resize(self.len().next_multiple_of(8), 0);
    }
    fn poke(&mut self, offset: usize, bytes: &[u8]) {
        self[offset..][..bytes.len()].copy_from_slice(bytes);
    }
    fn poke_u16(&mut self, offset: usize, value: u16) {
        self.poke(offset, &value.to_le_bytes());
    }
    fn poke_u32(&mut self, offset: usize, value: u32) {
        self.poke(offset, &value.to_le_bytes());
    }
    fn poke_u64(&mut self, offset: usize, value: u64) {
        self.poke(offset, &value.to_le_bytes());
    }
}
