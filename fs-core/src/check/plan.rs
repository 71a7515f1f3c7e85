//! What checking an archive consists of, cut into units of work.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use wim::{Archive, Blob, Resource};

use crate::archive::OpenArchive;

/// Blobs of at least this size, in bytes, are decoded by several threads at once.
const LARGE: u64 = 4 << 20;

/// How many bytes, about, a thread decodes at a time: of small blobs together, of a large one at once.
const UNIT_SIZE: u64 = 1 << 20;

/// The most blobs that a thread decodes at a time. Those that cannot be read have no size.
const UNIT_BLOBS: usize = 4096;

/// What is to be done for an archive, in the order in which it is done.
pub(super) struct Plan<'a> {
    /// The blobs that have a resource of their own or none, by offset.
    own: Vec<&'a Blob>,
    jobs: Vec<Job<'a>>,
    /// The number of units before each job.
    starts: Vec<u64>,
    pub(super) units: u64,
    pub(super) bytes: u64,
}

/// Some of the work on an archive, of one unit or more.
pub(super) enum Job<'a> {
    /// The metadata of an image, by index.
    Metadata(usize),
    /// A block of the integrity table, by index.
    Block(usize),
    /// Blobs that a thread decodes one after the other, for [`Plan::small`].
    Small(Range<usize>),
    /// A blob that threads decode together.
    Large(Large<'a>),
}

/// A blob that threads decode together, unit by unit.
pub(super) struct Large<'a> {
    pub(super) blob: &'a Blob,
    /// With its chunk table, which is read by the first thread that needs it.
    pub(super) resource: OnceLock<Option<Resource>>,
    /// Whether a unit failed, so that nothing is to be done for the others.
    pub(super) failed: AtomicBool,
}

impl<'a> Plan<'a> {
    pub(super) fn new(archive: &'a OpenArchive) -> Self {
        let wim = &archive.wim;
        // Blobs of solid resources come later, chunk by chunk: see `solid.rs`. Those that cannot be read come here.
        let solid = wim.blobs().iter().filter(|blob| is_in_solid(wim, blob));
        let bytes = solid.fold(0_u64, |sum, blob| sum.saturating_add(blob.size()));
        let mut own: Vec<&Blob> = wim.blobs().iter().filter(|blob| !is_in_solid(wim, blob)).collect();
        own.sort_unstable_by_key(|blob| blob.place.offset);
        let mut plan = Plan { own, jobs: Vec::new(), starts: Vec::new(), units: 0, bytes };
        // Metadata first: the trees are large, and parsing is one thread's work.
        for (index, image) in wim.blobs().metadata().iter().enumerate() {
            plan.push(Job::Metadata(index), image.size(), 1);
        }
        // What lies in a block is checked right after it, while the system still has the file's pages in memory.
        let mut next = 0;
        if let Ok(Some(table)) = wim.integrity() {
            for block in 0..table.len() {
                let range = table.block_range(block);
                plan.push(Job::Block(block), range.end - range.start, 1);
                let end = next + plan.own[next..].partition_point(|blob| blob.place.offset < range.end);
                plan.push_blobs(wim, next..end);
                next = end;
            }
        }
        plan.push_blobs(wim, next..plan.own.len());
        plan
    }

    fn push(&mut self, job: Job<'a>, bytes: u64, units: u64) {
        self.jobs.push(job);
        self.starts.push(self.units);
        self.units += units;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn push_blobs(&mut self, wim: &Archive, blobs: Range<usize>) {
        let (mut start, mut sum) = (blobs.start, 0);
        for at in blobs.clone() {
            let blob = self.own[at];
            let size = readable_size(wim, blob);
            if size >= LARGE {
                self.push_small(start..at, std::mem::take(&mut sum));
                let large = Large { blob, resource: OnceLock::new(), failed: AtomicBool::new(false) };
                self.push(Job::Large(large), size, size.div_ceil(unit_size(wim)));
                start = at + 1;
                continue;
            }
            sum += size;
            if sum >= UNIT_SIZE || at + 1 - start == UNIT_BLOBS {
                self.push_small(start..at + 1, std::mem::take(&mut sum));
                start = at + 1;
            }
        }
        self.push_small(start..blobs.end, sum);
    }

    fn push_small(&mut self, blobs: Range<usize>, bytes: u64) {
        if !blobs.is_empty() {
            self.push(Job::Small(blobs), bytes, 1);
        }
    }

    /// The blobs of [`Job::Small`].
    pub(super) fn small(&self, blobs: &Range<usize>) -> &[&'a Blob] {
        &self.own[blobs.clone()]
    }

    /// The job that a unit belongs to, and the unit's number in it.
    pub(super) fn find(&self, unit: u64) -> (&Job<'a>, u64) {
        let job = self.starts.partition_point(|&start| start <= unit) - 1;
        (&self.jobs[job], unit - self.starts[job])
    }
}

/// Whether a blob lies in a solid resource that can be read, as far as its header tells.
pub(super) fn is_in_solid(wim: &Archive, blob: &Blob) -> bool {
    blob.is_solid() && wim.check_blob(blob).is_ok()
}

/// How many bytes checking a blob goes through: none where its place cannot be, for its size then means nothing.
pub(super) fn readable_size(wim: &Archive, blob: &Blob) -> u64 {
    if wim.check_blob(blob).is_ok() { blob.size() } else { 0 }
}

/// How many bytes of a large blob make a unit: whole chunks.
pub(super) fn unit_size(wim: &Archive) -> u64 {
    UNIT_SIZE.max(wim.header().chunk_size.into()) // both are powers of two
}
