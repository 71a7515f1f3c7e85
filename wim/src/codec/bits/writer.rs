//! Writing bits as words.

/// Writes bits and, between them, whole bytes.
///
/// With `AHEAD` the next two words are reserved in advance, as XPRESS requires it: its reader holds
/// 16 to 31 unread bits, so bytes stand after the words that it has taken.
///
/// The caller knows the size of what it writes; bytes of `dst` after the end stay as they are.
pub(in super::super) struct BitWriter<'a, const AHEAD: bool> {
    dst: &'a mut [u8],
    /// Where the next two words go.
    reserved: [usize; 2],
    /// Offset of the next byte, and of the word after the reserved ones.
    pos: usize,
    /// Bits that are not in `dst` yet: the low `count`, at most 16 between calls.
    buf: u64,
    count: u32,
}

impl<'a, const AHEAD: bool> BitWriter<'a, AHEAD> {
    /// Writes to the start of `dst`.
    pub(in super::super) fn new(dst: &'a mut [u8]) -> Self {
        Self { dst, reserved: [0, 2], pos: if AHEAD { 4 } else { 0 }, buf: 0, count: 0 }
    }

    /// Writes the low `count` bits of `value`, at most 32; its other bits are zero.
    ///
    /// # Panics
    /// If `dst` is too short.
    #[inline(always)]
    pub(in super::super) fn put(&mut self, value: u32, count: u32) {
        self.buf = self.buf << count | u64::from(value);
        self.count += count;
        while self.count > 16 {
            self.count -= 16;
            self.put_word((self.buf >> self.count) as u16);
        }
    }

    /// Bits written so far; bytes and reserved words count too.
    pub(in super::super) fn bit_count(&self) -> usize {
        8 * self.pos + self.count as usize
    }

    /// Writes a byte between the words.
    #[inline(always)]
    pub(in super::super) fn put_byte(&mut self, byte: u8) {
        self.dst[self.pos] = byte;
        self.pos += 1;
    }

    /// Fills the last word up with zeros and returns the bytes written.
    pub(in super::super) fn finish(mut self) -> usize {
        if self.count > 0 {
            self.put_word((self.buf << (16 - self.count)) as u16);
        }
        if !AHEAD {
            return self.pos;
        }
        // The word just written reserved another one, which nobody reads.
        let [unused, _] = self.reserved;
        self.dst[unused..unused + 2].fill(0);
        self.pos - 2
    }

    #[inline(always)]
    fn put_word(&mut self, word: u16) {
        let mut at = self.pos;
        if AHEAD {
            [at, self.reserved[0]] = self.reserved;
            self.reserved[1] = self.pos;
        }
        self.pos += 2;
        self.dst[at..at + 2].copy_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Random;
    use super::super::super::testing::xpress::Writer;
    use super::*;

    /// The writer of the decoders' tests puts bit by bit.
    #[test]
    fn puts_words_and_bytes_where_the_reader_takes_them() {
        let mut random = Random(1);
        for _ in 0..300 {
            let (mut dst, mut oracle) = ([0xAA; 4000], Writer::default());
            let mut writer = BitWriter::<true>::new(&mut dst);
            for _ in 0..1 + random.below(200) {
                let count = random.below(33) as u32;
                let value = (random.below(1 << 32) as u64 & ((1 << count) - 1)) as u32;
                writer.put(value, count);
                oracle.bits(value, count as u8);
                if random.below(8) == 0 && oracle.bit_count() > 0 {
                    writer.put_byte(7);
                    oracle.bytes(&[7]);
                }
            }
            writer.put(1, 1);
            oracle.bits(1, 1);
            let size = writer.finish();
            let (want, _) = oracle.finish();
            assert_eq!(dst[..size], want);
        }
    }

    #[test]
    fn plain_words_follow_each_other() {
        let mut dst = [0xAA; 6];
        let mut writer = BitWriter::<false>::new(&mut dst);
        writer.put(0b101, 3);
        writer.put(0x1234_5678, 32);
        let size = writer.finish();
        assert_eq!((size, &dst[..]), (6, &[0x46, 0xA2, 0xCF, 0x8A, 0x00, 0x00][..]));
    }
}
