//! An XPRESS encoder too simple to be wrong: every one of the 512 symbols has a code of 9 bits,
//! which is the symbol.

use crate::matches::{self, Item};

const MIN_MATCH: usize = 3;

/// Compresses one chunk of at most 64 KiB. The result may be longer than the data; then a chunk is
/// stored raw.
pub fn encode(data: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    for item in matches::items(data, MIN_MATCH, usize::MAX, 65535) {
        match item {
            Item::Literal(byte) => out.bits(u32::from(byte), 9),
            Item::Match { length, offset } => {
                let log2 = offset.ilog2();
                let value = length - MIN_MATCH;
                out.bits(256 + (log2 << 4) + value.min(15) as u32, 9);
                out.length(value);
                out.bits((offset - (1 << log2)) as u32, log2);
            }
        }
    }
    out.bits(256, 9); // the end mark
    out.finish()
}

/// Codes as bits, longer lengths as bytes between the words.
struct Writer {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
    /// Where the next two words of bits go; both are reserved ahead of the bytes.
    slots: [usize; 2],
}

impl Writer {
    fn new() -> Self {
        let mut bytes = vec![0x99; 256]; // two lengths of 9 in each byte
        bytes.extend([0; 4]);
        Self { bytes, pending: 0, count: 0, slots: [256, 258] }
    }

    fn bits(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        while self.count > 16 {
            self.word((self.pending >> (self.count - 16)) as u16);
            self.count -= 16;
        }
    }

    fn word(&mut self, word: u16) {
        self.bytes[self.slots[0]..][..2].copy_from_slice(&word.to_le_bytes());
        self.slots = [self.slots[1], self.bytes.len()];
        self.bytes.extend([0; 2]);
    }

    fn length(&mut self, value: usize) {
        if value >= 15 + 255 {
            self.bytes.push(255);
            self.bytes.extend((value as u16).to_le_bytes());
        } else if value >= 15 {
            self.bytes.push((value - 15) as u8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let last = (self.pending << (16 - self.count)) as u16;
        self.bytes[self.slots[0]..][..2].copy_from_slice(&last.to_le_bytes());
        self.bytes
    }
}
