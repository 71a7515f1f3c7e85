//! Links where their owners are not looked at: those that stay in the store count, and no others.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::Stop;
use crate::local::{self, LastLink, LocalFile, open_regular};

/// Why a link is not followed.
pub(super) const REFUSED: &str = "a link that leads out of the store; --follow-links follows it";

/// What `path` below `root` leads to.
pub(super) fn metadata(root: &Path, path: &Path) -> Result<Metadata, Stop> {
    Ok(fs::metadata(resolve(root, path)?)?)
}

/// The names in the folder at `path` below `root`.
pub(super) fn names(root: &Path, path: &Path) -> Result<Vec<OsString>, Stop> {
    Ok(local::names(&resolve(root, path)?)?)
}

/// Opens the regular file at `path` below `root`.
pub(super) fn open(root: &Path, path: &Path) -> Result<LocalFile, Stop> {
    Ok(LocalFile::of(open_regular(&resolve(root, path)?, LastLink::Refused)?)?)
}

/// The path without links, if it stays in the store. Junctions are links, too.
fn resolve(root: &Path, path: &Path) -> Result<PathBuf, Stop> {
    let whole = root.join(path);
    let parts = path.ancestors().filter(|part| !part.as_os_str().is_empty());
    let is_link = |part: &Path| Ok(fs::symlink_metadata(root.join(part))?.is_symlink());
    let links = parts.map(|part| Ok((part, is_link(part)?))).collect::<io::Result<Vec<_>>>()?;
    // Some drivers know no true paths, so they are asked for only where there is a link.
    let Some((link, _)) = links.into_iter().rev().find(|(_, is_link)| *is_link) else { return Ok(whole) };
    let target = whole.canonicalize()?;
    if target.starts_with(root.canonicalize()?) { Ok(target) } else { Err(Stop::Refused(root.join(link))) }
}
