//! A writer of LZX chunks.

use super::{Item, Random, append_match, codewords};

/// Symbols of the length code.
const LENGTH_SYMBOLS: usize = 249;

/// The code lengths of a block.
#[derive(Debug, Clone)]
pub(in super::super) struct Codes {
    pub(in super::super) main: Vec<u8>,
    pub(in super::super) length: Vec<u8>,
    /// In blocks that have one.
    pub(in super::super) aligned: Option<Vec<u8>>,
}

impl Codes {
    /// Codes that have all symbols of `items`, at random.
    pub(in super::super) fn for_items(items: &[Item], chunk_size: usize, aligned: bool, random: &mut Random) -> Self {
        let [mut main, mut length, mut low] = [vec![], vec![], vec![]];
        for &item in items {
            let symbols = Symbols::of(item);
            main.push(symbols.main);
            length.extend(symbols.length);
            low.extend(symbols.low());
        }
        let main = random.code(&main, main_symbols(chunk_size), 16);
        let length = random.code(&length, LENGTH_SYMBOLS, 16);
        let aligned = aligned.then(|| random.code(&low, 8, 7));
        Self { main, length, aligned }
    }
}

/// Symbols of the main code for chunks of this size.
pub(in super::super) fn main_symbols(chunk_size: usize) -> usize {
    256 + 8 * [(15, 30), (16, 32), (17, 34), (18, 36), (19, 38), (20, 42), (21, 50)]
        .into_iter()
        .find_map(|(order, slots)| (chunk_size <= 1 << order).then_some(slots))
        .expect("at most 2 MiB")
}

/// First offset of a slot, and its number of extra bits.
fn slot_range(slot: usize) -> (i64, u8) {
    let extra = |slot: usize| if slot < 2 { 0 } else { ((slot - 2) / 2).min(17) as u8 };
    (-2 + (0..slot).map(|before| 1 << extra(before)).sum::<i64>(), extra(slot))
}

/// How an item is coded.
struct Symbols {
    main: usize,
    length: Option<usize>,
    slot: usize,
    extra_bits: u8,
    extra: u32,
}

impl Symbols {
    fn of(item: Item) -> Self {
        let (slot, offset, length) = match item {
            Item::Literal(byte) => {
                return Self { main: byte.into(), length: None, slot: 0, extra_bits: 0, extra: 0 };
            }
            Item::Repeat { index, length } => (index, 0, length),
            Item::Match { offset, length } => {
                let begins = |slot: &usize| slot_range(*slot).0 <= offset as i64;
                ((3..50).rfind(begins).expect("slot 3 is offset 1"), offset, length)
            }
        };
        let (base, extra_bits) = slot_range(slot);
        let main = 256 + 8 * slot + (length - 2).min(7);
        let extra = if slot < 3 { 0 } else { (offset as i64 - base) as u32 };
        Self { main, length: (length - 2).checked_sub(7), slot, extra_bits, extra }
    }

    /// The symbol of the aligned offset code, if the block has one.
    fn low(&self) -> Option<usize> {
        (self.slot >= 8).then_some(self.extra as usize & 7)
    }
}

/// Writes blocks.
pub(in super::super) struct Writer {
    out: Vec<u8>,
    /// Bits that are not in `out`, fewer than 16.
    pending: Vec<bool>,
    chunk_size: usize,
    /// Code lengths of the block before, main and length code.
    old: Vec<u8>,
}

impl Writer {
    pub(in super::super) fn new(chunk_size: usize) -> Self {
        let old = vec![0; main_symbols(chunk_size) + LENGTH_SYMBOLS];
        Self { out: Vec::new(), pending: Vec::new(), chunk_size, old }
    }

    pub(in super::super) fn bits(&mut self, value: u32, count: u8) {
        self.pending.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        while self.pending.len() >= 16 {
            let word = self.pending.drain(..16).fold(0_u16, |word, bit| word << 1 | u16::from(bit));
            self.out.extend(word.to_le_bytes());
        }
    }

    /// Bits of the current word that are written.
    pub(in super::super) fn bits_in_word(&self) -> usize {
        self.pending.len()
    }

    /// Begins a block of type `kind`, without the short form for the usual size.
    pub(in super::super) fn header(&mut self, kind: u32, size: usize) {
        self.bits(kind, 3);
        self.bits(0, 1);
        self.bits(size as u32, if self.chunk_size > 32768 { 24 } else { 16 });
    }

    /// Writes a whole block of literals and matches.
    pub(in super::super) fn block(&mut self, items: &[Item], codes: &Codes, random: &mut Random) {
        let size = items.iter().map(|item| item.len()).sum();
        self.header(if codes.aligned.is_some() { 2 } else { 1 }, size);
        self.codes(codes, random);
        self.items(items, codes);
    }

    /// Writes the codes of a block, in one of the many ways there are.
    pub(in super::super) fn codes(&mut self, codes: &Codes, random: &mut Random) {
        for &length in codes.aligned.iter().flatten() {
            self.bits(length.into(), 3);
        }
        let new = [&codes.main[..], &codes.length].concat();
        for part in [0..256, 256..codes.main.len(), codes.main.len()..new.len()] {
            let pre = random.code(&(0..20).collect::<Vec<_>>(), 20, 15);
            pre.iter().for_each(|&length| self.bits(length.into(), 4));
            let old = self.old[part.clone()].to_vec();
            self.code_lengths(&old, &new[part], &pre, random);
        }
        self.old = new;
    }

    fn code_lengths(&mut self, old: &[u8], new: &[u8], pre: &[u8], random: &mut Random) {
        let words = codewords(pre);
        let mut at = 0;
        while at < new.len() {
            let run = new[at..].iter().take_while(|&&length| length == new[at]).count();
            let difference = usize::from((old[at] + 17 - new[at]) % 17);
            let symbol = |writer: &mut Self, symbol: usize| writer.bits(words[symbol], pre[symbol]);
            at += match random.below(4) {
                0 if run >= 20 && new[at] == 0 => {
                    let run = run.min(51);
                    symbol(self, 18);
                    self.bits(run as u32 - 20, 5);
                    run
                }
                0 | 1 if run >= 4 && new[at] == 0 => {
                    let run = run.min(19);
                    symbol(self, 17);
                    self.bits(run as u32 - 4, 4);
                    run
                }
                0..=2 if run >= 4 => {
                    let run = run.min(5);
                    symbol(self, 19);
                    self.bits(run as u32 - 4, 1);
                    symbol(self, difference);
                    run
                }
                _ => {
                    symbol(self, difference);
                    1
                }
            };
        }
    }

    /// Writes the literals and matches of a block.
    pub(in super::super) fn items(&mut self, items: &[Item], codes: &Codes) {
        let (main, length) = (codewords(&codes.main), codewords(&codes.length));
        let aligned = codes.aligned.as_ref().map(|lengths| (codewords(lengths), lengths));
        for &item in items {
            let symbols = Symbols::of(item);
            self.bits(main[symbols.main], codes.main[symbols.main]);
            if let Some(symbol) = symbols.length {
                self.bits(length[symbol], codes.length[symbol]);
            }
            match (&aligned, symbols.low()) {
                (Some((words, lengths)), Some(low)) => {
                    self.bits(symbols.extra >> 3, symbols.extra_bits - 3);
                    self.bits(words[low], lengths[low]);
                }
                _ => self.bits(symbols.extra, symbols.extra_bits),
            }
        }
    }

    /// Writes a whole block of bytes as they are.
    pub(in super::super) fn stored(&mut self, bytes: &[u8], repeats: [u32; 3]) {
        self.header(3, bytes.len());
        // At least one bit, so that a word border is followed by a word of nothing.
        self.bits(0, 16 - self.bits_in_word() as u8);
        self.out.extend(repeats.map(u32::to_le_bytes).concat());
        self.out.extend(bytes);
        self.out.resize(self.out.len().next_multiple_of(2), 0);
    }

    /// The chunk. A decoder needs every byte of it, unless it ends with an uncompressed block whose
    /// size is not even.
    pub(in super::super) fn finish(mut self) -> Vec<u8> {
        if !self.pending.is_empty() {
            self.bits(0, 16 - self.bits_in_word() as u8);
        }
        self.out
    }
}

/// Appends what items make before the x86 filter is undone.
pub(in super::super) fn expand(out: &mut Vec<u8>, items: &[Item], repeats: &mut [usize; 3]) {
    for item in items {
        match *item {
            Item::Literal(byte) => out.push(byte),
            Item::Match { offset, length } => {
                *repeats = [offset, repeats[0], repeats[1]];
                append_match(out, offset, length);
            }
            Item::Repeat { index, length } => {
                repeats.swap(0, index);
                append_match(out, repeats[0], length);
            }
        }
    }
}

/// Undoes the x86 filter, byte by byte.
pub(in super::super) fn undo_calls(chunk: &mut [u8]) {
    let mut at = 0;
    while at + 10 < chunk.len() {
        if chunk[at] != 0xE8 {
            at += 1;
            continue;
        }
        let here = at as i64;
        let target = i64::from(i32::from_le_bytes(chunk[at + 1..at + 5].try_into().unwrap()));
        let relative = match target {
            0..12_000_000 => target - here,
            _ if -here <= target && target < 0 => target + 12_000_000,
            _ => target,
        };
        chunk[at + 1..at + 5].copy_from_slice(&(relative as i32).to_le_bytes());
        at += 5;
    }
}
