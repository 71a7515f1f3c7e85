//! Files and block devices as disks.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use wim::{ReadAt, Version};

/// A file or a block device, open for reading.
#[derive(Debug)]
pub(super) struct FileDisk {
    file: File,
    size: u64,
}

impl FileDisk {
    /// Opens a file or a block device; a device is opened only if nothing else uses it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true);
        exclude_others(&mut options, path)?;
        let mut file = options.open(path)?;
        let size = file.seek(SeekFrom::End(0))?; // the metadata of a device says 0
        Ok(Self { file, size })
    }
}

/// With `O_EXCL`, Linux refuses devices that are mounted or otherwise in use.
#[cfg(target_os = "linux")]
fn exclude_others(options: &mut OpenOptions, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    if std::fs::metadata(path)?.file_type().is_block_device() {
        options.custom_flags(rustix::fs::OFlags::EXCL.bits().cast_signed());
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn exclude_others(_: &mut OpenOptions, _: &Path) -> io::Result<()> {
    Ok(())
}

impl ReadAt for FileDisk {
    fn read_at(&self, mut offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match read_some(&self.file, offset, &mut buf[filled..]) {
                Ok(0) => break,
                Ok(read) => (filled, offset) = (filled + read, offset + read as u64),
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
        let modified = self.file.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified = (modified.as_secs().cast_signed(), modified.subsec_nanos());
        Ok(Version { size: self.size, modified, ..Version::default() })
    }
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}
