//! How archives are written.

use wim::{Compression, Encoder, Level};

use crate::Control;
use crate::blocks::BLOCK;
use crate::pipeline::ChunkEncoder;

/// How an archive is written.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How new archives compress; an archive that is appended to stays as it is.
    pub compression: Compression,
    /// The uncompressed bytes of a chunk, a power of two; 0 for the compression's usual size.
    pub chunk_size: u32,
    /// Whether contents are encoded anew that a source stores in the same way.
    pub recompress: bool,
    /// Whether a new archive has an integrity table. An archive that is appended to keeps one, and
    /// gets one with this.
    pub integrity: bool,
    /// Threads that encode, at least one.
    pub threads: usize,
    /// Bytes of contents in memory at once; 0 for 16 MiB and 2 MiB for each thread.
    pub memory: usize,
    /// Whether all ends with the plan, and the destination stays as it is.
    pub dry_run: bool,
    /// How much time is spent on making chunks smaller.
    pub level: Level,
    /// Makes an encoder for a thread, given compression, level and chunk size; `None` stores plain.
    pub encoder: fn(Compression, Level, u32) -> Option<ChunkEncoder>,
    /// Watches.
    pub control: Control<'a>,
    /// The size of a block of new integrity tables.
    pub block_size: u32,
}

impl Default for Options<'_> {
    /// Uncompressed, by one thread.
    fn default() -> Self {
        Self {
            compression: Compression::None,
            chunk_size: 0,
            recompress: false,
            integrity: false,
            threads: 1,
            memory: 0,
            dry_run: false,
            level: Level::Default,
            encoder: new_encoder,
            control: Control::NONE,
            block_size: BLOCK,
        }
    }
}

impl Options<'_> {
    /// The bytes between reader and writer.
    pub(crate) fn budget(&self) -> usize {
        if self.memory > 0 { self.memory } else { (16 << 20) + (2 << 20) * self.threads }
    }
}

/// The encoders of `wim`.
fn new_encoder(compression: Compression, level: Level, chunk_size: u32) -> Option<ChunkEncoder> {
    if compression == Compression::None {
        return None;
    }
    let mut encoder = Encoder::new(compression, level, chunk_size).ok()?;
    Some(Box::new(move |src, dst| encoder.encode(src, dst)))
}

/// The usual chunk size of a compression.
#[must_use]
pub fn usual_chunk_size(compression: Compression) -> u32 {
    match compression {
        Compression::None => 0,
        Compression::Xpress | Compression::Lzx => 0x8000,
        Compression::Lzms => 0x2_0000,
    }
}
