//! Encoding.

mod code;
mod delta;
mod item;
mod parse;
mod prices;
mod state;
mod streams;
mod writer;

use super::find::far::FarFinder;
use super::find::intervals::{IntervalFinder, MAX_NICE};
use super::find::tree::TreeFinder;
use super::find::{Find, PAD};
use super::x86_filter::X86Filter;
use crate::codec::Level;
use parse::{Parser, Search};
use prices::Prices;
use writer::{Codes, Writer};

/// Shorter chunks are not encoded.
const MIN_CHUNK: usize = 4;
/// Chunks of more bytes are searched by a suffix array, or if that takes too long, nearby only.
const MAX_TREE_CHUNK: usize = 1 << 20;
/// How far back that is.
const FAST_WINDOW: usize = 1 << 20;

/// Encodes LZMS chunks.
///
/// Holds all tables, so that using it again allocates nothing but what sorting a large chunk takes.
pub(in crate::codec) struct Encoder {
    /// The chunk after the filter, with padding.
    data: Vec<u8>,
    x86_filter: X86Filter,
    finder: Finder,
    parser: Parser,
    prices: Box<Prices>,
    codes: Box<Codes>,
}

enum Finder {
    Tree(TreeFinder),
    Far(FarFinder),
    Intervals(IntervalFinder),
}

impl Encoder {
    /// An encoder for chunks of at most `chunk_size` bytes.
    pub(in crate::codec) fn new(level: Level, chunk_size: usize) -> Self {
        let (search, finder) = effort(level, chunk_size);
        Self {
            data: vec![0; chunk_size + PAD],
            x86_filter: X86Filter::default(),
            finder,
            parser: Parser::new(search),
            prices: Box::default(),
            codes: Box::default(),
        }
    }

    /// Encodes one chunk; see [`Encoder::encode`](crate::Encoder::encode).
    pub(in crate::codec) fn encode(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        if src.len() < MIN_CHUNK {
            return None;
        }
        let room = dst.len().min(src.len() - 1);
        let (chunk, behind) = self.data.split_at_mut(src.len());
        chunk.copy_from_slice(src);
        behind[..PAD].fill(0);
        self.x86_filter.apply(chunk);
        let data = &self.data[..src.len() + PAD];
        let writer = Writer::new(&mut dst[..room], &mut self.codes, src.len());
        self.parser.start();
        match &mut self.finder {
            Finder::Tree(finder) => encode_items(data, writer, finder, &mut self.parser, &mut self.prices),
            Finder::Far(finder) => encode_items(data, writer, finder, &mut self.parser, &mut self.prices),
            Finder::Intervals(finder) => encode_items(data, writer, finder, &mut self.parser, &mut self.prices),
        }
    }
}

/// How a level searches chunks of some size.
fn effort(level: Level, chunk_size: usize) -> (Search, Finder) {
    let tree = |window: usize, depth: u32, nice: usize| TreeFinder::new(chunk_size, window, depth, nice);
    if chunk_size <= MAX_TREE_CHUNK {
        let (depth, nice) = match level {
            Level::Fast => (8, 32),
            Level::Default => (24, 48),
            Level::Max => (100, MAX_NICE),
        };
        let search = Search { nice, delta_below: if level == Level::Max { 16 } else { 4 }, delta_hash_bits: 14 };
        return (search, Finder::Tree(tree(chunk_size, depth, nice)));
    }
    let nice = match level {
        Level::Fast => 32,
        Level::Default => 64,
        Level::Max => MAX_NICE,
    };
    let finder = match level {
        Level::Fast => Finder::Far(FarFinder::new(tree(FAST_WINDOW, 8, nice), nice)),
        Level::Default | Level::Max => Finder::Intervals(IntervalFinder::new(chunk_size, nice)),
    };
    (Search { nice, delta_below: if level == Level::Max { 16 } else { 4 }, delta_hash_bits: 17 }, finder)
}

/// Encodes a chunk, `data` with its padding.
#[inline(never)]
fn encode_items(
    data: &[u8],
    mut writer: Writer<'_>,
    finder: &mut impl Find,
    parser: &mut Parser,
    prices: &mut Prices,
) -> Option<usize> {
    let end = data.len() - PAD;
    finder.start(&data[..end]);
    let mut at = 0;
    while at < end && !writer.streams.is_full() {
        prices.update(&mut writer);
        let items = parser.parse(data, at, end, writer.state, prices, finder);
        for item in items.iter().rev() {
            writer.put(*item, data[at]);
            at += item.length as usize;
        }
    }
    writer.streams.finish()
}

#[cfg(test)]
mod tests;
