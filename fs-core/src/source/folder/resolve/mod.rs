//! Opening what the names of a store stand for, as far as its links may lead.
//!
//! A writer of a group's folder can put a link there to an archive that only root may read, and root's mount would show it
//! to everybody. So a link counts only if it stays in the store or belongs to somebody who is trusted: root, the store's
//! owner, and the user who runs this. The check and the opening are one walk: nothing can be put in between.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use wim::LocalFile;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use portable as platform;

use crate::error::{Error, Result};
use crate::source::folder::file;

/// Finds and opens files of a store by their paths, which begin with the path of the store's root.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    /// The folder that the user named, or the one with the file that was named. Links on the way to it are followed.
    root: PathBuf,
    follow_links: bool,
}

/// Why a walk did not arrive.
enum Stop {
    Io(io::Error),
    /// This link is not followed.
    Refused(PathBuf),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Resolver {
    /// For the store at `root`; with `follow_links` all links in it are followed.
    pub(crate) fn new(root: &Path, follow_links: bool) -> Self {
        Self { root: root.to_owned(), follow_links }
    }

    /// For one file, whose store is the folder that it is in.
    pub(crate) fn of_file(file: &Path, follow_links: bool) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self::new(folder.unwrap_or(Path::new(".")), follow_links)
    }

    /// What a name stands for. Where no link is at its end, the folders above are taken as they are: opening checks them.
    ///
    /// # Errors
    /// [`Error::LinkRefused`] for a link that is not followed, [`Error::Io`].
    pub(crate) fn metadata(&self, path: &Path) -> Result<Metadata> {
        let of = |found: io::Result<Metadata>| found.map_err(|error| Error::io(path, error));
        if self.follow_links || path == self.root {
            return of(fs::metadata(path));
        }
        let found = of(fs::symlink_metadata(path))?;
        if found.is_symlink() {
            self.said_of(path, platform::metadata(&self.root, self.below(path)))
        } else {
            Ok(found)
        }
    }

    /// The names in a folder.
    ///
    /// # Errors
    /// As [`Resolver::metadata`], also while the folder is listed.
    pub(crate) fn names(&self, folder: &Path) -> Result<Vec<OsString>> {
        if self.follow_links {
            return file::names(folder).map_err(|error| Error::io(folder, error));
        }
        self.said_of(folder, platform::names(&self.root, self.below(folder)))
    }

    /// Opens a regular file; see [`file::open`].
    ///
    /// # Errors
    /// As [`Resolver::metadata`] and [`file::open`].
    pub(crate) fn open(&self, path: &Path) -> Result<LocalFile> {
        if self.follow_links {
            return file::open(path).map_err(|error| Error::io(path, error));
        }
        self.said_of(path, platform::open(&self.root, self.below(path)))
    }

    /// The part of a path that is below the root.
    fn below<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path) // a file without a folder is in `.`
    }

    fn said_of<T>(&self, path: &Path, done: Result<T, Stop>) -> Result<T> {
        done.map_err(|stop| match stop {
            Stop::Io(error) => Error::io(path, error),
            Stop::Refused(link) => Error::LinkRefused { link, reason: platform::REFUSED },
        })
    }
}
