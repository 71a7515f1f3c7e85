//! Encoding LZX chunks.
//!
//! A chunk is encoded in stretches of up to 32 KiB. For each, all matches are found once; a first
//! sequence of items is chosen from them by rules of thumb; blocks are laid out by its statistics;
//! and by the costs that these statistics imply, the cheapest sequence is found, as often as the
//! level asks for it. The fast level keeps the first sequence.

mod blocks;
mod candidates;
mod codes;
mod header;
mod item;
mod lazy;
mod path;
mod prices;
mod statistics;
mod write;

use super::super::bits::BitWriter;
use super::super::encoder::Level;
use super::super::huffman::CodeBuilder;
use super::super::matches::{self, Position, Search, Window};
use super::call_filter;
use super::{MAX_CHUNK, slots, window_order};
use blocks::Blocks;
use candidates::{Listed, Searched};
use codes::Codes;
use header::Header;
use item::{Item, Queue};
use path::Path;
use statistics::Statistics;

/// The usual chunk, in bytes.
const USUAL_CHUNK: usize = 1 << 15;
/// Bytes that are parsed at a time.
const STRETCH: usize = USUAL_CHUNK;
/// The most bits of a block's type, size and aligned code.
const FIXED_HEADER: usize = 3 + 25 + 24;

/// Encodes LZX chunks.
pub(in super::super) struct Encoder(Sized);

/// Positions of usual chunks take 16 bits, which halves the tables.
enum Sized {
    Usual(Box<Sizes<u16, USUAL_CHUNK, { USUAL_CHUNK + matches::PAD }>>),
    Large(Box<Sizes<u32, MAX_CHUNK, { MAX_CHUNK + matches::PAD }>>),
}

impl Encoder {
    /// An encoder for a resource in chunks of `chunk_size` bytes, at most 2 MiB.
    pub(in super::super) fn new(level: Level, chunk_size: usize) -> Self {
        Self(match chunk_size {
            ..=USUAL_CHUNK => Sized::Usual(Box::new(Sizes::new(level, chunk_size))),
            _ => Sized::Large(Box::new(Sizes::new(level, chunk_size))),
        })
    }

    /// Encodes a chunk; see [`Encoder`](super::super::Encoder::encode).
    pub(in super::super) fn encode(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        match &mut self.0 {
            Sized::Usual(encoder) => encoder.encode(src, dst),
            Sized::Large(encoder) => encoder.encode(src, dst),
        }
    }
}

/// How items are chosen.
enum Parser<P, const CHUNK: usize, const WINDOW: usize> {
    Lazy(Searched<P, CHUNK, WINDOW>),
    Path { listed: Listed<P, CHUNK, WINDOW>, path: Box<Path>, passes: u32 },
}

/// An encoder for chunks of up to `CHUNK` bytes.
struct Sizes<P, const CHUNK: usize, const WINDOW: usize> {
    window: Window<WINDOW>,
    parser: Parser<P, CHUNK, WINDOW>,
    items: Vec<Item>,
    blocks: Blocks,
    writer: Box<BlockWriter>,
}

impl<P: Position, const CHUNK: usize, const WINDOW: usize> Sizes<P, CHUNK, WINDOW> {
    fn new(level: Level, chunk_size: usize) -> Self {
        let order = window_order(chunk_size as u32);
        let path = |depth, nice, passes| Parser::Path {
            listed: Listed::new(Search { depth, nice, nearest_two: 256 }),
            path: Box::new(Path::new(slots(order), nice)),
            passes,
        };
        let parser = match level {
            Level::Fast => Parser::Lazy(Searched::new(24, 48)),
            Level::Default => path(16, 48, 1),
            Level::Max => path(48, 257, 6),
        };
        Self {
            window: Window::default(),
            parser,
            items: Vec::with_capacity(STRETCH),
            blocks: Blocks::default(),
            writer: Box::new(BlockWriter::new(order)),
        }
    }

    fn encode(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        if src.is_empty() {
            return None;
        }
        self.window.load(src);
        call_filter::apply(self.window.bytes_mut(src.len()));
        match &mut self.parser {
            Parser::Lazy(searched) => searched.reset(src.len()),
            Parser::Path { listed, .. } => listed.reset(src.len()),
        }
        self.writer.reset();
        // A chunk that is not smaller is of no use.
        let room = dst.len().min(src.len().saturating_sub(1));
        let mut bits = BitWriter::new(&mut dst[..room]);
        let mut queue = Queue::default();
        for start in (0..src.len()).step_by(STRETCH) {
            self.parse((start, src.len().min(start + STRETCH)), queue);
            for (from, to) in self.blocks.iter() {
                let items = &self.items[from.item..to.item];
                self.writer.write(&self.window, (from.at, to.at), items, room, &mut bits)?;
            }
            queue = self.items.iter().fold(queue, |queue, &item| queue.after(item));
        }
        Some(bits.finish())
    }

    /// Chooses the items and blocks of a stretch.
    fn parse(&mut self, span: (usize, usize), queue: Queue) {
        let Self { window, parser, items, blocks, .. } = self;
        items.clear();
        match parser {
            Parser::Lazy(searched) => {
                lazy::parse(window, span, queue, searched, items);
                blocks.set_one(span, items);
            }
            Parser::Path { listed, path, passes } => {
                listed.list(window, span);
                lazy::parse(window, span, queue, listed, items);
                for pass in 0..*passes {
                    blocks.choose(window, span, items);
                    path.improve(window, queue, listed.matches(), blocks, items);
                    if pass + 1 == *passes {
                        blocks.move_to(items);
                    }
                }
            }
        }
    }
}

/// Writes the blocks of a chunk.
struct BlockWriter {
    statistics: Statistics,
    codes: Codes,
    /// Those of the block before.
    old_codes: Codes,
    header: Header,
    builder: CodeBuilder,
    order: u32,
}

impl BlockWriter {
    fn new(order: u32) -> Self {
        Self {
            statistics: Statistics::default(),
            codes: Codes::default(),
            old_codes: Codes::default(),
            header: Header::default(),
            builder: CodeBuilder::default(),
            order,
        }
    }

    /// Begins a chunk.
    fn reset(&mut self) {
        self.old_codes = Codes::default();
    }

    /// Writes the block of the bytes from `start` to `end`. `None` if more than `room` bytes would
    /// be written then.
    fn write<const WINDOW: usize>(
        &mut self,
        window: &Window<WINDOW>,
        (start, end): (usize, usize),
        items: &[Item],
        room: usize,
        bits: &mut BitWriter<'_, false>,
    ) -> Option<()> {
        let Self { statistics, codes, old_codes, header, builder, order } = self;
        statistics.count(window, start, items);
        codes.build(statistics, builder);
        let lengths = header.set(codes, old_codes, 256 + 8 * slots(*order), builder);
        let size = bits.bit_count() + FIXED_HEADER + lengths + codes.bits(statistics);
        if size.div_ceil(16) * 2 > room {
            return None;
        }
        bits.put(if codes.is_aligned { 2 } else { 1 }, 3);
        match end - start {
            USUAL_CHUNK => bits.put(1, 1),
            size => bits.put(size as u32, if *order < 16 { 17 } else { 25 }),
        }
        if codes.is_aligned {
            codes.aligned.iter().for_each(|&length| bits.put(length.into(), 3));
        }
        header.write(bits);
        write::items(window, start, items, codes, bits);
        debug_assert!(bits.bit_count() <= size);
        std::mem::swap(codes, old_codes);
        Some(())
    }
}
