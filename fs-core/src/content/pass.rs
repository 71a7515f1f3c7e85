//! Hashing a blob as a whole: the voucher for blobs of several chunks that nothing else vouches for.

use std::ops::Range;
use std::sync::Arc;

use wim::{BlobHasher, Resource, memory};

use super::attempt::{Attempt, Chunks, Fault};
use super::chunk_key::{Chunk, ChunkKey};
use super::hashing::hash_range;
use super::plan::Plan;
use crate::concurrent::in_order;
use crate::error::Result;

/// How many decoded bytes a thread makes at a time, at least: enough to make waking another thread pay.
const UNIT_SIZE: u64 = 128 << 10;

/// How many units may be decoded ahead, for each thread that decodes.
const UNITS_AHEAD: usize = 4;

impl Attempt<'_> {
    /// Decodes and hashes the whole blob, and remembers that it is sound. Of those who ask at the same time one does it.
    ///
    /// Returns the chunks, which are also in the cache now; or `None`, if the blob was known to be sound or is too large to be
    /// held, and its chunks are to be decoded again.
    pub(super) fn pass(&self) -> Result<Option<Chunks>, Fault> {
        let key = (self.blob.archive.id, self.blob.index, self.generation.number);
        self.contents.passes.run(key, || {
            if self.is_sound() {
                return Ok(None);
            }
            self.not_known_bad()?;
            let resource = self.resource()?;
            if resource.is_stored() {
                self.hash_stored()?;
                return Ok(None);
            }
            let room = self.contents.holding.reserve(resource.size());
            let chunks = self.hash_chunks(&resource, room.is_some())?;
            if room.is_none() {
                self.set_sound()?;
                return Ok(None);
            }
            let _ = self.set_sound(); // what is held is right even if the file has changed meanwhile
            self.keep(&chunks);
            Ok(Some(Arc::new(chunks)))
        })
    }

    fn keep(&self, chunks: &[Chunk]) {
        for (chunk, bytes) in (0..).zip(chunks) {
            self.contents.chunks.insert(ChunkKey::own(self.blob, chunk), Arc::clone(bytes));
        }
    }

    /// Remembers that the blob matched, if what matched is what the file still holds. If the file changed meanwhile for the
    /// second time in a row, the blob is not hashed again: that may be a lot of work for each of many reads.
    fn set_sound(&self) -> Result<(), Fault> {
        match (self.same_file(), self.plan) {
            (Ok(()), _) => {
                self.generation.set_sound(self.blob.index);
                Ok(())
            }
            (Err(fault), Plan::HoldAndHash) => Err(self.last_fault(fault)),
            (Err(fault), _) => Err(fault),
        }
    }

    fn hash_stored(&self) -> Result<(), Fault> {
        let hash = self.contents.buffers.with(|buffer| hash_range(self.source(), self.place(), buffer));
        self.matches(hash.map_err(|error| self.failed(error))?)?;
        self.set_sound()
    }

    /// Decodes all chunks and holds their hash against the blob's; returns them only if they are to be held.
    pub(super) fn hash_chunks(&self, resource: &Resource, hold: bool) -> Result<Vec<Chunk>, Fault> {
        let mut hasher = BlobHasher::default();
        let count = if hold { resource.chunk_count() as usize } else { 0 };
        let mut held = memory::list(resource.place().start, count).map_err(|error| self.failed(error))?;
        self.decode_in_order(resource, 0, |_, chunks| {
            chunks.iter().for_each(|bytes| hasher.update(bytes));
            if hold {
                held.extend(chunks);
            }
            Ok::<_, Fault>(())
        })?;
        self.matches(hasher.finish())?;
        Ok(held)
    }

    /// Decodes the chunks from unit `first` on, with as many helpers as are free and of use, and hands them to `take` unit by
    /// unit in order. Nothing has vouched for them.
    pub(super) fn decode_in_order<E: From<Fault>>(
        &self,
        resource: &Resource,
        first: u64,
        mut take: impl FnMut(u64, Vec<Chunk>) -> Result<(), E>,
    ) -> Result<(), E> {
        let units = unit_count(resource);
        let wanted = units.saturating_sub(first + 1).min(usize::MAX as u64) as usize;
        let helpers = self.contents.helpers.take(self.blob.archive.device, wanted);
        in_order(
            units.saturating_sub(first),
            helpers.count(),
            (helpers.count() + 1) * UNITS_AHEAD,
            |unit| {
                unit_chunks(resource, first + unit)
                    .map(|chunk| self.decode(resource, chunk))
                    .collect::<Result<_, Fault>>()
            },
            |unit, chunks| take(first + unit, chunks),
        )
    }
}

/// How many chunks are decoded by a thread at a time.
fn chunks_per_unit(resource: &Resource) -> u64 {
    (UNIT_SIZE / u64::from(resource.chunk_size().max(1))).max(1)
}

fn unit_count(resource: &Resource) -> u64 {
    resource.chunk_count().div_ceil(chunks_per_unit(resource))
}

fn unit_chunks(resource: &Resource, unit: u64) -> Range<u64> {
    let chunks = chunks_per_unit(resource);
    unit * chunks..resource.chunk_count().min((unit + 1) * chunks)
}
