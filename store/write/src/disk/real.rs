//! The disk of the system.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use wim::{LocalFile, ReadAt, Version};

use super::{Access, Disk, DiskFile, Existing, Kind};

/// The file systems of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        // Opening a pipe or a device could wait or have effects.
        check_regular(&fs::metadata(path)?)?;
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::Write);
        if access == Access::Write {
            keep_writers_out(&mut options);
        }
        let file = options.open(path)?;
        check_regular(&file.metadata()?)?;
        Ok(Arc::new(RealFile(LocalFile::new(file)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        keep_writers_out(&mut options);
        Ok(Arc::new(RealFile(LocalFile::new(options.open(path)?)?)))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(match metadata.file_type() {
                kind if kind.is_file() => Kind::File,
                kind if kind.is_dir() => Kind::Folder,
                _ => Kind::Other,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Replace => {
                take_attributes(from, to);
                fs::rename(from, to)
            }
            Existing::Keep => rename_to_new(from, to),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn mkdir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    #[cfg(target_os = "linux")]
    fn keeps_attributes(&self, path: &Path) -> io::Result<bool> {
        use rustix::io::Errno;
        for name in ["system.ntfs_attrib", "user.DOSATTRIB"] {
            match rustix::fs::getxattr(path, name, &mut [0_u8; 0][..]) {
                Ok(_) => return Ok(true),
                Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    #[cfg(not(target_os = "linux"))]
    fn keeps_attributes(&self, _: &Path) -> io::Result<bool> {
        Ok(cfg!(windows))
    }

    #[cfg(unix)]
    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        match File::open(folder)?.sync_all() {
            // The file system knows no such call for folders.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            synced => synced,
        }
    }

    #[cfg(not(unix))]
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// An open file of the system.
#[derive(Debug)]
struct RealFile(LocalFile);

impl ReadAt for RealFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn version(&self) -> io::Result<Version> {
        self.0.version()
    }
}

impl DiskFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match write_some(self.0.file(), offset + written as u64, &bytes[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.file().set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.file().sync_data()
    }

    #[cfg(target_os = "linux")]
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        if len == 0 {
            return Ok(());
        }
        match fallocate(self.0.file(), FallocateFlags::KEEP_SIZE, offset, len) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            allocated => Ok(allocated?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn allocate(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn try_lock(&self) -> io::Result<bool> {
        match self.0.file().try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            // The file system has no locks.
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    /// Locks are mandatory on Windows; there the way of opening keeps writers out.
    #[cfg(not(unix))]
    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn forget_cached(&self) {
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(self.0.file(), 0, None, rustix::fs::Advice::DontNeed); // a hint
    }
}

fn check_regular(metadata: &fs::Metadata) -> io::Result<()> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// Gives `new` the mode and, where we may, the owner of the file that it replaces.
#[cfg(unix)]
fn take_attributes(new: &Path, old: &Path) {
    use std::os::unix::fs::MetadataExt;
    // Neither is needed to read the archive: where the file system has none, there is none.
    let Ok(metadata) = fs::metadata(old) else { return };
    let _ = std::os::unix::fs::chown(new, Some(metadata.uid()), Some(metadata.gid()));
    let _ = fs::set_permissions(new, metadata.permissions());
}

#[cfg(not(unix))]
fn take_attributes(_: &Path, _: &Path) {}

/// Refuses to take the name of another file, in one step where the system can.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return Ok(renamed?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to), // no hard links there
    }
}

#[cfg(unix)]
fn keep_writers_out(_: &mut OpenOptions) {}

#[cfg(windows)]
fn keep_writers_out(options: &mut OpenOptions) {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    options.share_mode(FILE_SHARE_READ);
}

#[cfg(unix)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_some(file: &File, offset: u64, bytes: &[u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_anywhere_and_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        let file = RealDisk.create(&a).unwrap();
        file.allocate(0, 1 << 20).unwrap();
        file.write_at(3, b"def").unwrap();
        file.write_at(0, b"abc").unwrap();
        file.sync_data().unwrap();
        file.forget_cached();
        assert_eq!(fs::read(&a).unwrap(), b"abcdef", "allocating did not change the size");
        file.set_len(4).unwrap();
        drop(file);
        fs::write(&b, "other").unwrap();
        let refused = RealDisk.rename(&a, &b, Existing::Keep).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&b).unwrap(), b"other");
        #[cfg(unix)]
        fs::set_permissions(&b, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        RealDisk.rename(&a, &b, Existing::Replace).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&b).unwrap().permissions()) & 0o777, 0o640);
        RealDisk.sync_dir(folder.path()).unwrap();
        assert_eq!((fs::read(&b).unwrap(), RealDisk.exists(&a).unwrap()), (b"abcd".to_vec(), false));
        RealDisk.rename(&b, &a, Existing::Keep).unwrap();
        assert_eq!(RealDisk.list(folder.path()).unwrap(), ["a"]);
        assert_eq!(RealDisk.create(&a).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(RealDisk.kind(&a).unwrap(), Some(Kind::File));
        RealDisk.remove(&a).unwrap();
        assert_eq!(RealDisk.kind(&a).unwrap(), None);
        assert_eq!(RealDisk.kind(folder.path()).unwrap(), Some(Kind::Folder));
        RealDisk.mkdir(&b).unwrap();
        RealDisk.rename(&b, &a, Existing::Keep).unwrap();
        RealDisk.remove_dir(&a).unwrap();
        assert!(RealDisk.list(folder.path()).unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn one_writer_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "content").unwrap();
        let [one, two] = [(); 2].map(|()| RealDisk.open(&path, Access::Write).unwrap());
        assert!(one.try_lock().unwrap());
        assert!(!two.try_lock().unwrap());
        drop(one);
        assert!(two.try_lock().unwrap());
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(RealDisk.open(folder.path(), Access::Read).is_err());
    }
}
