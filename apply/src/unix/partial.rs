//! A file or node under a temporary name, which is removed unless it is kept.
//!
//! The owner of a folder may replace what is in it at any moment, by a link to anything. So owner,
//! permissions and times are given to a descriptor that is known to be of what was made, never to
//! its name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, CWD, Dev, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::folder::{Times, mode, set_owner};
use crate::content::Content;
use crate::temporary::temporary_name;

/// A temporary name in a folder, and the name that comes after it. Dropping it removes what has the
/// temporary name.
#[derive(Debug)]
struct Name<'a> {
    folder: BorrowedFd<'a>,
    temporary: OsString,
    wanted: OsString,
    /// An object that has the wanted name is replaced.
    overwrite: bool,
    kept: bool,
}

impl<'a> Name<'a> {
    /// Makes something by `make`, under the temporary name that it gets.
    ///
    /// # Errors
    /// The wanted name is taken and may not be, or `make` fails.
    fn make<T>(
        folder: BorrowedFd<'a>,
        wanted: &OsStr,
        overwrite: bool,
        make: impl Fn(&OsStr) -> rustix::io::Result<T>,
    ) -> io::Result<(Self, T)> {
        if !overwrite && fs::statat(folder, wanted, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(Errno::EXIST.into()); // before its content is read
        }
        loop {
            let temporary = OsString::from(temporary_name());
            match make(&temporary) {
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
                Ok(made) => {
                    let wanted = wanted.to_owned();
                    return Ok((Self { folder, temporary, wanted, overwrite, kept: false }, made));
                }
            }
        }
    }

    /// Gives what was made the wanted name, which never has anything that is not whole.
    ///
    /// # Errors
    /// The name is taken: by a folder, or by anything if nothing is replaced.
    fn keep(mut self) -> io::Result<()> {
        if self.overwrite {
            fs::renameat(self.folder, &self.temporary, self.folder, &self.wanted)?;
        } else {
            self.rename_to_new()?;
        }
        self.kept = true;
        Ok(())
    }

    fn rename_to_new(&self) -> io::Result<()> {
        let Self { folder, temporary, wanted, .. } = self;
        match fs::renameat_with(folder, temporary, folder, wanted, RenameFlags::NOREPLACE) {
            // A file system that only knows the plain call, such as NFS or ntfs-3g. Some of
            // these know no second names either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                match fs::linkat(folder, temporary, folder, wanted, AtFlags::empty()) {
                    Ok(()) => Ok(fs::unlinkat(folder, temporary, AtFlags::empty())?),
                    Err(Errno::EXIST) => Err(Errno::EXIST.into()),
                    Err(_) if fs::statat(folder, wanted, AtFlags::SYMLINK_NOFOLLOW).is_ok() => Err(Errno::EXIST.into()),
                    Err(_) => Ok(fs::renameat(folder, temporary, folder, wanted)?),
                }
            }
            result => Ok(result?),
        }
    }
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // It was to be removed because something failed; that is what gets reported.
            let _ = fs::unlinkat(self.folder, &self.temporary, AtFlags::empty());
        }
    }
}

/// A file under way in a folder. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct PartialFile<'a> {
    name: Name<'a>,
    content: Content,
}

impl<'a> PartialFile<'a> {
    /// Makes an empty file that only we can read.
    ///
    /// # Errors
    /// The name is taken and may not be, or the file cannot be made.
    pub(super) fn make(folder: BorrowedFd<'a>, name: &OsStr, overwrite: bool) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let make = |name: &OsStr| fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR);
        let (name, file) = Name::make(folder, name, overwrite, make)?;
        Ok(Self { name, content: Content::of(File::from(file)) })
    }

    /// Its content, to be written.
    pub(crate) fn content(&mut self) -> &mut Content {
        &mut self.content
    }

    /// Lets the file stay under its name, in the place of what has that if it may.
    ///
    /// # Errors
    /// The name is taken: by a folder, or by anything if nothing is replaced.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.name.keep()
    }
}

impl AsFd for PartialFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.content.file().as_fd()
    }
}

/// A symbolic link or special file under way in a folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct PartialNode<'a> {
    name: Name<'a>,
    /// The node itself, without the right to read or write it: opening a FIFO would wait.
    node: OwnedFd,
}

impl<'a> PartialNode<'a> {
    /// Makes a symbolic link.
    ///
    /// # Errors
    /// The name is taken and may not be, or the link cannot be made.
    pub(super) fn symlink(folder: BorrowedFd<'a>, name: &OsStr, target: &OsStr, overwrite: bool) -> io::Result<Self> {
        let make = |name: &OsStr| fs::symlinkat(target, folder, name);
        let (name, ()) = Name::make(folder, name, overwrite, make)?;
        let node = open_made(folder, &name.temporary, FileType::Symlink, 0)?;
        Ok(Self { name, node })
    }

    /// Makes a FIFO, socket or device node that only we can use.
    ///
    /// # Errors
    /// The name is taken and may not be, or the system refuses: it does so for device nodes unless
    /// we are root.
    pub(super) fn special(
        folder: BorrowedFd<'a>,
        name: &OsStr,
        kind: FileType,
        device: Dev,
        overwrite: bool,
    ) -> io::Result<Self> {
        let make = |name: &OsStr| fs::mknodat(folder, name, kind, Mode::RUSR | Mode::WUSR, device);
        let (name, ()) = Name::make(folder, name, overwrite, make)?;
        let node = open_made(folder, &name.temporary, kind, device)?;
        Ok(Self { name, node })
    }

    /// Gives it owner, permissions unless it is a link, and times.
    ///
    /// # Errors
    /// The first error of the system.
    pub(super) fn give(&self, owner: Option<(u32, u32)>, bits: Option<u16>, times: Times) -> io::Result<()> {
        owner.map_or(Ok(()), |owner| set_owner(&self.node, owner))?;
        if let Some(bits) = bits {
            // fchmod(2) refuses such a descriptor. This name leads to its node and nowhere else.
            let node = format!("/proc/self/fd/{}", self.node.as_raw_fd());
            fs::chmodat(CWD, node, mode(bits), AtFlags::empty())?;
        }
        Ok(fs::utimensat(&self.node, "", &times.into(), AtFlags::EMPTY_PATH)?)
    }

    /// As [`PartialFile::keep`].
    ///
    /// # Errors
    /// As [`PartialFile::keep`].
    pub(super) fn keep(self) -> io::Result<()> {
        self.name.keep()
    }
}

/// Opens what was just made in a folder, unless the name leads to something of another kind, or to
/// something that has more names: that is what the owner of the folder has put there since.
///
/// # Errors
/// Something else has the name.
fn open_made(folder: BorrowedFd<'_>, name: &OsStr, kind: FileType, device: Dev) -> io::Result<OwnedFd> {
    let node = fs::openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fs::fstat(&node)?;
    let is_device = matches!(kind, FileType::CharacterDevice | FileType::BlockDevice);
    let is_same = FileType::from_raw_mode(stat.st_mode) == kind && stat.st_nlink <= 1;
    if is_same && (!is_device || stat.st_rdev == device) {
        return Ok(node);
    }
    Err(io::Error::other("was replaced by somebody else while it was made"))
}

/// Makes `name` another name of what `first` names; neither link is followed.
///
/// # Errors
/// The name is taken and may not be, or the file system knows no second names.
pub(super) fn make_link(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    first: (BorrowedFd<'_>, &OsStr),
    overwrite: bool,
) -> io::Result<()> {
    let link = |name: &OsStr| fs::linkat(first.0, first.1, folder, name, AtFlags::empty());
    match link(name) {
        Err(Errno::EXIST) if overwrite => {}
        result => return Ok(result?),
    }
    let (partial, ()) = Name::make(folder, name, overwrite, link)?;
    let temporary = partial.temporary.clone();
    partial.keep()?;
    // Renaming does nothing where both names have the same file already.
    let _ = fs::unlinkat(folder, &temporary, AtFlags::empty());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    fn count(dir: &Path) -> usize {
        std::fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        for overwrite in [false, true] {
            drop(PartialFile::make(folder.as_fd(), "f".as_ref(), overwrite).unwrap());
            drop(PartialNode::symlink(folder.as_fd(), "f".as_ref(), "x".as_ref(), overwrite).unwrap());
            assert_eq!(count(dir.path()), 0);
        }
        std::fs::write(dir.path().join("f"), b"old").unwrap();
        drop(PartialFile::make(folder.as_fd(), "f".as_ref(), true).unwrap());
        assert_eq!(count(dir.path()), 1);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
    }

    #[test]
    fn a_name_that_is_taken_in_the_meantime_stays() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        let partial = PartialFile::make(folder.as_fd(), "f".as_ref(), false).unwrap();
        assert!(!dir.path().join("f").exists(), "nothing has the name before it is whole");
        std::fs::write(dir.path().join("f"), b"old").unwrap();
        assert_eq!(partial.keep().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
        assert_eq!(count(dir.path()), 1);
    }

    #[test]
    fn a_second_name_replaces_what_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        std::fs::write(dir.path().join("first"), b"new").unwrap();
        std::fs::write(dir.path().join("second"), b"old").unwrap();
        let link =
            |overwrite| make_link(folder.as_fd(), "second".as_ref(), (folder.as_fd(), "first".as_ref()), overwrite);
        assert_eq!(link(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        for _ in 0..2 {
            link(true).unwrap(); // the second time it is the same file already
            assert_eq!(std::fs::read(dir.path().join("second")).unwrap(), b"new");
            assert_eq!((count(dir.path()), dir.path().join("first").metadata().unwrap().nlink()), (2, 2));
        }
    }

    #[test]
    fn what_replaces_a_node_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        let at = |name: &str| dir.path().join(name);
        let fifo = |name: &str| fs::mknodat(&folder, name, FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::fs::write(at("victim"), b"secret").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        std::fs::hard_link(at("victim"), at("second name")).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        fifo("pipe");
        fifo("pipe of somebody");
        std::fs::hard_link(at("pipe of somebody"), at("its second name")).unwrap();
        let open = |name: &str, kind| open_made(folder.as_fd(), name.as_ref(), kind, 0);
        for name in ["link", "second name", "victim", "folder", "its second name", "none"] {
            assert!(open(name, FileType::Fifo).is_err(), "{name}");
        }
        for name in ["victim", "second name", "pipe"] {
            assert!(open(name, FileType::Symlink).is_err(), "{name}");
        }
        assert!(open("pipe", FileType::Fifo).is_ok() && open("link", FileType::Symlink).is_ok());
    }

    #[test]
    fn what_is_given_to_a_node_misses_what_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = File::open(dir.path()).unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, b"secret").unwrap();
        let facts = || victim.metadata().map(|now| (now.mode(), now.uid(), now.mtime(), now.ctime_nsec())).unwrap();
        let before = facts();
        let times = Times { accessed: fs_core::wim::FileTime(0), modified: fs_core::wim::FileTime(0) };
        let node = PartialNode::special(folder.as_fd(), "pipe".as_ref(), FileType::Fifo, 0, false).unwrap();
        let link = PartialNode::symlink(folder.as_fd(), "link".as_ref(), "x".as_ref(), false).unwrap();
        for (made, bits) in [(&node, Some(0o666)), (&link, None)] {
            let temporary = dir.path().join(&made.name.temporary);
            std::fs::remove_file(&temporary).unwrap();
            symlink(&victim, temporary).unwrap();
            // The node is there without a name; the system may refuse to change it, or not.
            let _ = made.give(None, bits, times);
            assert_eq!(facts(), before);
        }
    }
}
