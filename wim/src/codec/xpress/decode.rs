//! Decoding XPRESS chunks.

use std::hint::select_unpredictable;

use super::super::CodecError;
use super::super::bits::{BitReader, FromFront, PAD, Words, zeroed};
use super::super::copy::{SLACK, copy_wide};
use super::super::huffman::{Codeword, Table, table_size};
use super::{MAX_CHUNK, SYMBOLS};

const ROOT: u32 = 11;
type CodeTable = Table<ROOT, { table_size(ROOT, SYMBOLS, 15) }, LONGER>;

// Layout of a table entry, from the low bits: the number of bits of codeword and offset together,
// and:
const LITERAL: u32 = 1 << 6;
/// The length of the match, 1 for a literal. Of a rare match, from 32 on, the bits of the codeword.
const LENGTH_SHIFT: u32 = 8;
/// The literal, or what makes the offset when added to codeword and offset bits, modulo 2^16. Of a
/// rare match the number of offset bits, and below it whether the length follows as bytes.
const VALUE_SHIFT: u32 = 16;

/// A rare match, but for the rest of its length and its value. Taken for a common one it would have
/// an offset of at most 32 and overlap itself.
const RARE: u32 = 32 << LENGTH_SHIFT | 1;
/// Stands for all codewords longer than `ROOT` bits.
const LONGER: u32 = RARE;
/// The longest match that is not rare, because it is copied in one go.
const COMMON_LENGTH: usize = 16;

const WINDOW: usize = MAX_CHUNK + SLACK;
type Reader<'a> = BitReader<FromFront<'a, { MAX_CHUNK + PAD }>>;

/// Decodes XPRESS chunks.
///
/// Holds the decoding table, and room for a chunk on both sides, so that using it again allocates
/// nothing.
pub struct Decoder {
    table: CodeTable,
    even_words: Words<{ MAX_CHUNK + PAD }>,
    odd_words: Words<{ MAX_CHUNK + PAD }>,
    window: Box<[u8; WINDOW]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { table: Table::default(), even_words: Words::default(), odd_words: Words::default(), window: zeroed() }
    }
}

impl Decoder {
    /// Decodes one chunk, filling `dst` to its last byte.
    ///
    /// `src` is the whole compressed chunk; `dst.len()` is its uncompressed size, at most 64 KiB.
    /// Bytes of `src` after the last needed one are ignored, and so are all after the first 64 KiB.
    /// Takes time linear in `dst.len()`, allocates nothing, and never panics.
    ///
    /// # Errors
    /// A rule of \[MS-XCA\] 2.2 that `src` breaks; `dst` then holds unspecified bytes.
    /// [`CodecError::ChunkSize`] if `dst` is too long.
    ///
    /// # Examples
    /// ```
    /// // Codewords of two bits each for `a`, `b`, and the matches 256 (offset 1, length 3) and 271.
    /// let mut src = vec![0; 256];
    /// (src[0x30], src[0x31], src[0x80], src[0x87]) = (0x20, 0x02, 0x02, 0x20);
    /// src.extend([0xe0, 0x1c, 0x00, 0x00, 0x05, 0xff, 0x2c, 0x01]);
    ///
    /// let mut dst = vec![0; 329];
    /// wim::codec::xpress::Decoder::default().decode(&src, &mut dst)?;
    /// assert_eq!(dst, ["ab", &"b".repeat(23), "a", &"a".repeat(303)].concat().as_bytes());
    /// # Ok::<(), wim::CodecError>(())
    /// ```
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8]) -> Result<(), CodecError> {
        if dst.len() > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: dst.len(), most: MAX_CHUNK });
        }
        let (lengths, src) = src.split_first_chunk().ok_or(CodecError::InputEnds { at: 0 })?;
        build(&mut self.table, lengths)?;
        self.even_words.load(src, 0);
        self.odd_words.load(src, 1);
        let bits = BitReader::from_front(src, &self.even_words, &self.odd_words);
        let items = Items { bits, window: &mut self.window, at: 0, end: dst.len() };
        items.decode(&self.table)?;
        dst.copy_from_slice(&self.window[..dst.len()]);
        Ok(())
    }
}

/// Builds the table from 4-bit code lengths, two in a byte.
fn build(table: &mut CodeTable, packed: &[u8; SYMBOLS / 2]) -> Result<(), CodecError> {
    let mut lengths = [0; SYMBOLS];
    for (pair, byte) in lengths.as_chunks_mut::<2>().0.iter_mut().zip(packed) {
        *pair = [byte & 15, byte >> 4];
    }
    table.build(&lengths, entry).map_err(|_| CodecError::IncompleteCode { code: "code", at: 0 })
}

/// A chunk while its literals and matches are decoded.
struct Items<'a> {
    bits: Reader<'a>,
    window: &'a mut [u8; WINDOW],
    /// Bytes of output so far.
    at: usize,
    end: usize,
}

impl Items<'_> {
    /// Decodes everything.
    fn decode(mut self, table: &CodeTable) -> Result<(), CodecError> {
        let done = self.decode_all(table);
        // Bits from after the end of the input can break any rule, but the cause is that the input
        // ends.
        if self.bits.overrun() {
            return Err(CodecError::InputEnds { at: self.at });
        }
        done
    }

    #[inline(always)]
    fn decode_all(&mut self, table: &CodeTable) -> Result<(), CodecError> {
        while self.at < self.end {
            self.common_items(table);
            self.bits.refill();
            self.any_item(table)?;
        }
        Ok(())
    }

    /// Decodes common items up to the first other one, or nearly up to the end.
    #[inline(always)]
    fn common_items(&mut self, table: &CodeTable) {
        let (mut bits, mut at, window) = (self.bits, self.at, &mut *self.window); // in registers, unlike `self`
        while at + 2 * COMMON_LENGTH < self.end {
            bits.refill();
            // The bits are enough for two.
            if !common_item(&mut bits, &mut at, window, table) || !common_item(&mut bits, &mut at, window, table) {
                break;
            }
        }
        (self.bits, self.at) = (bits, at);
    }

    /// Decodes the next item, whatever it is. At least 56 bits must be available.
    #[inline(always)]
    fn any_item(&mut self, table: &CodeTable) -> Result<(), CodecError> {
        let at = self.at;
        let entry = table.lookup(self.bits.peek()).map_err(|_| CodecError::EmptyCode { code: "code", at })?;
        if entry & LITERAL != 0 {
            self.bits.consume(entry);
            self.window[at % MAX_CHUNK] = (entry >> VALUE_SHIFT) as u8;
            self.at += 1;
            return Ok(());
        }
        let (offset, length) = match length_of(entry) >= length_of(RARE) {
            true => self.rare_match(entry).ok_or(CodecError::InputEnds { at })?,
            false => self.common_match(entry),
        };
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

    /// The offset and length of a match of up to 16 bytes.
    #[inline(always)]
    fn common_match(&mut self, entry: u32) -> (usize, usize) {
        let offset = common_offset(entry, self.bits.peek());
        self.bits.consume(entry);
        (offset, length_of(entry))
    }

    /// The offset and length of another one. `None` where the input ends.
    #[inline(always)]
    fn rare_match(&mut self, entry: u32) -> Option<(usize, usize)> {
        let offset_bits = entry >> (VALUE_SHIFT + 1);
        self.bits.consume((length_of(entry) - length_of(RARE)) as u32);
        // [MS-XCA] 2.2.4: the offset is a one, and below it the offset bits.
        let offset = (self.bits.peek() >> 1 | 1 << 63) >> (63 - offset_bits);
        let length = if entry >> VALUE_SHIFT & 1 == 1 { self.long_length()? } else { COMMON_LENGTH + 1 };
        self.bits.consume(offset_bits);
        Some((offset as usize, length))
    }

    /// Reads the bytes that hold a length of 18 or more. `None` if they are missing.
    #[inline(always)]
    fn long_length(&mut self) -> Option<usize> {
        let byte = self.bits.take_byte()?;
        let value = if byte < 255 {
            15 + usize::from(byte)
        } else {
            // Quirk: [MS-XCA] 2.2.4 refuses values below 15 and lets 0 announce 32 bits, which no
            // chunk needs. Readers of archives take whatever is there.
            usize::from(u16::from_le_bytes([self.bits.take_byte()?, self.bits.take_byte()?]))
        };
        Some(value + 3)
    }
}

/// Decodes a literal or an undisturbed match of up to 16 bytes, or nothing if the next item is
/// neither.
///
/// Literals are treated as matches from a safe place, the copied byte being replaced: telling
/// literals from matches by a branch would be guesswork for the processor.
#[inline(always)]
fn common_item(bits: &mut Reader<'_>, at: &mut usize, window: &mut [u8; WINDOW], table: &CodeTable) -> bool {
    let entry = table.first_level(bits.peek());
    let is_literal = entry & LITERAL != 0;
    let length = length_of(entry);
    let offset = select_unpredictable(is_literal, *at, common_offset(entry, bits.peek()));
    if offset < length || offset > *at {
        return false;
    }
    bits.consume(entry);
    let from = (*at - offset) % MAX_CHUNK;
    let to = *at % MAX_CHUNK;
    let mut bytes = [0; COMMON_LENGTH];
    bytes.copy_from_slice(&window[from..from + COMMON_LENGTH]);
    let copied = u128::from_le_bytes(bytes);
    let low = select_unpredictable(is_literal, u64::from(entry >> VALUE_SHIFT), copied as u64);
    let bytes = (copied >> 64 << 64 | u128::from(low)).to_le_bytes();
    window[to..to + COMMON_LENGTH].copy_from_slice(&bytes);
    *at += length;
    true
}

/// The offset of a common match with this entry that begins on top of `bits`.
#[inline(always)]
fn common_offset(entry: u32, bits: u64) -> usize {
    let taken = bits.wrapping_shr(entry.wrapping_neg()) as u32;
    usize::from(taken.wrapping_add(entry >> VALUE_SHIFT) as u16)
}

/// The length field of an entry.
#[inline(always)]
fn length_of(entry: u32) -> usize {
    usize::from((entry >> LENGTH_SHIFT) as u8)
}

/// The table's entry for a codeword.
#[inline(always)]
fn entry(Codeword { symbol, word, length }: Codeword) -> u32 {
    let Symbol { entry, length_unit, word_unit } = SYMBOL_ENTRIES[symbol];
    entry.wrapping_add(length * length_unit).wrapping_sub(word.wrapping_mul(word_unit))
}

/// The part of an entry that depends on the symbol.
#[derive(Clone, Copy)]
struct Symbol {
    entry: u32,
    /// Added for each bit of the codeword's length.
    length_unit: u32,
    /// Subtracted as often as the value of the codeword.
    word_unit: u32,
}

static SYMBOL_ENTRIES: [Symbol; SYMBOLS] = {
    let mut entries = [Symbol { entry: 0, length_unit: 1, word_unit: 0 }; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS {
        let number = symbol as u32;
        let (offset_bits, length) = (number >> 4 & 15, (number & 15) + 3);
        entries[symbol] = if number < 256 {
            Symbol { entry: number << VALUE_SHIFT | 1 << LENGTH_SHIFT | LITERAL, length_unit: 1, word_unit: 0 }
        } else if length <= COMMON_LENGTH as u32 {
            // [MS-XCA] 2.2.4: the offset is a one, and below it the offset bits.
            let word_unit = 1 << offset_bits << VALUE_SHIFT;
            Symbol { entry: word_unit | length << LENGTH_SHIFT | offset_bits, length_unit: 1, word_unit }
        } else {
            let is_long = (length == 18) as u32;
            let value = offset_bits << 1 | is_long;
            Symbol { entry: value << VALUE_SHIFT | RARE, length_unit: 1 << LENGTH_SHIFT, word_unit: 0 }
        };
        symbol += 1;
    }
    entries
};

#[cfg(test)]
mod tests;
