//! Encoding XPRESS chunks.

mod lazy;
mod path;
mod write;

use super::super::bits::zeroed;
use super::super::encoder::Level;
use super::super::huffman::CodeBuilder;
use super::super::matches::{self, Chains, MatchList, Search, Trees, Window};
use super::{MAX_CHUNK, SYMBOLS};
use lazy::Effort;
use path::Path;

const WINDOW: usize = MAX_CHUNK + matches::PAD;
type ChunkWindow = Window<WINDOW>;
type ChunkChains = Chains<u16, MAX_CHUNK, WINDOW>;
type ChunkTrees = Trees<u16, MAX_CHUNK, WINDOW>;

const MIN_MATCH: usize = 3;
/// The longest codeword, in bits.
const LONGEST: usize = 15;
/// Lengths of this and more are stored as bytes after the symbol.
const LONG_MATCH: usize = 18;
/// Lengths of this and more take three bytes.
const LONGER_MATCH: usize = 273;
/// The symbol that ends a chunk.
const END: usize = 256;

/// A literal, or a match with its length above its offset.
#[derive(Debug, Clone, Copy, Default)]
struct Item(u32);

impl Item {
    #[inline(always)]
    fn literal(byte: u8) -> Self {
        Self(byte.into())
    }

    #[inline(always)]
    fn new_match(length: usize, offset: usize) -> Self {
        Self((length as u32) << 16 | offset as u32)
    }

    /// Bytes of a match, 0 for a literal.
    #[inline(always)]
    fn match_length(self) -> usize {
        (self.0 >> 16) as usize
    }

    #[inline(always)]
    fn offset(self) -> u32 {
        self.0 & 0xFFFF
    }

    #[inline(always)]
    fn symbol(self) -> usize {
        match self.match_length() {
            0 => self.0 as usize,
            length => match_symbol(length, self.offset()),
        }
    }
}

/// [MS-XCA] 2.1.4.3: the offset's highest bit, and the length as far as four bits hold it.
#[inline(always)]
fn match_symbol(length: usize, offset: u32) -> usize {
    256 + (offset.ilog2() as usize) * 16 + (length.min(LONG_MATCH) - MIN_MATCH)
}

/// Literals and matches in their order.
struct Items {
    items: Box<[Item; MAX_CHUNK]>,
    len: usize,
}

impl Default for Items {
    fn default() -> Self {
        Self { items: zeroed(), len: 0 }
    }
}

impl Items {
    #[inline(always)]
    fn push(&mut self, item: Item) {
        self.items[self.len % MAX_CHUNK] = item;
        self.len += 1;
    }

    fn as_slice(&self) -> &[Item] {
        &self.items[..self.len]
    }
}

/// How items are chosen.
enum Parser {
    Lazy { chains: ChunkChains, effort: Effort },
    Path { trees: Box<ChunkTrees>, matches: MatchList, path: Box<Path>, search: Search, passes: u32 },
}

/// Encodes XPRESS chunks.
pub(in super::super) struct Encoder {
    window: ChunkWindow,
    parser: Parser,
    items: Items,
    builder: Box<CodeBuilder>,
}

impl Encoder {
    pub(in super::super) fn new(level: Level) -> Self {
        let parser = match level {
            Level::Fast => lazy_parser(Effort { depth: 8, next_depth: 0, nice: 32 }),
            Level::Default => lazy_parser(Effort { depth: 24, next_depth: 12, nice: 48 }),
            Level::Max => Parser::Path {
                trees: Box::default(),
                matches: MatchList::default(),
                path: Box::default(),
                search: Search { depth: 32, nice: 128, nearest_two: 0 },
                passes: 3,
            },
        };
        Self { window: Window::default(), parser, items: Items::default(), builder: Box::default() }
    }

    /// Encodes a chunk of at most 64 KiB; see [`Encoder`](super::super::Encoder::encode).
    pub(in super::super) fn encode(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        self.window.load(src);
        self.items.len = 0;
        let Self { window, parser, items, builder } = self;
        match parser {
            Parser::Lazy { chains, effort } => lazy::parse(window, src.len(), chains, *effort, items),
            Parser::Path { trees, matches, path, search, passes } => {
                path::find(window, src.len(), trees, *search, matches);
                for pass in 0..*passes {
                    let frequencies = (pass > 0).then(|| frequencies(items.as_slice()));
                    path.price(window, src.len(), frequencies.as_ref());
                    path.parse(window, src.len(), matches, items);
                }
            }
        }
        let frequencies = frequencies(items.as_slice());
        let mut lengths = [0; SYMBOLS];
        builder.build(&frequencies, LONGEST, &mut lengths);
        let size = write::size(items.as_slice(), &frequencies, &lengths);
        if size >= src.len() || size > dst.len() {
            return None;
        }
        Some(write::write(items.as_slice(), &lengths, dst))
    }
}

fn lazy_parser(effort: Effort) -> Parser {
    Parser::Lazy { chains: Chains::default(), effort }
}

/// How often each symbol is used, the end mark included.
fn frequencies(items: &[Item]) -> [u32; SYMBOLS] {
    let mut frequencies = [0; SYMBOLS];
    for item in items {
        frequencies[item.symbol() % SYMBOLS] += 1;
    }
    frequencies[END] += 1;
    frequencies
}
