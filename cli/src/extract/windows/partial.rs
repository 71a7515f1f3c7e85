//! A file that is being written: it disappears unless it is kept.

use std::fs::File;
use std::io;

use windows_files::{self as files, Access, Make};

use super::super::content::Content;
use super::folder::{make_removable, remove_file};

/// A file under way in a folder. Dropping it removes it.
#[derive(Debug)]
pub(in crate::extract) struct PartialFile<'a> {
    folder: &'a File,
    /// What it is called until it is kept.
    name: Vec<u16>,
    /// What it is to replace then, where that is something else.
    replaces: Option<Vec<u16>>,
    content: Content,
    kept: bool,
}

impl<'a> PartialFile<'a> {
    /// Makes an empty file or folder under its own name; where that is taken and `overwrite`, under another beside it.
    ///
    /// # Errors
    /// The name is taken and may not be, or the file cannot be made.
    pub(super) fn make(
        folder: &'a File,
        what: Make,
        name: Vec<u16>,
        access: Access,
        overwrite: bool,
    ) -> io::Result<Self> {
        let of = |name, replaces, file| Ok(Self { folder, name, replaces, content: Content::of(file), kept: false });
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
        match files::open(folder, &name, access, what) {
            Ok(file) => return of(name, None, file),
            Err(e) if overwrite && is_taken(&e) => {}
            Err(e) => return Err(e),
        }
        for number in 0..u32::MAX {
            let beside = format!(".wimstore-{}-{number}", std::process::id()).encode_utf16().collect::<Vec<_>>();
            match files::open(folder, &beside, access, what) {
                Ok(file) => return of(beside, Some(name), file),
                Err(e) if is_taken(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Its content, to be written.
    pub(in crate::extract) fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        self.content.file()
    }

    /// The folder that it is in, and its name there as long as it is not kept.
    pub(super) fn place(&self) -> (&File, &[u16]) {
        (self.folder, &self.name)
    }

    /// Lets the file stay, in the place of what has its name.
    ///
    /// # Errors
    /// A folder has its name.
    pub(in crate::extract) fn keep(mut self) -> io::Result<()> {
        if let Some(replaced) = self.replaces.take() {
            let renamed = files::rename(self.file(), self.folder, &replaced, true);
            // A read-only file, or a link that is a folder, is not replaced but has to be removed.
            renamed.or_else(|_| {
                remove_file(self.folder, &replaced)?;
                files::rename(self.file(), self.folder, &replaced, false)
            })?;
        }
        self.kept = true;
        Ok(())
    }
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
}
