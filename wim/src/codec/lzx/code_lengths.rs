//! The code lengths of an LZX block, which are stored as differences to those of the block before.

use super::super::CodecError;
use super::super::huffman::{Codeword, Table, table_size};
use super::decode::Reader;
use super::{LENGTH_SYMBOLS, MAX_MAIN};

const PRE_SYMBOLS: usize = 20;
const PRE_ROOT: u32 = 7;
const PRE_CODE: &str = "pre-code";
const SYMBOL_SHIFT: u32 = 16;

type PreTable = Table<PRE_ROOT, { table_size(PRE_ROOT, PRE_SYMBOLS, 15) }, 0>;

/// The code lengths of the current block, and the table to read the next ones.
pub(super) struct CodeLengths {
    /// Main code, then length code.
    lengths: [u8; MAX_MAIN + LENGTH_SYMBOLS],
    main_symbols: usize,
    table: PreTable,
}

impl Default for CodeLengths {
    fn default() -> Self {
        Self { lengths: [0; MAX_MAIN + LENGTH_SYMBOLS], main_symbols: 0, table: Table::default() }
    }
}

impl CodeLengths {
    /// Begins a chunk whose main code has so many symbols.
    pub(super) fn reset(&mut self, main_symbols: usize) {
        self.main_symbols = main_symbols;
        self.lengths.fill(0);
    }

    /// The lengths of the main code.
    pub(super) fn main(&self) -> &[u8] {
        &self.lengths[..self.main_symbols]
    }

    /// The lengths of the length code.
    pub(super) fn length(&self) -> &[u8] {
        &self.lengths[self.main_symbols..self.main_symbols + LENGTH_SYMBOLS]
    }

    /// Reads the lengths for a block that begins at output byte `at`.
    pub(super) fn read(&mut self, bits: &mut Reader<'_>, at: usize) -> Result<(), CodecError> {
        let main = self.main_symbols;
        for part in [0..256, 256..main, main..main + LENGTH_SYMBOLS] {
            let mut pre_lengths = [0; PRE_SYMBOLS];
            for half in pre_lengths.chunks_exact_mut(PRE_SYMBOLS / 2) {
                bits.refill();
                half.fill_with(|| bits.take(4) as u8);
            }
            self.table
                .build(&pre_lengths, |Codeword { symbol, length, .. }| (symbol as u32) << SYMBOL_SHIFT | length)
                .map_err(|_| CodecError::IncompleteCode { code: PRE_CODE, at })?;
            self.read_part(part, bits, at)?;
        }
        Ok(())
    }

    /// Reads the lengths of some symbols by the current pre-code.
    fn read_part(&mut self, part: std::ops::Range<usize>, bits: &mut Reader<'_>, at: usize) -> Result<(), CodecError> {
        let mut left = &mut self.lengths[part];
        while let Some(&old) = left.first() {
            bits.refill();
            let (run, value) = match pre_symbol(&self.table, bits, at)? {
                17 => (4 + bits.take(4), 0),
                18 => (20 + bits.take(5), 0),
                19 => {
                    let run = 4 + bits.take(1);
                    let symbol = pre_symbol(&self.table, bits, at)?;
                    if symbol > 16 {
                        return Err(CodecError::LengthRun { at });
                    }
                    (run, difference(old, symbol))
                }
                symbol => (1, difference(old, symbol)),
            };
            let (done, rest) = left.split_at_mut_checked(run as usize).ok_or(CodecError::LengthRun { at })?;
            done.fill(value);
            left = rest;
        }
        Ok(())
    }
}

/// Takes a symbol of the pre-code, of at most 15 bits.
#[inline(always)]
fn pre_symbol(table: &PreTable, bits: &mut Reader<'_>, at: usize) -> Result<u32, CodecError> {
    let entry = table.lookup(bits.peek()).map_err(|_| CodecError::EmptyCode { code: PRE_CODE, at })?;
    bits.consume(entry);
    Ok(entry >> SYMBOL_SHIFT)
}

/// The length that is `symbol`, at most 16, below the old one, around the circle of 17 lengths.
fn difference(old: u8, symbol: u32) -> u8 {
    let symbol = symbol as u8;
    if old >= symbol { old - symbol } else { old + 17 - symbol }
}
