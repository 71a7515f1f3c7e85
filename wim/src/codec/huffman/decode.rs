//! Decoding by tables.
//!
//! Codewords are ordered by length and symbol and are read from their first bit, so a table indexed
//! by the next bits holds them in just that order. The first level is indexed by `ROOT` bits.
//! Codewords that are longer lie at the very end of the code space; for that end there is one more
//! table, indexed by as many bits as the longest one has.

/// The longest codeword of any codec, in bits.
const MAX_LENGTH: usize = 16;
/// Length of arrays indexed by codeword length, 0 for unused symbols included; a power of two.
const LENGTHS: usize = 32;
/// The most symbols that a code may have.
const MAX_SYMBOLS: usize = 1024;

/// A symbol in use, with its codeword: the low `length` bits of `word`.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Codeword {
    pub(in super::super) symbol: usize,
    pub(in super::super) word: u32,
    pub(in super::super) length: u32,
}

/// The code lengths are over-subscribed or leave code space unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Incomplete;

/// A code without symbols was asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Empty;

/// A decoding table of `SIZE` entries; see [`table_size`]. The codec defines what an entry means;
/// `LONGER` is a value that it gives to no symbol.
pub(in super::super) struct Table<const ROOT: u32, const SIZE: usize, const LONGER: u32> {
    entries: Box<[u32; SIZE]>,
    /// The symbols in use in the order of their codewords, while the table is built.
    sorted: [u16; MAX_SYMBOLS],
    /// Bits by which the second level is indexed; 0 while the code is empty.
    depth: u32,
    /// Subtracted from the next `depth` bits of the stream to get the index of an entry.
    base: usize,
}

/// The entries that a table needs for any code of `symbols` symbols and at most `longest` bits.
pub(in super::super) const fn table_size(root: u32, symbols: usize, longest: u32) -> usize {
    // A complete code has at least two codewords under each prefix that needs the second level.
    let second = if longest > root { (symbols / 2) << (longest - root) } else { 0 };
    (1 << root) + second
}

impl<const ROOT: u32, const SIZE: usize, const LONGER: u32> Default for Table<ROOT, SIZE, LONGER> {
    fn default() -> Self {
        let entries = vec![LONGER; SIZE].into_boxed_slice().try_into();
        Self { entries: entries.expect("the length is right"), sorted: [0; MAX_SYMBOLS], depth: 0, base: 0 }
    }
}

impl<const ROOT: u32, const SIZE: usize, const LONGER: u32> Table<ROOT, SIZE, LONGER> {
    /// Builds the table for the code in which symbol `i` has `lengths[i]` bits, 0 for none; `entry`
    /// makes the entry of each symbol. A code without any symbols is accepted.
    pub(in super::super) fn build(
        &mut self,
        lengths: &[u8],
        entry: impl Fn(Codeword) -> u32,
    ) -> Result<(), Incomplete> {
        let counts = sort(lengths, &mut self.sorted);
        let Some(longest) = (1..=MAX_LENGTH).rfind(|&length| counts[length] > 0) else {
            self.entries[..1 << ROOT].fill(LONGER);
            self.depth = 0;
            return Ok(());
        };
        let used: u32 = (1..=MAX_LENGTH).map(|length| u32::from(counts[length]) << (MAX_LENGTH - length)).sum();
        if used != 1 << MAX_LENGTH {
            return Err(Incomplete);
        }
        self.fill(&counts, longest as u32, entry);
        Ok(())
    }

    /// Fills the entries for the sorted symbols, of which `counts[l]` have `l` bits.
    #[inline(always)]
    fn fill(&mut self, counts: &[u16; LENGTHS], longest: u32, entry: impl Fn(Codeword) -> u32) {
        let mut sorted = &self.sorted[..];
        let mut at = 0;
        let mut depth = ROOT;
        let mut base = 0_usize;
        for length in 1..=longest {
            if length == ROOT + 1 {
                // The rest of the first level leads to the second.
                self.entries[at..1 << ROOT].fill(LONGER);
                depth = longest;
                base = (at << (depth - ROOT)).wrapping_sub(1 << ROOT);
                at = 1 << ROOT;
            }
            let symbols;
            (symbols, sorted) = sorted.split_at(usize::from(counts[length as usize]));
            let first = at.wrapping_add(base) >> (depth - length);
            let codeword = |(index, &symbol): (usize, &u16)| Codeword {
                symbol: usize::from(symbol),
                word: (first + index) as u32,
                length,
            };
            let entries = symbols.iter().enumerate().map(|symbol| entry(codeword(symbol)));
            at += repeat(&mut self.entries[at..], entries, 1 << (depth - length));
        }
        (self.depth, self.base) = (depth, base);
    }

    /// The entry for the codeword on top of `bits`; `LONGER` if it is longer than `ROOT` bits or
    /// the code is empty.
    #[inline(always)]
    pub(in super::super) fn first_level(&self, bits: u64) -> u32 {
        self.entries[(bits >> (64 - ROOT)) as usize]
    }

    /// The entry for the codeword on top of `bits`.
    #[inline(always)]
    pub(in super::super) fn lookup(&self, bits: u64) -> Result<u32, Empty> {
        match self.first_level(bits) {
            entry if entry == LONGER => self.second_level(bits),
            entry => Ok(entry),
        }
    }

    /// The entry for the codeword on top of `bits`, for which the first level has none.
    #[inline]
    pub(in super::super) fn second_level(&self, bits: u64) -> Result<u32, Empty> {
        if self.depth == 0 {
            return Err(Empty);
        }
        let index = ((bits >> (64 - self.depth)) as usize).wrapping_sub(self.base);
        self.entries.get(index).copied().ok_or(Empty)
    }
}

/// Puts each of `entries` into `table` so many times, a power of two, and returns how many that
/// makes.
#[inline(always)]
fn repeat(table: &mut [u32], entries: impl ExactSizeIterator<Item = u32>, copies: usize) -> usize {
    let len = entries.len() * copies;
    let table = &mut table[..len];
    // Loops of constant length become a few wide stores each.
    match copies {
        1 => table.iter_mut().zip(entries).for_each(|(slot, entry)| *slot = entry),
        2 => repeat_const::<2>(table, entries),
        4 => repeat_const::<4>(table, entries),
        8 => repeat_const::<8>(table, entries),
        _ => {
            for (slots, entry) in table.chunks_exact_mut(copies).zip(entries) {
                slots.as_chunks_mut::<16>().0.fill([entry; 16]);
            }
        }
    }
    len
}

#[inline(always)]
fn repeat_const<const COPIES: usize>(table: &mut [u32], entries: impl Iterator<Item = u32>) {
    for (slots, entry) in table.as_chunks_mut().0.iter_mut().zip(entries) {
        *slots = [entry; COPIES];
    }
}

/// Sorts the symbols in use by code length, then by symbol; returns how many there are of each
/// length.
fn sort(lengths: &[u8], sorted: &mut [u16; MAX_SYMBOLS]) -> [u16; LENGTHS] {
    // Unused symbols go to the end.
    let unused = LENGTHS - 1;
    let key = |length: &u8| usize::from(*length).wrapping_sub(1) & unused;
    let keys: [u16; LENGTHS] =
        sort_by_counting(lengths, key, |place, symbol, _| sorted[place % MAX_SYMBOLS] = symbol as u16);
    let mut counts = [0; LENGTHS];
    counts[1..].copy_from_slice(&keys[..unused]);
    counts
}

/// Sorts `items` by a key below `KEYS`, a power of two, and leaves equal ones in their order: calls
/// `put` with the new place, the old place and the item. Returns how many there are of each key.
#[inline(always)]
pub(in super::super) fn sort_by_counting<T, const KEYS: usize>(
    items: &[T],
    key: impl Fn(&T) -> usize,
    mut put: impl FnMut(usize, usize, &T),
) -> [u16; KEYS] {
    // Counting in quarters lets four counters be updated at a time, where one would wait for
    // itself.
    let quarter = items.len().div_ceil(4).max(1);
    let mut next = [[0_u16; 4]; KEYS];
    for_each_in_quarters(items, quarter, |part, _, item| next[key(item) % KEYS][part] += 1);
    let mut counts = [0; KEYS];
    let mut start = 0;
    for (next, count) in next.iter_mut().zip(&mut counts) {
        let [first, second, third, last] = *next;
        *next = [start, start + first, start + first + second, start + first + second + third];
        *count = first + second + third + last;
        start += *count;
    }
    for_each_in_quarters(items, quarter, |part, index, item| {
        let place = &mut next[key(item) % KEYS][part];
        put(usize::from(*place), index, item);
        *place += 1;
    });
    counts
}

/// Calls `each` with the quarter, the place and the item, one of each quarter in turn.
#[inline(always)]
fn for_each_in_quarters<T>(items: &[T], quarter: usize, mut each: impl FnMut(usize, usize, &T)) {
    let mut quarters = items.chunks(quarter);
    let [first, second, third, last] = std::array::from_fn(|_| quarters.next().unwrap_or_default());
    let together = first.iter().zip(second).zip(third).zip(last).enumerate();
    for (at, (((first, second), third), last)) in together {
        each(0, at, first);
        each(1, quarter + at, second);
        each(2, 2 * quarter + at, third);
        each(3, 3 * quarter + at, last);
    }
    for (part, items) in [first, second, third].into_iter().enumerate() {
        for (at, item) in items.iter().enumerate().skip(last.len()) {
            each(part, part * quarter + at, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Random, codewords};
    use super::*;

    /// Builds the code and looks every codeword up, followed by ones and by zeros.
    #[track_caller]
    fn assert_finds_all<const ROOT: u32, const SIZE: usize>(table: &mut Table<ROOT, SIZE, 0>, lengths: &[u8]) {
        let words = codewords(lengths);
        table
            .build(lengths, |codeword| {
                assert_eq!(codeword.word, words[codeword.symbol]);
                (codeword.symbol as u32) << 16 | codeword.length
            })
            .unwrap();
        for (symbol, (&length, word)) in lengths.iter().zip(words).enumerate().filter(|(_, c)| *c.0 > 0) {
            let length = u32::from(length);
            let bits = u64::from(word) << (64 - length);
            let entry = (symbol as u32) << 16 | length;
            assert_eq!(table.lookup(bits), Ok(entry));
            assert_eq!(table.lookup(bits | (u64::MAX >> length)), Ok(entry));
            let is_long = length > ROOT;
            assert_eq!(table.first_level(bits), if is_long { 0 } else { entry });
        }
    }

    #[test]
    fn finds_the_symbols_of_any_code() {
        let mut main: Table<11, { table_size(11, 656, 16) }, 0> = Table::default();
        let mut pre: Table<7, { table_size(7, 20, 15) }, 0> = Table::default();
        for seed in 1..300 {
            let mut random = Random(seed);
            let longest = [10, 11, 12, 16][random.below(4)];
            let used: Vec<_> = (0..2 + random.below(654)).map(|_| random.below(656)).collect();
            assert_finds_all(&mut main, &random.code(&used, 656, longest));
            let used: Vec<_> = used.iter().take(12).map(|symbol| symbol % 20).collect();
            assert_finds_all(&mut pre, &random.code(&used, 20, 15));
        }
        assert_finds_all(&mut main, &[1, 1]);
        assert_finds_all(&mut main, &[[1; 1].as_slice(), &(2..=16).collect::<Vec<_>>(), &[16]].concat());
    }

    /// As many prefixes as possible need the second level, and one of them all of its depth.
    #[test]
    fn the_second_level_has_room_for_the_worst_code() {
        let lengths_for = |prefixes: u32| -> Vec<u8> {
            let short = (0..11).filter(|bit| (2048 - prefixes) >> bit & 1 == 1).map(|bit| 11 - bit);
            let long = [12; 2].repeat(prefixes as usize - 1);
            short.chain(long).chain([12, 13, 14, 15, 16, 16]).collect()
        };
        let lengths = (1..1000).map(lengths_for).take_while(|lengths| lengths.len() <= 656).last().unwrap();
        assert!(lengths.len() > 650);
        assert_finds_all(&mut Table::<11, { table_size(11, 656, 16) }, 0>::default(), &lengths);
    }

    #[test]
    fn refuses_what_is_no_complete_code() {
        let mut table: Table<7, { table_size(7, 20, 15) }, 0> = Table::default();
        for lengths in [&[1][..], &[1, 2], &[1, 1, 1], &[0, 3, 0], &[15, 15], &[1, 1, 15], &[2, 2, 2]] {
            assert_eq!(table.build(lengths, |_| 0), Err(Incomplete), "{lengths:?}");
        }
        for lengths in [&[][..], &[0; 20]] {
            table.build(lengths, |_| 0).unwrap();
            assert_eq!(table.lookup(0), Err(Empty));
            assert_eq!(table.lookup(u64::MAX), Err(Empty));
        }
    }
}
