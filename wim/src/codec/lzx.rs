//! LZX as archives use it: blocks with their own Huffman codes, three repeat offsets, and an x86 filter over it all.

mod call_filter;
mod code_lengths;

use super::CodecError;
use super::bits::BitReader;
use super::copy::{SLACK, copy_exact, copy_wide};
use super::huffman::{LENGTH_BITS, RARE, Table, table_size};
use code_lengths::CodeLengths;

/// The largest chunk, in bytes.
const MAX_CHUNK: usize = 1 << 21;
/// Offset slots of the largest window.
const MAX_SLOTS: usize = 50;
const MAX_MAIN: usize = 256 + 8 * MAX_SLOTS;
const LENGTH_SYMBOLS: usize = 249;
const ALIGNED_SYMBOLS: usize = 8;

const MAIN_ROOT: u32 = 11;
const LENGTH_ROOT: u32 = 9;
const ALIGNED_ROOT: u32 = 7;
type MainTable = Table<MAIN_ROOT, { table_size(MAIN_ROOT, MAX_MAIN, 16) }>;
type LengthTable = Table<LENGTH_ROOT, { table_size(LENGTH_ROOT, LENGTH_SYMBOLS, 16) }>;
type AlignedTable = Table<ALIGNED_ROOT, { table_size(ALIGNED_ROOT, ALIGNED_SYMBOLS, 7) }>;

const MAIN_CODE: &str = "main code";
const LENGTH_CODE: &str = "length code";
const ALIGNED_CODE: &str = "aligned offset code";

// An entry of the main table, above the length of the codeword:
/// The literal, or the length of the match; in the other tables the symbol.
const VALUE_SHIFT: u32 = 8;
/// Number of offset bits that are read plainly.
const EXTRA_SHIFT: u32 = 18;
const LITERAL: u32 = 1 << 23;
/// The length goes on with a symbol of the length code.
const LONG: u32 = 1 << 24;
/// The offset ends with a symbol of the aligned offset code, if the block has one.
const ALIGNED: u32 = 1 << 25;
/// The offset is a repeat offset; `HEAD` says which.
const REPEAT: u32 = 1 << 26;
/// The bits of the offset, plus 2, above the extra ones.
const HEAD_SHIFT: u32 = 28;

/// Decodes LZX chunks.
///
/// Holds the decoding tables, so that using it again allocates nothing.
#[derive(Default)]
pub struct Decoder {
    lengths: CodeLengths,
    tables: Tables,
}

/// The tables of a block.
#[derive(Default)]
struct Tables {
    main: MainTable,
    length: LengthTable,
    aligned: AlignedTable,
}

/// A chunk being decoded.
struct Chunk<'a, 'b> {
    bits: BitReader<'a>,
    dst: &'b mut [u8],
    /// Bytes of `dst` that are decoded.
    pos: usize,
    repeats: [u32; 3],
    /// Whether the byte 0xE8 can have been produced other than by a match.
    has_calls: bool,
}

impl Decoder {
    /// Decodes one chunk, filling `dst` to its last byte.
    ///
    /// `src` is the whole compressed chunk; `dst.len()` is its uncompressed size. `chunk_size` is that of the resource,
    /// in bytes and at most 2 MiB: the alphabet depends on it, in a last, shorter chunk too. Bytes of `src` behind what
    /// is needed are ignored. Takes time linear in `src.len() + dst.len()`, allocates nothing, and never panics.
    ///
    /// # Errors
    /// The first rule of the format that `src` breaks; `dst` then holds unspecified bytes.
    /// [`CodecError::ChunkSize`] if `chunk_size` is too large, or `dst` is larger than it.
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8], chunk_size: u32) -> Result<(), CodecError> {
        let window = chunk_size as usize;
        if window > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: window, most: MAX_CHUNK });
        }
        if dst.len() > window {
            return Err(CodecError::ChunkSize { size: dst.len(), most: window });
        }
        let bits = BitReader::new(src, 0);
        let mut chunk = Chunk { bits, dst, pos: 0, repeats: [1; 3], has_calls: false };
        let done = self.blocks(&mut chunk, window_order(chunk_size));
        // Made-up bits behind the end of the input may break any rule, but are never the cause.
        if chunk.bits.overrun() {
            return Err(CodecError::InputEnds { at: chunk.pos });
        }
        done?;
        if chunk.has_calls {
            call_filter::undo(dst);
        }
        Ok(())
    }

    /// Decodes blocks until the chunk is full.
    fn blocks(&mut self, chunk: &mut Chunk<'_, '_>, order: u32) -> Result<(), CodecError> {
        self.lengths.reset(256 + 8 * slots(order));
        while chunk.pos < chunk.dst.len() {
            chunk.bits.refill();
            let kind = chunk.bits.take(3) as u8;
            let end = chunk.block_end(order)?;
            match kind {
                1 => {
                    self.read_codes(chunk)?;
                    self.tables.items::<false>(chunk, end)?;
                }
                2 => {
                    self.read_aligned_code(chunk)?;
                    self.read_codes(chunk)?;
                    self.tables.items::<true>(chunk, end)?;
                }
                3 => chunk.copy_stored(end)?,
                _ => return Err(CodecError::BlockType { at: chunk.pos, kind }),
            }
        }
        Ok(())
    }

    /// Reads the aligned offset code.
    fn read_aligned_code(&mut self, chunk: &mut Chunk<'_, '_>) -> Result<(), CodecError> {
        chunk.bits.refill();
        let mut lengths = [0; ALIGNED_SYMBOLS];
        lengths.fill_with(|| chunk.bits.take(3) as u8);
        self.tables
            .aligned
            .build(&lengths, |symbol| (symbol as u32) << VALUE_SHIFT)
            .map_err(|_| CodecError::IncompleteCode { code: ALIGNED_CODE, at: chunk.pos })
    }

    /// Reads the main code and the length code.
    fn read_codes(&mut self, chunk: &mut Chunk<'_, '_>) -> Result<(), CodecError> {
        let at = chunk.pos;
        self.lengths.read(&mut chunk.bits, at)?;
        let main = self.lengths.main();
        chunk.has_calls |= main[0xE8] > 0;
        self.tables
            .main
            .build(main, |symbol| ENTRIES[symbol])
            .map_err(|_| CodecError::IncompleteCode { code: MAIN_CODE, at })?;
        self.tables
            .length
            .build(self.lengths.length(), |symbol| (symbol as u32 + 9) << VALUE_SHIFT)
            .map_err(|_| CodecError::IncompleteCode { code: LENGTH_CODE, at })
    }
}

impl Chunk<'_, '_> {
    /// Reads the block's size, for which 32 bits must be available, and returns where in the output it ends.
    fn block_end(&mut self, order: u32) -> Result<usize, CodecError> {
        let size = if self.bits.take(1) == 1 {
            32768
        } else if order < 16 {
            self.bits.take(16) as usize
        } else {
            self.bits.take(24) as usize
        };
        let room = self.dst.len() - self.pos;
        if size == 0 || size > room {
            return Err(CodecError::BlockSize { at: self.pos, size, room });
        }
        Ok(self.pos + size)
    }

    /// Copies an uncompressed block that ends at `end`.
    fn copy_stored(&mut self, end: usize) -> Result<(), CodecError> {
        let missing = CodecError::InputEnds { at: self.pos };
        self.bits.refill();
        let at = self.bits.leave_word();
        let mut rest = self.bits.bytes_from(at);
        for repeat in &mut self.repeats {
            let (bytes, behind) = rest.split_first_chunk().ok_or(missing)?;
            *repeat = u32::from_le_bytes(*bytes);
            if *repeat == 0 {
                return Err(CodecError::Offset { at: self.pos, offset: 0 });
            }
            rest = behind;
        }
        let size = end - self.pos;
        self.dst[self.pos..end].copy_from_slice(rest.get(..size).ok_or(missing)?);
        self.bits.seek(at + 12 + size.next_multiple_of(2));
        self.pos = end;
        self.has_calls = true;
        Ok(())
    }
}

impl Tables {
    /// Decodes the items of a block that ends at `end`.
    #[inline(never)]
    fn items<const HAS_ALIGNED: bool>(&self, chunk: &mut Chunk<'_, '_>, end: usize) -> Result<(), CodecError> {
        while chunk.pos < end {
            chunk.bits.refill();
            let mut entry = self.main.first_level(chunk.bits.peek());
            if entry & RARE != 0 {
                let empty = CodecError::EmptyCode { code: MAIN_CODE, at: chunk.pos };
                entry = self.main.second_level(chunk.bits.peek()).map_err(|_| empty)?;
            }
            chunk.bits.consume(entry & LENGTH_BITS);
            if entry & LITERAL != 0 {
                chunk.dst[chunk.pos] = (entry >> VALUE_SHIFT) as u8;
                chunk.pos += 1;
            } else {
                self.copy_match::<HAS_ALIGNED>(entry, chunk, end)?;
            }
        }
        Ok(())
    }

    /// Decodes the rest of a match behind its main symbol and copies it.
    #[inline(always)]
    fn copy_match<const HAS_ALIGNED: bool>(
        &self,
        entry: u32,
        chunk: &mut Chunk<'_, '_>,
        end: usize,
    ) -> Result<(), CodecError> {
        let at = chunk.pos;
        let mut length = (entry >> VALUE_SHIFT & 0x1FF) as usize;
        if entry & LONG != 0 {
            let more = self.length.lookup(chunk.bits.peek());
            let more = more.map_err(|_| CodecError::EmptyCode { code: LENGTH_CODE, at })?;
            chunk.bits.consume(more & LENGTH_BITS);
            length = (more >> VALUE_SHIFT) as usize;
            chunk.bits.refill();
        }
        let extra = entry >> EXTRA_SHIFT & 31;
        let head = u64::from(entry >> HEAD_SHIFT) << 60;
        let plain =
            ((chunk.bits.peek() >> 4 | head) >> (60 - if HAS_ALIGNED { plain_bits(entry) } else { extra })) as u32;
        let offset = if entry & REPEAT != 0 {
            chunk.repeats.swap(0, plain as usize % 3);
            chunk.repeats[0]
        } else {
            let mut offset = plain;
            if HAS_ALIGNED {
                chunk.bits.consume(plain_bits(entry));
                if entry & ALIGNED != 0 {
                    let low = self.aligned.lookup(chunk.bits.peek());
                    let low = low.map_err(|_| CodecError::EmptyCode { code: ALIGNED_CODE, at })?;
                    chunk.bits.consume(low & LENGTH_BITS);
                    offset = plain << 3 | low >> VALUE_SHIFT;
                }
            } else {
                chunk.bits.consume(extra);
            }
            chunk.repeats = [offset - 2, chunk.repeats[0], chunk.repeats[1]];
            offset - 2
        };
        if offset as usize > at {
            return Err(CodecError::Offset { at, offset });
        }
        let room = end - at;
        if length > room {
            return Err(CodecError::MatchLength { at, length, room });
        }
        if length + SLACK <= chunk.dst.len() - at {
            copy_wide(chunk.dst, at, offset as usize, length);
        } else {
            copy_exact(chunk.dst, at, offset as usize, length);
        }
        chunk.pos = at + length;
        Ok(())
    }
}

/// Number of the entry's offset bits that come plainly in a block with an aligned offset code.
#[inline(always)]
fn plain_bits(entry: u32) -> u32 {
    (entry >> EXTRA_SHIFT & 31) - if entry & ALIGNED != 0 { 3 } else { 0 }
}

/// The window is 2 to the power of this.
fn window_order(chunk_size: u32) -> u32 {
    chunk_size.next_power_of_two().ilog2().max(15)
}

/// Number of offset slots for a window.
fn slots(order: u32) -> usize {
    match order {
        ..=19 => 2 * order as usize,
        20 => 42,
        _ => MAX_SLOTS,
    }
}

/// What the main table holds for each symbol.
static ENTRIES: [u32; MAX_MAIN] = {
    let mut entries = [0; MAX_MAIN];
    let mut symbol = 0;
    while symbol < MAX_MAIN as u32 {
        entries[symbol as usize] = if symbol < 256 {
            LITERAL | symbol << VALUE_SHIFT
        } else {
            let length = if symbol & 7 < 7 { ((symbol & 7) + 2) << VALUE_SHIFT } else { LONG };
            length | offset_entry((symbol - 256) >> 3)
        };
        symbol += 1;
    }
    entries
};

/// The part of an entry that an offset slot decides.
const fn offset_entry(slot: u32) -> u32 {
    match slot {
        0..3 => REPEAT | slot << HEAD_SHIFT,
        3 => 3 << HEAD_SHIFT,
        _ => {
            // From slot 36 on, offsets have 17 extra bits, and all that is above them counts the slots.
            let extra = if slot < 36 { slot / 2 - 1 } else { 17 };
            let head = if slot < 36 { 2 | slot & 1 } else { slot - 34 };
            let aligned = if slot < 8 { 0 } else { ALIGNED };
            head << HEAD_SHIFT | extra << EXTRA_SHIFT | aligned
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digits: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect()
    }

    #[test]
    fn decodes_what_another_encoder_made() {
        let text = "122000c20000000003000130da073efbf5fb000000000000010008011767fb3e80ed000000000000110015\
                    08fb3ef3ef961b0080";
        let zeros = "3e2000800000000000000101ff07ffff00e00000000000004204cf19fbbe00e400000000000011003e08effb13f5c037";
        for (src, want) in [(text, b"abc".repeat(100)), (zeros, vec![0; 1000])] {
            let mut dst = vec![0xAA; want.len()];
            Decoder::default().decode(&hex(src), &mut dst, 32768).unwrap();
            assert_eq!(dst, want);
        }
    }

    #[test]
    fn copies_an_uncompressed_block() {
        let want: Vec<u8> = (0x41..=0x73).collect();
        let mut src = hex("03600030010000000100000001000000");
        src.extend(&want);
        src.push(0);
        let mut dst = vec![0; want.len()];
        Decoder::default().decode(&src, &mut dst, 32768).unwrap();
        assert_eq!(dst, want);
    }
}
