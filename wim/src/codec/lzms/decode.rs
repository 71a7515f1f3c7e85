//! Decoding.

use std::hint::select_unpredictable;

use super::super::CodecError;
use super::super::bits::{BitReader, FromBack};
use super::super::copy::copy_match;
use super::super::huffman::table_size;
use super::adaptive::{AdaptiveCode, LONGEST};
use super::range::{Context, RangeDecoder};
use super::slots::{LENGTH_SLOTS, LENGTHS, OFFSET_SLOTS, OFFSETS};
use super::x86_filter::X86Filter;
use super::{MAX_CHUNK, POWERS};

type LiteralCode = AdaptiveCode<512, 10, { table_size(10, 256, LONGEST) }>;
type OffsetCode = AdaptiveCode<1024, 10, { table_size(10, OFFSET_SLOTS, LONGEST) }>;
type LengthCode = AdaptiveCode<64, 9, { table_size(9, LENGTH_SLOTS, LONGEST) }>;
type PowerCode = AdaptiveCode<16, 7, { table_size(7, POWERS, 7) }>;

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
    /// `src` is the whole compressed chunk, of which both ends matter; `dst.len()` is its
    /// uncompressed size, at most 1 GiB. Takes time linear in `dst.len()`, allocates nothing, and
    /// never panics.
    ///
    /// # Errors
    /// The first rule of the format that `src` breaks; `dst` then holds unspecified bytes.
    /// [`CodecError::ChunkSize`] if `dst` is too long.
    ///
    /// # Examples
    /// ```
    /// // Three literals, then a match at the third of the first repeat offsets.
    /// let src = [
    ///     0xee, 0x64, 0xd0, 0xff, 0x00, 0x00, 0x00, 0xc0, 0x1f, 0x63, 0x62, 0x61,
    /// ];
    /// let mut dst = vec![0; 300];
    /// wim::codec::lzms::Decoder::default().decode(&src, &mut dst)?;
    /// assert_eq!(dst, b"abc".repeat(100));
    /// # Ok::<(), wim::CodecError>(())
    /// ```
    pub fn decode(&mut self, src: &[u8], dst: &mut [u8]) -> Result<(), CodecError> {
        if dst.len() > MAX_CHUNK {
            return Err(CodecError::ChunkSize { size: dst.len(), most: MAX_CHUNK });
        }
        if src.len() < 4 || !src.len().is_multiple_of(2) {
            return Err(CodecError::InputSize { size: src.len() });
        }
        self.codes.reset(dst.len())?;
        decode_items(Streams::new(src), &mut self.codes, dst)?;
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

/// The contexts that decide which item comes next; the codes then give its values.
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
    /// The offset used last comes first. Only three can be named: the first three, or the three
    /// after the first if the previous item put that there.
    queue: [T; 4],
}

/// A match of differences: of bytes that are 2 to the power of `power` apart, `raw` times as far
/// back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delta {
    power: u32,
    raw: u32,
}

/// The kind of an item.
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

/// Decodes the items of a chunk, which fill `dst`.
#[inline(never)]
fn decode_items(mut streams: Streams<'_>, codes: &mut Codes, dst: &mut [u8]) -> Result<(), CodecError> {
    let mut at = 0;
    let done = decode_all(&mut streams, codes, dst, &mut at);
    // Bits from after the end of the input can break any rule, but the cause is that the input
    // ends.
    if streams.decisions.overrun() || streams.bits.overrun() {
        return Err(CodecError::InputEnds { at });
    }
    done
}

/// Goes on until all of `dst` is filled or a rule is broken; `at` is the output so far.
#[inline(always)]
fn decode_all(streams: &mut Streams<'_>, codes: &mut Codes, dst: &mut [u8], at: &mut usize) -> Result<(), CodecError> {
    let mut models = Models::default();
    let mut last = Kind::Literal;
    loop {
        while *at < dst.len() && !streams.decisions.bit(&mut models.is_match) {
            dst[*at] = codes.literal.take(&mut streams.bits, &[], *at)?.0 as u8;
            *at += 1;
            last = Kind::Literal;
        }
        if *at >= dst.len() {
            return Ok(());
        }
        let length;
        if !streams.decisions.bit(&mut models.is_delta) {
            length = lz_match(streams, &mut models.lz, codes, dst, *at, last == Kind::Lz)?;
            last = Kind::Lz;
        } else {
            (*streams, length) = delta_match(*streams, &mut models.delta, codes, dst, *at, last == Kind::Delta)?;
            last = Kind::Delta;
        }
        *at += length;
    }
}

/// Copies a match of bytes and returns its length; `again` is set if the previous item was one too.
#[inline(always)]
fn lz_match(
    Streams { decisions, bits }: &mut Streams<'_>,
    repeats: &mut Repeats<u32>,
    codes: &mut Codes,
    dst: &mut [u8],
    at: usize,
    again: bool,
) -> Result<usize, CodecError> {
    let offset = match repeats.repeated(decisions, again) {
        Some(offset) => offset,
        None => {
            let (slot, more) = codes.offset.take(bits, &OFFSETS.bits, at)?;
            repeats.add(OFFSETS.base(slot) + more)
        }
    } as usize;
    let length = length(bits, &mut codes.length, dst.len(), at)?;
    if offset > at {
        return Err(CodecError::Offset { at, offset });
    }
    copy_match(dst, at, offset, length);
    Ok(length)
}

/// Continues a sequence of differences; `again` is set if the previous item did so too. Returns the
/// streams and the number of bytes that it added.
#[inline(never)]
fn delta_match<'a>(
    Streams { mut decisions, mut bits }: Streams<'a>,
    repeats: &mut Repeats<Delta>,
    codes: &mut Codes,
    dst: &mut [u8],
    at: usize,
    again: bool,
) -> Result<(Streams<'a>, usize), CodecError> {
    let Delta { power, raw } = match repeats.repeated(&mut decisions, again) {
        Some(delta) => delta,
        None => {
            let (power, _) = codes.power.take(&mut bits, &[], at)?;
            let (slot, more) = codes.delta_offset.take(&mut bits, &OFFSETS.bits, at)?;
            repeats.add(Delta { power: power as u32, raw: OFFSETS.base(slot) + more })
        }
    };
    let length = length(&mut bits, &mut codes.length, dst.len(), at)?;
    let (span, offset) = (1_usize << power, (raw as usize).saturating_mul(1 << power));
    if offset.saturating_add(span) > at {
        return Err(CodecError::Offset { at, offset });
    }
    let window = &mut dst[at - offset - span..at + length];
    // One byte at a time, since each may depend on any before it.
    for from in 0..length {
        let difference = window[from + span].wrapping_sub(window[from]);
        window[from + offset + span] = window[from + offset].wrapping_add(difference);
    }
    Ok((Streams { decisions, bits }, length))
}

/// Decodes the length of a match, and checks it against the space after `at`.
#[inline(always)]
fn length(
    bits: &mut BitReader<FromBack<'_>>,
    code: &mut LengthCode,
    end: usize,
    at: usize,
) -> Result<usize, CodecError> {
    let (slot, more) = code.take(bits, &LENGTHS.bits, at)?;
    let length = (LENGTHS.base(slot) + more) as usize;
    if length > end - at { Err(CodecError::PastEnd { end }) } else { Ok(length) }
}

impl<T: Copy> Repeats<T> {
    /// Begins with the offsets 1 to 4.
    fn new(offset: impl Fn(u32) -> T) -> Self {
        let queue = [1, 2, 3, 4].map(offset);
        Self { is_repeat: Context::default(), is_not_first: Context::default(), is_third: Context::default(), queue }
    }

    /// Decodes whether an offset is repeated, and which. `again` is set if the previous item was of
    /// this kind.
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
