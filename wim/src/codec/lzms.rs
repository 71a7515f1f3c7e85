//! LZMS: adaptive codes and probabilities over whole chunks, matches of bytes and of differences, and an x86 filter.

mod adaptive;
mod range;
mod slots;
mod x86_filter;

use std::hint::select_unpredictable;

use super::CodecError;
use super::bits::{BitReader, FromBack};
use super::copy::copy_match;
use super::huffman::table_size;
use adaptive::{AdaptiveCode, LONGEST};
use range::{Context, RangeDecoder};
use slots::{LENGTH_SLOTS, LENGTHS, OFFSET_SLOTS, OFFSETS};
use x86_filter::X86Filter;

/// The largest chunk, in bytes.
const MAX_CHUNK: usize = 1 << 30;
const POWERS: usize = 8;

type LiteralCode = AdaptiveCode<256, 10, { table_size(10, 256, LONGEST) }>;
type OffsetCode = AdaptiveCode<1024, 10, { table_size(10, OFFSET_SLOTS, LONGEST) }>;
type LengthCode = AdaptiveCode<64, 9, { table_size(9, LENGTH_SLOTS, LONGEST) }>;
type PowerCode = AdaptiveCode<8, 7, { table_size(7, POWERS, 7) }>;

/// Decodes LZMS chunks.
///
/// Holds the codes' tables, so that using it again allocates nothing.
pub struct Decoder {
    codes: Codes,
    x86_filter: X86Filter,
}

impl Default for Decoder {
    fn default() -> Self {
        let codes = Codes {
            literal: AdaptiveCode::new("literal code", 1024),
            offset: AdaptiveCode::new("offset code", 1024),
            delta_offset: AdaptiveCode::new("delta offset code", 1024),
            length: AdaptiveCode::new("length code", 512),
            power: AdaptiveCode::new("delta power code", 512),
        };
        Self { codes, x86_filter: X86Filter::default() }
    }
}

impl Decoder {
    /// Decodes one chunk, filling `dst` to its last byte.
    ///
    /// `src` is the whole compressed chunk, of which both ends matter; `dst.len()` is its uncompressed size, at most
    /// 1 GiB. Takes time linear in `dst.len()`, allocates nothing, and never panics.
    ///
    /// # Errors
    /// The first rule of the format that `src` breaks; `dst` then holds unspecified bytes. [`CodecError::ChunkSize`] if
    /// `dst` is too long.
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8]) -> Result<(), CodecError> {
        if dst.len() > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: dst.len(), most: MAX_CHUNK });
        }
        if src.len() < 4 || !src.len().is_multiple_of(2) {
            return Err(CodecError::InputSize { size: src.len() });
        }
        self.codes.reset(dst.len())?;
        Items { streams: Streams::new(src), models: Models::default(), dst, at: 0 }.decode(&mut self.codes)?;
        self.x86_filter.undo(dst);
        Ok(())
    }
}

struct Codes {
    literal: LiteralCode,
    offset: OffsetCode,
    delta_offset: OffsetCode,
    length: LengthCode,
    power: PowerCode,
}

impl Codes {
    /// Begins a chunk of `len` bytes.
    fn reset(&mut self, len: usize) -> Result<(), CodecError> {
        let offset_slots = OFFSETS.needed(len.saturating_sub(1));
        self.literal.reset(256, &[])?;
        self.offset.reset(offset_slots, &OFFSETS.bits)?;
        self.delta_offset.reset(offset_slots, &OFFSETS.bits)?;
        self.length.reset(LENGTH_SLOTS, &LENGTHS.bits)?;
        self.power.reset(POWERS, &[])
    }
}

/// What decides about items, beside the codes.
struct Models {
    is_match: Context<16>,
    is_delta: Context<32>,
    lz: Repeats<u32>,
    delta: Repeats<Delta>,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            is_match: Context::default(),
            is_delta: Context::default(),
            lz: Repeats::new(|offset| offset),
            delta: Repeats::new(|raw| Delta { power: 0, raw }),
        }
    }
}

/// Offsets that can be repeated.
struct Repeats<T> {
    is_repeat: Context<64>,
    is_not_first: Context<64>,
    is_third: Context<64>,
    /// The last one used first. Only three can be named: the first three, or the three behind the first if the item
    /// before this one put that there.
    queue: [T; 4],
}

/// A match of differences: of bytes that are 2 to the power of `power` apart, `raw` times as far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delta {
    power: u32,
    raw: u32,
}

/// What an item was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    Lz,
    Delta,
}

/// Both ends of a chunk.
#[derive(Clone, Copy)]
struct Streams<'a> {
    decisions: RangeDecoder<'a>,
    bits: BitReader<FromBack<'a>>,
}

impl<'a> Streams<'a> {
    fn new(src: &'a [u8]) -> Self {
        Self { decisions: RangeDecoder::new(src), bits: BitReader::from_back(src) }
    }
}

/// A chunk while its items are decoded.
struct Items<'a> {
    streams: Streams<'a>,
    models: Models,
    dst: &'a mut [u8],
    /// Bytes of output so far.
    at: usize,
}

impl Items<'_> {
    /// Decodes everything.
    fn decode(mut self, codes: &mut Codes) -> Result<(), CodecError> {
        let mut streams = self.streams;
        let done = self.decode_all(&mut streams, codes);
        // What was read behind the end of the input may break any rule, but is never the cause.
        if streams.decisions.overrun() || streams.bits.overrun() {
            return Err(CodecError::InputEnds { at: self.at });
        }
        done
    }

    #[inline(always)]
    fn decode_all(&mut self, streams: &mut Streams<'_>, codes: &mut Codes) -> Result<(), CodecError> {
        let mut last = Kind::Literal;
        loop {
            while self.at < self.dst.len() && !streams.decisions.bit(&mut self.models.is_match) {
                self.dst[self.at] = codes.literal.take(&mut streams.bits, &[], self.at)?.0 as u8;
                self.at += 1;
                last = Kind::Literal;
            }
            if self.at >= self.dst.len() {
                return Ok(());
            }
            if !streams.decisions.bit(&mut self.models.is_delta) {
                self.lz_match(streams, codes, last == Kind::Lz)?;
                last = Kind::Lz;
            } else {
                *streams = self.delta_match(*streams, codes, last == Kind::Delta)?;
                last = Kind::Delta;
            }
        }
    }

    /// Copies a match of bytes; `again` tells that the item before was one too.
    #[inline(always)]
    fn lz_match(&mut self, streams: &mut Streams<'_>, codes: &mut Codes, again: bool) -> Result<(), CodecError> {
        let offset = match self.models.lz.repeated(&mut streams.decisions, again) {
            Some(offset) => offset,
            None => {
                let (slot, more) = codes.offset.take(&mut streams.bits, &OFFSETS.bits, self.at)?;
                self.models.lz.add(OFFSETS.base(slot) + more)
            }
        } as usize;
        let length = self.length(&mut streams.bits, &mut codes.length)?;
        if offset > self.at {
            return Err(CodecError::Offset { at: self.at, offset });
        }
        copy_match(self.dst, self.at, offset, length);
        self.at += length;
        Ok(())
    }

    /// Continues a sequence of differences; `again` tells that the item before did so too. Gives back the streams.
    #[inline(never)]
    fn delta_match<'a>(
        &mut self,
        mut streams: Streams<'a>,
        codes: &mut Codes,
        again: bool,
    ) -> Result<Streams<'a>, CodecError> {
        let Delta { power, raw } = match self.models.delta.repeated(&mut streams.decisions, again) {
            Some(delta) => delta,
            None => {
                let (power, _) = codes.power.take(&mut streams.bits, &[], self.at)?;
                let (slot, more) = codes.delta_offset.take(&mut streams.bits, &OFFSETS.bits, self.at)?;
                self.models.delta.add(Delta { power: power as u32, raw: OFFSETS.base(slot) + more })
            }
        };
        let length = self.length(&mut streams.bits, &mut codes.length)?;
        let (span, offset) = (1_usize << power, (raw as usize).saturating_mul(1 << power));
        if offset.saturating_add(span) > self.at {
            return Err(CodecError::Offset { at: self.at, offset });
        }
        let window = &mut self.dst[self.at - offset - span..self.at + length];
        // One byte at a time, since each may depend on any before it.
        for from in 0..length {
            let difference = window[from + span].wrapping_sub(window[from]);
            window[from + offset + span] = window[from + offset].wrapping_add(difference);
        }
        self.at += length;
        Ok(streams)
    }

    /// Decodes the length of a match, and holds it against the room there is.
    #[inline(always)]
    fn length(&self, bits: &mut BitReader<FromBack<'_>>, code: &mut LengthCode) -> Result<usize, CodecError> {
        let (slot, more) = code.take(bits, &LENGTHS.bits, self.at)?;
        let length = (LENGTHS.base(slot) + more) as usize;
        let end = self.dst.len();
        if length > end - self.at { Err(CodecError::PastEnd { end }) } else { Ok(length) }
    }
}

impl<T: Copy> Repeats<T> {
    /// Begins with the offsets 1 to 4.
    fn new(offset: impl Fn(u32) -> T) -> Self {
        let queue = [1, 2, 3, 4].map(offset);
        Self { is_repeat: Context::default(), is_not_first: Context::default(), is_third: Context::default(), queue }
    }

    /// Decides whether an offset is repeated, and which. `again` tells that the item before this one was of this kind.
    #[inline(always)]
    fn repeated(&mut self, decisions: &mut RangeDecoder<'_>, again: bool) -> Option<T> {
        if !decisions.bit(&mut self.is_repeat) {
            return None;
        }
        let mut index = usize::from(again);
        if decisions.bit(&mut self.is_not_first) {
            index += 1 + usize::from(decisions.bit(&mut self.is_third));
        }
        let [first, second, third, fourth] = self.queue;
        let moved = self.queue[index % 4];
        self.queue = [
            moved,
            select_unpredictable(index >= 1, first, second),
            select_unpredictable(index >= 2, second, third),
            select_unpredictable(index >= 3, third, fourth),
        ];
        Some(moved)
    }

    /// Puts a new offset in front.
    fn add(&mut self, new: T) -> T {
        let [first, second, third, _] = self.queue;
        self.queue = [new, first, second, third];
        new
    }
}

#[cfg(test)]
mod tests;
