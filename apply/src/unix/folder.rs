//! The folder that is extracted into, and the promise that nothing is written outside it.
//!
//! Every name is used relative to a descriptor of the folder it goes into, every folder is opened
//! name by name from the destination down, and no step follows a symbolic link: neither one that
//! came from the archive, nor one that existed before.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};

use fs_core::wim::FileTime;

use super::partial::{self, PartialFile, PartialNode};
use crate::failure::first_error;
use crate::temporary::maker;

const OPEN_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Permissions of folders until everything is in them.
const WHILE_FILLED: Mode = Mode::RWXU;

/// A name that is one component of a path and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component<'a>(&'a OsStr);

impl<'a> Component<'a> {
    /// The name, unless the system would take it for a path, for this folder or for the one above.
    pub(crate) fn new(name: &'a [u8]) -> Option<Self> {
        let is_path = name.iter().any(|&b| b == b'/' || b == 0);
        let is_special = matches!(name, b"" | b"." | b"..");
        (!is_path && !is_special).then(|| Self(OsStr::from_bytes(name)))
    }
}

/// A name as messages write it.
pub(crate) fn shown(name: &[u8]) -> OsString {
    OsStr::from_bytes(name).to_owned()
}

/// A key that two names share if the system takes them for the same: here every byte counts.
pub(crate) fn sameness(name: &[u8]) -> Box<[u8]> {
    name.into()
}

/// An open folder: the destination or one below it.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

/// Owner and permissions to give, where they are to be given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights {
    /// User and group, for those who asked for them.
    pub(crate) owner: Option<(u32, u32)>,
    /// Permission bits.
    pub(crate) mode: u16,
}

/// Times to give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) accessed: FileTime,
    pub(crate) modified: FileTime,
}

impl From<Times> for Timestamps {
    fn from(times: Times) -> Self {
        let timespec = |time: FileTime| {
            let (tv_sec, nanoseconds) = time.to_unix();
            Timespec { tv_sec, tv_nsec: nanoseconds.into() }
        };
        Self { last_access: timespec(times.accessed), last_modification: timespec(times.modified) }
    }
}

impl Folder {
    /// Opens the destination. The user named it, so links on the way to it are followed.
    ///
    /// # Errors
    /// It is no folder, or not there.
    pub(crate) fn destination(path: &Path) -> io::Result<Self> {
        let flags = OPEN_FOLDER.difference(OFlags::NOFOLLOW);
        Ok(Self(fs::open(path, flags, Mode::empty())?))
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
    /// There is none of that name; a symbolic link to one is none.
    pub(crate) fn open(&self, name: Component<'_>) -> io::Result<Self> {
        Ok(Self(fs::openat(&self.0, name.0, OPEN_FOLDER, Mode::empty())?))
    }

    /// Makes a folder in this one; false if there is one already.
    ///
    /// # Errors
    /// Something else has the name, or the folder cannot be made.
    pub(crate) fn make_folder(&self, name: Component<'_>) -> io::Result<bool> {
        match fs::mkdirat(&self.0, name.0, WHILE_FILLED) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) if self.kind(name)? == FileType::Directory => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes a file that is removed unless it is kept. With `overwrite`, a file that has the name
    /// stays until then.
    ///
    /// # Errors
    /// The name is taken, or the file cannot be made.
    pub(crate) fn make_file(&self, name: Component<'_>, overwrite: bool) -> io::Result<PartialFile<'_>> {
        PartialFile::make(self.0.as_fd(), name.0, overwrite)
    }

    /// Makes a symbolic link that is removed unless it is kept.
    ///
    /// # Errors
    /// The name is taken, or the link cannot be made.
    pub(super) fn make_symlink(
        &self,
        name: Component<'_>,
        target: &[u8],
        overwrite: bool,
    ) -> io::Result<PartialNode<'_>> {
        PartialNode::symlink(self.0.as_fd(), name.0, OsStr::from_bytes(target), overwrite)
    }

    /// Makes a FIFO, socket or device node that is removed unless it is kept.
    ///
    /// # Errors
    /// The name is taken, or the system refuses: it does so for device nodes unless this user is root.
    pub(super) fn make_node(
        &self,
        name: Component<'_>,
        kind: FileType,
        device: u64,
        overwrite: bool,
    ) -> io::Result<PartialNode<'_>> {
        PartialNode::special(self.0.as_fd(), name.0, kind, device, overwrite)
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
        partial::make_link(self.0.as_fd(), name.0, (folder.0.as_fd(), first.0), overwrite)
    }

    /// Removes files that killed runs have left here under temporary names.
    ///
    /// # Errors
    /// The folder cannot be listed, or one of them cannot be removed.
    pub(crate) fn remove_leftovers(&self) -> io::Result<()> {
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let maker = maker(entry.file_name().to_bytes()).and_then(Pid::from_raw);
            if maker.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH)) {
                fs::unlinkat(&self.0, entry.file_name(), AtFlags::empty())?;
            }
        }
        Ok(())
    }

    fn kind(&self, name: Component<'_>) -> io::Result<FileType> {
        let stat = fs::statat(&self.0, name.0, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Gives an open file, folder or node its owner, which takes set-user-id bits and capabilities
/// away.
///
/// # Errors
/// It belongs to another user, who has put it in the place of the file that this run made; or the
/// system refuses: it does so unless this user is root.
pub(super) fn set_owner(file: impl AsFd, (uid, gid): (u32, u32)) -> io::Result<()> {
    if fs::fstat(&file)?.st_uid != geteuid().as_raw() {
        return Err(io::Error::other("cannot give it an owner: it belongs to somebody else already"));
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    Ok(fs::chownat(file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?)
}

/// Gives an open file or folder its permissions and times.
///
/// # Errors
/// Returns the first error of the system; the rest is set all the same.
pub(crate) fn finish(file: impl AsFd, bits: u16, times: Times) -> io::Result<()> {
    Ok(first_error([fs::fchmod(&file, mode(bits)), fs::futimens(&file, &times.into())])?)
}

/// Gives an open file or folder an extended attribute.
pub(crate) fn set_xattr(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(fs::fsetxattr(file, name, value, XattrFlags::empty())?)
}

/// Permission bits as the system has them.
pub(super) fn mode(bits: u16) -> Mode {
    Mode::from_raw_mode(bits.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn name(name: &str) -> Component<'_> {
        Component::new(name.as_bytes()).expect("a plain name")
    }

    #[test]
    fn only_plain_names_are_components() {
        for bad in [&b""[..], b".", b"..", b"/", b"a/b", b"../x", b"/etc", b"nul\0"] {
            assert_eq!(Component::new(bad), None, "{bad:?}");
        }
        for good in [&b"a"[..], b"...", b".a", b"\\", b"a\nb", b"\xff", b"C:"] {
            assert!(Component::new(good).is_some(), "{good:?}");
        }
    }

    #[test]
    fn links_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        symlink(outside.path(), inside.path().join("link")).unwrap();
        std::fs::write(outside.path().join("file"), b"mine").unwrap();
        symlink(outside.path().join("file"), inside.path().join("f")).unwrap();
        let folder = Folder::destination(inside.path()).unwrap();
        assert!(folder.open(name("link")).is_err());
        assert!(folder.make_folder(name("link")).is_err(), "a link to a folder is no folder");
        assert!(folder.make_file(name("f"), false).is_err());
        let file = folder.make_file(name("f"), true).unwrap();
        file.keep().unwrap();
        assert_eq!(std::fs::read(outside.path().join("file")).unwrap(), b"mine");
        assert!(inside.path().join("f").symlink_metadata().unwrap().is_file(), "the link itself was replaced");
        let made = folder.make_symlink(name("link"), b"x", true).unwrap();
        made.give(None, None, Times { accessed: FileTime(0), modified: FileTime(0) }).unwrap();
        made.keep().unwrap();
        assert!(outside.path().metadata().unwrap().mtime() > 0);
        assert!(inside.path().join("link").symlink_metadata().unwrap().mtime() < 0);
    }

    #[test]
    fn what_is_there_stays_unless_it_may_go() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), b"old").unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        let folder = Folder::destination(dir.path()).unwrap();

        assert_eq!(folder.make_symlink(name("f"), b"x", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!folder.make_folder(name("d")).unwrap());
        assert!(folder.make_folder(name("f")).is_err());
        assert!(folder.make_symlink(name("d"), b"x", true).unwrap().keep().is_err(), "a folder is never removed");
        folder.make_symlink(name("f"), b"x", true).unwrap().keep().unwrap();
        assert_eq!(dir.path().join("f").read_link().unwrap(), Path::new("x"));
    }

    #[test]
    fn what_a_killed_run_left_goes_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let names = [
            (format!(".wimstore-{}-0", ended.id()), false),
            (format!(".wimstore-{}-1", std::process::id()), true),
            (format!(".wimstore-{}-x", ended.id()), true),
            ("f".to_owned(), true),
        ];
        names.iter().for_each(|(name, _)| std::fs::write(dir.path().join(name), b"x").unwrap());
        Folder::destination(dir.path()).unwrap().remove_leftovers().unwrap();
        for (name, stays) in names {
            assert_eq!(dir.path().join(&name).exists(), stays, "{name}");
        }
    }
}
