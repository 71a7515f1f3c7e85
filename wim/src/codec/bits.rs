//! The bit stream that XPRESS and LZX share: 16-bit little-endian words, bits taken from the top of each.

/// Reads bits and, between them, whole bytes.
///
/// Behind the end of the input it supplies zero bits without end, so loops need no check of their own as long as they
/// are bounded by their output; [`overrun`](Self::overrun) tells afterwards whether such bits were used.
pub(super) struct BitReader<'a> {
    src: &'a [u8],
    /// Where the next word is loaded from; may lie behind the end.
    pos: usize,
    /// Unread bits from the top. Below `count` bits there may be more, and these are right too.
    buf: u64,
    /// Bits in `buf` that `pos` accounts for, at most 63.
    count: u32,
}

impl<'a> BitReader<'a> {
    /// Begins with the word at byte `pos`.
    pub(super) fn new(src: &'a [u8], pos: usize) -> Self {
        Self { src, pos, buf: 0, count: 0 }
    }

    /// Makes at least 48 bits available.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let four = match self.src.get(self.pos..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => self.last_words(),
        };
        // The first word belongs at the top.
        let pairs = four.rotate_left(32);
        let four = (pairs & 0x0000_FFFF_0000_FFFF) << 16 | (pairs >> 16) & 0x0000_FFFF_0000_FFFF;
        self.buf |= four >> self.count;
        self.pos += ((63 - self.count) >> 4) as usize * 2;
        self.count |= 48;
    }

    /// The words at `pos` where fewer than four are left, with zeros behind them.
    #[cold]
    #[inline(never)]
    fn last_words(&self) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.src.get(self.pos..).unwrap_or_default();
        let len = rest.len().min(8);
        bytes[..len].copy_from_slice(&rest[..len]);
        u64::from_le_bytes(bytes)
    }

    /// The unread bits, the next one on top. At least as many are valid as the last refill promised and were not
    /// consumed since.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.buf
    }

    /// Drops the next `count` bits, which must be available. Only the low six bits of `count` matter.
    #[inline(always)]
    pub(super) fn consume(&mut self, count: u32) {
        self.buf <<= count & 63;
        self.count -= count & 63;
    }

    /// Takes the next `count` bits, 1 to 32, of which as many must be available.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let value = (self.buf >> (64 - count)) as u32;
        self.consume(count);
        value
    }

    /// Takes the next byte from where a reader stands that holds 16 to 31 unread bits, as XPRESS defines it. Words go
    /// on behind it. `None` where the input ends.
    ///
    /// At least 16 bits must be available.
    pub(super) fn take_byte(&mut self) -> Option<u8> {
        self.hold(16 + self.count % 16);
        let byte = *self.src.get(self.pos)?;
        self.pos += 1;
        Some(byte)
    }

    /// Gives back all words behind the next `keep` bits, which must be available; `count - keep` is a multiple of 16.
    fn hold(&mut self, keep: u32) {
        self.pos -= ((self.count - keep) / 16) as usize * 2;
        self.buf &= !(u64::MAX >> keep);
        self.count = keep;
    }

    /// Leaves the current word, or a whole unread one on a word border, as LZX does before raw bytes; returns the
    /// position of the first byte behind it.
    ///
    /// At least 16 bits must be available.
    pub(super) fn leave_word(&mut self) -> usize {
        let rest = self.count % 16;
        self.consume(if rest == 0 { 16 } else { rest });
        self.hold(0);
        self.pos
    }

    /// The bytes from `pos` to the end of the input.
    pub(super) fn bytes_from(&self, pos: usize) -> &'a [u8] {
        self.src.get(pos..).unwrap_or_default()
    }

    /// Goes on with the word at `pos`, or at the end of the input if that comes first.
    pub(super) fn seek(&mut self, pos: usize) {
        *self = Self::new(self.src, pos.min(self.src.len()));
    }

    /// Whether bits were consumed that lie behind the last whole word of the input.
    pub(super) fn overrun(&self) -> bool {
        self.pos - (self.count / 16) as usize * 2 > self.src.len()
    }
}
