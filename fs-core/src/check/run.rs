//! The calling thread's side of a check: results are taken in order here, and told.

use std::convert::Infallible;

use wim::{BlobHash, BlobHasher, Warning};

use super::plan::{Job, Large, Plan, unit_size};
use super::worker::{Done, Worker, bad_blob, matching};
use super::{CheckOptions, Checked, Event, Finding, solid};
use crate::OpenArchive;
use crate::content::pipeline::in_order;

/// How many units may be decoded ahead, for each thread.
const UNITS_AHEAD: usize = 4;

/// An image's use of a blob.
pub(super) struct Use<'a> {
    pub(super) archive: &'a OpenArchive,
    pub(super) image: u32,
    pub(super) blob: BlobHash,
}

/// The calling thread's side: takes what comes of the units, in order, and tells.
pub(super) struct Run<'a, 'r> {
    pub(super) archive: &'a OpenArchive,
    pub(super) tell: &'r mut dyn FnMut(Event),
    pub(super) checked: &'r mut Checked,
    used: &'r mut Vec<Use<'a>>,
    /// The hash of the large blob at hand, as far as its units have come; `None` when one of them failed.
    hashing: Option<BlobHasher>,
}

impl<'a, 'r> Run<'a, 'r> {
    /// Of `archive`; what comes of it goes to `tell`, `checked` and `used`.
    pub(super) fn new(
        archive: &'a OpenArchive,
        tell: &'r mut dyn FnMut(Event),
        checked: &'r mut Checked,
        used: &'r mut Vec<Use<'a>>,
    ) -> Self {
        Self { archive, tell, checked, used, hashing: None }
    }

    /// Checks everything.
    pub(super) fn all(mut self, options: &CheckOptions) {
        let (archive, threads) = (self.archive, options.threads.max(1));
        // A blob that cannot be where the table says is found again when it is its turn.
        let found_again = |warning: &&Warning| matches!(warning, Warning::Blob { .. } | Warning::Solid { .. });
        for warning in archive.wim.warnings().filter(|warning| !found_again(warning)) {
            self.found(Finding::Warning { archive: archive.path.clone(), image: None, warning: warning.to_string() });
        }
        if let Err(error) = archive.wim.integrity() {
            self.found(Finding::BadIntegrityTable { archive: archive.path.clone(), error: error.to_string() });
        }
        let plan = Plan::new(archive);
        let worker = Worker::new(archive, options.max_chunk_bytes);
        let Ok(()) = in_order::<_, Infallible>(
            plan.units,
            threads - 1,
            threads * UNITS_AHEAD,
            |unit| {
                let (job, unit) = plan.find(unit);
                Ok(worker.work(job, unit))
            },
            |unit, done| {
                let (job, unit) = plan.find(unit);
                self.take(job, unit, done, &worker);
                Ok(())
            },
        );
        solid::check(&mut self, &worker, options);
    }

    fn take(&mut self, job: &Job<'a>, unit: u64, done: Done, worker: &Worker<'_>) {
        match (job, done) {
            (Job::Large(large), Done::Part(part)) => self.take_part(large, unit, part, worker),
            (_, Done::Hashed { bytes, findings }) => {
                self.count(job, bytes);
                findings.into_iter().for_each(|finding| self.found(finding));
            }
            (Job::Metadata(index), Done::Tree { bytes, used, warnings }) => {
                self.count(job, bytes);
                let (archive, image) = (self.archive, *index as u32 + 1);
                let mut used: Vec<_> = used.into_iter().map(|blob| Use { archive, image, blob }).collect();
                used.sort_unstable_by_key(|used| used.blob);
                self.used.append(&mut used);
                for warning in warnings {
                    self.found(Finding::Warning { archive: archive.path.clone(), image: Some(image), warning });
                }
            }
            (_, Done::Tree { .. } | Done::Part(_)) => {}
        }
    }

    fn take_part(&mut self, large: &Large<'_>, unit: u64, part: Option<wim::Result<Vec<u8>>>, worker: &Worker<'_>) {
        let size = large.blob.size();
        let start = unit * unit_size(&self.archive.wim);
        let end = size.min(start + unit_size(&self.archive.wim));
        if unit == 0 {
            self.hashing = Some(BlobHasher::default());
        }
        match part {
            Some(Ok(bytes)) => {
                self.hashing.iter_mut().for_each(|hasher| hasher.update(&bytes));
                worker.buffers.put(bytes);
            }
            Some(Err(error)) => {
                self.hashing = None;
                self.found(bad_blob(self.archive, large.blob, error));
            }
            None => self.hashing = None,
        }
        self.count_bytes(end - start);
        (self.tell)(Event::Progress(end - start));
        if end < size {
            return;
        }
        self.checked.blobs += 1;
        if let Some(hasher) = self.hashing.take()
            && let Err(error) = matching(large.blob.hash, Ok(hasher.finish()))
        {
            self.found(bad_blob(self.archive, large.blob, error));
        }
    }

    fn count(&mut self, job: &Job<'_>, bytes: u64) {
        match job {
            Job::Block(_) => self.checked.blocks += 1,
            Job::Metadata(_) => self.checked.images += 1,
            Job::Small(blobs) => self.checked.blobs += blobs.len() as u64,
            Job::Large(_) => {}
        }
        if !matches!(job, Job::Block(_)) {
            self.count_bytes(bytes);
        }
        (self.tell)(Event::Progress(bytes));
    }

    /// Counts bytes as checked. A damaged archive may claim any size, so the sum may be at its limit.
    pub(super) fn count_bytes(&mut self, bytes: u64) {
        self.checked.bytes = self.checked.bytes.saturating_add(bytes);
    }

    pub(super) fn found(&mut self, finding: Finding) {
        (self.tell)(Event::Found(finding));
    }
}
