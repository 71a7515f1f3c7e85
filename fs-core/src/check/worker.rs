//! Reading, decoding and hashing, on any thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wim::{Blob, BlobHash, ReadAt, Resource, Scratch, memory};

use super::plan::{Job, Large, Plan, readable_size, unit_size};
use super::{Finding, Survey, UsedBy, Users};
use crate::archive::OpenArchive;
use crate::concurrent::Pool;
use crate::content::allow_own_chunks;
use crate::content::hashing::{hash_blob, hash_range};
use crate::error::Error;

/// What a unit came to.
pub(super) enum Done {
    /// So many bytes were hashed; what did not match.
    Hashed { bytes: u64, findings: Vec<Finding> },
    /// An image whose metadata is sound.
    Image { bytes: u64, survey: Survey },
    /// A part of a large blob, decoded; `None` if another part failed.
    Part(Option<wim::Result<Vec<u8>>>),
}

/// What threads need to check an archive.
pub(super) struct Worker<'a> {
    archive: &'a OpenArchive,
    users: &'a Users<'a>,
    max_chunk_bytes: u64,
    pub(super) scratches: Pool<Scratch>,
    /// For what is read or decoded. Units of large blobs leave in one, and it is given back when they were taken.
    pub(super) buffers: Pool<Vec<u8>>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(archive: &'a OpenArchive, users: &'a Users<'a>, max_chunk_bytes: u64) -> Self {
        Self { archive, users, max_chunk_bytes, scratches: Pool::default(), buffers: Pool::default() }
    }

    /// The archive's bytes.
    pub(super) fn source(&self) -> &'a dyn ReadAt {
        self.archive.wim.source()
    }

    /// Does a unit of a job.
    pub(super) fn work(&self, plan: &Plan<'_>, job: &Job<'_>, unit: u64) -> Done {
        match job {
            Job::Metadata(index) => self.metadata(*index),
            Job::Block(index) => self.block(*index),
            Job::Small(blobs) => self.small(plan.small(blobs)),
            Job::Large(large) => Done::Part(self.part(large, unit)),
        }
    }

    fn metadata(&self, index: usize) -> Done {
        let place = &self.archive.wim.blobs().metadata()[index].place;
        match self.survey(index) {
            Ok(survey) => Done::Image { bytes: place.size, survey },
            Err(error) => {
                let finding = Finding::BadMetadata { image: index as u32 + 1, offset: place.offset, error };
                Done::Hashed { bytes: place.size, findings: vec![finding] }
            }
        }
    }

    /// Parses the metadata of an image. The tree of one that is shown stays in memory, as far as the budget allows, for
    /// findings that name its files.
    fn survey(&self, index: usize) -> Result<Survey, Arc<wim::Error>> {
        let Some(info) = self.users.image(index) else {
            return Ok(Survey::of_tree(&self.archive.wim.metadata(index)?));
        };
        match info.image.tree_from(self.archive) {
            Ok(tree) => Ok(Survey::of(&info.image, self.archive, &tree)),
            Err(Error::Blob { source, .. }) => Err(source),
            Err(other) => Ok(Survey { warnings: vec![other.to_string()], ..Survey::default() }), // more inodes than a mount shows
        }
    }

    fn block(&self, index: usize) -> Done {
        let Ok(Some(table)) = self.archive.wim.integrity() else {
            return Done::Hashed { bytes: 0, findings: Vec::new() };
        };
        let range = table.block_range(index);
        let actual = self.buffers.with(|buffer| hash_range(self.archive.wim.source(), range.clone(), buffer));
        let bad = matching(table.hash(index), actual).err().map(|error| Finding::BadBlock {
            offset: range.start,
            len: range.end - range.start,
            error,
        });
        Done::Hashed { bytes: range.end - range.start, findings: bad.into_iter().collect() }
    }

    fn small(&self, blobs: &[&Blob]) -> Done {
        let check = |scratch: &mut _, buffer: &mut _, blob: &Blob| {
            let hash = self.allow(blob).and_then(|()| hash_blob(&self.archive.wim, blob, scratch, buffer));
            matching(blob.hash, hash).err().map(|error| bad_blob(self.archive, blob, error))
        };
        let findings = self.scratches.with(|scratch| {
            self.buffers.with(|buffer| blobs.iter().filter_map(|blob| check(scratch, buffer, blob)).collect())
        });
        let sizes = blobs.iter().map(|blob| readable_size(&self.archive.wim, blob));
        Done::Hashed { bytes: sizes.fold(0, u64::saturating_add), findings }
    }

    /// Decodes a unit of a large blob.
    fn part(&self, large: &Large<'_>, unit: u64) -> Option<wim::Result<Vec<u8>>> {
        if large.failed.load(Ordering::Relaxed) {
            return None;
        }
        let mut error = None;
        let resource = large.resource.get_or_init(|| {
            let resource = self.allow(large.blob).and_then(|()| self.archive.wim.resource(large.blob));
            resource.map_err(|reason| error = Some(reason)).ok()
        });
        let decoded = match (error, resource) {
            (Some(error), _) => Err(error),
            (None, None) => return None, // another thread has the error
            (None, Some(resource)) => self.decode(resource, unit),
        };
        if decoded.is_err() {
            large.failed.store(true, Ordering::Relaxed);
        }
        Some(decoded)
    }

    fn allow(&self, blob: &Blob) -> wim::Result<()> {
        allow_own_chunks(&self.archive.wim, blob, self.max_chunk_bytes)
    }

    fn decode(&self, resource: &Resource, unit: u64) -> wim::Result<Vec<u8>> {
        let wim = &self.archive.wim;
        let start = unit * unit_size(wim);
        let end = resource.size().min(start + unit_size(wim));
        let mut bytes = self.buffers.take();
        memory::resize(&mut bytes, resource.place().start, (end - start) as usize)?;
        if resource.is_stored() {
            return resource.read_stored_at(wim.source(), start, &mut bytes).map(|()| bytes);
        }
        let (chunk_size, mut rest) = (u64::from(resource.chunk_size()), bytes.as_mut_slice());
        self.scratches.with(|scratch| {
            for chunk in start / chunk_size..end.div_ceil(chunk_size) {
                let (dst, behind) = rest.split_at_mut(resource.chunk_len(chunk));
                resource.read_chunk(wim.source(), chunk, scratch, dst)?;
                rest = behind;
            }
            Ok(())
        })?;
        Ok(bytes)
    }
}

/// What is wrong with bytes that should have the hash `expected`.
pub(super) fn matching(expected: BlobHash, actual: wim::Result<BlobHash>) -> wim::Result<()> {
    let actual = actual?;
    if actual == expected { Ok(()) } else { Err(wim::Error::Hash { expected, actual }) }
}

pub(super) fn bad_blob(archive: &OpenArchive, blob: &Blob, error: impl Into<Arc<wim::Error>>) -> Finding {
    let offset = archive.wim.resource_offset(blob);
    Finding::BadBlob { blob: blob.hash, offset, bad_block: None, error: error.into(), used_by: UsedBy::default() }
}
