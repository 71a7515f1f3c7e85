//! The disk as writers see it. Every access of a writer is one call of these traits, so that tests
//! can fail, kill or cut power at each of them.

mod real;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use wim::ReadAt;

pub use real::RealDisk;

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing; on Windows other writers are kept out until it is closed.
    Write,
}

/// What happens to a file that already has the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and renaming fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
    /// It is replaced.
    Replace,
}

/// What a name stands for. Links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a pipe.
    Other,
}

/// Names, folders, and opening.
///
/// Nothing is durable before it was synced: the content of a file by [`DiskFile::sync_data`], its
/// name by [`Disk::sync_dir`] of its folder.
pub trait Disk: Send + Sync {
    /// Opens an existing regular file.
    ///
    /// # Errors
    /// Those of the system.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Creates an empty file for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and those of the system.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// What has this name, if anything has.
    ///
    /// # Errors
    /// Those of the system.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;

    /// Whether there is anything with this name.
    ///
    /// # Errors
    /// Those of the system.
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.kind(path).map(|kind| kind.is_some())
    }

    /// Gives a file or a folder another name, in one step.
    ///
    /// # Errors
    /// Those of the system; both names are as they were.
    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// Those of the system.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder.
    ///
    /// # Errors
    /// Those of the system.
    fn mkdir(&self, path: &Path) -> io::Result<()>;

    /// The names in a folder, in no particular order.
    ///
    /// # Errors
    /// Those of the system.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// Whether the file system keeps the Windows attributes of a file or folder, so that no sidecar
    /// does.
    ///
    /// # Errors
    /// Those of the system.
    fn keeps_attributes(&self, path: &Path) -> io::Result<bool>;

    /// Makes the names in a folder durable. Does nothing where the system has no such call.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;
}

/// An open file. Reads and writes are positional and may come from several threads at once.
///
/// [`ReadAt::size`] is the size at opening, whatever was written since.
pub trait DiskFile: ReadAt {
    /// Writes all of `bytes` at `offset`, enlarging the file where needed.
    ///
    /// # Errors
    /// Those of the system; any part of the bytes may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file, or enlarges it with zeros.
    ///
    /// # Errors
    /// Those of the system.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes content and size durable.
    ///
    /// # Errors
    /// Those of the system; what was written since the last sync may be lost.
    fn sync_data(&self) -> io::Result<()>;

    /// Reserves space for the bytes from `offset` on without changing the file's size. Does nothing
    /// where the file system cannot.
    ///
    /// # Errors
    /// Too little space.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Locks the file against other writers until it is closed, unless another one has it: `false`.
    /// Does nothing where a lock would keep readers out.
    ///
    /// # Errors
    /// Those of the system.
    fn try_lock(&self) -> io::Result<bool>;

    /// Asks the system to forget cached pages of the file, so that what is read next comes from the
    /// medium. It must have been synced.
    fn forget_cached(&self);
}
