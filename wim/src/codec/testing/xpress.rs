//! A writer of XPRESS chunks.

use super::{Item, append_match, codewords};

/// Words and bytes in the order in which a reader takes them that holds 16 to 31 bits.
#[derive(Default)]
pub(in super::super) struct Writer {
    bits: Vec<bool>,
    /// Where each word stands, as far as the reader has taken them.
    words: Vec<usize>,
    bytes: Vec<(usize, u8)>,
    end: usize,
}

impl Writer {
    pub(in super::super) fn bits(&mut self, value: u32, count: u8) {
        self.bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self.take_words();
    }

    pub(in super::super) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes.push((self.end, byte));
            self.end += 1;
        }
    }

    fn take_words(&mut self) {
        while self.words.len() < self.bits.len().div_ceil(16) + 1 {
            self.words.push(self.end);
            self.end += 2;
        }
    }

    /// Bits written so far.
    pub(in super::super) fn bit_count(&self) -> usize {
        self.bits.len()
    }

    /// The bytes written, and how many of them a reader needs.
    pub(in super::super) fn finish(self) -> (Vec<u8>, usize) {
        let mut out = vec![0; self.end];
        let mut needed = 0;
        for (index, bit) in self.bits.iter().enumerate() {
            let (word, shift) = (self.words[index / 16], 15 - index % 16);
            out[word + shift / 8] |= u8::from(*bit) << (shift % 8);
            needed = needed.max(word + 2);
        }
        for (at, byte) in self.bytes {
            out[at] = byte;
            needed = needed.max(at + 1);
        }
        (out, needed)
    }
}

/// The symbol of an item and its bits, if it is a match.
pub(in super::super) fn symbol(item: Item) -> (usize, u32) {
    match item {
        Item::Literal(byte) => (usize::from(byte), 0),
        Item::Match { offset, length } => {
            let bits = offset.ilog2();
            (256 + 16 * bits as usize + (length - 3).min(15), bits)
        }
        Item::Repeat { .. } => panic!("XPRESS has no repeat offsets"),
    }
}

/// A chunk with these items, coded by a code of these lengths; and how many bytes of it a decoder
/// needs.
pub(in super::super) fn write(items: &[Item], lengths: &[u8]) -> (Vec<u8>, usize) {
    let table: Vec<u8> = lengths.chunks(2).map(|pair| pair[0] | pair[1] << 4).collect();
    let (words, mut writer) = (codewords(lengths), Writer::default());
    for &item in items {
        let (symbol, extra) = symbol(item);
        writer.bits(words[symbol], lengths[symbol]);
        if let Item::Match { offset, length } = item {
            match length - 3 {
                0..15 => {}
                value @ 15..270 => writer.bytes(&[(value - 15) as u8]),
                value => writer.bytes(&[&[255][..], &(value as u16).to_le_bytes()].concat()),
            }
            writer.bits(offset as u32 - (1 << extra), extra as u8);
        }
    }
    let (stream, needed) = writer.finish();
    ([table, stream].concat(), 256 + needed)
}

/// The output of the items.
pub(in super::super) fn expand(items: &[Item]) -> Vec<u8> {
    let mut out = Vec::new();
    for item in items {
        match *item {
            Item::Literal(byte) => out.push(byte),
            Item::Match { offset, length } => append_match(&mut out, offset, length),
            Item::Repeat { .. } => panic!("XPRESS has no repeat offsets"),
        }
    }
    out
}
