//! The contents of new images: those that the group lacks go to the end of its `Res.rwm`.

use wim::HeaderFlags;
use write::{ArchiveWriter, CopyPlan, Existing, ImageSource, SourceArchive, Summary};

use super::staged::Staged;
use crate::layout::{GroupFolder, Listing};
use crate::source::open;
use crate::status::Kind;
use crate::{Error, Result, Store};

/// How a group stores contents, and which it has.
pub(crate) struct Pool {
    pub(crate) kind: Kind,
    /// Its `Res.rwm`.
    pub(crate) resources: Option<SourceArchive>,
}

impl Store<'_> {
    /// The contents of a group. One without images stores new contents as `source` does, as far as
    /// groups can.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn pool(&self, group: &GroupFolder, listing: &Listing, source: &SourceArchive) -> Result<Pool> {
        let resources = listing.resources.as_ref().map(|name| open(self.disk, &group.join(name))).transpose()?;
        let kind = match &resources {
            Some(resources) => Kind::of(&resources.wim),
            None => self.kind_of(group, listing)?.unwrap_or(Kind::of(&source.wim).usual()),
        };
        Ok(Pool { kind, resources })
    }

    /// What adding these images to a group takes.
    ///
    /// # Errors
    /// [`write::Error::Missing`], and that metadata cannot be read.
    pub(crate) fn plan(&self, pool: &Pool, sources: &[ImageSource]) -> Result<CopyPlan> {
        let resources = pool.resources.as_ref().map(|resources| resources.wim.blobs());
        let has = |hash: &_| resources.is_some_and(|blobs| blobs.find(hash).is_some());
        let plan = CopyPlan::of(sources, &has, pool.kind.compression, pool.kind.chunk_size)?;
        (self.work.options.control.plan)(&plan);
        Ok(plan)
    }

    /// Writes what was planned: a first `Res.rwm` appears with the images, one that is there grows
    /// before them.
    ///
    /// # Errors
    /// The sources' and the disk's.
    pub(crate) fn write_contents(
        &self,
        pool: &Pool,
        sources: &[ImageSource],
        plan: &CopyPlan,
        staged: &mut Staged<'_>,
    ) -> Result<Summary> {
        let mut writer = match &pool.resources {
            Some(_) if plan.jobs.is_empty() => return Ok(Summary::default()),
            Some(resources) => ArchiveWriter::append(self.disk, &resources.path, self.options(pool.kind))?,
            None => {
                let path = staged.file("Res.rwm");
                let mut writer = ArchiveWriter::create(self.disk, &path, Existing::Keep, self.options(pool.kind))?;
                writer.add_flags(HeaderFlags::RESOURCE_ONLY);
                writer
            }
        };
        writer.add_blobs(&plan.jobs)?;
        for source in sources {
            writer.add_references(&source.metadata()?);
        }
        Ok(writer.commit()?)
    }
}

/// Errors of a source that is not in the store.
pub(crate) fn of_source(error: Error) -> Error {
    match error {
        Error::Write(write::Error::Source { path, source }) => {
            Error::Corrupt { path, findings: vec![fs_core::Chain(&source).to_string()] }
        }
        Error::Write(missing @ write::Error::Missing { .. }) => Error::Incomplete(missing),
        other => other,
    }
}
