//! The literals and matches of an LZX block.

use std::hint::select_unpredictable;

use super::super::CodecError;
use super::super::copy::copy_wide;
use super::super::huffman::{Codeword, Table, table_size};
use super::code_lengths::CodeLengths;
use super::decode::{Reader, WINDOW};
use super::{ALIGNED_SYMBOLS, LENGTH_SYMBOLS, MAX_CHUNK, MAX_MAIN};

const MAIN_ROOT: u32 = 11;
const LENGTH_ROOT: u32 = 9;
const ALIGNED_ROOT: u32 = 7;

// Layout of a table entry for a main symbol, from the low bits: the number of bits of the codeword
// and of the plain offset bits that follow it, and:
const TOTAL: u32 = 63;
const LITERAL: u32 = 1 << 6;
/// No common item. Nothing else is in the entry if the codeword is longer than the first level or
/// the code is empty.
const RARE: u32 = 1 << 7;
/// How many bits the codeword alone has, six bits.
const CODE_SHIFT: u32 = 8;
/// The last three bits of the offset are a symbol of the aligned offset code.
const IS_ALIGNED: u32 = 1 << 14;
/// The repeat offsets stay as they are: a literal, or a match with the first of them.
const KEEP: u32 = 1 << 15;
/// The literal, or by how much 64 bits are shifted down to leave the offset and two bits more.
const VALUE_SHIFT: u32 = 16;
/// The bits above the stored ones of the offset, which counts from 2; for a repeat offset its
/// number.
const HEAD_SHIFT: u32 = 24;
/// The length of the match, 1 for a literal; 0 if a length symbol follows, which makes the entry a
/// rare one.
const LENGTH_SHIFT: u32 = 28;

/// In entries of the other codes, the symbol.
const SYMBOL_SHIFT: u32 = 16;

const MAIN_CODE: &str = "main code";
const LENGTH_CODE: &str = "length code";
const ALIGNED_CODE: &str = "aligned offset code";

/// The tables of a block.
#[derive(Default)]
pub(super) struct Tables {
    main: Table<MAIN_ROOT, { table_size(MAIN_ROOT, MAX_MAIN, 16) }, RARE>,
    length: Table<LENGTH_ROOT, { table_size(LENGTH_ROOT, LENGTH_SYMBOLS, 16) }, 0>,
    aligned: Table<ALIGNED_ROOT, { table_size(ALIGNED_ROOT, ALIGNED_SYMBOLS, 7) }, 0>,
}

impl Tables {
    /// Builds the tables for a block that begins at output byte `at`.
    pub(super) fn build(
        &mut self,
        lengths: &CodeLengths,
        aligned: Option<&[u8; ALIGNED_SYMBOLS]>,
        at: usize,
    ) -> Result<(), CodecError> {
        let incomplete = |code| move |_| CodecError::IncompleteCode { code, at };
        let entry = |Codeword { symbol, length, .. }| (symbol as u32) << SYMBOL_SHIFT | length;
        let entries = if aligned.is_some() { &ALIGNED_ENTRIES } else { &ENTRIES };
        // Items that need an empty code are rare, so common items do not check for one.
        let missing = if aligned == Some(&[0; ALIGNED_SYMBOLS]) { IS_ALIGNED } else { 0 };
        let main_entry = |Codeword { symbol, length, .. }| {
            let entry = entries[symbol] + length * (1 | 1 << CODE_SHIFT);
            if entry & missing != 0 { entry | RARE } else { entry }
        };
        self.main.build(lengths.main(), main_entry).map_err(incomplete(MAIN_CODE))?;
        self.length.build(lengths.length(), entry).map_err(incomplete(LENGTH_CODE))?;
        if let Some(aligned) = aligned {
            self.aligned.build(aligned, entry).map_err(incomplete(ALIGNED_CODE))?;
        }
        Ok(())
    }
}

/// A block while its literals and matches are decoded.
pub(super) struct Items<'a, 'b> {
    pub(super) bits: Reader<'a>,
    pub(super) window: &'b mut [u8; WINDOW],
    /// Bytes of output so far.
    pub(super) at: usize,
    /// Where the block ends.
    pub(super) end: usize,
    pub(super) repeats: [u32; 3],
}

impl Items<'_, '_> {
    /// Decodes all items of the block. `HAS_ALIGNED` is set if it has an aligned offset code.
    #[inline(always)]
    pub(super) fn decode<const HAS_ALIGNED: bool>(&mut self, tables: &Tables) -> Result<(), CodecError> {
        let end = self.end.min(MAX_CHUNK);
        while self.at < end {
            self.bits.refill();
            let mut entry = tables.main.first_level(self.bits.peek());
            if entry & RARE == 0 && self.common_item::<HAS_ALIGNED>(tables, entry) {
                if self.at >= end {
                    break;
                }
                if HAS_ALIGNED && self.bits.count() < 32 {
                    self.bits.refill();
                }
                entry = tables.main.first_level(self.bits.peek());
                if entry & RARE == 0 && self.common_item::<HAS_ALIGNED>(tables, entry) {
                    continue;
                }
                self.bits.refill();
            }
            self.any_item::<HAS_ALIGNED>(tables, entry)?;
        }
        if self.at > self.end {
            return Err(CodecError::PastEnd { end: self.end });
        }
        Ok(())
    }

    /// Decodes a literal or an undisturbed match of up to 8 bytes, or nothing if the next item is
    /// neither.
    ///
    /// Literals are treated as matches from a safe place, the copied byte being replaced: telling
    /// literals from matches by a branch would be guesswork for the processor. At least 28 bits
    /// must be available, 32 with `HAS_ALIGNED`.
    #[inline(always)]
    fn common_item<const HAS_ALIGNED: bool>(&mut self, tables: &Tables, entry: u32) -> bool {
        let mut offset = head_and_bits(entry, self.bits.peek());
        let mut low_bits = 0;
        if HAS_ALIGNED {
            let low = tables.aligned.first_level(self.bits.peek().wrapping_shl(entry));
            let is_aligned = entry & IS_ALIGNED != 0;
            low_bits = select_unpredictable(is_aligned, low, 0);
            offset = select_unpredictable(is_aligned, offset << 3 | low >> SYMBOL_SHIFT, offset);
        }
        let [first, second, third] = self.repeats;
        let keep = entry & KEEP != 0;
        let offset = select_unpredictable(keep, first, offset.wrapping_sub(2));
        let is_literal = entry & LITERAL != 0;
        let length = (entry >> LENGTH_SHIFT) as usize;
        let at = self.at;
        if (offset as usize) < length || offset as usize > at {
            return false;
        }
        self.repeats = [offset, select_unpredictable(keep, second, first), select_unpredictable(keep, third, second)];
        self.bits.consume(entry);
        if HAS_ALIGNED {
            self.bits.consume(low_bits);
        }
        let from = select_unpredictable(is_literal, 0, at - offset as usize) % MAX_CHUNK;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.window[from..from + 8]);
        let bytes = select_unpredictable(is_literal, u64::from(entry >> VALUE_SHIFT), u64::from_le_bytes(bytes));
        let to = at % MAX_CHUNK;
        self.window[to..to + 8].copy_from_slice(&bytes.to_le_bytes());
        self.at += length;
        true
    }

    /// Decodes the next item, whatever it is. At least 56 bits must be available.
    #[inline(always)]
    fn any_item<const HAS_ALIGNED: bool>(&mut self, tables: &Tables, mut entry: u32) -> Result<(), CodecError> {
        let at = self.at;
        let empty = |code| move |_| CodecError::EmptyCode { code, at };
        if entry == RARE {
            entry = tables.main.second_level(self.bits.peek()).map_err(empty(MAIN_CODE))?;
        }
        let code_bits = entry >> CODE_SHIFT & 63;
        self.bits.consume(code_bits);
        if entry & LITERAL != 0 {
            self.window[at] = (entry >> VALUE_SHIFT) as u8;
            self.at += 1;
            return Ok(());
        }
        let mut length = entry >> LENGTH_SHIFT;
        if length == 0 {
            let more = tables.length.lookup(self.bits.peek()).map_err(empty(LENGTH_CODE))?;
            self.bits.consume(more);
            length = 9 + (more >> SYMBOL_SHIFT);
        }
        let mut offset = head_and_bits(entry & !(63 << CODE_SHIFT), self.bits.peek());
        let offset_bits = (entry & TOTAL) - code_bits;
        let [first, second, third] = self.repeats;
        if is_repeat(entry) {
            // Not a true queue: the third trades places with the first, and the second stays.
            self.repeats = match offset {
                0 => [first, second, third],
                1 => [second, first, third],
                _ => [third, second, first],
            };
        } else {
            self.bits.consume(offset_bits);
            if HAS_ALIGNED && entry & IS_ALIGNED != 0 {
                let low = tables.aligned.lookup(self.bits.peek()).map_err(empty(ALIGNED_CODE))?;
                self.bits.consume(low);
                offset = offset << 3 | low >> SYMBOL_SHIFT;
            }
            self.repeats = [offset.wrapping_sub(2), first, second];
        }
        let (offset, length) = (self.repeats[0] as usize, length as usize);
        if offset > at {
            return Err(CodecError::Offset { at, offset });
        }
        if length > self.end - at {
            return Err(CodecError::PastEnd { end: self.end });
        }
        copy_wide(&mut self.window[..], at, offset, length);
        self.at += length;
        Ok(())
    }
}

/// The head of an entry and below it the offset bits that follow the codeword on top of `bits`.
#[inline(always)]
fn head_and_bits(entry: u32, bits: u64) -> u32 {
    let bits = bits.wrapping_shl(entry >> CODE_SHIFT);
    let head = u64::from(entry & 15 << HEAD_SHIFT) << (60 - HEAD_SHIFT);
    (bits >> 4 | head).wrapping_shr(entry >> VALUE_SHIFT) as u32
}

/// Whether the entry of a match is for a repeat offset: a head below 3 with no bits below it.
#[inline(always)]
fn is_repeat(entry: u32) -> bool {
    entry & IS_ALIGNED == 0 && entry >> VALUE_SHIFT & 63 == 60 && entry >> HEAD_SHIFT & 15 < 3
}

/// The main table's entry of each symbol, in a block without aligned offset code.
static ENTRIES: [u32; MAX_MAIN] = entries(false);
/// The same for a block with one.
static ALIGNED_ENTRIES: [u32; MAX_MAIN] = entries(true);

const fn entries(has_aligned: bool) -> [u32; MAX_MAIN] {
    let mut entries = [0; MAX_MAIN];
    let mut symbol = 0;
    while symbol < MAX_MAIN as u32 {
        entries[symbol as usize] = if symbol < 256 {
            LITERAL | KEEP | symbol << VALUE_SHIFT | 1 << LENGTH_SHIFT
        } else {
            let length = if symbol & 7 < 7 { (symbol & 7) + 2 } else { 0 };
            let rare = if length == 0 { RARE } else { 0 };
            rare | length << LENGTH_SHIFT | offset_entry((symbol - 256) >> 3, has_aligned)
        };
        symbol += 1;
    }
    entries
}

/// The part of an entry that an offset slot decides.
const fn offset_entry(slot: u32, has_aligned: bool) -> u32 {
    let (head, bits, mark) = match slot {
        0 => (0, 0, KEEP),
        1 | 2 => (slot, 0, RARE),
        3 => (3, 0, 0),
        4..36 => (2 | slot & 1, slot / 2 - 1, 0),
        // From here on offsets have 17 bits, and what is above them counts the slots.
        _ => (slot - 34, 17, 0),
    };
    let (bits, mark) = if has_aligned && slot >= 8 { (bits - 3, IS_ALIGNED) } else { (bits, mark) };
    mark | bits | (60 - bits) << VALUE_SHIFT | head << HEAD_SHIFT
}
