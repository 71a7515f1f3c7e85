//! One attempt at reading a blob, all of it from one generation of the archive's file.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use wim::{Blob, BlobHash, ReadAt, Resource, memory};

use super::blocks::CheckBlocks;
use super::chunk_key::{Chunk, ChunkKey, ResourceKey};
use super::plan::Plan;
use super::{Contents, TABLE_BYTES, allow_own_chunks};
use crate::archive::{BlobRef, Generation, TablesId};
use crate::concurrent::{Cache, Weigh};
use crate::error::Error;

/// Why an attempt gave no bytes.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// The file is not what it was when the attempt began: try again.
    Changed,
    /// The bytes cannot be read, or are not what they should be.
    Failed(Error),
}

/// All chunks of a blob, in order.
pub(super) type Chunks = Arc<Vec<Chunk>>;

/// Resources with a chunk table, and the generation in which it was read.
pub(super) type TableCache = Cache<(TablesId, ResourceKey, u32), Arc<Resource>, Fault>;

impl Weigh for Arc<Resource> {
    /// What the chunk table takes, but never so much that it could not be kept: reading it for each chunk would be worse.
    fn weight(&self) -> usize {
        let table = self.chunk_count().saturating_mul(8).min(TABLE_BYTES / 4);
        size_of::<Resource>() + table as usize
    }
}

/// One attempt at reading a blob. It begins with a generation of the file, and whatever it reads counts only if the file is
/// still of that generation afterwards.
pub(super) struct Attempt<'a> {
    pub(super) contents: &'a Contents,
    pub(super) blob: &'a BlobRef,
    pub(super) row: &'a Blob,
    pub(super) generation: Arc<Generation>,
    pub(super) plan: Plan<'a>,
}

impl<'a> Attempt<'a> {
    /// Begins on the file as it was last seen. `changed` means that it changed during the last attempt.
    ///
    /// # Errors
    /// The blob is known to be bad.
    pub(super) fn begin(contents: &'a Contents, blob: &'a BlobRef, changed: bool) -> Result<Self, Fault> {
        let generation = blob.archive.trust.current();
        let plan = Plan::new(contents, blob, &generation, changed);
        let attempt = Self { contents, blob, row: blob.blob(), generation, plan };
        if !plan.is_settled() {
            attempt.not_known_bad()?;
        }
        Ok(attempt)
    }

    /// A chunk of a compressed blob, from the cache or decoded.
    pub(super) fn chunk(&self, key: ChunkKey) -> Result<Chunk, Fault> {
        match self.plan {
            Plan::Unchecked => self.load_chunk(key, |_| Ok(())),
            Plan::Matched => self.load_chunk(key, |_| self.same_file()),
            Plan::Blocks(blocks) => self.chunk_by_blocks(blocks, key),
            Plan::WholeBlob | Plan::HoldAndHash => self.chunk_by_hash(key),
        }
    }

    fn chunk_by_blocks(&self, blocks: CheckBlocks<'_>, key: ChunkKey) -> Result<Chunk, Fault> {
        let vouched = if self.has_one_chunk() {
            blocks.are_known(self, &[self.place()])
        } else {
            let resource = self.resource()?;
            blocks.vouch(self, &[resource.table_place(), resource.chunk_place(key.chunk)])?
        };
        if vouched { self.load_chunk(key, |_| self.same_file()) } else { self.chunk_by_hash(key) }
    }

    fn chunk_by_hash(&self, key: ChunkKey) -> Result<Chunk, Fault> {
        if self.has_one_chunk() {
            return self.load_chunk(key, |bytes| self.matches(BlobHash::of(bytes)));
        }
        match self.pass()? {
            Some(chunks) => Ok(Arc::clone(&chunks[key.chunk as usize])),
            None => self.load_chunk(key, |_| self.same_file()),
        }
    }

    /// A chunk from the cache, or decoded and then held against `check`.
    fn load_chunk(&self, key: ChunkKey, check: impl FnOnce(&[u8]) -> Result<(), Fault>) -> Result<Chunk, Fault> {
        self.contents.chunks.get_or_load(key, || {
            let resource = self.resource()?;
            let bytes = self.decode(&resource, key.chunk)?;
            check(&bytes)?;
            Ok(bytes)
        })
    }

    /// Decodes a chunk; nothing has vouched for it then.
    pub(super) fn decode(&self, resource: &Resource, chunk: u64) -> Result<Chunk, Fault> {
        let (at, len) = (resource.chunk_place(chunk).start, resource.chunk_len(chunk));
        let mut bytes = memory::zeros(at, len).map_err(|error| self.failed(error))?;
        let read = |scratch: &mut _| resource.read_chunk(self.source(), chunk, scratch, &mut bytes);
        self.contents.scratches.with(read).map_err(|error| self.failed(error))?;
        Ok(Arc::new(bytes))
    }

    /// The resource that holds the blob, with its chunk table, which is read unless it is cached.
    pub(super) fn resource(&self) -> Result<Arc<Resource>, Fault> {
        let wim = &self.blob.archive.wim;
        let read = || {
            allow_own_chunks(wim, self.row, self.contents.max_chunk_bytes).map_err(|error| {
                Fault::Failed(self.blob.archive.blob_error(self.row, error)) // nothing is wrong with the blob
            })?;
            wim.resource(self.row).map(Arc::new).map_err(|error| self.failed(error))
        };
        if self.has_one_chunk() {
            return read(); // it has no table
        }
        let key = (self.blob.archive.id, ResourceKey::of(self.blob), self.generation.number);
        self.contents.tables.get_or_load(key, read).map_err(|fault| self.own_fault(fault))
    }

    /// The archive's bytes.
    pub(super) fn source(&self) -> &'a dyn ReadAt {
        self.blob.archive.wim.source()
    }

    /// The archive bytes that the blob takes, as the blob table has it.
    pub(super) fn place(&self) -> Range<u64> {
        stored_range(&self.row.place)
    }

    /// Whether the blob has a resource of its own, of one chunk.
    fn has_one_chunk(&self) -> bool {
        !self.row.is_solid() && self.row.size() <= u64::from(self.blob.archive.wim.header().chunk_size)
    }

    /// Whether the blob has matched its SHA-1 by now.
    pub(super) fn is_sound(&self) -> bool {
        self.generation.is_sound(self.blob.index)
    }

    /// Ends the attempt if it is known that the blob cannot be read, without reading it again.
    pub(super) fn not_known_bad(&self) -> Result<(), Fault> {
        match self.generation.failure(self.blob.index) {
            None => Ok(()),
            Some(error) => {
                self.same_file()?;
                Err(Fault::Failed(error))
            }
        }
    }

    /// Ends the attempt unless the file is still of its generation: what was read until now is what was verified.
    pub(super) fn same_file(&self) -> Result<(), Fault> {
        let archive = &self.blob.archive;
        match archive.trust.is_still(&archive.wim, &self.generation) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::Changed),
            Err(source) => Err(Fault::Failed(io_error(self.blob, source))),
        }
    }

    /// The fault of an attempt after which there is no other one: what it handed out cannot be taken back.
    pub(super) fn last_fault(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Changed => Fault::Failed(changed_error(self.blob)),
            failed @ Fault::Failed(_) => failed,
        }
    }

    /// Ends the attempt unless `actual` is the blob's hash.
    pub(super) fn matches(&self, actual: BlobHash) -> Result<(), Fault> {
        let expected = self.row.hash;
        if actual == expected { Ok(()) } else { Err(self.failed(wim::Error::Hash { expected, actual })) }
    }

    /// A fault that another blob of the same resource may have met first, said of this blob.
    pub(super) fn own_fault(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Failed(Error::Blob { source, .. }) => Fault::Failed(self.blob.archive.blob_error(self.row, source)),
            other => other,
        }
    }

    /// What an error means: that the file changed, or that the blob is bad, which is remembered unless the medium failed.
    pub(super) fn failed(&self, error: wim::Error) -> Fault {
        let lasting = !matches!(error, wim::Error::Io { .. });
        let error = self.blob.archive.blob_error(self.row, error);
        if self.plan.is_checked() {
            if let Err(changed) = self.same_file() {
                return changed;
            }
            if lasting {
                self.generation.set_failure(self.blob.index, error.clone());
            }
        }
        Fault::Failed(error)
    }
}

/// The error for a file that did not stay as it was while a blob was read.
pub(super) fn changed_error(blob: &BlobRef) -> Error {
    io_error(blob, io::Error::other("the file changed while it was read"))
}

fn io_error(blob: &BlobRef, source: io::Error) -> Error {
    let (archive, row) = (&blob.archive, blob.blob());
    let (at, len) = (archive.wim.resource_offset(row), row.place.stored_size);
    archive.blob_error(row, wim::Error::Io { at, len, source })
}

/// The archive's bytes that a resource takes.
pub(super) fn stored_range(place: &wim::ResourceHeader) -> Range<u64> {
    place.offset..place.offset.saturating_add(place.stored_size)
}
