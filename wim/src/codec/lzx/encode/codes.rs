//! The codes of a block.

use super::super::super::huffman::CodeBuilder;
use super::super::{ALIGNED_SYMBOLS, LENGTH_SYMBOLS, MAX_MAIN};
use super::statistics::{ALIGNED_HEADER, Statistics};

/// The longest codeword of the main code and the length code, and of the aligned code, in bits.
const LONGEST: usize = 16;
const LONGEST_ALIGNED: usize = 7;

/// Code lengths of a block.
#[derive(Clone)]
pub(super) struct Codes {
    pub(super) main: [u8; MAX_MAIN],
    pub(super) length: [u8; LENGTH_SYMBOLS],
    pub(super) aligned: [u8; ALIGNED_SYMBOLS],
    /// Whether the lowest offset bits are coded by the aligned code.
    pub(super) is_aligned: bool,
}

/// What a chunk begins with: the first block's lengths are stored as differences to these.
impl Default for Codes {
    fn default() -> Self {
        Self { main: [0; MAX_MAIN], length: [0; LENGTH_SYMBOLS], aligned: [0; ALIGNED_SYMBOLS], is_aligned: false }
    }
}

impl Codes {
    /// Sets the codes to the best ones for a block.
    #[inline(never)]
    pub(super) fn build(&mut self, statistics: &Statistics, builder: &mut CodeBuilder) {
        builder.build(&statistics.main, LONGEST, &mut self.main);
        builder.build(&statistics.length, LONGEST, &mut self.length);
        self.is_aligned = aligned(statistics, builder, &mut self.aligned);
    }

    /// Bits of a block's items.
    pub(super) fn bits(&self, statistics: &Statistics) -> usize {
        let mut bits = weigh(&statistics.main, &self.main) + weigh(&statistics.length, &self.length);
        if self.is_aligned {
            bits += weigh(&statistics.aligned, &self.aligned);
        }
        (bits + statistics.offset_bits(self.is_aligned)) as usize
    }
}

/// Builds the aligned code and returns whether it saves bits.
pub(super) fn aligned(statistics: &Statistics, builder: &mut CodeBuilder, lengths: &mut [u8; ALIGNED_SYMBOLS]) -> bool {
    builder.build(&statistics.aligned, LONGEST_ALIGNED, lengths);
    let plain = 3 * statistics.aligned.iter().sum::<u32>();
    weigh(&statistics.aligned, lengths) + ALIGNED_HEADER < plain
}

fn weigh(frequencies: &[u32], lengths: &[u8]) -> u32 {
    frequencies.iter().zip(lengths).map(|(frequency, &length)| frequency * u32::from(length)).sum()
}
