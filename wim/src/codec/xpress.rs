//! XPRESS with Huffman codes: one static code for literals and matches, and no state between matches.

use std::hint::select_unpredictable;

use super::CodecError;
use super::bits::{BitReader, FromFront, PAD, Words, zeroed};
use super::copy::{SLACK, copy_wide};
use super::huffman::{CODE_SHIFT, RARE, TOTAL, Table, table_size};

/// The largest chunk, in bytes. The bit stream of a bigger one would be split.
const MAX_CHUNK: usize = 1 << 16;
const SYMBOLS: usize = 512;
const ROOT: u32 = 11;
type CodeTable = Table<ROOT, { table_size(ROOT, SYMBOLS, 15) }>;

// What a table entry holds of a symbol. Where offset bits follow, the total counts them.
const LITERAL: u32 = 1 << 6;
/// The literal, or by how much 64 bits are shifted down to leave the offset.
const VALUE_SHIFT: u32 = 16;
/// The length of the match, 1 for a literal; 0 if it follows as bytes, which makes the entry a rare one.
const LENGTH_SHIFT: u32 = 24;
/// The longest match that is not rare, because it is copied in one go.
const COMMON_LENGTH: usize = 16;

const WINDOW: usize = MAX_CHUNK + SLACK;
type Reader<'a> = BitReader<FromFront<'a, { MAX_CHUNK + PAD }>>;

/// Decodes XPRESS chunks.
///
/// Holds the decoding table, and room for a chunk on both sides, so that using it again allocates nothing.
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
    /// `src` is the whole compressed chunk; `dst.len()` is its uncompressed size, at most 64 KiB. Bytes of `src` behind
    /// what is needed are ignored, and so are all behind the first 64 KiB. Takes time linear in `dst.len()`, allocates
    /// nothing, and never panics.
    ///
    /// # Errors
    /// A rule of \[MS-XCA\] 2.2 that `src` breaks; `dst` then holds unspecified bytes. [`CodecError::ChunkSize`] if
    /// `dst` is too long.
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
    table.build(&lengths, |symbol| ENTRIES[symbol]).map_err(|_| CodecError::IncompleteCode { code: "code", at: 0 })
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
        // What was read behind the end of the input may break any rule, but is never the cause.
        if self.bits.overrun() {
            return Err(CodecError::InputEnds { at: self.at });
        }
        done
    }

    #[inline(always)]
    fn decode_all(&mut self, table: &CodeTable) -> Result<(), CodecError> {
        while self.at < self.end {
            self.bits.refill();
            // The bits are enough for two common items.
            if self.common_item(table) && (self.at >= self.end || self.common_item(table)) {
                continue;
            }
            self.bits.refill();
            self.any_item(table)?;
        }
        if self.at > self.end {
            return Err(CodecError::PastEnd { end: self.end });
        }
        Ok(())
    }

    /// Decodes a literal or an undisturbed match of up to 16 bytes, or nothing if the next item is neither.
    ///
    /// Literals are treated as matches from a safe place, the copied byte being replaced: telling literals from matches
    /// by a branch would be guesswork for the processor.
    #[inline(always)]
    fn common_item(&mut self, table: &CodeTable) -> bool {
        let entry = table.first_level(self.bits.peek());
        if entry & RARE != 0 {
            return false;
        }
        let is_literal = entry & LITERAL != 0;
        let length = (entry >> LENGTH_SHIFT) as usize;
        let offset = select_unpredictable(is_literal, self.at, offset(entry, self.bits.peek()));
        if offset < length || offset > self.at {
            return false;
        }
        self.bits.consume(entry);
        let from = (self.at - offset) % MAX_CHUNK;
        let to = self.at % MAX_CHUNK;
        let mut bytes = [0; COMMON_LENGTH];
        bytes.copy_from_slice(&self.window[from..from + COMMON_LENGTH]);
        let copied = u128::from_le_bytes(bytes);
        let low = select_unpredictable(is_literal, u64::from(entry >> VALUE_SHIFT), copied as u64);
        let bytes = (copied >> 64 << 64 | u128::from(low)).to_le_bytes();
        self.window[to..to + COMMON_LENGTH].copy_from_slice(&bytes);
        self.at += length;
        true
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
        let mut length = (entry >> LENGTH_SHIFT) as usize;
        let offset_bits = (entry & TOTAL) - (entry >> CODE_SHIFT & 63);
        let offset = offset(entry, self.bits.peek());
        if length == 0 {
            self.bits.consume(entry >> CODE_SHIFT & 63);
            length = self.long_length().ok_or(CodecError::InputEnds { at })?;
            self.bits.consume(offset_bits);
        } else {
            self.bits.consume(entry);
        }
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

    /// Reads the bytes that tell a length of 18 or more. `None` if they are missing.
    #[inline(always)]
    fn long_length(&mut self) -> Option<usize> {
        let byte = self.bits.take_byte()?;
        let value = if byte < 255 {
            15 + usize::from(byte)
        } else {
            // Quirk: [MS-XCA] 2.2.4 refuses values below 15 and lets 0 announce 32 bits, which no chunk needs. Readers
            // of archives take whatever is there.
            usize::from(u16::from_le_bytes([self.bits.take_byte()?, self.bits.take_byte()?]))
        };
        Some(value + 3)
    }
}

/// The offset of a match with this entry that begins on top of `bits`.
#[inline(always)]
fn offset(entry: u32, bits: u64) -> usize {
    // [MS-XCA] 2.2.4: the offset is a one, and below it the offset bits.
    let bits = bits.wrapping_shl(entry >> CODE_SHIFT);
    (bits >> 1 | 1 << 63).wrapping_shr(entry >> VALUE_SHIFT) as usize
}

/// What a table holds for each symbol.
static ENTRIES: [u32; SYMBOLS] = {
    let mut entries = [0; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS as u32 {
        entries[symbol as usize] = if symbol < 256 {
            LITERAL | symbol << VALUE_SHIFT | 1 << LENGTH_SHIFT
        } else {
            let offset_bits = symbol >> 4 & 15;
            let length = if symbol & 15 < 15 { (symbol & 15) + 3 } else { 0 };
            let rare = if length == 0 || length > COMMON_LENGTH as u32 { RARE } else { 0 };
            rare | offset_bits | (63 - offset_bits) << VALUE_SHIFT | length << LENGTH_SHIFT
        };
        symbol += 1;
    }
    entries
};

#[cfg(test)]
mod tests;
