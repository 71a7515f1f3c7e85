//! Writing the items of a chunk.

use super::super::super::bits::BitWriter;
use super::super::super::huffman::codewords;
use super::{END, Item, LONG_MATCH, LONGER_MATCH, MIN_MATCH, SYMBOLS};

/// Bytes of the code lengths at the start.
const TABLE: usize = SYMBOLS / 2;

/// Bytes of a chunk with these items; exact.
pub(super) fn size(items: &[Item], frequencies: &[u32; SYMBOLS], lengths: &[u8; SYMBOLS]) -> usize {
    let offset_bits = |symbol: usize| symbol.saturating_sub(256) / 16;
    let bits: usize = (0..SYMBOLS)
        .map(|symbol| frequencies[symbol] as usize * (usize::from(lengths[symbol]) + offset_bits(symbol)))
        .sum();
    let long = |item: &Item| match item.match_length() {
        ..LONG_MATCH => 0,
        LONG_MATCH..LONGER_MATCH => 1,
        _ => 3,
    };
    let bytes: usize = items.iter().map(long).sum();
    // One more word is reserved.
    TABLE + 2 * (bits.div_ceil(16) + 1) + bytes
}

/// Writes a chunk and returns its size.
#[inline(never)]
pub(super) fn write(items: &[Item], lengths: &[u8; SYMBOLS], dst: &mut [u8]) -> usize {
    let (table, stream) = dst.split_at_mut(TABLE);
    for (byte, pair) in table.iter_mut().zip(lengths.as_chunks::<2>().0) {
        *byte = pair[0] | pair[1] << 4;
    }
    let mut words = [0; SYMBOLS];
    codewords(lengths, &mut words);
    // [MS-XCA] 2.1.4.3: the codeword, the bytes of the length, the offset without its highest bit.
    let codes: [(u32, u32); SYMBOLS] = std::array::from_fn(|symbol| (words[symbol].into(), lengths[symbol].into()));
    let mut bits = BitWriter::<true>::new(stream);
    for item in items {
        let (word, length) = codes[item.symbol() % SYMBOLS];
        if item.match_length() == 0 {
            bits.put(word, length);
            continue;
        }
        let offset_bits = item.offset().ilog2();
        let low = item.offset() - (1 << offset_bits);
        if item.match_length() < LONG_MATCH {
            bits.put(word << offset_bits | low, length + offset_bits);
            continue;
        }
        bits.put(word, length);
        match item.match_length() {
            length @ ..LONGER_MATCH => bits.put_byte((length - LONG_MATCH) as u8),
            length => {
                bits.put_byte(255);
                for byte in ((length - MIN_MATCH) as u16).to_le_bytes() {
                    bits.put_byte(byte);
                }
            }
        }
        bits.put(low, offset_bits);
    }
    let (word, length) = codes[END];
    bits.put(word, length);
    TABLE + bits.finish()
}
