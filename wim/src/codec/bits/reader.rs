//! Reading bits of words.

/// The words of a chunk's compressed bytes, laid out so that bits can be taken eight bytes at a
/// time.
///
/// They are stored in reverse, the first one last, so that a number loaded from there has all bits
/// in the order in which they are read. `SIZE` is the largest number of bytes kept, a power of two,
/// plus [`PAD`].
pub(in super::super) struct Words<const SIZE: usize>(Box<[u8; SIZE]>);

/// Bytes of [`Words`] in addition to those it keeps, so that loads of eight bytes stay inside.
pub(in super::super) const PAD: usize = 16;

impl<const SIZE: usize> Default for Words<SIZE> {
    fn default() -> Self {
        Self(zeroed())
    }
}

impl<const SIZE: usize> Words<SIZE> {
    /// Takes the words of `src` that begin at `first`, 0 or 1, and every two bytes from there.
    pub(in super::super) fn load(&mut self, src: &[u8], first: usize) {
        // Half a word at the end is of no use: its bits come second.
        let (words, _) = cut::<SIZE>(src).get(first..).unwrap_or_default().as_chunks::<2>();
        let end = SIZE - PAD + 7 - first; // eight bytes from SIZE - PAD - 1 on are the first ones
        let (free, kept) = self.0[..end].split_at_mut(end - 2 * words.len());
        for (to, from) in kept.as_chunks_mut::<2>().0.iter_mut().rev().zip(words) {
            *to = *from;
        }
        let behind = free.len().saturating_sub(PAD - 2);
        free[behind..].fill(0);
    }
}

/// The bytes that [`Words`] keep.
fn cut<const SIZE: usize>(src: &[u8]) -> &[u8] {
    &src[..src.len().min(SIZE - PAD)]
}

/// An array on the heap, which is too large for the stack on the way there.
pub(in super::super) fn zeroed<T: Clone + Default, const SIZE: usize>() -> Box<[T; SIZE]> {
    vec![T::default(); SIZE].into_boxed_slice().try_into().ok().expect("the length is right")
}

/// A source of bits for a [`BitReader`].
pub(in super::super) trait Source {
    /// The next eight bytes in the order in which their bits are read, the first in the top byte;
    /// arbitrary bytes after the end. Advances by `count` of them, at most 7.
    fn next(&mut self, count: u32) -> u64;
}

/// Words read from the front, as in XPRESS and LZX.
#[derive(Clone, Copy)]
pub(in super::super) struct FromFront<'a, const SIZE: usize> {
    src: &'a [u8],
    words: &'a [u8; SIZE],
    others: &'a [u8; SIZE],
    /// Offset of the next byte to load; may lie after the end.
    pos: usize,
    /// Whether words begin at offsets that are not even.
    is_odd: bool,
}

impl<const SIZE: usize> Source for FromFront<'_, SIZE> {
    #[inline(always)]
    fn next(&mut self, count: u32) -> u64 {
        let place = !self.pos % (SIZE - PAD); // the top byte is 7 bytes further
        self.pos += count as usize;
        self.words[place..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// Words read from the back, as in LZMS.
#[derive(Clone, Copy)]
pub(in super::super) struct FromBack<'a> {
    unread: &'a [u8],
    /// Bytes that were taken from before the first one.
    missing: usize,
}

impl Source for FromBack<'_> {
    #[inline(always)]
    fn next(&mut self, count: u32) -> u64 {
        let count = (count & 7) as usize;
        if let Some(bytes) = self.unread.last_chunk() {
            self.unread = &self.unread[..self.unread.len() - count];
            return u64::from_le_bytes(*bytes);
        }
        let (unread, bits) = (self.unread, first_bytes(self.unread));
        self.unread = &unread[..unread.len().saturating_sub(count)];
        self.missing += count.saturating_sub(unread.len());
        bits
    }
}

/// The bytes that [`FromBack`] returns where fewer than eight are left.
#[cold]
#[inline(never)]
fn first_bytes(unread: &[u8]) -> u64 {
    unread.iter().fold(0, |bits, &byte| bits >> 8 | u64::from(byte) << 56)
}

/// Reads bits and, between them, whole bytes.
///
/// After the end of the input it supplies arbitrary bits without end, so loops need no check of
/// their own as long as they are bounded by their output; `overrun` returns whether such bits were
/// used.
#[derive(Clone, Copy)]
pub(in super::super) struct BitReader<S> {
    source: S,
    /// Unread bits from the top. Below `count` bits there may be more, and these are right too.
    buf: u64,
    /// In its low six bits, the number of bits in `buf` that the source has advanced past.
    count: u32,
}

impl<S: Source> BitReader<S> {
    /// Makes at least 56 bits available.
    #[inline(always)]
    pub(in super::super) fn refill(&mut self) {
        self.buf |= self.source.next(!self.count >> 3 & 7).wrapping_shr(self.count);
        self.count |= 56;
    }

    /// The unread bits, the next one on top. At least as many are valid as the last refill promised
    /// and were not consumed since.
    #[inline(always)]
    pub(in super::super) fn peek(&self) -> u64 {
        self.buf
    }

    /// Drops the next `count` bits, which must be available. Only the low six bits of `count`
    /// matter.
    #[inline(always)]
    pub(in super::super) fn consume(&mut self, count: u32) {
        self.buf = self.buf.wrapping_shl(count);
        self.count = self.count.wrapping_sub(count);
    }

    /// Takes the next `count` bits, 1 to 32, of which as many must be available.
    #[inline(always)]
    pub(in super::super) fn take(&mut self, count: u32) -> u32 {
        let value = (self.buf >> (64 - count)) as u32;
        self.consume(count);
        value
    }

    /// Number of bits in `buf` that the source has advanced past.
    #[inline(always)]
    pub(in super::super) fn count(&self) -> u32 {
        self.count & 63
    }
}

impl<'a> BitReader<FromBack<'a>> {
    /// Reads `src`, which has an even length.
    pub(in super::super) fn from_back(src: &'a [u8]) -> Self {
        Self { source: FromBack { unread: src, missing: 0 }, buf: 0, count: 0 }
    }

    /// Whether bits were consumed that lie before the first byte.
    pub(in super::super) fn overrun(&self) -> bool {
        8 * self.source.missing > self.count() as usize
    }
}

impl<'a, const SIZE: usize> BitReader<FromFront<'a, SIZE>> {
    /// Reads `src`. `even` has its words that begin at even offsets, `odd` the others. Where no
    /// bytes are taken between the words, `odd` is never used.
    pub(in super::super) fn from_front(src: &'a [u8], even: &'a Words<SIZE>, odd: &'a Words<SIZE>) -> Self {
        let source = FromFront { src: cut::<SIZE>(src), words: &even.0, others: &odd.0, pos: 0, is_odd: false };
        Self { source, buf: 0, count: 0 }
    }

    /// Takes the next byte at the position of a reader that holds 16 to 31 unread bits, as XPRESS
    /// defines it. The next word follows that byte. `None` where the input ends.
    ///
    /// At least 31 bits must be available.
    #[inline(always)]
    pub(in super::super) fn take_byte(&mut self) -> Option<u8> {
        let keep = 16 + self.rest_of_word();
        let at = self.source.pos - ((self.count() - keep) / 8) as usize;
        self.buf &= !(u64::MAX >> keep);
        self.count = keep;
        let source = &mut self.source;
        source.pos = at + 1;
        source.is_odd = !source.is_odd;
        std::mem::swap(&mut source.words, &mut source.others);
        source.src.get(at).copied()
    }

    /// Skips the rest of the current word, or a whole unread one on a word border, as LZX does
    /// before raw bytes. Returns the bytes that follow.
    ///
    /// At least 16 bits must be available.
    pub(in super::super) fn leave_word(&mut self) -> &'a [u8] {
        let rest = self.rest_of_word();
        self.consume(if rest == 0 { 16 } else { rest });
        self.source.pos -= (self.count() / 8) as usize;
        (self.buf, self.count) = (0, 0);
        self.source.src.get(self.source.pos..).unwrap_or_default()
    }

    /// Continues after `len` of the bytes that [`leave_word`](Self::leave_word) returned, or at the
    /// end of the input.
    pub(in super::super) fn skip(&mut self, len: usize) {
        self.source.pos = (self.source.pos + len).min(self.end());
    }

    /// Whether bits were consumed that lie after the last whole word of the input.
    pub(in super::super) fn overrun(&self) -> bool {
        8 * self.source.pos - self.count() as usize > 8 * self.end()
    }

    /// Unread bits of the current word, 0 to 15.
    #[inline(always)]
    fn rest_of_word(&self) -> u32 {
        let inside = self.source.pos % 2 != usize::from(self.source.is_odd);
        (self.count() + if inside { 8 } else { 0 }) % 16
    }

    /// Where the last whole word ends.
    fn end(&self) -> usize {
        let len = self.source.src.len();
        len.saturating_sub(usize::from(len % 2 != usize::from(self.source.is_odd)))
    }
}
