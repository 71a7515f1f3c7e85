//! Writing the items of a block.

use super::super::super::bits::BitWriter;
use super::super::super::huffman::codewords;
use super::super::super::matches::Window;
use super::super::{ALIGNED_SYMBOLS, LENGTH_SYMBOLS, MAX_MAIN};
use super::codes::Codes;
use super::item::{Item, extra_bits};
use super::statistics::{FIRST_ALIGNED, match_symbols};

/// Writes the items that begin at byte `at`.
#[inline(never)]
pub(super) fn items<const WINDOW: usize>(
    window: &Window<WINDOW>,
    mut at: usize,
    items: &[Item],
    codes: &Codes,
    bits: &mut BitWriter<'_, false>,
) {
    let mut main = [0; MAX_MAIN];
    let mut length = [0; LENGTH_SYMBOLS];
    let mut aligned = [0; ALIGNED_SYMBOLS];
    codewords(&codes.main, &mut main);
    codewords(&codes.length, &mut length);
    codewords(&codes.aligned, &mut aligned);
    for &item in items {
        if item.is_literal() {
            let byte = usize::from(window.byte(at));
            bits.put(main[byte].into(), codes.main[byte].into());
            at += 1;
            continue;
        }
        let (symbol, rest) = match_symbols(item);
        bits.put(main[symbol].into(), codes.main[symbol].into());
        if let Some(rest) = rest {
            bits.put(length[rest].into(), codes.length[rest].into());
        }
        let slot = item.slot();
        if slot > 2 {
            let extra = extra_bits(slot);
            let offset = item.code() & ((1 << extra) - 1);
            if codes.is_aligned && slot >= FIRST_ALIGNED {
                let low = offset as usize % ALIGNED_SYMBOLS;
                bits.put(offset >> 3, extra - 3);
                bits.put(aligned[low].into(), codes.aligned[low].into());
            } else {
                bits.put(offset, extra);
            }
        }
        at += item.length();
    }
}
