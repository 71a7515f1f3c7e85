//! Decoding LZX chunks.

use super::super::CodecError;
use super::super::bits::{BitReader, FromFront, PAD, Words, zeroed};
use super::super::copy::SLACK;
use super::call_filter;
use super::code_lengths::CodeLengths;
use super::items::{Items, Tables};
use super::{MAX_CHUNK, MAX_MATCH, slots, window_order};

pub(super) const WINDOW: usize = MAX_CHUNK + MAX_MATCH + SLACK;
pub(super) type Reader<'a> = BitReader<FromFront<'a, { MAX_CHUNK + PAD }>>;

/// Decodes LZX chunks.
///
/// Holds the decoding tables and room for a chunk, so that using it again allocates nothing. Of the
/// 4 MiB that this room takes at most, memory is used only as far as chunks have filled it, where
/// the system allows for that.
pub struct Decoder {
    lengths: CodeLengths,
    tables: Tables,
    words: Words<{ MAX_CHUNK + PAD }>,
    window: Box<[u8; WINDOW]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { lengths: CodeLengths::default(), tables: Tables::default(), words: Words::default(), window: zeroed() }
    }
}

impl Decoder {
    /// Decodes one chunk, filling `dst` to its last byte.
    ///
    /// `src` is the whole compressed chunk; `dst.len()` is its uncompressed size. `chunk_size` is
    /// that of the resource, in bytes and at most 2 MiB: the alphabet depends on it, in a last,
    /// shorter chunk too. Bytes of `src` after the last needed one are ignored, and so are all
    /// after the first 2 MiB. Takes time linear in `src.len() + dst.len()`, allocates nothing, and
    /// never panics.
    ///
    /// # Errors
    /// A rule of the format that `src` breaks; `dst` then holds unspecified bytes.
    /// [`CodecError::ChunkSize`] if `chunk_size` is too large, or `dst` is larger than it.
    ///
    /// # Examples
    /// ```
    /// // The last chunk of a resource in chunks of 32 KiB.
    /// let src = [
    ///     0x12, 0x20, 0x00, 0xc2, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x01, 0x30,
    ///     0xda, 0x07, 0x3e, 0xfb, 0xf5, 0xfb, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ///     0x01, 0x00, 0x08, 0x01, 0x17, 0x67, 0xfb, 0x3e, 0x80, 0xed, 0x00, 0x00,
    ///     0x00, 0x00, 0x00, 0x00, 0x11, 0x00, 0x15, 0x08, 0xfb, 0x3e, 0xf3, 0xef,
    ///     0x96, 0x1b, 0x00, 0x80,
    /// ];
    /// let mut dst = vec![0; 300];
    /// wim::codec::lzx::Decoder::default().decode(&src, &mut dst, 32 << 10)?;
    /// assert_eq!(dst, b"abc".repeat(100));
    /// # Ok::<(), wim::CodecError>(())
    /// ```
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8], chunk_size: u32) -> Result<(), CodecError> {
        let most = chunk_size as usize;
        if most > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: most, most: MAX_CHUNK });
        }
        if dst.len() > most {
            return Err(CodecError::ChunkSize { size: dst.len(), most });
        }
        self.words.load(src, 0);
        let mut chunk = Chunk {
            bits: BitReader::from_front(src, &self.words, &self.words),
            window: &mut self.window,
            at: 0,
            end: dst.len(),
            repeats: [1; 3],
            may_call: false,
        };
        let done = chunk.decode(&mut self.lengths, &mut self.tables, window_order(chunk_size));
        // Bits from after the end of the input can break any rule, but the cause is that the input
        // ends.
        if chunk.bits.overrun() {
            return Err(CodecError::InputEnds { at: chunk.at });
        }
        done?;
        let may_call = chunk.may_call;
        dst.copy_from_slice(&self.window[..dst.len()]);
        if may_call {
            call_filter::undo(dst);
        }
        Ok(())
    }
}

/// A chunk while its blocks are decoded.
struct Chunk<'a> {
    bits: Reader<'a>,
    window: &'a mut [u8; WINDOW],
    /// Bytes of output so far.
    at: usize,
    end: usize,
    repeats: [u32; 3],
    /// Whether the output can hold an 0xE8, the code of the instruction that the filter changes.
    may_call: bool,
}

impl Chunk<'_> {
    fn decode(&mut self, lengths: &mut CodeLengths, tables: &mut Tables, order: u32) -> Result<(), CodecError> {
        lengths.reset(256 + 8 * slots(order));
        while self.at < self.end {
            self.bits.refill();
            let kind = self.bits.take(3) as u8;
            let end = self.block_end(order)?;
            match kind {
                1 => {
                    self.read_codes(lengths)?;
                    tables.build(lengths, None, self.at)?;
                    self.decode_items::<false>(tables, end)?;
                }
                2 => {
                    self.bits.refill();
                    let aligned = std::array::from_fn(|_| self.bits.take(3) as u8);
                    self.read_codes(lengths)?;
                    tables.build(lengths, Some(&aligned), self.at)?;
                    self.decode_items::<true>(tables, end)?;
                }
                3 => self.copy_stored(end)?,
                _ => return Err(CodecError::BlockType { at: self.at, kind }),
            }
        }
        Ok(())
    }

    /// Reads the block's size, for which 25 bits must be available, and returns where in the output
    /// it ends.
    fn block_end(&mut self, order: u32) -> Result<usize, CodecError> {
        let size = if self.bits.take(1) == 1 {
            32768
        } else {
            // Quirk: sizes of more than 16 bits are an extension of wimlib, which alone writes
            // larger chunks.
            self.bits.take(if order < 16 { 16 } else { 24 }) as usize
        };
        let room = self.end - self.at;
        if size == 0 || size > room {
            return Err(CodecError::BlockSize { at: self.at, size, room });
        }
        Ok(self.at + size)
    }

    /// Reads the lengths of the main code and the length code.
    fn read_codes(&mut self, lengths: &mut CodeLengths) -> Result<(), CodecError> {
        lengths.read(&mut self.bits, self.at)?;
        self.may_call |= lengths.main()[0xE8] > 0;
        Ok(())
    }

    /// Decodes the literals and matches of a block that ends at `end`.
    #[inline(never)]
    fn decode_items<const ALIGNED: bool>(&mut self, tables: &Tables, end: usize) -> Result<(), CodecError> {
        let mut items = Items { bits: self.bits, window: self.window, at: self.at, end, repeats: self.repeats };
        let done = items.decode::<ALIGNED>(tables);
        (self.bits, self.at, self.repeats) = (items.bits, items.at, items.repeats);
        done
    }

    /// Copies an uncompressed block that ends at `end`.
    fn copy_stored(&mut self, end: usize) -> Result<(), CodecError> {
        let missing = CodecError::InputEnds { at: self.at };
        self.bits.refill();
        let mut bytes = self.bits.leave_word();
        for repeat in &mut self.repeats {
            let (field, rest) = bytes.split_first_chunk().ok_or(missing)?;
            *repeat = u32::from_le_bytes(*field);
            if *repeat == 0 {
                return Err(CodecError::Offset { at: self.at, offset: 0 });
            }
            bytes = rest;
        }
        let size = end - self.at;
        self.window[self.at..end].copy_from_slice(bytes.get(..size).ok_or(missing)?);
        self.bits.skip(12 + size.next_multiple_of(2));
        self.at = end;
        self.may_call = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
