//! One attempt at reading a blob, all of it from one generation of the archive's file.

use std::io;
use std::sync::Arc;

use wim::{Blob, BlobHash, ReadAt, Resource, memory};

use super::cache::{Cache, Chunk, ChunkKey, ResourceKey, Weigh};
use super::trust::Generation;
use super::{Contents, TABLE_BYTES, allow_own_chunks};
use crate::{ArchiveId, BlobRef, Error};

/// Why an attempt gave no bytes.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// The file is not what it was when the attempt began: try again.
    Changed,
    /// The bytes cannot be had.
    Failed(Error),
}

/// All chunks of a blob, in order.
pub(super) type Chunks = Arc<Vec<Chunk>>;

/// Resources with a chunk table, and the generation in which it was read.
pub(super) type TableCache = Cache<(ArchiveId, ResourceKey, u32), Arc<Resource>, Fault>;

impl Weigh for Arc<Resource> {
    /// What the chunk table takes, but never so much that it could not be kept: reading it for each chunk would be worse.
    fn weight(&self) -> usize {
        let table = self.chunk_count().saturating_mul(8).min(TABLE_BYTES / 4);
        size_of::<Resource>() + table as usize
    }
}

/// What vouches for the chunk that is about to be decoded.
enum Voucher {
    /// Nothing need.
    Nobody,
    /// The SHA-1 of the blob, whose only chunk it is.
    Itself,
    /// What is known of this generation of the file.
    Generation,
    /// It was decoded just now, with all the others, and the whole matched.
    Pass(Chunks),
}

/// One attempt at reading a blob. It begins with a generation of the file, and whatever it reads counts only if the file is
/// still of that generation afterwards.
pub(super) struct Attempt<'a> {
    pub(super) contents: &'a Contents,
    pub(super) blob: &'a BlobRef,
    pub(super) row: &'a Blob,
    pub(super) generation: Arc<Generation>,
    /// Whether the file changed during the last attempt. Somebody may be appending to it for minutes: the way to go is then
    /// the one that does not depend on the file's holding still, a blob's own SHA-1.
    pub(super) restless: bool,
}

impl<'a> Attempt<'a> {
    /// An attempt on the file as it was last seen.
    pub(super) fn new(contents: &'a Contents, blob: &'a BlobRef, restless: bool) -> Self {
        Self { contents, blob, row: blob.blob(), generation: blob.archive.trust.current(), restless }
    }

    /// A chunk of a compressed blob, from the cache or decoded.
    pub(super) fn chunk(&self, key: ChunkKey) -> Result<Chunk, Fault> {
        let voucher = self.voucher(key.chunk)?;
        if let Voucher::Pass(chunks) = voucher {
            return Ok(Arc::clone(&chunks[key.chunk as usize]));
        }
        self.contents.chunks.get_or_load(key, || {
            let resource = self.resource()?;
            let bytes = self.decode(&resource, key.chunk)?;
            match voucher {
                Voucher::Nobody => {}
                Voucher::Itself => self.matches(BlobHash::of(&bytes))?,
                Voucher::Generation | Voucher::Pass(_) => self.same_file()?,
            }
            Ok(bytes)
        })
    }

    /// Sees to it that something vouches for a chunk: finds it, or hashes what must be hashed.
    fn voucher(&self, chunk: u64) -> Result<Voucher, Fault> {
        if !self.contents.verify.is_on() {
            return Ok(Voucher::Nobody);
        }
        if self.generation.sound_blobs.get(self.blob.index as usize) {
            return Ok(Voucher::Generation);
        }
        self.not_known_bad()?;
        if self.has_one_chunk() {
            let known = self.blocks_are_known(&[self.place()]);
            return Ok(if known { Voucher::Generation } else { Voucher::Itself });
        }
        if self.chunk_is_in_sound_blocks(chunk)? {
            return Ok(Voucher::Generation);
        }
        Ok(self.pass()?.map_or(Voucher::Generation, Voucher::Pass))
    }

    fn chunk_is_in_sound_blocks(&self, chunk: u64) -> Result<bool, Fault> {
        if self.restless || !self.blocks_suffice() {
            return Ok(false);
        }
        let resource = self.resource()?;
        self.blocks_vouch(&[resource.table_place(), resource.chunk_place(chunk)])
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
    pub(super) fn place(&self) -> std::ops::Range<u64> {
        let place = &self.row.place;
        place.offset..place.offset.saturating_add(place.stored_size)
    }

    /// Whether the blob has a resource of its own, of one chunk.
    fn has_one_chunk(&self) -> bool {
        !self.row.is_solid() && self.row.size() <= u64::from(self.blob.archive.wim.header().chunk_size)
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
            Err(source) => Err(Fault::Failed(self.io_error(source))),
        }
    }

    /// The error for a file that did not hold still.
    pub(super) fn changed_error(&self) -> Error {
        let source = io::Error::other("the file changed while it was read");
        self.io_error(source)
    }

    fn io_error(&self, source: io::Error) -> Error {
        let at = self.blob.archive.wim.resource_offset(self.row);
        let error = wim::Error::Io { at, len: self.row.place.stored_size, source };
        self.blob.archive.blob_error(self.row, error)
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
        if self.contents.verify.is_on() {
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
