//! The space of what no image uses comes back: `Res.rwm` is written anew.

use std::collections::HashSet;

use wim::HeaderFlags;
use write::{ArchiveWriter, CopyPlan, Existing, ImageSource, Job, Source, SourceArchive, Summary};

use crate::image::Staged;
use crate::intent::Step;
use crate::layout::{GroupFolder, Listing};
use crate::requests::CompactGroup;
use crate::source::open;
use crate::status::Kind;
use crate::{Done, Error, Result, Store};

/// The bytes of a row of the blob table.
const ROW: u64 = 50;

/// What of a group's `Res.rwm` its images use, in the order of first use.
pub(crate) struct Live {
    pub(crate) jobs: Vec<Job>,
    /// Their bytes as stored.
    pub(crate) stored: u64,
}

impl Store<'_> {
    /// Drops what no image of a group uses. Programs that have the old file open go on reading it; its
    /// space comes back when they close it.
    pub(crate) fn compact_group(&self, request: &CompactGroup, verb: &str) -> Result<Done> {
        let (group, _lock) = match self.work.options.dry_run {
            true => (self.group(&request.group)?, None),
            false => self.lock_group(&request.group, verb).map(|(group, lock)| (group, Some(lock)))?,
        };
        let listing = group.list(self.disk)?;
        let done = |what: String| Done { what, path: group.path.clone(), ..Done::default() };
        let Some(name) = &listing.resources else {
            return Ok(done(format!("{} has no Res.rwm", group.name)));
        };
        let old = open(self.disk, &group.join(name))?;
        let size = old.wim.source().size();
        let live = self.live(&group, &listing, &old, Kind::of(&old.wim))?;
        let free = size.saturating_sub(live.stored + ROW * live.jobs.len() as u64);
        if free < size / 20 && !request.force {
            return Ok(done(format!(
                "{}: nothing to do, {free} of {size} bytes are unused; --force compacts",
                group.name
            )));
        }
        let what = format!("compacted {}: about {free} of {size} bytes are free again", group.name);
        if self.work.options.dry_run {
            return Ok(Done { changed: true, ..done(what) });
        }
        let summary = self.staging(&group, || {
            let mut staged = Staged::new(self, &group);
            let summary = self.stage_resources(&mut staged, &group, &listing, &old, &live, Kind::of(&old.wim))?;
            staged.commit(verb)?;
            Ok(summary)
        })?;
        Ok(Done { changed: true, summary, ..done(what) })
    }

    /// What the images of a group use of its `Res.rwm`, `old`. Each file is opened by itself: there may be
    /// more than a program may have open.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: what such a file needs would be lost.
    pub(crate) fn live(&self, group: &GroupFolder, listing: &Listing, old: &SourceArchive, kind: Kind) -> Result<Live> {
        let mut known = HashSet::new();
        let mut live = Live { jobs: Vec::new(), stored: 0 };
        for file in &listing.archives {
            for source in self.images_from(group, file, old)? {
                let has = |hash: &_| known.contains(hash);
                let plan = CopyPlan::of(&[source], &has, kind.compression, kind.chunk_size)
                    .map_err(|source| Error::Unreadable { path: group.join(file), source: Box::new(source) })?;
                let found = plan.jobs.into_iter().filter(|job| is_from(job, old));
                for job in found {
                    known.extend(job.hash);
                    live.stored += stored_size(&job);
                    live.jobs.push(job);
                }
            }
        }
        Ok(live)
    }

    /// The images of a file, whose contents are in `old` or in the file.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub(crate) fn images_from(&self, group: &GroupFolder, file: &str, old: &SourceArchive) -> Result<Vec<ImageSource>> {
        let path = group.join(file);
        let archive = open(self.disk, &path).map_err(|error| match error {
            Error::Write(source) => Error::Unreadable { path, source: Box::new(source) },
            other => other,
        })?;
        let suppliers = vec![old.clone()];
        let image = |index| {
            let (suppliers, allow_missing) = (suppliers.clone(), true);
            ImageSource { suppliers, allow_missing, ..ImageSource::new(&archive, index) }
        };
        Ok((0..archive.wim.image_count()).map(image).collect())
    }

    /// A `Res.rwm` with what is live, stored as `kind`; none if nothing is.
    ///
    /// # Errors
    /// The disk's; damaged contents are not copied.
    pub(crate) fn stage_resources(
        &self,
        staged: &mut Staged<'_>,
        group: &GroupFolder,
        listing: &Listing,
        old: &SourceArchive,
        live: &Live,
        kind: Kind,
    ) -> Result<Summary> {
        let name = old.path.file_name().and_then(|name| name.to_str()).unwrap_or("Res.rwm");
        if live.jobs.is_empty() && listing.archives.is_empty() {
            staged.step(Step::Remove(name.into()));
            return Ok(Summary::default());
        }
        let path = staged.file(name);
        let mut writer = ArchiveWriter::create(self.disk, &path, Existing::Keep, self.options(kind))?;
        writer.set_guid(old.wim.header().guid);
        writer.add_flags(HeaderFlags::RESOURCE_ONLY);
        writer.add_blobs(&live.jobs)?;
        for file in &listing.archives {
            for source in self.images_from(group, file, old)? {
                writer.add_references(&source.metadata()?);
            }
        }
        Ok(writer.commit()?)
    }
}

fn is_from(job: &Job, archive: &SourceArchive) -> bool {
    matches!(&job.source, Source::Blob { archive: from, .. } if from.path == archive.path)
}

fn stored_size(job: &Job) -> u64 {
    match &job.source {
        Source::Blob { blob, .. } => blob.place.stored_size,
        Source::Bytes(_) | Source::File { .. } | Source::Content(_) => 0,
    }
}
