//! A file that is being written: it disappears unless it is kept.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Zeros shorter than this are written; longer ones, aligned, become a hole.
const HOLE: usize = 4096;

/// A file under way in a folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct PartialFile<'a> {
    folder: BorrowedFd<'a>,
    /// What it is called until it is kept.
    name: OsString,
    /// What it is to replace then, where that is something else.
    replaces: Option<OsString>,
    file: File,
    size: u64,
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
            Ok(Self { folder, name, replaces, file: File::from(file), size: 0, kept: false })
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

    /// Writes behind what was written before. Pages of zeros are left out, as holes.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let to_page = (self.size.next_multiple_of(HOLE as u64) - self.size).min(bytes.len() as u64);
        let (head, pages) = bytes.split_at(to_page as usize);
        self.write_at_end(head)?;
        let mut pages = pages.chunks(HOLE).peekable();
        let mut rest = &bytes[head.len()..];
        while let Some(page) = pages.next() {
            let hole = is_hole(page);
            let mut run = page.len();
            while let Some(next) = pages.next_if(|next| is_hole(next) == hole) {
                run += next.len();
            }
            let (bytes, behind) = rest.split_at(run);
            if hole {
                self.size += run as u64;
            } else {
                self.write_at_end(bytes)?;
            }
            rest = behind;
        }
        Ok(())
    }

    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.size)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Ends the content; what is done with the file after this does not change it.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(super) fn end(&self) -> io::Result<()> {
        // The hole at the end, if there is one.
        self.file.set_len(self.size)
    }

    /// Lets the file stay, in the place of what has its name.
    ///
    /// # Errors
    /// A folder has its name.
    pub(super) fn keep(mut self) -> io::Result<()> {
        if let Some(replaced) = &self.replaces {
            fs::renameat(self.folder, &self.name, self.folder, replaced)?;
        }
        self.kept = true;
        Ok(())
    }
}

impl AsFd for PartialFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
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

/// Whether the page is a whole one and zero.
fn is_hole(page: &[u8]) -> bool {
    let (words, rest) = page.as_chunks::<16>();
    page.len() == HOLE && rest.is_empty() && words.iter().all(|word| u128::from_ne_bytes(*word) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn bytes_arrive_however_they_are_cut_and_zeros_take_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        let mut all = vec![7; 5000];
        all.extend(vec![0; 1 << 20]);
        all.extend([9; 10]);
        all.extend([0; 3 * HOLE + 5]);
        for step in [1000, 4095, 4096, 4097, 32768, all.len()] {
            let path = dir.path().join("f");
            let mut file = PartialFile::make(folder.as_fd(), "f".as_ref(), true).unwrap();
            for piece in all.chunks(step) {
                file.write(piece).unwrap();
            }
            file.end().unwrap();
            file.keep().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), all, "{step}");
            let holes = path.metadata().unwrap().blocks() * 512 < all.len() as u64 / 2;
            assert!(holes || step < 2 * HOLE, "{step}: pieces below a page need not show a whole one");
        }
    }

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
