//! An LZX encoder too simple to be wrong: all codes are fixed, as even as their alphabets allow.

use crate::matches::{self, Item};
use std::ops::Range;

/// Kind of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Block {
    /// Offsets in plain bits.
    Verbatim,
    /// The low three bits of long offsets have a code of their own.
    Aligned,
    /// Bytes as they are.
    Uncompressed,
}

/// Compresses one chunk with all kinds of blocks. The result may be longer than the data; then a
/// chunk is stored raw.
///
/// `chunk_size` is that of the resource, since the alphabet depends on it, not on a shorter last
/// chunk.
pub fn encode(data: &[u8], chunk_size: usize) -> Vec<u8> {
    let n = data.len();
    if n < 64 {
        return encode_blocks(data, chunk_size, &[(Block::Verbatim, n)]);
    }
    let raw = 17 + n / 64; // even and uneven sizes, word borders as they fall
    let half = n / 2;
    encode_blocks(
        data,
        chunk_size,
        &[(Block::Verbatim, half), (Block::Uncompressed, raw), (Block::Aligned, n - half - raw)],
    )
}

/// Compresses one chunk with the blocks given, whose sizes add up to `data.len()`.
pub fn encode_blocks(data: &[u8], chunk_size: usize, blocks: &[(Block, usize)]) -> Vec<u8> {
    let filtered = e8(data);
    let mut encoder = Encoder::new(chunk_size);
    let mut at = 0;
    for (kind, size) in blocks {
        encoder.block(*kind, &filtered, at..at + size);
        at += size;
    }
    assert_eq!(at, data.len(), "blocks must cover the chunk");
    encoder.out.finish()
}

/// Turns the operands of x86 calls from relative to absolute, as decoders turn them back.
fn e8(data: &[u8]) -> Vec<u8> {
    const FILE_SIZE: i32 = 12_000_000;
    let mut out = data.to_vec();
    let mut i = 0;
    while i + 10 < out.len() {
        if out[i] != 0xE8 {
            i += 1;
            continue;
        }
        let operand = i32::from_le_bytes([out[i + 1], out[i + 2], out[i + 3], out[i + 4]]);
        let here = i as i32;
        if (-here..FILE_SIZE).contains(&operand) {
            let value = if operand < FILE_SIZE - here { operand + here } else { operand - FILE_SIZE };
            out[i + 1..i + 5].copy_from_slice(&value.to_le_bytes());
        }
        i += 5;
    }
    out
}

/// Code lengths as even as they can be with every symbol used: a complete code.
fn even(symbols: usize) -> Vec<u8> {
    let bits = symbols.next_power_of_two().ilog2() as u8;
    let shorter = (1 << bits) - symbols;
    (0..symbols).map(|symbol| if symbol < shorter { bits - 1 } else { bits }).collect()
}

/// Codewords of canonical Huffman lengths.
fn codewords(lengths: &[u8]) -> Vec<u32> {
    let mut words = vec![0; lengths.len()];
    let mut next = 0;
    for bits in 1..=16 {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, length)| **length == bits) {
            words[symbol] = next;
            next += 1;
        }
        next <<= 1;
    }
    words
}

struct Code {
    lengths: Vec<u8>,
    words: Vec<u32>,
}

impl Code {
    fn new(lengths: Vec<u8>) -> Self {
        Self { words: codewords(&lengths), lengths }
    }
}

struct Encoder {
    out: Words,
    window: usize,
    main: Code,
    length: Code,
    aligned: Code,
    pre: Code,
    slots: Vec<(i64, u32)>,
    recent: [usize; 3],
    wrote_lengths: bool,
}

impl Encoder {
    fn new(chunk_size: usize) -> Self {
        let order = chunk_size.next_power_of_two().ilog2().max(15);
        let slots = match order {
            15..=17 => 30 + 2 * (order as usize - 15),
            18..=21 => [36, 38, 42, 50][order as usize - 18],
            _ => panic!("LZX chunks have at most 2 MiB"),
        };
        Self {
            out: Words::default(),
            window: 1 << order,
            main: Code::new(even(256 + 8 * slots)),
            length: Code::new(even(249)),
            aligned: Code::new(vec![1, 2, 3, 4, 5, 6, 7, 7]),
            pre: Code::new(even(20)),
            slots: (0..slots).map(slot_base).collect(),
            recent: [1; 3],
            wrote_lengths: false,
        }
    }

    fn block(&mut self, kind: Block, data: &[u8], range: Range<usize>) {
        self.block_header(kind, range.len());
        match kind {
            Block::Uncompressed => self.uncompressed(&data[range]),
            Block::Verbatim | Block::Aligned => {
                if kind == Block::Aligned {
                    self.aligned.lengths.clone().iter().for_each(|length| self.out.bits((*length).into(), 3));
                }
                self.code_lengths();
                for item in matches::items(&data[range], 3, 257, self.window - 3) {
                    self.item(item, kind == Block::Aligned);
                }
            }
        }
    }

    fn block_header(&mut self, kind: Block, size: usize) {
        let number = match kind {
            Block::Verbatim => 1,
            Block::Aligned => 2,
            Block::Uncompressed => 3,
        };
        self.out.bits(number, 3);
        if size == 32768 {
            self.out.bits(1, 1);
            return;
        }
        self.out.bits(0, 1);
        if self.window > 32768 {
            self.out.bits((size >> 8) as u32, 16);
            self.out.bits((size & 0xFF) as u32, 8);
        } else {
            self.out.bits(size as u32, 16);
        }
    }

    fn uncompressed(&mut self, data: &[u8]) {
        self.out.skip_to_next_word();
        for offset in self.recent {
            self.out.bytes.extend((offset as u32).to_le_bytes());
        }
        self.out.bytes.extend(data);
        if data.len() % 2 == 1 {
            self.out.bytes.push(0);
        }
    }

    /// Lengths of the main code in two parts, then of the length code, each as a difference to the
    /// block before.
    fn code_lengths(&mut self) {
        let (main, length) = (self.main.lengths.clone(), self.length.lengths.clone());
        for part in [&main[..256], &main[256..], &length] {
            for bits in self.pre.lengths.clone() {
                self.out.bits(bits.into(), 4);
            }
            for new in part {
                let old = if self.wrote_lengths { *new } else { 0 };
                let symbol = usize::from((old + 17 - new) % 17);
                self.out.bits(self.pre.words[symbol], self.pre.lengths[symbol].into());
            }
        }
        self.wrote_lengths = true;
    }

    fn item(&mut self, item: Item, aligned: bool) {
        let (length, offset) = match item {
            Item::Literal(byte) => return self.main_symbol(byte.into()),
            Item::Match { length, offset } => (length - 2, offset),
        };
        let slot = self.slot(offset);
        self.main_symbol(256 + 8 * slot + length.min(7));
        if length >= 7 {
            self.out.bits(self.length.words[length - 7], self.length.lengths[length - 7].into());
        }
        if slot >= 3 {
            let (base, extra) = self.slots[slot];
            self.offset_bits((offset as i64 - base) as u32, extra, aligned && slot >= 8);
        }
    }

    fn main_symbol(&mut self, symbol: usize) {
        self.out.bits(self.main.words[symbol], self.main.lengths[symbol].into());
    }

    /// Slot of the offset, which becomes the most recent one.
    fn slot(&mut self, offset: usize) -> usize {
        if let Some(index) = self.recent.iter().position(|recent| *recent == offset) {
            self.recent.swap(0, index);
            return index;
        }
        self.recent = [offset, self.recent[0], self.recent[1]];
        self.slots.iter().rposition(|(base, _)| *base <= offset as i64).expect("offsets start at 1, slot 3's base")
    }

    fn offset_bits(&mut self, value: u32, extra: u32, aligned: bool) {
        if aligned {
            self.out.bits(value >> 3, extra - 3);
            let low = (value & 7) as usize;
            self.out.bits(self.aligned.words[low], self.aligned.lengths[low].into());
        } else {
            self.out.bits(value, extra);
        }
    }
}

/// First offset of a slot, and its number of extra bits.
fn slot_base(slot: usize) -> (i64, u32) {
    let extra = |slot: usize| if slot < 2 { 0 } else { ((slot as u32 - 2) / 2).min(17) };
    let base = -2 + (0..slot).map(|before| 1 << extra(before)).sum::<i64>();
    (base, extra(slot))
}

/// Bits in 16-bit little-endian words, from the top.
#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Words {
    fn bits(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value);
        self.count += count;
        while self.count >= 16 {
            self.bytes.extend(((self.pending >> (self.count - 16)) as u16).to_le_bytes());
            self.count -= 16;
        }
    }

    /// Pads with 1 to 16 zero bits: on a word border a whole word.
    fn skip_to_next_word(&mut self) {
        self.bits(0, 16 - self.count);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.skip_to_next_word();
        }
        self.bytes
    }
}
