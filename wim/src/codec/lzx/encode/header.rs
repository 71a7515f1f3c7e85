//! The code lengths of a block, stored as differences to those of the block before.

use super::super::super::bits::BitWriter;
use super::super::super::huffman::{CodeBuilder, codewords};
use super::super::{LENGTH_SYMBOLS, MAX_MAIN};
use super::codes::Codes;

const PRE_SYMBOLS: usize = 20;
/// The longest codeword of a pre-code, in bits.
const LONGEST: usize = 15;
/// A few zeros, many zeros, and several equal lengths.
const ZEROS: u8 = 17;
const MANY_ZEROS: u8 = 18;
const EQUAL: u8 = 19;

/// A symbol of the pre-code and what follows it.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    symbol: u8,
    /// Length of the run, less the shortest possible one.
    more: u8,
    /// The difference that [`EQUAL`] repeats.
    difference: u8,
}

impl Run {
    /// Bits of `more`.
    fn more_bits(self) -> u32 {
        match self.symbol {
            ZEROS => 4,
            MANY_ZEROS => 5,
            EQUAL => 1,
            _ => 0,
        }
    }
}

/// The runs of one of the three parts, and their pre-code.
struct Part {
    runs: Vec<Run>,
    lengths: [u8; PRE_SYMBOLS],
}

/// The code lengths of a block as they are stored.
pub(super) struct Header {
    parts: [Part; 3],
}

impl Default for Header {
    fn default() -> Self {
        let part = || Part { runs: Vec::with_capacity(MAX_MAIN), lengths: [0; PRE_SYMBOLS] };
        Self { parts: [part(), part(), part()] }
    }
}

impl Header {
    /// Sets it to the lengths of `new` after those of `old`, and returns its bits.
    pub(super) fn set(&mut self, new: &Codes, old: &Codes, main_symbols: usize, builder: &mut CodeBuilder) -> usize {
        let [literals, matches, lengths] = &mut self.parts;
        literals.set(&new.main[..256], &old.main[..256], builder)
            + matches.set(&new.main[256..main_symbols], &old.main[256..main_symbols], builder)
            + lengths.set(&new.length, &old.length, builder)
    }

    pub(super) fn write(&self, bits: &mut BitWriter<'_, false>) {
        self.parts.iter().for_each(|part| part.write(bits));
    }
}

impl Part {
    fn set(&mut self, new: &[u8], old: &[u8], builder: &mut CodeBuilder) -> usize {
        debug_assert!(new.len() == old.len() && new.len() <= MAX_MAIN.max(LENGTH_SYMBOLS));
        self.find_runs(new, old);
        let mut frequencies = [0; PRE_SYMBOLS];
        for run in &self.runs {
            frequencies[usize::from(run.symbol)] += 1;
            if run.symbol == EQUAL {
                frequencies[usize::from(run.difference)] += 1;
            }
        }
        builder.build(&frequencies, LONGEST, &mut self.lengths);
        let symbols = frequencies.iter().zip(self.lengths).map(|(frequency, length)| frequency * u32::from(length));
        let more = self.runs.iter().map(|run| run.more_bits());
        4 * PRE_SYMBOLS + symbols.chain(more).sum::<u32>() as usize
    }

    fn find_runs(&mut self, new: &[u8], old: &[u8]) {
        self.runs.clear();
        let mut at = 0;
        while at < new.len() {
            let equal = new[at..].iter().take_while(|&&length| length == new[at]).count();
            // Around the circle of 17 lengths.
            let difference = (17 + old[at] - new[at]) % 17;
            let (run, len) = match equal {
                20.. if new[at] == 0 => {
                    let len = equal.min(51);
                    (Run { symbol: MANY_ZEROS, more: (len - 20) as u8, difference: 0 }, len)
                }
                4.. if new[at] == 0 => (Run { symbol: ZEROS, more: (equal - 4) as u8, difference: 0 }, equal),
                4.. => {
                    let len = equal.min(5);
                    (Run { symbol: EQUAL, more: (len - 4) as u8, difference }, len)
                }
                _ => (Run { symbol: difference, ..Run::default() }, 1),
            };
            self.runs.push(run);
            at += len;
        }
    }

    fn write(&self, bits: &mut BitWriter<'_, false>) {
        let mut words = [0; PRE_SYMBOLS];
        codewords(&self.lengths, &mut words);
        let put = |bits: &mut BitWriter<'_, false>, symbol: u8| {
            let symbol = usize::from(symbol);
            bits.put(words[symbol].into(), self.lengths[symbol].into());
        };
        for length in self.lengths {
            bits.put(length.into(), 4);
        }
        for run in &self.runs {
            put(bits, run.symbol);
            bits.put(run.more.into(), run.more_bits());
            if run.symbol == EQUAL {
                put(bits, run.difference);
            }
        }
    }
}
