//! What goes from the reader through the encoders to the writer.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use wim::{BlobHash, ReadAt, Resource, Version};

use super::budget::Permit;
use crate::Result;

/// Work for one encoder: consecutive pieces of contents. The writer takes units by their ticket.
pub(super) struct Unit<P> {
    pub(super) ticket: u64,
    pub(super) pieces: Vec<P>,
    /// What the unit takes of the budget until it is written.
    pub(super) permit: Permit,
}

/// A part of a content, as it was read.
pub(super) struct Piece {
    /// The index of the content's job.
    pub(super) job: usize,
    /// The size of the whole content.
    pub(super) size: u64,
    /// Whether the content begins here. One that begins a second time has changed, and is read
    /// again.
    pub(super) first: bool,
    /// Whether it ends here.
    pub(super) last: bool,
    /// Its SHA-1, where that was found out before.
    pub(super) hash: Option<BlobHash>,
    /// Whether its chunks stay as they are stored in the source.
    pub(super) keep: bool,
    pub(super) input: Input,
}

impl Piece {
    /// Whether this is all of the content.
    pub(super) fn is_whole(&self) -> bool {
        self.first && self.last
    }
}

/// The bytes of a piece.
pub(super) enum Input {
    /// As they are.
    Plain(Vec<u8>),
    /// Chunks of a resource, as stored.
    Chunks { resource: Arc<Resource>, window: Window, chunks: Range<u64> },
    /// None: the content with this hash is there already.
    Known,
}

impl Input {
    /// The uncompressed bytes, which is what it takes in memory at most, but for kept chunks.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Plain(bytes) => bytes.len() as u64,
            Self::Chunks { resource, chunks, .. } => chunks.clone().map(|chunk| resource.chunk_len(chunk) as u64).sum(),
            Self::Known => 0,
        }
    }
}

/// A range of an archive in memory, which answers reads at the archive's offsets.
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
}

impl ReadAt for Window {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let offset = offset.checked_sub(self.start).ok_or(io::ErrorKind::InvalidInput)?;
        self.bytes.as_slice().read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn version(&self) -> io::Result<Version> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A part of a content, as it is written.
pub(super) struct Packed {
    pub(super) job: usize,
    pub(super) size: u64,
    pub(super) first: bool,
    pub(super) last: bool,
    /// The SHA-1 of the content, where this is all of it or it is known.
    pub(super) hash: Option<BlobHash>,
    /// The uncompressed bytes, unless the hash is known and `chunks` suffices.
    pub(super) plain: Vec<u8>,
    /// How it is stored.
    pub(super) stored: Stored,
}

/// How a part of a content is stored.
pub(super) enum Stored {
    /// Uncompressed.
    Plain,
    /// In chunks: their sizes, and their bytes one after the other.
    Chunks { sizes: Vec<u32>, bytes: Vec<u8> },
    /// Not at all: the archive has it.
    Known,
}

/// What an encoder hands on: the result of each unit.
pub(super) type Done = (u64, Result<Unit<Packed>>);
