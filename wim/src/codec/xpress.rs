//! XPRESS with Huffman codes: one static code for literals and matches, and no state between matches.

use super::CodecError;
use super::bits::BitReader;
use super::copy::{SLACK, copy_exact, copy_wide};
use super::huffman::{LENGTH_BITS, RARE, Table, table_size};

/// The largest chunk, in bytes. The bit stream of a bigger one would be split.
const MAX_CHUNK: usize = 65536;
const SYMBOLS: usize = 512;
const ROOT: u32 = 11;
const TABLE: usize = table_size(ROOT, SYMBOLS, 15);

// An entry, above the length of the codeword:
/// The literal, or the length of the match.
const VALUE_SHIFT: u32 = 8;
/// Number of offset bits.
const EXTRA_SHIFT: u32 = 16;
const LITERAL: u32 = 1 << 24;
/// More of the length follows as bytes.
const LONG: u32 = 1 << 25;

/// Decodes XPRESS chunks.
///
/// Holds the decoding table, so that using it again allocates nothing.
#[derive(Default)]
pub struct Decoder {
    table: Table<ROOT, TABLE>,
}

impl Decoder {
    /// Decodes one chunk, filling `dst` to its last byte.
    ///
    /// `src` is the whole compressed chunk; `dst.len()` is its uncompressed size, at most 64 KiB. Bytes of `src` behind
    /// what is needed are ignored. Takes time linear in `dst.len()`, allocates nothing, and never panics.
    ///
    /// # Errors
    /// A rule of \[MS-XCA\] 2.2 that `src` breaks; `dst` then holds unspecified bytes. [`CodecError::ChunkSize`] if
    /// `dst` is too long.
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8]) -> Result<(), CodecError> {
        if dst.len() > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: dst.len(), most: MAX_CHUNK });
        }
        let lengths = src.first_chunk().ok_or(CodecError::InputEnds { at: 0 })?;
        self.build(lengths)?;
        let mut bits = BitReader::new(src, lengths.len());
        let mut pos = 0;
        let done = self.items(&mut bits, dst, &mut pos);
        // Made-up bits behind the end of the input may break any rule, but are never the cause.
        if bits.overrun() { Err(CodecError::InputEnds { at: pos }) } else { done }
    }

    /// Builds the table from 4-bit code lengths, two in a byte.
    fn build(&mut self, packed: &[u8; SYMBOLS / 2]) -> Result<(), CodecError> {
        let mut lengths = [0; SYMBOLS];
        for (pair, byte) in lengths.chunks_exact_mut(2).zip(packed) {
            pair[0] = byte & 15;
            pair[1] = byte >> 4;
        }
        self.table
            .build(&lengths, |symbol| ENTRIES[symbol])
            .map_err(|_| CodecError::IncompleteCode { code: "the code", at: 0 })
    }

    /// Decodes until `dst` is full, keeping `pos` true where it fails.
    fn items(&self, bits: &mut BitReader<'_>, dst: &mut [u8], pos: &mut usize) -> Result<(), CodecError> {
        while *pos < dst.len() {
            bits.refill();
            let mut entry = self.table.first_level(bits.peek());
            if entry & RARE != 0 {
                let empty = CodecError::EmptyCode { code: "the code", at: *pos };
                entry = self.table.second_level(bits.peek()).map_err(|_| empty)?;
            }
            bits.consume(entry & LENGTH_BITS);
            if entry & LITERAL != 0 {
                dst[*pos] = (entry >> VALUE_SHIFT) as u8;
                *pos += 1;
            } else {
                *pos += copy_match(entry, bits, dst, *pos)?;
            }
        }
        Ok(())
    }
}

/// Decodes the rest of a match behind its symbol and copies it to `pos`; returns its length.
#[inline(always)]
fn copy_match(entry: u32, bits: &mut BitReader<'_>, dst: &mut [u8], pos: usize) -> Result<usize, CodecError> {
    let mut length = (entry >> VALUE_SHIFT & 0xFF) as usize;
    if entry & LONG != 0 {
        length = long_length(bits).ok_or(CodecError::InputEnds { at: pos })?;
    }
    let extra = entry >> EXTRA_SHIFT & 15;
    let offset = ((bits.peek() >> 1 | 1 << 63) >> (63 - extra)) as usize;
    bits.consume(extra);
    if offset > pos {
        return Err(CodecError::Offset { at: pos, offset: offset as u32 });
    }
    let room = dst.len() - pos;
    if length + SLACK <= room {
        copy_wide(dst, pos, offset, length);
    } else if length <= room {
        copy_exact(dst, pos, offset, length);
    } else {
        return Err(CodecError::MatchLength { at: pos, length, room });
    }
    Ok(length)
}

/// Reads the bytes that tell a length of 18 or more. `None` if they are missing.
#[inline(never)]
fn long_length(bits: &mut BitReader<'_>) -> Option<usize> {
    let more = bits.take_byte()?;
    let value = if more < 255 {
        15 + usize::from(more)
    } else {
        // Quirk: [MS-XCA] 2.2.4 refuses values below 15 and lets 0 announce 32 bits, which no chunk needs. Readers of
        // archives take whatever is there.
        usize::from(u16::from_le_bytes([bits.take_byte()?, bits.take_byte()?]))
    };
    bits.refill();
    Some(value + 3)
}

/// What a table holds for each symbol.
static ENTRIES: [u32; SYMBOLS] = {
    let mut entries = [0; SYMBOLS];
    let mut symbol = 0;
    while symbol < SYMBOLS as u32 {
        entries[symbol as usize] = if symbol < 256 {
            LITERAL | symbol << VALUE_SHIFT
        } else if symbol & 15 < 15 {
            (symbol >> 4 & 15) << EXTRA_SHIFT | ((symbol & 15) + 3) << VALUE_SHIFT
        } else {
            (symbol >> 4 & 15) << EXTRA_SHIFT | LONG
        };
        symbol += 1;
    }
    entries
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_documented_stream() {
        let mut src = [0; 256].to_vec();
        src[0x30] = 0x20;
        src[0x31] = 0x02;
        src[0x80] = 0x02;
        src[0x87] = 0x20;
        src.extend([0xe0, 0x1c, 0x00, 0x00, 0x05, 0xff, 0x2c, 0x01]);
        let mut dst = [0; 329];
        Decoder::default().decode(&src, &mut dst).unwrap();
        let want = [&b"ab"[..], &[b'b'; 23], b"a", &[b'a'; 303]].concat();
        assert_eq!(dst.as_slice(), want);
    }
}
