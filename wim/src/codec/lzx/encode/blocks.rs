//! Where blocks end: the fewest bits by an estimate, over borders at every few KiB.

use super::super::super::matches::Window;
use super::STRETCH;
use super::item::Item;
use super::statistics::Statistics;

/// Distance of possible borders, in bytes.
const STEP: usize = 4096;
/// The most pieces between them.
const PIECES: usize = STRETCH / STEP;

/// The end of a block: in the chunk, and in the list of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Border {
    pub(super) at: usize,
    pub(super) item: usize,
}

/// The blocks of a stretch.
#[derive(Default)]
pub(super) struct Blocks {
    /// Where the first one begins, and where each ends.
    borders: Vec<Border>,
    pieces: Vec<Statistics>,
    candidates: Vec<Border>,
}

impl Blocks {
    /// All blocks: where each begins and ends.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Border, Border)> {
        self.borders.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// Where the first block begins and the last one ends, in the chunk.
    pub(super) fn span(&self) -> (usize, usize) {
        let at = |border: Option<&Border>| border.map_or(0, |border| border.at);
        (at(self.borders.first()), at(self.borders.last()))
    }

    /// Makes one block of all items, from `start` to `end`.
    pub(super) fn set_one(&mut self, (start, end): (usize, usize), items: &[Item]) {
        self.borders.clear();
        self.borders.extend([Border { at: start, item: 0 }, Border { at: end, item: items.len() }]);
    }

    /// Chooses the blocks for the items from `start` to `end`.
    #[inline(never)]
    pub(super) fn choose<const WINDOW: usize>(
        &mut self,
        window: &Window<WINDOW>,
        (start, end): (usize, usize),
        items: &[Item],
    ) {
        self.find_candidates((start, end), items);
        let Self { borders, pieces, candidates } = self;
        let count = candidates.len() - 1;
        pieces.resize_with(count.max(pieces.len()), Statistics::default);
        for (piece, pair) in pieces.iter_mut().zip(candidates.windows(2)) {
            piece.count(window, pair[0].at, &items[pair[0].item..pair[1].item]);
        }
        let (mut bits, mut from) = ([u32::MAX; PIECES + 1], [0; PIECES + 1]);
        bits[0] = 0;
        for first in 0..count {
            let mut sum = Statistics::default();
            for last in first..count {
                sum.add(&pieces[last]);
                let total = bits[first] + sum.estimate();
                if total < bits[last + 1] {
                    (bits[last + 1], from[last + 1]) = (total, first);
                }
            }
        }
        borders.clear();
        let mut border = count;
        borders.push(candidates[border]);
        while border > 0 {
            border = from[border];
            borders.push(candidates[border]);
        }
        borders.reverse();
    }

    /// Lists the first item border in each step.
    fn find_candidates(&mut self, (start, end): (usize, usize), items: &[Item]) {
        self.candidates.clear();
        self.candidates.push(Border { at: start, item: 0 });
        let mut at = start;
        for (index, item) in items.iter().enumerate() {
            if at >= start + self.candidates.len() * STEP && end - at >= STEP / 2 {
                self.candidates.push(Border { at, item: index });
            }
            at += item.length();
        }
        self.candidates.push(Border { at: end, item: items.len() });
    }

    /// Moves the borders to the items of another sequence for the same bytes.
    pub(super) fn move_to(&mut self, items: &[Item]) {
        let (mut at, mut index) = (self.borders[0].at, 0);
        for border in &mut self.borders {
            while at < border.at {
                at += items[index].length();
                index += 1;
            }
            *border = Border { at, item: index };
        }
        self.borders.dedup();
    }
}
