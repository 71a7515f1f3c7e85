//! Extracts an image, a directory or a file of a [`Filesystem`] into a folder.
//!
//! Folders are made first; then files, by several threads; then links, so that no link of an
//! archive is ever on the way to a file; last, folders get their metadata, the deepest first. Nothing
//! is written outside the destination, and no link in it is followed. Until it is whole, a file has
//! a temporary name. Every byte written has matched its SHA-1.
//!
//! A failure is reported to an [`Observer`], and the rest goes on.

mod checkpoints;
mod content;
mod failure;
mod plan;
mod restore;
mod temporary;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::num::NonZeroUsize;
use std::path::Path;
use std::{fs, io};

use fs_core::{Filesystem, Ino, Kind, LinkTargets};

pub use failure::Failure;
use plan::Plan;
use restore::Restorer;
pub use system::filesystem_options;
use system::{Folder, Metadata};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// What is extracted.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// All that is in a directory becomes the content of the destination.
    Content(Ino),
    /// A directory or file is put into the destination.
    Entry {
        /// Its inode number.
        ino: Ino,
        /// Its kind.
        kind: Kind,
        /// The name that it gets, in WTF-8.
        name: &'a [u8],
    },
}

/// How files are extracted; the options of the [`Filesystem`] decide the rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Files that exist are replaced, and folders never.
    pub overwrite: bool,
    /// The targets of links on Windows; on Unix links always stay inside their image.
    pub links: LinkTargets,
    /// Security descriptors are restored, on Windows.
    pub security: bool,
    /// The number of threads that make files; `None` means one a processor.
    pub threads: Option<NonZeroUsize>,
}

/// Is asked and notified while an extraction runs, by several threads at once.
pub trait Observer: Sync {
    /// Whether the extraction must end now. What is complete stays.
    fn is_stopped(&self) -> bool;

    /// Something was not extracted, or not completely.
    fn failed(&self, failure: Failure);

    /// A directory of the store was listed, so that its warnings are known.
    fn listed(&self, directory: Ino);
}

/// Extracts `source` into the folder `destination`, which is made if it is missing; links on the way
/// to it are followed.
///
/// ```
/// use apply::{Failure, Observer, Options, Source};
/// use fs_core::{Filesystem, Ino};
///
/// struct Printer;
///
/// impl Observer for Printer {
///     fn is_stopped(&self) -> bool {
///         false
///     }
///
///     fn failed(&self, failure: Failure) {
///         eprintln!("{failure}");
///     }
///
///     fn listed(&self, _: Ino) {}
/// }
///
/// # let folder = tempfile::tempdir()?;
/// # let archive = folder.path().join("install.wim");
/// # testkit::Wim::new(testkit::Packing::Stored, testkit::root([testkit::file("a", "text")])).build().save(&archive);
/// # let destination = folder.path().join("to");
/// let fs = Filesystem::open(&archive, apply::filesystem_options(fs_core::Options::default()))?;
/// apply::extract(&fs, Source::Content(fs.root()), &destination, &Options::default(), &Printer)?;
/// # assert_eq!(std::fs::read_dir(destination)?.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The destination cannot be opened or made. Every other failure is reported to the observer.
pub fn extract(
    fs: &Filesystem,
    source: Source<'_>,
    destination: &Path,
    options: &Options,
    observer: &dyn Observer,
) -> io::Result<()> {
    let (folder, made) = open(destination)?;
    let metadata = Metadata::new(fs, options, observer);
    let mut plan = Plan::new(fs, folder, destination.into(), observer);
    match source {
        Source::Content(directory) => plan.fill_destination(directory, made),
        Source::Entry { ino, kind, name } => plan.put_into_destination(ino, kind, name),
    }
    Restorer::new(&plan, metadata, options).restore_all();
    Ok(())
}

/// Opens the destination, and makes it and the folders above it where they are missing; the flag is
/// true if it was made.
fn open(destination: &Path) -> io::Result<(Folder, bool)> {
    let made = match fs::create_dir(destination) {
        Ok(()) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(destination).map(|()| true)?,
        Err(e) => return Err(e),
    };
    Ok((Folder::destination(destination)?, made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_destination_is_made_where_it_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        for (path, want) in [("", false), ("new", true), ("new", false), ("far/away", true)] {
            assert_eq!(open(&folder.path().join(path)).unwrap().1, want, "{path}");
        }
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(open(&folder.path().join("file")).is_err());
    }
}
