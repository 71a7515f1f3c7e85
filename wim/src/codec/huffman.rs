//! Canonical prefix codes, decoded by table.
//!
//! Codewords are ordered by length and symbol and are compared from their first bit, so a table indexed by the next
//! bits holds them in just that order. The first level is indexed by `ROOT` bits. Codewords that are longer lie at the
//! very end of the code space; for that end there is one more table, indexed by as many bits as the longest one has.

/// The longest codeword of any codec, in bits.
pub(super) const MAX_LENGTH: usize = 16;

/// Mark of an entry that cannot be used as it is: the codeword is longer than `ROOT` bits, or the code is empty.
pub(super) const RARE: u32 = 1 << 27;

/// Bits of an entry that hold the length of its codeword.
pub(super) const LENGTH_BITS: u32 = 63;

/// The most symbols that a code may have.
const MAX_SYMBOLS: usize = 1024;

/// The code lengths are over-subscribed or leave code space unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incomplete;

/// A code without symbols was asked for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Empty;

/// A decoding table of `SIZE` entries; see [`table_size`].
///
/// An entry is what `build` was told about the symbol, plus the length of the codeword in its low six bits.
pub(super) struct Table<const ROOT: u32, const SIZE: usize> {
    entries: Box<[u32; SIZE]>,
    /// Bits by which the second level is indexed; 0 while the code is empty.
    depth: u32,
    /// What to subtract from `depth` bits of the stream to get an index of an entry.
    base: usize,
}

/// The entries that a table needs for any code of `symbols` symbols and at most `longest` bits.
pub(super) const fn table_size(root: u32, symbols: usize, longest: u32) -> usize {
    // A complete code has at least two codewords under each prefix that needs the second level.
    let second = if longest > root { (symbols / 2) << (longest - root) } else { 0 };
    (1 << root) + second
}

impl<const ROOT: u32, const SIZE: usize> Default for Table<ROOT, SIZE> {
    fn default() -> Self {
        let entries = vec![RARE; SIZE].into_boxed_slice().try_into();
        Self { entries: entries.expect("the length is right"), depth: 0, base: 0 }
    }
}

impl<const ROOT: u32, const SIZE: usize> Table<ROOT, SIZE> {
    /// Builds the table for the code in which symbol `i` has `lengths[i]` bits, 0 for none, and the entry `entry(i)`.
    ///
    /// `entry` must leave the low six bits and [`RARE`] clear. A code without any symbols is accepted.
    pub(super) fn build(&mut self, lengths: &[u8], entry: impl Fn(usize) -> u32) -> Result<(), Incomplete> {
        let mut counts = [0_u16; MAX_LENGTH + 1];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let Some(longest) = counts.iter().rposition(|&count| count > 0) else {
            self.entries[..1 << ROOT].fill(RARE);
            self.depth = 0;
            return Ok(());
        };
        let used: u32 = (1..=MAX_LENGTH).map(|length| u32::from(counts[length]) << (MAX_LENGTH - length)).sum();
        if used != 1 << MAX_LENGTH {
            return Err(Incomplete);
        }
        let mut sorted = [0; MAX_SYMBOLS];
        sort(lengths, &counts, &mut sorted);
        self.fill(&counts, &sorted, longest as u32, entry);
        Ok(())
    }

    /// Fills the entries for `sorted` symbols, of which `counts[l]` have `l` bits.
    fn fill(&mut self, counts: &[u16; MAX_LENGTH + 1], sorted: &[u16], longest: u32, entry: impl Fn(usize) -> u32) {
        let mut symbols = sorted.iter();
        let mut at = 0;
        for length in 1..=ROOT.min(longest) {
            let copies = 1 << (ROOT - length);
            for &symbol in symbols.by_ref().take(usize::from(counts[length as usize])) {
                self.entries[at..at + copies].fill(entry(usize::from(symbol)) | length);
                at += copies;
            }
        }
        self.entries[at..1 << ROOT].fill(RARE);
        self.depth = longest.max(ROOT);
        self.base = (at << (self.depth - ROOT)).wrapping_sub(1 << ROOT);
        let mut at = 1 << ROOT;
        for length in ROOT + 1..=longest {
            let copies = 1 << (longest - length);
            for &symbol in symbols.by_ref().take(usize::from(counts[length as usize])) {
                self.entries[at..at + copies].fill(entry(usize::from(symbol)) | length);
                at += copies;
            }
        }
    }

    /// The entry for the codeword on top of `bits`, or a [`RARE`] one.
    #[inline(always)]
    pub(super) fn first_level(&self, bits: u64) -> u32 {
        self.entries[(bits >> (64 - ROOT)) as usize]
    }

    /// The entry for the codeword on top of `bits`, after the first level gave a [`RARE`] one.
    #[inline]
    pub(super) fn second_level(&self, bits: u64) -> Result<u32, Empty> {
        if self.depth == 0 {
            return Err(Empty);
        }
        let index = ((bits >> (64 - self.depth)) as usize).wrapping_sub(self.base);
        self.entries.get(index).copied().ok_or(Empty)
    }

    /// The entry for the codeword on top of `bits`.
    #[inline(always)]
    pub(super) fn lookup(&self, bits: u64) -> Result<u32, Empty> {
        let entry = self.first_level(bits);
        if entry & RARE == 0 { Ok(entry) } else { self.second_level(bits) }
    }
}

/// Sorts the symbols in use by code length, then by symbol.
fn sort(lengths: &[u8], counts: &[u16; MAX_LENGTH + 1], sorted: &mut [u16; MAX_SYMBOLS]) {
    // Unused symbols go behind all others.
    let mut next = [0_u16; MAX_LENGTH + 1];
    for length in 1..MAX_LENGTH {
        next[length + 1] = next[length] + counts[length];
    }
    next[0] = next[MAX_LENGTH] + counts[MAX_LENGTH];
    for (symbol, &length) in lengths.iter().enumerate() {
        let slot = &mut next[usize::from(length)];
        sorted[usize::from(*slot) % MAX_SYMBOLS] = symbol as u16;
        *slot += 1;
    }
}
