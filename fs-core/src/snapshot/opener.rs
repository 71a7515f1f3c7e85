//! Opening the archives of a group, each file once as long as it stays what it is.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, ScopedJoinHandle};

use wim::Version;

use super::Numbering;
use crate::archive::{ArchiveFile, Archives};
use crate::error::{Error, Problem, Result};
use crate::options::{ImageChoice, Options};
use crate::source::{Resolver, Shape, StoreSource, StoredFile, StoredId, expand};

/// Archives that one thread opens in about the time that starting it takes.
const SHARE_WORTH_A_THREAD: usize = 4;

/// What opening needs besides the files.
#[derive(Debug)]
pub(crate) struct Opener {
    /// The archives named by the user, behind the group's own.
    references: Vec<Arc<ArchiveFile>>,
    /// Whether what was opened stays while another file under its name does not open: there is nothing else to show.
    keeps: bool,
    /// The one image that is shown, if the user chose one.
    pub(crate) choice: Option<Choice>,
    numbering: Numbering,
    archives: Arc<Archives>,
}

/// The image that a user chose.
#[derive(Debug)]
pub(crate) struct Choice {
    image: ImageChoice,
    /// Whether its number counts: not in a group, which may have several images of one number.
    is_file: bool,
}

impl Choice {
    /// How well an image fits, 0 best: by its number, its name in the XML data, or the name of its directory.
    pub(crate) fn rank(&self, number: usize, name: Option<&str>, directory: &str) -> Option<usize> {
        let text = match &self.image {
            ImageChoice::Number(chosen) if self.is_file && u32::try_from(number) == Ok(*chosen) => return Some(0),
            ImageChoice::Number(chosen) => &chosen.to_string(),
            ImageChoice::Name(text) => text,
        };
        [name, Some(directory)].iter().position(|name| *name == Some(text.as_str())).map(|place| place + 1)
    }
}

/// A file as it was when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    version: Version,
    /// The archive; also while the file, written to in place, is none.
    pub(crate) archive: Option<Arc<ArchiveFile>>,
    /// Why it did not open when it was last looked at.
    error: Option<Error>,
}

/// Files by what their source knows them by.
pub(crate) type Files = HashMap<StoredId, Seen>;

impl Opener {
    /// Opens the reference archives, for a source of this shape, whose own are opened by `archives`.
    ///
    /// # Errors
    /// The first of them that does not open: the user named them.
    pub(crate) fn new(options: &Options, shape: Shape, archives: Arc<Archives>) -> Result<Self> {
        let files = options.references.iter().map(|path| expand(path)).collect::<Result<Vec<_>>>()?;
        let open = |path: &PathBuf| {
            let file = Resolver::of_file(path, options.follow_links).open(path)?;
            archives.open_alone(&StoredId::new(path), path, Arc::new(file))
        };
        let references = files.iter().flatten().map(open).collect::<Result<_>>()?;
        let is_file = shape == Shape::File;
        let choice = options.image.clone().map(|image| Choice { image, is_file });
        Ok(Self { references, keeps: is_file, choice, numbering: Numbering::of(shape), archives })
    }

    /// The most images of a group that are shown.
    pub(crate) fn max_images(&self) -> usize {
        self.numbering.max_images()
    }

    pub(crate) fn references(&self) -> &[Arc<ArchiveFile>] {
        &self.references
    }

    /// Looks at files: those that are no longer what they were when they were `seen` are opened, on all processors.
    pub(crate) fn open_changed(&self, source: &dyn StoreSource, files: &[&StoredFile], seen: &Files) -> Files {
        let mut now = Files::with_capacity(files.len());
        let mut changed = Vec::new();
        for file in files {
            match seen.get(&file.id).filter(|seen| seen.is_still(file.version)) {
                Some(seen) => {
                    now.insert(file.id.clone(), seen.clone());
                }
                None => changed.push(*file),
            }
        }
        for (file, opened) in changed.iter().zip(self.open_all(source, &changed)) {
            let next = Seen::next(seen.get(&file.id), file, opened, self.keeps);
            now.insert(file.id.clone(), next);
        }
        now
    }

    /// Opens archives on all processors; the results are in the order of `files`.
    fn open_all(&self, source: &dyn StoreSource, files: &[&StoredFile]) -> Vec<Result<Arc<ArchiveFile>>> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = files.len().div_ceil(threads).max(SHARE_WORTH_A_THREAD);
        let open = |file: &&StoredFile| self.archives.open_shared(&file.id, &file.path, source.open(file)?);
        let open_share = |share: &[&StoredFile]| share.iter().map(open).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let start = |share| Builder::new().spawn_scoped(scope, move || open_share(share)).map_err(|_| share);
            let started: Vec<_> = files.chunks(share).map(start).collect();
            let join = |started: Result<ScopedJoinHandle<'_, _>, _>| match started {
                Ok(thread) => thread.join().expect("opening an archive does not panic"),
                Err(share) => open_share(share), // too little memory for a thread
            };
            started.into_iter().flat_map(join).collect()
        })
    }
}

impl Seen {
    /// Whether the file is what it was. What the system refused to give is worth another try in any case.
    fn is_still(&self, version: Version) -> bool {
        let same = self.version == version;
        match (&self.error, &self.archive) {
            (Some(Error::Archive { source, .. }), _) => same && !matches!(**source, wim::Error::Io { .. }),
            // Asked of what is open, too: a server that was away may have forgotten it.
            (None, Some(archive)) => same && archive.version().is_ok_and(|now| now == version),
            _ => false,
        }
    }

    /// What has become of a file that was looked at again.
    ///
    /// One that was written to in place stays the archive that it was as long as it does not open, for somebody may be
    /// writing yet, and if its tables are what they were. Bytes are verified in any case.
    fn next(before: Option<&Self>, file: &StoredFile, opened: Result<Arc<ArchiveFile>>, keeps: bool) -> Self {
        let version = opened.as_ref().map_or(file.version, |archive| archive.opened);
        let old = before.and_then(|seen| seen.archive.clone());
        let is_same = |old: &Arc<ArchiveFile>| old.opened.is_same_file(&version);
        old.iter().filter(|old| is_same(old)).for_each(|old| old.set_written(version));
        match opened {
            Ok(new) => {
                let old = old.filter(|old| is_same(old) && old.is_like(&new));
                old.iter().for_each(|old| old.touch());
                Self { version, archive: old.or(Some(new)), error: None }
            }
            Err(error) => Self { version, archive: old.filter(|old| keeps || is_same(old)), error: Some(error) },
        }
    }

    /// What is wrong with the file at `path`, if anything is.
    pub(crate) fn problem(&self, path: &Path) -> Option<Problem> {
        self.error.as_ref().map(|error| Problem::new(path, error.clone()))
    }

    /// Whether the file was written to since it was seen `before`.
    pub(crate) fn is_later_than(&self, before: &Self) -> bool {
        self.version != before.version
    }
}
