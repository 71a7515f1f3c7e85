//! A file or node under a temporary name, which is removed unless it is kept.

use std::fs::File;
use std::io;

use windows_files::{self as files, Access, Make};

use super::folder::{make_removable, remove_file};
use crate::content::Content;
use crate::temporary::temporary_name;

/// A file under way in a folder, or a folder that is to be a link. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct PartialFile<'a> {
    folder: &'a File,
    /// What it is called until it is kept.
    temporary: Vec<u16>,
    /// The final name.
    wanted: Vec<u16>,
    /// An object that has the wanted name is replaced.
    overwrite: bool,
    content: Content,
    kept: bool,
}

impl<'a> PartialFile<'a> {
    /// Makes an empty file or folder under a temporary name.
    ///
    /// # Errors
    /// The wanted name is taken and may not be, or the file cannot be made.
    pub(super) fn make(
        folder: &'a File,
        what: Make,
        wanted: Vec<u16>,
        access: Access,
        overwrite: bool,
    ) -> io::Result<Self> {
        if !overwrite && files::open(folder, &wanted, Access::LOOK, Make::Nothing).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into()); // before its content is read
        }
        let (temporary, file) = with_temporary_name(|temporary| files::open(folder, temporary, access, what))?;
        Ok(Self { folder, temporary, wanted, overwrite, content: Content::of(file), kept: false })
    }

    /// Its content, to be written.
    pub(crate) fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        self.content.file()
    }

    /// The folder that it is in, and its name there as long as it is not kept.
    pub(super) fn place(&self) -> (&File, &[u16]) {
        (self.folder, &self.temporary)
    }

    /// Lets the file stay under its name, in the place of what has that if it may.
    ///
    /// # Errors
    /// The name is taken: by a folder, or by anything if nothing is replaced.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        if self.overwrite {
            replace(self.file(), self.folder, &self.wanted)?;
        } else {
            files::rename(self.file(), self.folder, &self.wanted, false)?;
        }
        self.kept = true;
        Ok(())
    }
}

/// Makes something by `make`, under a temporary name that nothing has yet.
///
/// # Errors
/// Those of `make`.
fn with_temporary_name<T>(make: impl Fn(&[u16]) -> io::Result<T>) -> io::Result<(Vec<u16>, T)> {
    loop {
        let temporary: Vec<u16> = temporary_name().encode_utf16().collect();
        match make(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|made| (temporary, made)),
        }
    }
}

/// Renames an open file to `name` in a folder, in the place of what has that name.
///
/// # Errors
/// A folder has the name.
fn replace(file: &File, folder: &File, name: &[u16]) -> io::Result<()> {
    files::rename(file, folder, name, true).or_else(|_| {
        // A read-only file, or a link that is a folder, is not replaced but has to be removed.
        remove_file(folder, name)?;
        files::rename(file, folder, name, false)
    })
}

/// Makes `name` in `folder` another name of an open file.
///
/// # Errors
/// The name is taken and may not be, or the file system knows no second names.
pub(super) fn make_link(folder: &File, name: &[u16], file: &File, overwrite: bool) -> io::Result<()> {
    match files::link(file, folder, name) {
        Err(error) if overwrite && error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result,
    }
    let (temporary, ()) = with_temporary_name(|temporary| files::link(file, folder, temporary))?;
    let link = files::open(folder, &temporary, Access::CHANGE, Make::Nothing)?;
    let replaced = replace(&link, folder, name);
    if replaced.is_err() {
        let _ = files::remove(&link, true); // the other names stay
    }
    replaced
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // It was to be removed because something failed; that is what gets reported.
            let _ = make_removable(self.file()).and_then(|()| files::remove(self.file(), true));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(name: &str) -> Vec<u16> {
        name.encode_utf16().collect()
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = files::open_folder(dir.path(), Access::LOOK).unwrap();
        drop(PartialFile::make(&folder, Make::File, units("f"), Access::WRITE, false).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);

        let read_only = files::Basic { attributes: 1, ..files::Basic::default() };
        for attributes in [1, 0x80] {
            let path = dir.path().join("f");
            std::fs::write(&path, b"old").unwrap();
            let file = files::open(&folder, &units("f"), Access::CHANGE, Make::Nothing).unwrap();
            files::set_basic(&file, files::Basic { attributes, ..read_only }).unwrap();
            drop(file);
            let partial = || PartialFile::make(&folder, Make::File, units("f"), Access::WRITE, true).unwrap();
            let refused = partial();
            files::set_basic(refused.file(), read_only).unwrap();
            drop(refused);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
            assert_eq!(std::fs::read(&path).unwrap(), b"old");

            let mut wanted = partial();
            wanted.content().write(b"new").unwrap();
            wanted.keep().unwrap();
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
            assert_eq!(std::fs::read(&path).unwrap(), b"new", "attributes {attributes}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_folder_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("f/mine")).unwrap();
        let folder = files::open_folder(dir.path(), Access::LOOK).unwrap();
        let partial = PartialFile::make(&folder, Make::File, units("f"), Access::WRITE, true).unwrap();
        assert_eq!(partial.keep().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(dir.path().join("f/mine").is_dir());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_is_taken_in_the_meantime_stays() {
        let dir = tempfile::tempdir().unwrap();
        let folder = files::open_folder(dir.path(), Access::LOOK).unwrap();
        let partial = PartialFile::make(&folder, Make::File, units("f"), Access::WRITE, false).unwrap();
        assert!(!dir.path().join("f").exists(), "nothing has the name before it is whole");
        std::fs::write(dir.path().join("f"), b"old").unwrap();
        assert_eq!(partial.keep().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
