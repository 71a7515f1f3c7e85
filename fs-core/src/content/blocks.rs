//! The integrity table as voucher, for those who accept it: check blocks of the archive's raw bytes,
//! hashed once for each generation of the file.

use std::ops::Range;

use wim::{Archive, Blob, IntegrityTable, ResourceFlags};

use super::Verify;
use super::attempt::{Attempt, Fault};
use super::hashing::{hash_blob, hash_range};
use crate::log::READING;

/// A blob that is to prove the header right is no larger than this.
const MAX_PROOF_SIZE: u64 = 16 << 20;

/// How many blobs are tried for that, since one may be damaged.
const MAX_PROOFS: usize = 3;

/// How much dearer it is to decode and hash a byte of a blob than to read and hash one of a check block, when part of what is
/// decoded is wanted anyway: 10 MiB hash in 5 ms, about as long as 1.25 MiB take to decode from XPRESS or LZX. Over blobs above
/// 8 MB, random reads of 4 KiB cost 0.3 of the processor time with blocks that they cost without.
const BLOB_COST: u64 = 8;

impl Attempt<'_> {
    fn integrity(&self) -> Option<&IntegrityTable> {
        self.blob.archive.wim.integrity().ok().flatten()
    }

    /// Whether matching check blocks of this archive suffice, so that a blob's own SHA-1 need not match.
    ///
    /// A table is not evidence by itself, since it may have been written over damage. With
    /// [`Verify::Strict`] it would suffice only if somebody vouched that every blob matched when the
    /// table was made; nothing does so yet.
    pub(super) fn blocks_suffice(&self) -> bool {
        match self.contents.verify {
            Verify::Strict | Verify::Off => false,
            Verify::Blocks => self.integrity().is_some(),
        }
    }

    /// Whether it is known already, without hashing anything, that check blocks vouch for these bytes of the archive.
    pub(super) fn blocks_are_known(&self, ranges: &[Range<u64>]) -> bool {
        self.blocks_suffice()
            && self.blob.archive.trust.tables_known()
            && self
                .blocks_of(ranges)
                .is_some_and(|mut blocks| blocks.all(|block| self.generation.sound_blocks.get(block)))
    }

    /// Whether check blocks vouch for these bytes of the archive. Hashes the blocks that have not been hashed yet, unless one
    /// of them is known to be bad, the table does not cover the bytes, or hashing the blob is less work.
    pub(super) fn blocks_vouch(&self, ranges: &[Range<u64>]) -> Result<bool, Fault> {
        if !self.blocks_suffice() {
            return Ok(false);
        }
        if self.blocks_are_known(ranges) {
            return Ok(true);
        }
        let (Some(table), Some(blocks)) = (self.integrity(), self.blocks_of(ranges)) else { return Ok(false) };
        let mut unknown: Vec<usize> = blocks.filter(|&block| !self.generation.sound_blocks.get(block)).collect();
        unknown.dedup();
        let work: u64 = unknown.iter().map(|&block| len(&table.block_range(block))).sum();
        if unknown.iter().any(|&block| self.generation.bad_blocks.get(block))
            || self.row.size().saturating_mul(BLOB_COST) <= work
            || !self.tables_are_right()
        {
            return Ok(false);
        }
        for block in unknown {
            if !self.block_is_sound(table, block)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The blocks that hold these bytes, or `None` if the table does not cover all of them.
    fn blocks_of(&self, ranges: &[Range<u64>]) -> Option<impl Iterator<Item = usize> + use<>> {
        let table = self.integrity()?;
        let blocks: Option<Vec<_>> = ranges.iter().map(|range| table.blocks_of(range.clone())).collect();
        Some(blocks?.into_iter().flatten())
    }

    /// Whether a block matches its SHA-1. Of those who ask at the same time one hashes it.
    fn block_is_sound(&self, table: &IntegrityTable, block: usize) -> Result<bool, Fault> {
        let archive = &self.blob.archive;
        self.contents.blocks.run((archive.id, block, self.generation.number), || {
            if self.generation.sound_blocks.get(block) {
                return Ok(true);
            }
            let range = table.block_range(block);
            // A block that cannot be read vouches for nobody, but the blob's own bytes may be readable.
            let Ok(hash) = self.contents.buffers.with(|buffer| hash_range(self.source(), range.clone(), buffer)) else {
                self.same_file()?;
                return Ok(false);
            };
            self.same_file()?;
            let sound = hash == table.hash(block);
            if sound {
                self.generation.sound_blocks.set(block);
            } else {
                self.generation.bad_blocks.set(block);
                let path = archive.path.display();
                READING.once(&format!("{path}: check block at {}", range.start), || {
                    tracing::warn!(archive = %path, at = range.start, len = len(&range), "a check block is damaged");
                });
            }
            Ok(sound)
        })
    }

    /// Whether what was read at opening and is not in the blocks is right, found out once: the blob table in memory, by its
    /// blocks, and the header's compression and chunk size, by a blob. Otherwise sound blocks prove nothing about a blob.
    ///
    /// Can only be found out while the file is as it was before it was opened.
    fn tables_are_right(&self) -> bool {
        let archive = &self.blob.archive;
        archive.trust.tables(|| self.generation.number == 0 && self.blob_table_is_sound() && self.header_is_proven())
    }

    fn blob_table_is_sound(&self) -> bool {
        let place = &self.blob.archive.wim.header().blob_table;
        let range = place.offset..place.offset.saturating_add(place.stored_size);
        let (Some(table), Some(mut blocks)) = (self.integrity(), self.blocks_of(&[range])) else { return false };
        blocks.all(|block| matches!(self.block_is_sound(table, block), Ok(true)))
    }

    /// Whether blobs decode under this header: a compressed blob of several chunks, or an image's metadata, has matched its
    /// SHA-1. An archive without compressed blobs needs no proof.
    fn header_is_proven(&self) -> bool {
        let wim = &self.blob.archive.wim;
        let chunk_size = u64::from(wim.header().chunk_size);
        if !wim.blobs().iter().any(is_compressed) {
            return true;
        }
        let proves = |blob: &&Blob| is_compressed(blob) && blob.size() > chunk_size;
        let mut blobs: Vec<&Blob> =
            wim.blobs().iter().filter(proves).filter(|blob| blob.size() <= MAX_PROOF_SIZE).collect();
        blobs.sort_unstable_by_key(|blob| blob.size());
        blobs.into_iter().take(MAX_PROOFS).any(|blob| self.decodes_to_its_hash(wim, blob))
            || wim.blobs().metadata().iter().position(|image| proves(&image)).is_some_and(|index| {
                wim.metadata_resource(index).is_ok() // it matched its SHA-1
            })
    }

    fn decodes_to_its_hash(&self, wim: &Archive, blob: &Blob) -> bool {
        let hash = self
            .contents
            .scratches
            .with(|scratch| self.contents.buffers.with(|buffer| hash_blob(wim, blob, scratch, buffer)));
        hash.is_ok_and(|hash| hash == blob.hash)
    }
}

/// Whether the header says how a blob is compressed. Solid resources say it themselves, inside of the blocks.
fn is_compressed(blob: &Blob) -> bool {
    blob.place.flags.contains(ResourceFlags::COMPRESSED) && !blob.is_solid()
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}
