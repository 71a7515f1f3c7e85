//! The folder that is extracted into, and the promise that nothing is written outside it.
//!
//! Every name is used relative to a descriptor of the folder it goes into, every folder is opened name by name from the
//! destination down, and no step follows a symbolic link: neither one that the archive made, nor one that was there.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};

use fs_core::wim::FileTime;

use super::super::temporary::maker;
use super::partial::{self, PartialFile, PartialNode};

const OPEN_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// What folders have until everything is in them.
const WHILE_FILLED: Mode = Mode::RWXU;

/// A name that is one component of a path and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::extract) struct Component<'a>(&'a OsStr);

impl<'a> Component<'a> {
    /// The name, unless the system would take it for a path, for this folder or for the one above.
    pub(in crate::extract) fn new(name: &'a [u8]) -> Option<Self> {
        let is_path = name.iter().any(|&b| b == b'/' || b == 0);
        let is_special = matches!(name, b"" | b"." | b"..");
        (!is_path && !is_special).then(|| Self(OsStr::from_bytes(name)))
    }
}

/// How a name is written here, for messages.
pub(in crate::extract) fn shown(name: &[u8]) -> OsString {
    OsStr::from_bytes(name).to_owned()
}

/// What two names have in common that are the same to the system: here every byte counts.
pub(in crate::extract) fn sameness(name: &[u8]) -> Box<[u8]> {
    name.into()
}

/// An open folder: the destination or one below it.
#[derive(Debug)]
pub(in crate::extract) struct Folder(OwnedFd);

/// Owner and permissions to give, where they are to be given.
#[derive(Debug, Clone, Copy)]
pub(in crate::extract) struct Rights {
    /// User and group, for those who asked for them.
    pub(in crate::extract) owner: Option<(u32, u32)>,
    /// Permission bits.
    pub(in crate::extract) mode: u16,
}

/// Times to give.
#[derive(Debug, Clone, Copy)]
pub(in crate::extract) struct Times {
    pub(in crate::extract) accessed: FileTime,
    pub(in crate::extract) modified: FileTime,
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
    pub(in crate::extract) fn destination(path: &Path) -> io::Result<Self> {
        let flags = OPEN_FOLDER.difference(OFlags::NOFOLLOW);
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    /// This folder, opened once more.
    ///
    /// # Errors
    /// Too many files are open.
    pub(in crate::extract) fn again(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    /// There is none of that name; a symbolic link to one is none.
    pub(in crate::extract) fn open(&self, name: Component<'_>) -> io::Result<Self> {
        Ok(Self(fs::openat(&self.0, name.0, OPEN_FOLDER, Mode::empty())?))
    }

    /// Makes a folder in this one; false if there is one already.
    ///
    /// # Errors
    /// Something else has the name, or the folder cannot be made.
    pub(in crate::extract) fn make_folder(&self, name: Component<'_>) -> io::Result<bool> {
        match fs::mkdirat(&self.0, name.0, WHILE_FILLED) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) if self.kind(name)? == FileType::Directory => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Makes a file that disappears again unless it is kept. Where `overwrite`, a file that has the name stays until
    /// then.
    ///
    /// # Errors
    /// The name is taken, or the file cannot be made.
    pub(in crate::extract) fn make_file(&self, name: Component<'_>, overwrite: bool) -> io::Result<PartialFile<'_>> {
        PartialFile::make(self.0.as_fd(), name.0, overwrite)
    }

    /// Makes a symbolic link that disappears again unless it is kept.
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

    /// Makes a FIFO, socket or device node that disappears again unless it is kept.
    ///
    /// # Errors
    /// The name is taken, or the system refuses: it does so for device nodes unless we are root.
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
    pub(in crate::extract) fn make_link(
        &self,
        name: Component<'_>,
        first: (&Self, Component<'_>),
        overwrite: bool,
    ) -> io::Result<()> {
        let (folder, first) = first;
        partial::make_link(self.0.as_fd(), name.0, (folder.0.as_fd(), first.0), overwrite)
    }

    /// Removes what a run that was killed has left here under temporary names.
    ///
    /// # Errors
    /// The folder cannot be listed, or one of them cannot be removed.
    pub(in crate::extract) fn remove_leftovers(&self) -> io::Result<()> {
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
/// It is not ours, so that somebody else has put it where we made something; or the system refuses:
/// it does so unless we are root.
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
pub(in crate::extract) fn finish(file: impl AsFd, bits: u16, times: Times) -> io::Result<()> {
    let permissions = fs::fchmod(&file, mode(bits));
    Ok(permissions.and(fs::futimens(&file, &times.into()))?)
}

/// Gives an open file or folder an extended attribute.
pub(in crate::extract) fn set_xattr(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
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
