//! Files and folders of the local file system, opened without waiting and without side effects.

#[cfg(target_os = "linux")]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

#[cfg(target_os = "linux")]
use rustix::fs::{CWD, Mode, OFlags, RawDir, openat};
#[cfg(target_os = "linux")]
use rustix::io::Errno;
use wim::LocalFile;

/// Opens the file at `path` for positional reads.
///
/// # Errors
/// What the system says, [`io::ErrorKind::IsADirectory`] for a directory, and
/// [`io::ErrorKind::InvalidInput`] for anything else that is not a regular file: a pipe or a device
/// could keep its reader waiting for ever.
pub(crate) fn open(path: &Path) -> io::Result<LocalFile> {
    LocalFile::new(open_regular(path, LastLink::Followed)?)
}

/// Whether a path may end in a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastLink {
    Followed,
    Refused,
}

/// Opens a regular file for reading, without waiting for anybody and without opening anything that is not one.
///
/// # Errors
/// As [`open`], and [`io::ErrorKind::InvalidInput`] for a link that is refused.
#[cfg(target_os = "linux")]
pub(crate) fn open_regular(path: &Path, last: LastLink) -> io::Result<File> {
    let link = if last == LastLink::Refused { OFlags::NOFOLLOW } else { OFlags::empty() };
    let found = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC | link, Mode::empty())?;
    open_found(CWD, path.as_os_str(), &found.into(), link)
}

/// Opens what was `found` by a name in a folder with `O_PATH`, as [`open_regular`]; `link` says whether it may be a link.
///
/// # Errors
/// As [`open_regular`].
#[cfg(target_os = "linux")]
pub(crate) fn open_found(folder: impl AsFd, name: &OsStr, found: &File, link: OFlags) -> io::Result<File> {
    // Opening a device can have effects, so its kind is known before. It is asked again afterwards: another file may have
    // taken the name.
    check_regular(&found.metadata()?)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | link;
    let file = match openat(folder, name, flags, Mode::empty()) {
        // A server such as Samba holds a lease on the file. The kernel waits for its answer, for 45 s at most.
        Err(Errno::AGAIN) => File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))?,
        opened => File::from(opened?),
    };
    check_regular(&file.metadata()?)?;
    Ok(file)
}

/// Opens a regular file for reading.
///
/// # Errors
/// As [`open`], and [`io::ErrorKind::InvalidInput`] for a link that is refused.
#[cfg(not(target_os = "linux"))]
pub(crate) fn open_regular(path: &Path, last: LastLink) -> io::Result<File> {
    let look = if last == LastLink::Refused { std::fs::symlink_metadata } else { std::fs::metadata::<&Path> };
    check_regular(&look(path)?)?;
    let file = File::open(path)?;
    check_regular(&file.metadata()?)?;
    Ok(file)
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => Ok(()),
        () if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        () if kind.is_symlink() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "a link, which is not followed here"))
        }
        () => Err(not_regular()),
    }
}

/// The error of a pipe, a socket or a device in the place of a file.
pub(crate) fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// The names in a folder.
///
/// # Errors
/// What the system says, and while the folder is listed, too. The C library, and so the std, takes it for the end of the list when
/// the system says that there is no such folder: on a share that goes by paths, a folder that is moved away would be an empty one.
#[cfg(target_os = "linux")]
pub(crate) fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    names_at(CWD, folder.as_os_str())
}

/// The names in a folder that is found by its name in another one.
///
/// # Errors
/// As [`names`].
#[cfg(target_os = "linux")]
pub(crate) fn names_at(above: impl AsFd, folder: &OsStr) -> io::Result<Vec<OsString>> {
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    let folder = openat(above, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let (mut entries, mut names) = (RawDir::new(folder, &mut buffer), Vec::new());
    while let Some(entry) = entries.next() {
        match entry?.file_name().to_bytes() {
            b"." | b".." => {}
            name => names.push(OsStr::from_bytes(name).to_owned()),
        }
    }
    Ok(names)
}

/// The names in a folder.
///
/// # Errors
/// What the system says.
#[cfg(not(target_os = "linux"))]
pub(crate) fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).is_err());
        assert!(open(&folder.path().join("missing")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_regular_files_are_opened() {
        use std::fs;
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;

        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), b"content").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink("file", path("link")).unwrap();
        symlink("pipe", path("link to a pipe")).unwrap();
        symlink("/dev/zero", path("link to a device")).unwrap();
        let open = |name: &str, last| open_regular(&path(name), last).map(drop).map_err(|error| error.to_string());
        for name in ["pipe", "socket", "link to a pipe", "link to a device"] {
            assert_eq!(open(name, LastLink::Followed), Err("not a regular file".into()), "{name}");
        }
        assert_eq!((open("file", LastLink::Refused), open("link", LastLink::Followed)), (Ok(()), Ok(())));
        assert_eq!(open("link", LastLink::Refused), Err("a link, which is not followed here".into()));
    }
}
