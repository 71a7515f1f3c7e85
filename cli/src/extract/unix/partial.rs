//! A file that is being written: it disappears unless it is kept.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::super::content::Content;

/// A file under way in a folder. Dropping it removes it.
#[derive(Debug)]
pub(in crate::extract) struct PartialFile<'a> {
    folder: BorrowedFd<'a>,
    /// What it is called until it is kept.
    name: OsString,
    /// What it is to replace then, where that is something else.
    replaces: Option<OsString>,
    content: Content,
    kept: bool,
}

impl<'a> PartialFile<'a> {
    /// Makes an empty file for us alone, under its own name; where that is taken and `overwrite`, under another
    /// beside it.
    ///
    /// # Errors
    /// The name is taken and may not be, or the file cannot be made.
    pub(super) fn make(folder: BorrowedFd<'a>, name: &OsStr, overwrite: bool) -> io::Result<Self> {
        let make = |name: &OsStr| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)
        };
        let of = |name: &OsStr, replaces, file| {
            let name = name.to_owned();
            Ok(Self { folder, name, replaces, content: Content::of(File::from(file)), kept: false })
        };
        match make(name) {
            Ok(file) => return of(name, None, file),
            Err(Errno::EXIST) if overwrite => {}
            Err(e) => return Err(e.into()),
        }
        for number in 0..u32::MAX {
            let beside = OsString::from(format!(".wimstore-{}-{number}", std::process::id()));
            match make(&beside) {
                Ok(file) => return of(&beside, Some(name.to_owned()), file),
                Err(Errno::EXIST) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Its content, to be written.
    pub(in crate::extract) fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// Lets the file stay, in the place of what has its name.
    ///
    /// # Errors
    /// A folder has its name.
    pub(in crate::extract) fn keep(mut self) -> io::Result<()> {
        if let Some(replaced) = &self.replaces {
            fs::renameat(self.folder, &self.name, self.folder, replaced)?;
        }
        self.kept = true;
        Ok(())
    }
}

impl AsFd for PartialFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.content.file().as_fd()
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // It was to be removed because something failed; that is what gets reported.
            let _ = fs::unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        drop(PartialFile::make(folder.as_fd(), "f".as_ref(), false).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

        std::fs::write(dir.path().join("f"), b"old").unwrap();
        drop(PartialFile::make(folder.as_fd(), "f".as_ref(), true).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
    }
}
