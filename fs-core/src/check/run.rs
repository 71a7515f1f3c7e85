//! The calling thread's side of a check: results are taken in order here, and reported.

use wim::{BlobHash, BlobHasher, Warning};

use super::links::bad_links;
use super::plan::{Job, Large, Plan, unit_size};
use super::survey::without_data;
use super::users::Naming;
use super::worker::{Done, Worker, bad_blob, matching};
use super::{CheckOptions, Checked, Event, Finding, Survey, UsedBy, Users, solid};
use crate::archive::OpenArchive;
use crate::concurrent::in_order;

/// How many units may be decoded ahead, for each thread.
const UNITS_AHEAD: usize = 4;

/// The most findings whose files are named together: each time, the trees are gone through.
const MAX_HELD: usize = 1 << 15;

/// After so many bytes, those found so far are reported.
const HELD_BYTES: u64 = 256 << 20;

/// The calling thread's side: takes what comes of the units, in order, and reports.
pub(super) struct Run<'a, E> {
    pub(super) archive: &'a OpenArchive,
    pub(super) checked: Checked,
    users: &'a Users<'a>,
    tell: &'a mut dyn FnMut(Event) -> Result<(), E>,
    /// The bytes checked so far, of how many.
    done: u64,
    of: u64,
    /// The hash of the large blob that is being read, as far as its units have come; `None` when one of them failed.
    hashing: Option<BlobHasher>,
    /// Whether that blob was reported.
    is_found: bool,
    /// The blocks of the integrity table that are bad, by index, in order.
    bad_blocks: Vec<u32>,
    held: Held,
}

/// Findings whose files are yet to be named.
struct Held {
    findings: Vec<Finding>,
    /// With so many of them, files are named. Doubles each time, so that the first are reported at once, and many do not
    /// take a pass through the trees each.
    limit: usize,
    /// The bytes that were checked when the first of them came.
    since: u64,
}

impl<'a, E: Send> Run<'a, E> {
    /// Of `archive`, for `users`; what comes of it goes to `tell`.
    pub(super) fn new(
        archive: &'a OpenArchive,
        users: &'a Users<'a>,
        tell: &'a mut dyn FnMut(Event) -> Result<(), E>,
    ) -> Self {
        Self {
            archive,
            checked: Checked { archives: 1, ..Checked::default() },
            users,
            tell,
            done: 0,
            of: 0,
            hashing: None,
            is_found: false,
            bad_blocks: Vec::new(),
            held: Held { findings: Vec::new(), limit: 1, since: 0 },
        }
    }

    /// Checks everything.
    pub(super) fn all(mut self, options: &CheckOptions) -> Result<Checked, E> {
        let (archive, threads) = (self.archive, options.threads.max(1));
        // A blob that cannot be where the table says is found again when it is its turn.
        let found_again = |warning: &&Warning| matches!(warning, Warning::Blob { .. } | Warning::Solid { .. });
        for warning in archive.wim.warnings().filter(|warning| !found_again(warning)) {
            self.found(Finding::Warning { image: None, warning: warning.to_string() })?;
        }
        if let Err(error) = archive.wim.integrity() {
            self.found(Finding::BadIntegrityTable { error: error.to_string() })?;
        }
        let plan = Plan::new(archive);
        self.of = plan.bytes;
        let worker = Worker::new(archive, self.users, options.max_chunk_bytes);
        in_order(
            plan.units,
            threads - 1,
            threads * UNITS_AHEAD,
            |unit| {
                let (job, unit) = plan.find(unit);
                Ok(worker.work(&plan, job, unit))
            },
            |unit, done| {
                let (job, unit) = plan.find(unit);
                self.take(job, unit, done, &worker)
            },
        )?;
        drop(plan);
        solid::check(&mut self, &worker, options)?;
        self.tell_held()?;
        self.links()?;
        Ok(self.checked)
    }

    /// Reports links that lead nowhere.
    fn links(&mut self) -> Result<(), E> {
        let users = self.users;
        let Some(contents) = users.contents else { return Ok(()) };
        for info in users.own() {
            // Bad metadata is reported.
            let Ok(tree) = info.image.tree_from(self.archive) else { continue };
            bad_links(info, &tree, contents).try_for_each(|finding| self.found(finding))?;
        }
        Ok(())
    }

    fn take(&mut self, job: &Job<'_>, unit: u64, done: Done, worker: &Worker<'_>) -> Result<(), E> {
        match (job, done) {
            (Job::Large(large), Done::Part(part)) => self.take_part(large, unit, part, worker),
            (_, Done::Hashed { bytes, findings }) => {
                self.count(job, bytes)?;
                findings.into_iter().try_for_each(|finding| self.found(finding))
            }
            (Job::Metadata(index), Done::Image { bytes, survey }) => {
                self.count(job, bytes)?;
                self.take_survey(*index, survey)
            }
            (_, Done::Image { .. } | Done::Part(_)) => Ok(()),
        }
    }

    /// Reports what an image lacks, and the warnings about it.
    fn take_survey(&mut self, index: usize, survey: Survey) -> Result<(), E> {
        let (archive, number) = (self.archive, index as u32 + 1);
        for warning in survey.warnings {
            self.found(Finding::Warning { image: Some(number), warning })?;
        }
        if survey.missing.is_empty() && survey.elsewhere.is_empty() {
            return Ok(());
        }
        let Some(info) = self.users.image(index) else { return Ok(()) };
        let Ok(tree) = info.image.tree_from(archive) else { return Ok(()) };
        let mut missing: Vec<BlobHash> = survey.missing.into_iter().collect();
        missing.sort_unstable();
        for blobs in missing.chunks(MAX_HELD) {
            let finding = |&blob| Finding::MissingBlob { image: number, blob, used_by: UsedBy::default() };
            self.tell_named(blobs.iter().map(finding).collect(), &|naming| naming.scan(info, &tree, |_| true))?;
        }
        for (keeper, count) in survey.elsewhere {
            let nodes = without_data(&tree).filter(|(_, other)| *other == keeper).map(|(node, _)| node);
            let used_by = UsedBy::of_nodes(info, &tree, nodes, count);
            self.found(Finding::DataElsewhere { image: number, keeper, used_by })?;
        }
        Ok(())
    }

    fn take_part(
        &mut self,
        large: &Large<'_>,
        unit: u64,
        part: Option<wim::Result<Vec<u8>>>,
        worker: &Worker<'_>,
    ) -> Result<(), E> {
        let size = large.blob.size();
        let start = unit * unit_size(&self.archive.wim);
        let end = size.min(start + unit_size(&self.archive.wim));
        if unit == 0 {
            self.hashing = Some(BlobHasher::default());
            self.is_found = false;
        }
        self.count_bytes(end - start);
        self.progress(end - start)?;
        match part {
            Some(Ok(bytes)) => {
                self.hashing.iter_mut().for_each(|hasher| hasher.update(&bytes));
                worker.buffers.put(bytes);
            }
            Some(Err(error)) => {
                self.hashing = None;
                if !std::mem::replace(&mut self.is_found, true) {
                    self.found(bad_blob(self.archive, large.blob, error))?;
                }
            }
            None => self.hashing = None,
        }
        if end < size {
            return Ok(());
        }
        self.checked.blobs += 1;
        match self.hashing.take().map(|hasher| matching(large.blob.hash, Ok(hasher.finish()))) {
            Some(Err(error)) => self.found(bad_blob(self.archive, large.blob, error)),
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn count(&mut self, job: &Job<'_>, bytes: u64) -> Result<(), E> {
        match job {
            Job::Block(_) => self.checked.blocks += 1,
            Job::Metadata(_) => self.checked.images += 1,
            Job::Small(blobs) => self.checked.blobs += blobs.len() as u64,
            Job::Large(_) => {}
        }
        if !matches!(job, Job::Block(_)) {
            self.count_bytes(bytes);
        }
        self.progress(bytes)
    }

    /// Counts bytes as checked. A damaged archive may claim any size, so the sum may be at its limit.
    pub(super) fn count_bytes(&mut self, bytes: u64) {
        self.checked.bytes = self.checked.bytes.saturating_add(bytes);
    }

    /// So many more bytes are checked.
    pub(super) fn progress(&mut self, bytes: u64) -> Result<(), E> {
        self.done = self.done.saturating_add(bytes);
        if !self.held.findings.is_empty() && self.done - self.held.since > HELD_BYTES {
            self.tell_held()?;
        }
        (self.tell)(Event::Progress { done: self.done, of: self.of })
    }

    /// Reports a finding, that of a bad blob when its files are named.
    pub(super) fn found(&mut self, mut finding: Finding) -> Result<(), E> {
        match &mut finding {
            Finding::BadBlock { offset, .. } => {
                self.bad_blocks.extend(self.block_of(*offset));
            }
            Finding::BadBlob { offset, bad_block, .. } => {
                *bad_block = self.bad_block_of(*offset);
                return self.hold(finding);
            }
            _ => {}
        }
        (self.tell)(Event::Found(finding))
    }

    /// The block of the integrity table that covers the byte at `offset`, by index.
    fn block_of(&self, offset: u64) -> Option<u32> {
        let table = self.archive.wim.integrity().ok()??;
        u32::try_from(table.blocks_of(offset..offset.checked_add(1)?)?.start).ok()
    }

    /// The start of the block that covers the byte at `offset`, if it is bad. All blocks up to there are checked.
    fn bad_block_of(&self, offset: u64) -> Option<u64> {
        let block = self.block_of(offset)?;
        self.bad_blocks.binary_search(&block).ok()?;
        Some(self.archive.wim.integrity().ok()??.block_range(block as usize).start)
    }

    fn hold(&mut self, finding: Finding) -> Result<(), E> {
        if self.held.findings.is_empty() {
            self.held.since = self.done;
        }
        self.held.findings.push(finding);
        if self.held.findings.len() < self.held.limit && !self.users.is_empty() {
            return Ok(());
        }
        self.held.limit = MAX_HELD.min(self.held.limit * 2);
        self.tell_held()
    }

    fn tell_held(&mut self) -> Result<(), E> {
        let (archive, users) = (self.archive, self.users);
        let held = std::mem::take(&mut self.held.findings);
        self.tell_named(held, &|naming| users.name_bad(archive, naming))
    }

    /// Reports findings whose files `name` names: fewer at once where their paths are long.
    fn tell_named(&mut self, mut findings: Vec<Finding>, name: &dyn Fn(&mut Naming<'_>)) -> Result<(), E> {
        let mut naming = Naming::new(&mut findings);
        name(&mut naming);
        let is_full = naming.is_full();
        naming.finish();
        if is_full {
            drop(Naming::new(&mut findings)); // forgets the paths, which are named anew
            let rest = findings.split_off(findings.len() / 2);
            self.tell_named(findings, name)?;
            return self.tell_named(rest, name);
        }
        findings.into_iter().try_for_each(|finding| (self.tell)(Event::Found(finding)))
    }
}
