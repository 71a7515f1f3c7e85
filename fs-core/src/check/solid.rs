//! Solid resources: each chunk is decoded once, and every blob in it hashed.

use std::ops::Range;
use std::sync::Arc;

use wim::{Blob, BlobHash, BlobHasher, Resource, memory};

use super::CheckOptions;
use super::plan::is_in_solid;
use super::run::Run;
use super::worker::{Worker, bad_blob, matching};
use crate::archive::OpenArchive;
use crate::concurrent::in_order;
use crate::content::allow_chunks;

/// Why a blob cannot be read. All blobs of a chunk that does not decode share it.
type Reason = Arc<wim::Error>;

/// What a chunk has of a blob.
enum Part {
    /// All of it, and whether that is right.
    Whole(Result<(), Reason>),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Checks the blobs in all solid resources of an archive.
pub(super) fn check<E: Send>(run: &mut Run<'_, E>, worker: &Worker<'_>, options: &CheckOptions) -> Result<(), E> {
    let archive = run.archive;
    for blobs in blobs_by_resource(archive).chunk_by(|a, b| a.solid_resource() == b.solid_resource()) {
        let header = archive.wim.solid_resource(blobs[0]);
        let allowed = header.and_then(|header| allow_chunks(&header.place, header.chunk_size, options.max_chunk_bytes));
        match allowed.and_then(|()| archive.wim.resource(blobs[0])) {
            Ok(resource) => Solid { blobs, resource }.check(run, worker, options)?,
            Err(error) => {
                let reason = Arc::new(error);
                blobs.iter().try_for_each(|blob| done(blob, Err(Arc::clone(&reason)), run))?;
            }
        }
    }
    Ok(())
}

/// The blobs in solid resources, in the order in which they are stored.
fn blobs_by_resource(archive: &OpenArchive) -> Vec<&Blob> {
    let wim = &archive.wim;
    let mut blobs: Vec<&Blob> = wim.blobs().iter().filter(|blob| is_in_solid(wim, blob)).collect();
    blobs.sort_unstable_by_key(|blob| (wim.resource_offset(blob), blob.solid_resource(), blob.offset()));
    blobs
}

/// Tells what came of a blob.
fn done<E: Send>(blob: &Blob, outcome: Result<(), Reason>, run: &mut Run<'_, E>) -> Result<(), E> {
    run.checked.blobs += 1;
    run.count_bytes(blob.size());
    run.progress(blob.size())?;
    match outcome {
        Ok(()) => Ok(()),
        Err(reason) => run.found(bad_blob(run.archive, blob, reason)),
    }
}

/// A solid resource with its blobs, none of which overlaps another, in the order of their offsets.
struct Solid<'a> {
    blobs: &'a [&'a Blob],
    resource: Resource,
}

impl Solid<'_> {
    /// Decodes chunk after chunk, several at once as far as memory allows.
    fn check<E: Send>(&self, run: &mut Run<'_, E>, worker: &Worker<'_>, options: &CheckOptions) -> Result<(), E> {
        let fitting = options.solid_bytes / u64::from(self.resource.chunk_size());
        let at_once = fitting.clamp(1, options.threads.max(1) as u64) as usize;
        // Of the blob that began in a chunk before.
        let mut open = Ok(BlobHasher::default());
        in_order(
            self.resource.chunk_count(),
            at_once - 1,
            at_once,
            |chunk| Ok(self.decode(chunk, worker)),
            |chunk, decoded| self.take(chunk, decoded, &mut open, run),
        )
    }

    /// The uncompressed bytes of the resource that a chunk has.
    fn range(&self, chunk: u64) -> Range<u64> {
        let start = chunk * u64::from(self.resource.chunk_size());
        start..start + self.resource.chunk_len(chunk) as u64
    }

    /// The blobs of which a chunk has at least a part.
    fn blobs_in(&self, range: &Range<u64>) -> &[&Blob] {
        let start = self.blobs.partition_point(|blob| end(blob) <= range.start);
        &self.blobs[start..self.blobs.partition_point(|blob| blob.offset() < range.end)]
    }

    /// Decodes a chunk, on any thread, and hashes what lies wholly in it: its part of each of [`Solid::blobs_in`].
    fn decode(&self, chunk: u64, worker: &Worker<'_>) -> Result<Vec<Part>, Reason> {
        let range = self.range(chunk);
        let blobs = self.blobs_in(&range);
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        worker.buffers.with(|buffer| {
            let at = self.resource.chunk_place(chunk).start;
            memory::resize(buffer, at, self.resource.chunk_len(chunk))?;
            worker.scratches.with(|scratch| self.resource.read_chunk(worker.source(), chunk, scratch, buffer))?;
            blobs.iter().map(|blob| Ok(part(blob, &range, buffer)?)).collect()
        })
    }

    /// Takes what came of a chunk, in order.
    fn take<E: Send>(
        &self,
        chunk: u64,
        decoded: Result<Vec<Part>, Reason>,
        open: &mut Result<BlobHasher, Reason>,
        run: &mut Run<'_, E>,
    ) -> Result<(), E> {
        let range = self.range(chunk);
        let mut parts = decoded.map(Vec::into_iter);
        for blob in self.blobs_in(&range) {
            if blob.offset() >= range.start {
                *open = Ok(BlobHasher::default());
            }
            match (parts.as_mut().map(Iterator::next), &mut *open) {
                (Ok(Some(Part::Whole(outcome))), _) => {
                    done(blob, outcome, run)?;
                    continue;
                }
                (Ok(Some(Part::Bytes(bytes))), Ok(hasher)) => hasher.update(&bytes),
                (Err(reason), Ok(_)) => *open = Err(Arc::clone(reason)),
                (Ok(_) | Err(_), _) => {}
            }
            if end(blob) <= range.end {
                let hash = std::mem::replace(open, Ok(BlobHasher::default()));
                let right = hash.and_then(|hasher| Ok(matching(blob.hash, Ok(hasher.finish()))?));
                done(blob, right, run)?;
            }
        }
        Ok(())
    }
}

/// What the chunk with these bytes, at `range` of its resource, has of a blob.
fn part(blob: &Blob, range: &Range<u64>, bytes: &[u8]) -> wim::Result<Part> {
    let (from, to) = (blob.offset().max(range.start), end(blob).min(range.end));
    let bytes = &bytes[(from - range.start) as usize..(to - range.start) as usize];
    Ok(if bytes.len() as u64 == blob.size() {
        Part::Whole(matching(blob.hash, Ok(BlobHash::of(bytes))).map_err(Arc::new))
    } else {
        Part::Bytes(memory::collect(0, bytes.iter().copied())?)
    })
}

/// Where a blob ends in its resource: inside of it, as was seen when its place was found.
fn end(blob: &Blob) -> u64 {
    blob.offset() + blob.size()
}
