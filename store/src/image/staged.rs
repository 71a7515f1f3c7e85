//! The files of images as they will be, where nobody looks at them.

use wim::HeaderFlags;
use wim::write::ImageElement;
use write::{ArchiveWriter, Existing, ImageSource, Job, NewImage, Options};

use crate::folders::write_file;
use crate::intent::{Step, commit};
use crate::layout::{GroupFolder, OURS, sidecar, unattend};
use crate::recovery::sweep;
use crate::sidecar::Sidecar;
use crate::status::Kind;
use crate::{Error, Result, Store};

/// Files that are ready, and the steps that put them in their places.
pub(crate) struct Staged<'s> {
    store: &'s Store<'s>,
    group: &'s GroupFolder,
    next: usize,
    steps: Vec<Step>,
}

impl<'s> Staged<'s> {
    pub(crate) fn new(store: &'s Store<'s>, group: &'s GroupFolder) -> Self {
        Self { store, group, next: 0, steps: Vec::new() }
    }

    /// A temporary file that will get the name `to`: its path.
    pub(crate) fn file(&mut self, to: &str) -> std::path::PathBuf {
        let path = self.group.temporary(self.next);
        self.steps.push(Step::Rename(format!("{OURS}/~{}.tmp", self.next), to.into()));
        self.next += 1;
        path
    }

    /// An archive that has an image's metadata, its contents being in `Res.rwm`.
    ///
    /// # Errors
    /// The source's and the disk's.
    pub(crate) fn image(&mut self, source: &ImageSource, xml: ImageElement, kind: Kind, to: &str) -> Result<()> {
        let path = self.file(to);
        let options = self.store.options(kind);
        let mut writer = ArchiveWriter::create(self.store.disk, &path, Existing::Keep, options)?;
        let flags = source.archive.wim.header().flags.0 & HeaderFlags::LINKS_FIXED.0;
        writer.add_flags(HeaderFlags(flags | HeaderFlags::METADATA_ONLY.0));
        let tree = source.metadata()?;
        let metadata = Job::blob(&source.archive, &source.archive.wim.blobs().metadata()[source.index]);
        writer.add_image(NewImage { metadata, tree: &tree, xml })?;
        writer.commit()?;
        Ok(())
    }

    /// The sidecar of an image's file.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn sidecar(&mut self, file: &str, content: &Sidecar) -> Result<()> {
        let path = self.file(&sidecar(file));
        write_file(self.store.disk, &path, &content.to_bytes())
    }

    /// The answer file of an image.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn unattend(&mut self, file: &str, content: &[u8]) -> Result<()> {
        let [folder, inner, name] = unattend(file);
        self.steps.extend([Step::Mkdir(folder), Step::Mkdir(inner)]);
        let path = self.file(&name);
        write_file(self.store.disk, &path, content)
    }

    /// Something that happens with the rest.
    pub(crate) fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Puts all in its place, in one step.
    ///
    /// # Errors
    /// As [`commit`].
    pub(crate) fn commit(self, verb: &str) -> Result<()> {
        commit(self.store.disk, self.group, verb, self.steps)
    }
}

impl<'a> Store<'a> {
    /// The options of the writer for files of a group.
    pub(crate) fn options(&self, kind: Kind) -> Options<'a> {
        let Kind { compression, chunk_size } = kind;
        Options { compression, chunk_size, integrity: true, recompress: false, dry_run: false, ..self.work.options }
    }

    /// Runs what writes in a group; if it fails, what it staged is removed.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn staging<T>(&self, group: &GroupFolder, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work().inspect_err(|error| {
            if !matches!(error, Error::Unfinished { .. })
                && let Err(error) = sweep(self.disk, &group.path)
            {
                tracing::warn!(%error, "temporary files are left; the next command in the group removes them");
            }
        })
    }
}
