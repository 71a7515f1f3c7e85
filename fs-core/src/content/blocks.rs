//! The integrity table as voucher, for those who accept it: check blocks of the archive's raw bytes,
//! hashed once for each generation of the file.

use std::ops::Range;

use wim::{Archive, Blob, IntegrityTable, ResourceFlags};

use super::attempt::{Attempt, Fault, stored_range};
use super::hashing::{hash_blob, hash_range};
use super::{Contents, Verify};
use crate::log::READING;

/// A blob that is to prove the header right is no larger than this.
const MAX_PROOF_SIZE: u64 = 16 << 20;

/// How many blobs are tried for that, since one may be damaged.
const MAX_PROOFS: usize = 3;

/// How much dearer it is to decode and hash a byte of a blob than to read and hash one of a check block, when part of what is
/// decoded is wanted anyway: 10 MiB hash in 5 ms, about as long as 1.25 MiB take to decode from XPRESS or LZX. Over blobs above
/// 8 MB, random reads of 4 KiB cost 0.3 of the processor time with blocks that they cost without.
const BLOB_COST: u64 = 8;

/// An archive's integrity table, where it may stand in for a blob's own SHA-1.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckBlocks<'a> {
    table: &'a IntegrityTable,
}

impl<'a> CheckBlocks<'a> {
    /// The check blocks of an archive, if they suffice, so that a blob's own SHA-1 need not match.
    ///
    /// A table is not evidence by itself, since it may have been written over damage. With
    /// [`Verify::Strict`] it would suffice only if something vouched that every blob matched when the
    /// table was made; nothing does so yet.
    pub(super) fn that_suffice(verify: Verify, archive: &'a Archive) -> Option<Self> {
        match verify {
            Verify::Strict | Verify::Off => None,
            Verify::Blocks => Some(Self { table: archive.integrity().ok()?? }),
        }
    }

    /// Whether the blocks of these bytes of the archive have matched already. Hashes nothing.
    pub(super) fn are_known(self, attempt: &Attempt<'_>, ranges: &[Range<u64>]) -> bool {
        attempt.blob.archive.trust.tables_known()
            && self.of(ranges).is_some_and(|mut blocks| blocks.all(|block| attempt.generation.sound_blocks.get(block)))
    }

    /// Whether the blocks of these bytes of the archive match. Hashes those that have not been hashed yet, unless one
    /// of them is known to be bad, the table does not cover the bytes, or hashing the blob is less work.
    pub(super) fn vouch(self, attempt: &Attempt<'_>, ranges: &[Range<u64>]) -> Result<bool, Fault> {
        if self.are_known(attempt, ranges) {
            return Ok(true);
        }
        let Some(blocks) = self.of(ranges) else { return Ok(false) };
        let generation = &attempt.generation;
        let mut unknown: Vec<usize> = blocks.filter(|&block| !generation.sound_blocks.get(block)).collect();
        unknown.dedup();
        let work: u64 = unknown.iter().map(|&block| len(&self.table.block_range(block))).sum();
        if unknown.iter().any(|&block| generation.bad_blocks.get(block))
            || attempt.row.size().saturating_mul(BLOB_COST) <= work
            || !self.tables_are_right(attempt)
        {
            return Ok(false);
        }
        for block in unknown {
            if !self.is_sound(attempt, block)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The blocks that hold these bytes, or `None` if the table does not cover all of them.
    fn of(self, ranges: &[Range<u64>]) -> Option<impl Iterator<Item = usize> + use<>> {
        let blocks: Option<Vec<_>> = ranges.iter().map(|range| self.table.blocks_of(range.clone())).collect();
        Some(blocks?.into_iter().flatten())
    }

    /// Whether a block matches its SHA-1. Of those who ask at the same time one hashes it.
    fn is_sound(self, attempt: &Attempt<'_>, block: usize) -> Result<bool, Fault> {
        let (archive, generation) = (&attempt.blob.archive, &attempt.generation);
        attempt.contents.blocks.run((archive.id, block, generation.number), || {
            if generation.sound_blocks.get(block) {
                return Ok(true);
            }
            let range = self.table.block_range(block);
            let hash = attempt.contents.buffers.with(|buffer| hash_range(attempt.source(), range.clone(), buffer));
            attempt.same_file()?;
            // A block that cannot be read vouches for nobody, but the blob's own bytes may be readable.
            let Ok(hash) = hash else { return Ok(false) };
            let sound = hash == self.table.hash(block);
            if sound {
                generation.sound_blocks.set(block);
            } else {
                generation.bad_blocks.set(block);
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
    fn tables_are_right(self, attempt: &Attempt<'_>) -> bool {
        let is_first = attempt.generation.number == 0;
        let examine = || is_first && self.blob_table_is_sound(attempt) && header_is_proven(attempt);
        attempt.blob.archive.trust.tables(examine)
    }

    fn blob_table_is_sound(self, attempt: &Attempt<'_>) -> bool {
        let range = stored_range(&attempt.blob.archive.wim.header().blob_table);
        let Some(mut blocks) = self.of(&[range]) else { return false };
        blocks.all(|block| matches!(self.is_sound(attempt, block), Ok(true)))
    }
}

/// Whether blobs decode under the archive's header: a compressed blob of several chunks, or an image's metadata, has
/// matched its SHA-1. An archive without compressed blobs needs no proof.
fn header_is_proven(attempt: &Attempt<'_>) -> bool {
    let wim = &attempt.blob.archive.wim;
    let chunk_size = u64::from(wim.header().chunk_size);
    if !wim.blobs().iter().any(is_compressed) {
        return true;
    }
    let proves = |blob: &&Blob| is_compressed(blob) && blob.size() > chunk_size;
    let mut blobs: Vec<&Blob> =
        wim.blobs().iter().filter(proves).filter(|blob| blob.size() <= MAX_PROOF_SIZE).collect();
    blobs.sort_unstable_by_key(|blob| blob.size());
    blobs.into_iter().take(MAX_PROOFS).any(|blob| decodes_to_its_hash(attempt.contents, wim, blob))
        || wim.blobs().metadata().iter().position(|image| proves(&image)).is_some_and(|index| {
            wim.metadata_resource(index).is_ok() // it matched its SHA-1
        })
}

fn decodes_to_its_hash(contents: &Contents, wim: &Archive, blob: &Blob) -> bool {
    let hash = contents.scratches.with(|scratch| contents.buffers.with(|buffer| hash_blob(wim, blob, scratch, buffer)));
    hash.is_ok_and(|hash| hash == blob.hash)
}

/// Whether the header says how a blob is compressed. Solid resources say it themselves, inside of the blocks.
fn is_compressed(blob: &Blob) -> bool {
    blob.place.flags.contains(ResourceFlags::COMPRESSED) && !blob.is_solid()
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}
