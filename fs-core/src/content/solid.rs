//! Blobs in solid resources: slices of large chunks that they share with many others.
//!
//! A chunk is decoded once and cached as it was decoded, under the generation of the file that it came
//! from. A blob's bytes are covered by its own SHA-1, taken of its slices of these chunks and remembered
//! for the generation. With `Verify::Blocks` the check blocks that hold what is read suffice for a blob in
//! several chunks. So a small blob hashes no more than itself.

use std::ops::Range;
use std::sync::Arc;

use wim::{BlobHasher, SolidResource, memory};

use super::attempt::{Attempt, Fault, stored_range};
use super::blocks::CheckBlocks;
use super::chunk_key::{Chunk, ChunkKey, ResourceKey};
use super::pieces::{Piece, pieces};
use super::plan::Plan;
use super::stream::{Progress, Sink, Stop};
use super::{Release, allow_chunks};
use crate::concurrent::in_order;
use crate::error::Error;

/// A resource whose place depends on more others than this is not read by its check blocks.
const MAX_HEADERS: u32 = 64;

/// A blob in a solid resource, as one attempt at reading it sees it.
pub(super) struct SolidBlob<'a> {
    attempt: &'a Attempt<'a>,
    /// The number of the resource in its archive.
    number: u32,
    resource: SolidResource,
}

impl<'a> SolidBlob<'a> {
    /// The attempt's blob, which is solid.
    ///
    /// # Errors
    /// Its resource is damaged, or has larger chunks than are allowed.
    pub(super) fn of(attempt: &'a Attempt<'a>) -> Result<Self, Fault> {
        let (archive, row) = (&attempt.blob.archive, attempt.row);
        let resource = archive.wim.solid_resource(row).map_err(|error| attempt.failed(error))?;
        allow_chunks(&resource.place, resource.chunk_size, attempt.contents.max_chunk_bytes).map_err(|error| {
            Fault::Failed(archive.blob_error(row, error)) // nothing is wrong with the blob
        })?;
        // A blob that has a solid resource has its number too.
        Ok(Self { attempt, number: row.solid_resource().unwrap_or(u32::MAX), resource })
    }

    /// The pieces of chunks that hold a range of the blob.
    fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Piece> + use<> {
        let start = self.attempt.row.offset().saturating_add(range.start);
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        pieces(self.resource.place.size, self.resource.chunk_size, start, len)
    }

    fn all_pieces(&self) -> impl Iterator<Item = Piece> + use<> {
        self.pieces(0..self.attempt.row.size())
    }

    /// The chunks that hold the blob.
    fn chunks(&self) -> Range<u64> {
        let row = self.attempt.row;
        let chunk_size = u64::from(self.resource.chunk_size);
        let end = row.offset().saturating_add(row.size());
        row.offset() / chunk_size..end.div_ceil(chunk_size)
    }

    /// Fills `buf` from `offset` of the blob; the range must lie inside it.
    pub(super) fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let wanted = offset..offset + buf.len() as u64;
        match self.attempt.plan {
            Plan::Unchecked | Plan::Matched => {}
            Plan::Blocks(blocks) if self.is_in_sound_blocks(blocks, &wanted)? => {}
            Plan::Blocks(_) | Plan::WholeBlob => self.hash()?,
            Plan::HoldAndHash => return self.fill_and_hash(&wanted, buf),
        }
        let mut rest = buf;
        for Piece { chunk, range } in self.pieces(wanted) {
            let (dst, later) = rest.split_at_mut(range.len());
            dst.copy_from_slice(&self.chunk(chunk)?[range]);
            rest = later;
        }
        Ok(())
    }

    /// Decodes and hashes the blob where its chunks are cached or fit into the cache.
    pub(super) fn warm(&self) -> Result<(), Fault> {
        let cache = &self.attempt.contents.chunks;
        let missing = self.chunks().filter(|&chunk| cache.get(self.key(chunk)).is_none()).count();
        let bytes = (missing as u64).saturating_mul(self.resource.chunk_size.into());
        if self.attempt.plan.is_settled() || !cache.budget().has_room(bytes) {
            return Ok(());
        }
        self.hash()
    }

    /// Whether check blocks vouch for the chunks of a range, for the table that says where they are, and for the headers that
    /// say where the blob is. A blob in one chunk is hashed instead.
    fn is_in_sound_blocks(&self, blocks: CheckBlocks<'_>, wanted: &Range<u64>) -> Result<bool, Fault> {
        let chunks = self.chunks();
        if chunks.end - chunks.start <= 1 || self.number >= MAX_HEADERS {
            return Ok(false);
        }
        let table = self.attempt.resource()?;
        let headers = self.attempt.blob.archive.wim.solid_resources().take(self.number as usize);
        let mut ranges: Vec<_> = headers.flatten().map(|other| stored_range(&other.place)).collect();
        ranges.push(table.table_place());
        ranges.extend(self.pieces(wanted.clone()).map(|piece| table.chunk_place(piece.chunk)));
        blocks.vouch(self.attempt, &ranges)
    }

    /// Hashes the blob and remembers that it is sound. Of those who ask at the same time one does it.
    fn hash(&self) -> Result<(), Fault> {
        let attempt = self.attempt;
        let key = (attempt.blob.archive.id, attempt.blob.index, attempt.generation.number);
        let hashed = attempt.contents.passes.run(key, || {
            if attempt.is_sound() {
                return Ok(None);
            }
            attempt.not_known_bad()?;
            let mut hasher = BlobHasher::default();
            self.in_order(0, |_, bytes| {
                hasher.update(bytes);
                Ok::<_, Fault>(())
            })?;
            self.set_sound(hasher)?;
            Ok(None)
        });
        hashed.map(drop)
    }

    /// Remembers that the blob is sound if its bytes, hashed by `hasher`, match. Every chunk was still the file's when it
    /// came into the cache.
    fn set_sound(&self, hasher: BlobHasher) -> Result<(), Fault> {
        self.attempt.matches(hasher.finish())?;
        self.attempt.generation.set_sound(self.attempt.blob.index);
        Ok(())
    }

    /// Hands the blob's slices of its chunks, from the chunk `first` of the blob on, to `take` in order; the chunks are decoded
    /// by several threads where they are not cached.
    fn in_order<E: From<Fault>>(&self, first: u64, mut take: impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let chunks = self.chunks();
        let count = (chunks.end - chunks.start).saturating_sub(first);
        let wanted = count.saturating_sub(1).min(usize::MAX as u64) as usize;
        let helpers = self.attempt.contents.helpers.take(self.attempt.blob.archive.device, wanted);
        let mut pieces = self.all_pieces().skip(first as usize);
        in_order(
            count,
            helpers.count(),
            helpers.count() + 1,
            |item| self.chunk(chunks.start + first + item),
            |item, bytes| {
                let range = pieces.next().map_or(0..0, |piece| piece.range);
                take(first + item, &bytes[range])
            },
        )
    }

    fn key(&self, chunk: u64) -> ChunkKey {
        ChunkKey {
            tables: self.attempt.blob.archive.id,
            resource: ResourceKey::Solid(self.number),
            generation: self.attempt.generation.number,
            chunk,
        }
    }

    /// A chunk, from the cache or decoded: as the file of this generation has it.
    fn chunk(&self, chunk: u64) -> Result<Chunk, Fault> {
        let loaded = self.attempt.contents.chunks.get_or_load(self.key(chunk), || {
            let bytes = self.decode(chunk)?;
            if self.attempt.plan.is_checked() {
                self.attempt.same_file()?;
            }
            Ok(bytes)
        });
        loaded.map_err(|fault| self.attempt.own_fault(fault))
    }

    fn decode(&self, chunk: u64) -> Result<Chunk, Fault> {
        let attempt = self.attempt;
        let (archive, generation) = (&attempt.blob.archive, &attempt.generation);
        if let Some(error) = generation.chunk_failure(self.number, chunk) {
            attempt.same_file()?;
            return Err(Fault::Failed(archive.blob_error(attempt.row, error)));
        }
        let resource = attempt.resource()?;
        let _decoding = attempt.contents.decoding.enter(archive.device, resource.chunk_len(chunk) as u64);
        let decoded = attempt.decode(&resource, chunk);
        if let Err(Fault::Failed(Error::Blob { source, .. })) = &decoded
            && !matches!(**source, wim::Error::Io { .. })
        {
            generation.set_chunk_failure(self.number, chunk, Arc::clone(source));
        }
        decoded
    }

    /// Reads, decodes and hashes the whole blob, without the cache, whose chunks need a file that stays as it is.
    fn decode_and_hash<E: From<Fault>>(&self, mut take: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut hasher = BlobHasher::default();
        for Piece { chunk, range } in self.all_pieces() {
            let bytes = &self.decode(chunk)?[range];
            hasher.update(bytes);
            take(bytes)?;
        }
        Ok(self.attempt.matches(hasher.finish())?)
    }

    fn fill_and_hash(&self, wanted: &Range<u64>, buf: &mut [u8]) -> Result<(), Fault> {
        let mut at = 0;
        self.decode_and_hash(|bytes| {
            let (from, to) = (wanted.start.max(at), wanted.end.min(at + bytes.len() as u64));
            if from < to {
                let src = &bytes[(from - at) as usize..(to - at) as usize];
                buf[(from - wanted.start) as usize..][..src.len()].copy_from_slice(src);
            }
            at += bytes.len() as u64;
            Ok(())
        })
    }

    /// Hands all bytes of the blob to `sink`. The chunks come from the cache or go into it, for they have other blobs too.
    pub(super) fn stream<S>(
        &self,
        release: Release,
        progress: &mut Progress,
        sink: &mut Sink<'_, S>,
    ) -> Result<(), Stop<S>> {
        match (self.attempt.plan, release) {
            (Plan::Unchecked | Plan::Matched, _) => self.stream_chunks(progress, sink),
            (Plan::HoldAndHash, Release::AtOnce) => self.stream_uncached(progress, sink),
            (Plan::HoldAndHash, Release::Verified) if *progress == 0 => self.stream_held(sink),
            (_, Release::AtOnce) => self.stream_then_check(progress, sink),
            (_, Release::Verified) => {
                self.hash()?;
                self.stream_chunks(progress, sink)
            }
        }
    }

    fn stream_chunks<S>(&self, progress: &mut Progress, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
        self.in_order(*progress, |chunk, bytes| {
            *progress = chunk + 1;
            sink(bytes).map_err(Stop::Sink)
        })
    }

    fn stream_then_check<S>(&self, progress: &mut Progress, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
        let mut hasher = BlobHasher::default();
        let streamed = self.in_order(0, |chunk, bytes| {
            hasher.update(bytes);
            *progress = chunk + 1;
            sink(bytes).map_err(Stop::Sink)
        });
        self.attempt.end_at_once(streamed.and_then(|()| Ok(self.set_sound(hasher)?)), *progress)
    }

    fn stream_uncached<S>(&self, progress: &mut Progress, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
        let streamed = self.decode_and_hash(|bytes| {
            *progress += 1;
            sink(bytes).map_err(Stop::Sink)
        });
        self.attempt.end_at_once(streamed, *progress)
    }

    fn stream_held<S>(&self, sink: &mut Sink<'_, S>) -> Result<(), Stop<S>> {
        let attempt = self.attempt;
        let Some(_held) = attempt.contents.holding.reserve(attempt.row.size()) else {
            return Err(Stop::Fault(Fault::Changed));
        };
        let held = memory::list(attempt.place().start, attempt.row.size() as usize);
        let mut held = held.map_err(|error| attempt.failed(error))?;
        self.decode_and_hash(|bytes| {
            held.extend(bytes);
            Ok::<_, Fault>(())
        })?;
        sink(&held).map_err(Stop::Sink)
    }
}
