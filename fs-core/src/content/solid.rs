//! Blobs in solid resources: slices of large chunks that they share with many others.
//!
//! A chunk is decoded once and cached as it was decoded, under the generation of the file that it came
//! from. A blob's bytes are covered by its own SHA-1, taken of its slices of these chunks and remembered
//! for the generation. With `Verify::Blocks` the check blocks that hold what is read suffice for a blob in
//! several chunks. So a small blob hashes no more than itself.

use std::ops::Range;
use std::sync::Arc;

use wim::{BlobHasher, ResourceHeader, SolidResource, memory};

use super::attempt::{Attempt, Fault};
use super::cache::{Chunk, ChunkKey, ResourceKey};
use super::pieces::{Piece, pieces};
use super::pipeline::in_order;
use super::stream::{Progress, Sink};
use super::{Release, allow_chunks};

/// A resource whose place depends on more others than this is not read by its check blocks.
const MOST_HEADERS: u32 = 64;

/// A blob's solid resource.
#[derive(Clone, Copy)]
pub(super) struct Solid {
    number: u32,
    resource: SolidResource,
}

impl Attempt<'_> {
    /// The solid resource that holds the blob, unless its chunks are too large.
    fn solid(&self) -> Result<Solid, Fault> {
        let resource = self.blob.archive.wim.solid_resource(self.row).map_err(|error| self.failed(error))?;
        allow_chunks(&resource.place, resource.chunk_size, self.contents.max_chunk_bytes).map_err(|error| {
            Fault::Failed(self.blob.archive.blob_error(self.row, error)) // nothing is wrong with the blob
        })?;
        // A blob that has a solid resource has its number too.
        Ok(Solid { number: self.row.solid_resource().unwrap_or(u32::MAX), resource })
    }

    /// The pieces of chunks that hold a range of the blob.
    fn solid_pieces(&self, solid: &Solid, range: Range<u64>) -> impl Iterator<Item = Piece> + use<> {
        let (start, len) = (self.row.offset().saturating_add(range.start), range.end - range.start);
        pieces(solid.resource.place.size, solid.resource.chunk_size, start, usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn all_pieces(&self, solid: &Solid) -> impl Iterator<Item = Piece> + use<> {
        self.solid_pieces(solid, 0..self.row.size())
    }

    /// The chunks that hold the blob.
    fn chunks(&self, solid: &Solid) -> Range<u64> {
        let chunk_size = u64::from(solid.resource.chunk_size);
        let end = self.row.offset().saturating_add(self.row.size());
        self.row.offset() / chunk_size..end.div_ceil(chunk_size)
    }

    /// Fills `buf` from `offset` of the blob; the range must lie inside it.
    pub(super) fn read_solid(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let solid = self.solid()?;
        let wanted = offset..offset + buf.len() as u64;
        if self.contents.verify.is_on() && !self.is_sound() {
            if self.restless {
                return self.read_restless(&solid, &wanted, buf);
            }
            self.vouch(&solid, &wanted)?;
        }
        let mut rest = buf;
        for Piece { chunk, range } in self.solid_pieces(&solid, wanted) {
            let (dst, behind) = rest.split_at_mut(range.len());
            dst.copy_from_slice(&self.solid_chunk(&solid, chunk)?[range]);
            rest = behind;
        }
        Ok(())
    }

    /// Decodes and hashes the blob where its chunks are cached or have room in the cache.
    pub(super) fn warm_solid(&self) -> Result<(), Fault> {
        let solid = self.solid()?;
        let chunks = self.chunks(&solid);
        let missing = chunks.filter(|&chunk| self.contents.chunks.get(self.chunk_key(&solid, chunk)).is_none()).count();
        let bytes = (missing as u64).saturating_mul(solid.resource.chunk_size.into());
        if self.contents.verify.is_on() && !self.is_sound() && self.contents.chunks.has_room(bytes) {
            return self.hash_solid(&solid);
        }
        Ok(())
    }

    /// Sees to it that something vouches for a range of the blob.
    fn vouch(&self, solid: &Solid, wanted: &Range<u64>) -> Result<(), Fault> {
        self.not_known_bad()?;
        let chunks = self.chunks(solid);
        if chunks.end - chunks.start > 1 && self.is_in_sound_blocks(solid, wanted)? {
            return Ok(());
        }
        self.hash_solid(solid)
    }

    /// Whether check blocks vouch for the chunks of a range, for the table that says where they are, and for the headers that
    /// say where the blob is.
    fn is_in_sound_blocks(&self, solid: &Solid, wanted: &Range<u64>) -> Result<bool, Fault> {
        if !self.blocks_suffice() || solid.number >= MOST_HEADERS {
            return Ok(false);
        }
        let table = self.resource()?;
        let headers = self.blob.archive.wim.solid_resources().take(solid.number as usize);
        let mut ranges: Vec<_> = headers.flatten().map(|other| place_of(&other.place)).collect();
        ranges.push(table.table_place());
        ranges.extend(self.solid_pieces(solid, wanted.clone()).map(|piece| table.chunk_place(piece.chunk)));
        self.blocks_vouch(&ranges)
    }

    /// Hashes the blob and remembers that it is sound. Of those who ask at the same time one does it.
    fn hash_solid(&self, solid: &Solid) -> Result<(), Fault> {
        let key = (self.blob.archive.id, self.blob.index, self.generation.number);
        let hashed = self.contents.passes.run(key, || {
            if !self.is_sound() {
                self.not_known_bad()?;
                let mut hasher = BlobHasher::default();
                self.solid_in_order(solid, 0, |_, bytes| {
                    hasher.update(bytes);
                    Ok(())
                })?;
                self.matches(hasher.finish())?;
                // Every chunk was still the file's when it came in.
                self.generation.sound_blobs.set(self.blob.index as usize);
            }
            Ok(None)
        });
        hashed.map(|_| ())
    }

    /// Hands the blob's slices of its chunks, from the chunk `first` of the blob on, to `take` in order; the chunks are decoded
    /// by several threads where they are not cached.
    fn solid_in_order(
        &self,
        solid: &Solid,
        first: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let chunks = self.chunks(solid);
        let count = (chunks.end - chunks.start).saturating_sub(first);
        let wanted = count.saturating_sub(1).min(usize::MAX as u64) as usize;
        let helpers = self.contents.helpers.take(self.blob.archive.device, wanted);
        let mut pieces = self.all_pieces(solid).skip(first as usize);
        in_order(
            count,
            helpers.count(),
            helpers.count() + 1,
            |item| self.solid_chunk(solid, chunks.start + first + item),
            |item, bytes| {
                let range = pieces.next().map_or(0..0, |piece| piece.range);
                take(first + item, &bytes[range])
            },
        )
    }

    fn chunk_key(&self, solid: &Solid, chunk: u64) -> ChunkKey {
        ChunkKey {
            archive: self.blob.archive.id,
            resource: ResourceKey::Solid(solid.number),
            generation: self.generation.number,
            chunk,
        }
    }

    /// A chunk, from the cache or decoded: as the file of this generation has it.
    fn solid_chunk(&self, solid: &Solid, chunk: u64) -> Result<Chunk, Fault> {
        let loaded = self.contents.chunks.get_or_load(self.chunk_key(solid, chunk), || {
            let bytes = self.decode_solid(solid, chunk)?;
            if self.contents.verify.is_on() {
                self.same_file()?;
            }
            Ok(bytes)
        });
        loaded.map_err(|fault| self.own_fault(fault))
    }

    fn decode_solid(&self, solid: &Solid, chunk: u64) -> Result<Chunk, Fault> {
        if let Some(error) = self.generation.chunk_failure(solid.number, chunk) {
            self.same_file()?;
            return Err(Fault::Failed(self.blob.archive.blob_error(self.row, error)));
        }
        let resource = self.resource()?;
        let _room = self.contents.decoding.enter(self.blob.archive.device, resource.chunk_len(chunk) as u64);
        let decoded = self.decode(&resource, chunk);
        if let Err(Fault::Failed(crate::Error::Blob { source, .. })) = &decoded
            && !matches!(**source, wim::Error::Io { .. })
        {
            self.generation.set_chunk_failure(solid.number, chunk, Arc::clone(source));
        }
        decoded
    }

    /// Reads, decodes and hashes the whole blob, leaving out the cache, whose chunks need a file that holds still.
    fn decode_restless(&self, solid: &Solid, mut take: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut hasher = BlobHasher::default();
        for Piece { chunk, range } in self.all_pieces(solid) {
            let bytes = &self.decode_solid(solid, chunk)?[range];
            hasher.update(bytes);
            take(bytes)?;
        }
        self.matches(hasher.finish())
    }

    fn read_restless(&self, solid: &Solid, wanted: &Range<u64>, buf: &mut [u8]) -> Result<(), Fault> {
        let mut at = 0;
        self.decode_restless(solid, |bytes| {
            let (from, to) = (wanted.start.max(at), wanted.end.min(at + bytes.len() as u64));
            if from < to {
                let src = &bytes[(from - at) as usize..(to - at) as usize];
                buf[(from - wanted.start) as usize..][..src.len()].copy_from_slice(src);
            }
            at += bytes.len() as u64;
            Ok(())
        })
    }

    fn stream_restless(&self, solid: &Solid, release: Release, sink: &mut Sink<'_>) -> Result<(), Fault> {
        if release == Release::AtOnce {
            return self.decode_restless(solid, |bytes| sink(bytes).map_err(Fault::Failed));
        }
        let Some(_room) = self.contents.holding.reserve(self.row.size()) else { return Err(Fault::Changed) };
        let held = memory::list(self.place().start, self.row.size() as usize);
        let mut held = held.map_err(|error| self.failed(error))?;
        self.decode_restless(solid, |bytes| {
            held.extend(bytes);
            Ok(())
        })?;
        sink(&held).map_err(Fault::Failed)
    }

    /// Hands all bytes of the blob to `sink`. The chunks come from the cache or go into it, for they have other blobs too.
    pub(super) fn stream_solid(
        &self,
        release: Release,
        progress: &mut Progress,
        sink: &mut Sink<'_>,
    ) -> Result<(), Fault> {
        let solid = self.solid()?;
        let is_right = !self.contents.verify.is_on() || self.is_sound();
        if !is_right {
            self.not_known_bad()?;
            if self.restless && *progress == 0 {
                return self.stream_restless(&solid, release, sink);
            }
        }
        let mut hasher = (!is_right && release == Release::AtOnce).then(BlobHasher::default);
        if !is_right && hasher.is_none() {
            self.hash_solid(&solid)?;
        }
        let first = if hasher.is_some() { 0 } else { *progress };
        let streamed = self.solid_in_order(&solid, first, |chunk, bytes| {
            hasher.iter_mut().for_each(|hasher| hasher.update(bytes));
            *progress = chunk + 1;
            sink(bytes).map_err(Fault::Failed)
        });
        let Some(hasher) = hasher else { return streamed };
        match streamed.and_then(|()| self.matches(hasher.finish())) {
            // What was handed out cannot be taken back, so there is no other attempt.
            Err(Fault::Changed) if *progress > 0 => Err(Fault::Failed(self.changed_error())),
            Ok(()) => {
                self.generation.sound_blobs.set(self.blob.index as usize);
                Ok(())
            }
            other => other,
        }
    }

    fn is_sound(&self) -> bool {
        self.generation.sound_blobs.get(self.blob.index as usize)
    }
}

/// The archive's bytes that a resource takes.
fn place_of(place: &ResourceHeader) -> Range<u64> {
    place.offset..place.offset.saturating_add(place.stored_size)
}
