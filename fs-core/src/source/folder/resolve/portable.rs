//! Links where their owners are not looked at: those that stay in the store count, and no others.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use wim::LocalFile;

use super::Stop;
use crate::source::folder::file;
use crate::source::folder::file::{LastLink, open_regular};

/// Why a link is not followed.
pub(super) const REFUSED: &str = "a link that leads out of the store";

/// What `path` below `root` leads to.
pub(super) fn metadata(root: &Path, path: &Path) -> Result<Metadata, Stop> {
    Ok(fs::metadata(resolve(root, path)?)?)
}

/// The names in the folder at `path` below `root`.
pub(super) fn names(root: &Path, path: &Path) -> Result<Vec<OsString>, Stop> {
    Ok(file::names(&resolve(root, path)?)?)
}

/// Opens the regular file at `path` below `root`.
pub(super) fn open(root: &Path, path: &Path) -> Result<LocalFile, Stop> {
    Ok(LocalFile::new(open_regular(&resolve(root, path)?, LastLink::Refused)?)?)
}

/// The path without links, if it stays in the store. Junctions are links, too.
fn resolve(root: &Path, path: &Path) -> Result<PathBuf, Stop> {
    let mut link = None;
    for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
        if fs::symlink_metadata(root.join(part))?.is_symlink() {
            link = Some(root.join(part));
        }
    }
    // Some drivers know no true paths, so they are asked for only where there is a link.
    let Some(link) = link else { return Ok(root.join(path)) };
    let target = root.join(path).canonicalize()?;
    if target.starts_with(root.canonicalize()?) { Ok(target) } else { Err(Stop::Refused(link)) }
}

#[cfg(all(test, unix))] // on Windows links take a privilege
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_stay_in_the_store_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, outside) = (folder.path().join("store"), folder.path().join("outside"));
        fs::create_dir_all(store.join("group")).unwrap();
        fs::create_dir(&outside).unwrap();
        for file in [store.join("group/a.wim"), outside.join("s.wim")] {
            fs::write(file, b"x").unwrap();
        }
        symlink("group", store.join("alias")).unwrap();
        symlink(&outside, store.join("planted")).unwrap();
        symlink(outside.join("s.wim"), store.join("group/s.wim")).unwrap();
        for path in ["group/a.wim", "alias/a.wim"] {
            assert!(open(&store, path.as_ref()).is_ok() && metadata(&store, path.as_ref()).is_ok(), "{path}");
        }
        for (path, link) in [("group/s.wim", "group/s.wim"), ("planted/s.wim", "planted"), ("planted", "planted")] {
            let refused = metadata(&store, path.as_ref()).err();
            assert!(matches!(refused, Some(Stop::Refused(found)) if found == store.join(link)), "{path}: {REFUSED}");
        }
        assert_eq!(names(&store, "alias".as_ref()).ok().map(|names| names.len()), Some(2));
        assert!(names(&store, "planted".as_ref()).is_err());
    }
}
