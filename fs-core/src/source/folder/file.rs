//! A file of the local file system as a source of bytes.

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
use wim::{ReadAt, Version};

/// A file opened for positional reads.
///
/// It is never mapped into memory: a file that is cut while we read it makes reads short and not our process dead. Any number
/// of threads read at once. Replacing the file under its name changes nothing here; what was opened stays open.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    size: u64,
}

impl LocalFile {
    /// Opens the file at `path` for reading.
    ///
    /// # Errors
    /// What the system says, [`io::ErrorKind::IsADirectory`] for a directory, and [`io::ErrorKind::InvalidInput`] for
    /// anything else that is not a regular file: a pipe or a device could keep its reader waiting for ever.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(open_regular(path, LastLink::Followed)?)
    }

    /// A regular file that was opened for reading.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        Ok(Self { size: file.metadata()?.len(), file })
    }
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
/// As [`LocalFile::open`], and [`io::ErrorKind::InvalidInput`] for a link that is refused.
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
/// As [`LocalFile::open`], and [`io::ErrorKind::InvalidInput`] for a link that is refused.
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

impl ReadAt for LocalFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        // Systems refuse offsets above the signed range; no file has bytes there.
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        let mut filled = 0;
        while filled < buf.len() {
            match read_some(&self.file, offset.saturating_add(filled as u64), &mut buf[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn version(&self) -> io::Result<Version> {
        self.file.metadata().map(|metadata| version(&metadata))
    }
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

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    match std::os::windows::fs::FileExt::seek_read(file, buf, offset) {
        // ERROR_HANDLE_EOF: the read began behind the end.
        Err(error) if error.raw_os_error() == Some(38) => Ok(0),
        other => other,
    }
}

/// The version of the file that `metadata` describes.
#[cfg(unix)]
pub(crate) fn version(metadata: &Metadata) -> Version {
    use std::os::unix::fs::MetadataExt;
    let modified = (metadata.mtime(), metadata.mtime_nsec().clamp(0, 999_999_999) as u32);
    Version::of_file(metadata.dev(), metadata.ino(), metadata.len(), modified)
}

/// The version of the file that `metadata` describes. Windows gives no file numbers here; for an open file, which cannot
/// become another, size and time are what can change.
#[cfg(windows)]
pub(crate) fn version(metadata: &Metadata) -> Version {
    use std::os::windows::fs::MetadataExt;
    let (seconds, nanoseconds) = wim::FileTime(metadata.last_write_time()).to_unix();
    Version::of_file(0, 0, metadata.len(), (seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn reads_anywhere_and_stops_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"0123456789").unwrap();
        let file = LocalFile::open(&path).unwrap();
        assert_eq!(file.size(), 10);
        for (offset, len, want) in
            [(0, 4, &b"0123"[..]), (6, 4, b"6789"), (8, 4, b"89"), (10, 4, b""), (u64::MAX, 4, b""), (3, 0, b"")]
        {
            let mut buf = vec![0xAA; len];
            let filled = file.read_at(offset, &mut buf).unwrap();
            assert_eq!(&buf[..filled], want, "{len} bytes at {offset}");
        }
    }

    #[test]
    fn the_version_tells_generations_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"0123456789").unwrap();
        let file = LocalFile::open(&path).unwrap();
        let first = file.version().unwrap();
        assert_eq!(file.version().unwrap(), first, "it stays while nobody writes");

        let writer = File::options().write(true).open(&path).unwrap();
        writer.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
        let touched = file.version().unwrap();
        assert_ne!(touched, first);
        File::options().append(true).open(&path).unwrap().write_all(b"!").unwrap();
        assert_ne!(file.version().unwrap(), touched);
        assert_eq!(file.size(), 10, "as of opening");

        let replaced = file.version().unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap(); // Windows keeps the name of a removed file that is open
        fs::write(&path, b"another").unwrap();
        assert_eq!(file.version().unwrap(), replaced, "the file that is open is still the old one");
    }

    #[test]
    fn a_directory_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(LocalFile::open(folder.path()).is_err());
        assert!(LocalFile::open(&folder.path().join("missing")).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_regular_files_are_opened() {
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
