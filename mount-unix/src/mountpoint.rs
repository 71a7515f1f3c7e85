//! Whether a folder may be mounted on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::answer;
use crate::error::{Error, Result};
use crate::mountinfo::{self, MountEntry};

/// Checks that a store can be mounted on `path`, and returns it absolute and without links.
///
/// `source` is the store: a mountpoint above it would hide it. With `nonempty`, folders with
/// entries and folders that are already mountpoints are accepted too.
///
/// # Errors
/// The first thing that is wrong with it; nothing has been changed.
pub fn check_mountpoint(path: &Path, source: &Path, nonempty: bool) -> Result<PathBuf> {
    let unusable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Error::NoMountpoint(path.into()),
        _ => Error::Mountpoint { path: path.into(), source },
    };
    let absolute = mountinfo::absolute_mountpoint(path).map_err(unusable)?;
    let mounted = mountinfo::mounted_at(&absolute).map_err(unusable)?;
    let is_ours = mounted.as_ref().is_some_and(MountEntry::is_ours);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotConnected => Error::Dead { path: absolute.clone() },
        io::ErrorKind::TimedOut if is_ours => Error::Unanswered { path: absolute.clone() },
        _ => unusable(error),
    };
    if !answer::ask(&absolute, |path| fs::metadata(path)).map_err(failed)?.is_dir() {
        return Err(Error::NotDirectory(absolute));
    }
    if let Some(entry) = mounted {
        refuse_mounted(&absolute, entry, nonempty, failed)?;
    }
    if source.canonicalize().is_ok_and(|source| source.starts_with(&absolute)) {
        return Err(Error::HidesSource { path: absolute, source_name: source.into() });
    }
    if !nonempty && !answer::ask(&absolute, is_empty).map_err(unusable)? {
        return Err(Error::NotEmpty(absolute));
    }
    Ok(absolute)
}

fn refuse_mounted(
    path: &Path,
    entry: MountEntry,
    nonempty: bool,
    failed: impl FnOnce(io::Error) -> Error,
) -> Result<()> {
    if entry.is_ours() {
        // The kernel remembers the attributes of a mount whose process is dead or stopped, but not
        // its sizes.
        answer::ask(path, |path| Ok(rustix::fs::statfs(path)?)).map_err(failed)?;
        return Err(Error::Mounted { path: path.into(), source_name: entry.source.into() });
    }
    if nonempty {
        return Ok(());
    }
    let what = format!("{} of type {}", entry.source.display(), entry.kind);
    Err(Error::InUse { path: path.into(), what })
}

fn is_empty(folder: &Path) -> io::Result<bool> {
    fs::read_dir(folder)?.next().transpose().map(|entry| entry.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountpoints_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["empty", "full", "full/store"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        fs::write(root.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("empty", root.join("link")).unwrap();
        let at = |name: &str| root.join(name).display().to_string();
        let cases: &[(&str, &str, bool, Result<&str, String>)] = &[
            ("empty", "file", false, Ok("empty")),
            ("link", "file", false, Ok("empty")),
            (
                "absent",
                "file",
                false,
                Err(format!("mountpoint {} does not exist: make the directory first", at("absent"))),
            ),
            ("file", "file", false, Err(format!("mountpoint {} is not a directory", at("file")))),
            (
                "full",
                "file",
                false,
                Err(format!("mountpoint {} is not empty (-o nonempty mounts over what is there)", at("full"))),
            ),
            ("full", "file", true, Ok("full")),
            (
                "full",
                "full/store",
                true,
                Err(format!("mounting on {} would hide the source, {}", at("full"), at("full/store"))),
            ),
            ("full/store", "full", false, Ok("full/store")),
        ];
        for (mountpoint, source, nonempty, want) in cases {
            let got = check_mountpoint(&root.join(mountpoint), &root.join(source), *nonempty);
            let want = want.as_ref().map(|name| root.join(name)).map_err(Clone::clone);
            assert_eq!(got.map_err(|error| error.to_string()), want, "{mountpoint} for {source}");
        }
    }

    #[test]
    fn other_mounts_are_left_alone() {
        let refused = check_mountpoint(Path::new("/proc"), Path::new("/nowhere"), false).unwrap_err().to_string();
        assert!(refused.starts_with("something is mounted on /proc already, "), "{refused}");
        assert!(refused.ends_with(" of type proc (-o nonempty mounts over it)"), "{refused}");
    }
}
