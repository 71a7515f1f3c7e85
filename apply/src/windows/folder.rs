//! The folder that is extracted into, and the promise that nothing is written outside it.
//!
//! Every name is used relative to a handle of the folder it goes into, every folder is opened name by
//! name from the destination down, and no step follows a link or junction: neither one that came
//! from the archive, nor one that existed before.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_core::wim;
use windows_files::{self as files, Access, Make, shown_name};

use super::partial::{self, PartialFile};

const DIRECTORY: u32 = wim::Attributes::DIRECTORY.0;
const REPARSE_POINT: u32 = wim::Attributes::REPARSE_POINT.0;
const NORMAL: u32 = wim::Attributes::NORMAL.0;

/// A name that is one component of a path and nothing else, and that Windows can have, with
/// stand-ins where they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component<'a>(&'a [u8]);

impl<'a> Component<'a> {
    /// The name, unless it is too long, or the system would take it for a path, for this folder or for
    /// the one above.
    pub(crate) fn new(name: &'a [u8]) -> Option<Self> {
        let is_path = name.iter().any(|&b| b == b'/' || b == 0);
        let is_special = matches!(name, b"" | b"." | b"..");
        (!is_path && !is_special && shown_name(name).is_some()).then_some(Self(name))
    }

    /// The name in UTF-16, as Windows takes it.
    pub(super) fn units(self) -> Vec<u16> {
        shown_name(self.0).expect("was checked when the component was made")
    }
}

/// A name as messages write it.
pub(crate) fn shown(name: &[u8]) -> OsString {
    let units = shown_name(name).or_else(|| wim::utf16_from_wtf8(name)).unwrap_or_default();
    OsString::from_wide(&units)
}

/// A key that two names share if the system takes them for the same: their letters in any case.
pub(crate) fn sameness(name: &[u8]) -> Vec<u16> {
    shown_name(name).unwrap_or_default().into_iter().map(wim::upcase).collect()
}

/// An open folder: the destination or one below it.
#[derive(Debug)]
pub(crate) struct Folder(File);

impl Folder {
    /// Opens the destination. The user named it, so links on the way to it are followed.
    ///
    /// # Errors
    /// It is no folder, or not there.
    pub(crate) fn destination(path: &Path) -> io::Result<Self> {
        Ok(Self(files::open_folder(path, Access::LOOK)?))
    }

    /// This folder, opened once more.
    ///
    /// # Errors
    /// Too many files are open.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    /// There is none of that name; a link to one is none.
    pub(crate) fn open(&self, name: Component<'_>) -> io::Result<Self> {
        Ok(Self(self.open_for(name, Access::LOOK)?))
    }

    /// Makes a folder in this one; false if there is one already.
    ///
    /// # Errors
    /// Something else has the name, or the folder cannot be made.
    pub(crate) fn make_folder(&self, name: Component<'_>) -> io::Result<bool> {
        match files::open(&self.0, &name.units(), Access::LOOK, Make::Folder) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && self.open(name).is_ok() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Makes a file that is removed unless it is kept. With `overwrite`, a file that has the name
    /// stays until then.
    ///
    /// # Errors
    /// The name is taken, or the file cannot be made.
    pub(super) fn make_file(
        &self,
        name: Component<'_>,
        access: Access,
        overwrite: bool,
    ) -> io::Result<PartialFile<'_>> {
        PartialFile::make(&self.0, Make::File, name.units(), access, overwrite)
    }

    /// Makes a folder that becomes a link; it is removed unless it is kept.
    ///
    /// # Errors
    /// The name is taken, or the folder cannot be made.
    pub(super) fn make_link_folder(
        &self,
        name: Component<'_>,
        access: Access,
        overwrite: bool,
    ) -> io::Result<PartialFile<'_>> {
        PartialFile::make(&self.0, Make::Folder, name.units(), access, overwrite)
    }

    /// Makes `name` another name of a file that was extracted before.
    ///
    /// # Errors
    /// The name is taken, or the destination cannot have such links.
    pub(crate) fn make_link(
        &self,
        name: Component<'_>,
        first: (&Self, Component<'_>),
        overwrite: bool,
    ) -> io::Result<()> {
        let (folder, first) = first;
        let file = files::open(&folder.0, &first.units(), Access::CHANGE, Make::Nothing)?;
        partial::make_link(&self.0, &name.units(), &file, overwrite)
    }

    /// Does nothing: whether the process that gave a temporary name still runs is not known here.
    ///
    /// # Errors
    /// None here.
    pub(crate) fn remove_leftovers(&self) -> io::Result<()> {
        Ok(())
    }

    /// Opens a folder in this one for `access`. What is opened is what was found to be a folder.
    ///
    /// # Errors
    /// As [`Folder::open`], or the system refuses that access.
    pub(super) fn open_for(&self, name: Component<'_>, access: Access) -> io::Result<File> {
        let found = files::open(&self.0, &name.units(), access, Make::Nothing)?;
        if found.metadata()?.file_attributes() & (DIRECTORY | REPARSE_POINT) != DIRECTORY {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(found)
    }

    /// Opens or makes what is called `name`, or a stream of it.
    ///
    /// # Errors
    /// It is not there, or is, or the system refuses.
    pub(super) fn open_as(&self, name: &[u16], access: Access, make: Make) -> io::Result<File> {
        files::open(&self.0, name, access, make)
    }
}

/// Removes a file or link, read-only or not.
///
/// # Errors
/// It is a folder, or the system refuses.
pub(super) fn remove_file(folder: &File, name: &[u16]) -> io::Result<()> {
    let file = files::open(folder, name, Access::CHANGE, Make::Nothing)?;
    if file.metadata()?.file_attributes() & (DIRECTORY | REPARSE_POINT) == DIRECTORY {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    make_removable(&file)?;
    files::remove(&file, true)
}

/// Takes the read-only attribute away, which protects against removing and replacing.
///
/// # Errors
/// The system refuses.
pub(super) fn make_removable(file: &File) -> io::Result<()> {
    files::set_basic(file, files::Basic { attributes: NORMAL, ..files::Basic::default() })
}

/// The destination's path with a stream of it.
pub(super) fn stream_of(path: &Path, stream: &[u16]) -> PathBuf {
    // Without a separator at its end, after which a name would have to come.
    let mut path = path.components().as_path().as_os_str().to_owned();
    path.push(":");
    path.push(OsString::from_wide(stream));
    path.into()
}
