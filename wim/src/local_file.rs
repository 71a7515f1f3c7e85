//! A file of the local file system as a source of bytes.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::{ReadAt, Version};

/// A file opened for positional reads, by any number of threads at once.
///
/// It is never mapped into memory: a file that is cut while it is read makes reads short instead of
/// killing the process. Replacing the file under its name changes nothing here; what was opened
/// stays open.
#[derive(Debug)]
pub struct LocalFile {
    file: File,
    size: u64,
}

impl LocalFile {
    /// Opens the file at `path` for reading. Opening a pipe waits for its writer; a caller that
    /// cannot trust `path` opens the file itself and uses [`LocalFile::new`].
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Reads from `file`, which must be open for reading. [`ReadAt::size`] is its size now.
    ///
    /// # Errors
    /// The system's error when it is asked for the size.
    pub fn new(file: File) -> io::Result<Self> {
        Ok(Self { size: file.metadata()?.len(), file })
    }

    /// The open file.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }
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
        self.file.metadata().map(|metadata| Version::of_metadata(&metadata))
    }
}

impl Version {
    /// That of the file that `metadata` describes. Windows gives no file numbers here; for an open
    /// file, which cannot become another, only size and time can change.
    #[must_use]
    pub fn of_metadata(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let nanoseconds = metadata.mtime_nsec().clamp(0, 999_999_999) as u32;
            Self::of_file(metadata.dev(), metadata.ino(), metadata.len(), (metadata.mtime(), nanoseconds))
        }
        #[cfg(windows)]
        {
            use std::os::windows::fs::MetadataExt;
            let modified = crate::FileTime(metadata.last_write_time()).to_unix();
            Self::of_file(0, 0, metadata.len(), modified)
        }
    }
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    match std::os::windows::fs::FileExt::seek_read(file, buf, offset) {
        // ERROR_HANDLE_EOF: the read began after the end.
        Err(error) if error.raw_os_error() == Some(38) => Ok(0),
        other => other,
    }
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
}
