//! Folders: created where they are missing, and removed with all that is in them.

use std::io;
use std::path::Path;

use write::{Access, Disk, Kind};

use crate::{Error, Result};

/// Creates a folder unless it is there, and makes its name durable.
///
/// # Errors
/// The disk's; [`Error::Usage`] where something else has the name.
pub(crate) fn ensure(disk: &dyn Disk, path: &Path) -> Result<()> {
    match disk.kind(path).map_err(Error::disk("looking for it", path))? {
        Some(Kind::Folder) => return Ok(()),
        Some(Kind::File | Kind::Other) => {
            return Err(Error::Usage(format!("{}: no folder, and no link is followed here", path.display())));
        }
        None => {}
    }
    match disk.mkdir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(Error::disk("creating", path))?,
    }
    sync_parent(disk, path)
}

/// Makes a name durable, or that it is gone.
///
/// # Errors
/// The disk's.
pub(crate) fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new(""));
    disk.sync_dir(parent).map_err(Error::disk("syncing", parent))
}

/// Removes a file, a link, or a folder with all that is in it. What is not there is removed already.
///
/// # Errors
/// The disk's.
pub(crate) fn remove_all(disk: &dyn Disk, path: &Path) -> Result<()> {
    let removed = match disk.kind(path).map_err(Error::disk("looking for it", path))? {
        None => return Ok(()),
        Some(Kind::File | Kind::Other) => disk.remove(path),
        Some(Kind::Folder) => {
            let names = disk.list(path).map_err(Error::disk("listing", path))?;
            for name in &names {
                remove_all(disk, &path.join(name))?;
            }
            if !names.is_empty() {
                disk.sync_dir(path).map_err(Error::disk("syncing", path))?; // or a name could come back alone
            }
            disk.remove_dir(path)
        }
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::disk("removing", path)),
    }
}

/// Writes a new file and makes its content durable.
///
/// # Errors
/// The disk's.
pub(crate) fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = disk.create(path).map_err(Error::disk("creating", path))?;
    file.write_at(0, bytes).map_err(Error::disk("writing", path))?;
    file.sync_data().map_err(Error::disk("syncing", path))
}

/// Reads a small file; `None` if there is none.
///
/// # Errors
/// The disk's; the file is larger than `most`.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::disk("reading", path)(error);
    let file = match disk.open(path, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    if file.size() > most {
        return Err(failed(io::Error::other(format!("larger than {most} bytes"))));
    }
    let mut bytes = vec![0; file.size() as usize];
    let read = file.read_at(0, &mut bytes).map_err(failed)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Makes names durable after a verb was decided by renaming or creating `path`.
///
/// # Errors
/// [`write::Error::NotDurable`].
pub(crate) fn make_durable(disk: &dyn Disk, path: &Path, names: &[&Path]) -> Result<()> {
    for name in names {
        let parent = name.parent().unwrap_or(Path::new(""));
        let failed = |source| write::Error::NotDurable { path: path.to_owned(), source };
        disk.sync_dir(parent).map_err(failed)?;
    }
    Ok(())
}
