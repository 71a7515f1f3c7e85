//! Folders as values, to be compared.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What there is under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is, with what it holds.
    pub content: Content,
    /// Seconds and nanoseconds of the last write, rounded down to 100 ns: an archive has no more.
    pub modified: (i64, i64),
    /// Paths of all names of the file, in order; itself alone for a directory.
    pub names: Vec<PathBuf>,
}

/// What something is and holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file with these bytes.
    File(Vec<u8>),
    /// A link with this target.
    Link(PathBuf),
    /// Something else, of this `st_mode` and `st_rdev`.
    Special(u32, u64),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::File(bytes) if bytes.len() <= 64 => write!(f, "file {:?}", String::from_utf8_lossy(bytes)),
            Self::File(bytes) => {
                write!(f, "file of {} bytes, SHA-1 {}", bytes.len(), testkit::hex(&testkit::sha1(bytes)))
            }
            Self::Link(target) => write!(f, "link to {target:?}"),
            Self::Special(mode, device) => write!(f, "mode {mode:o} device {device:#x}"),
        }
    }
}

/// Everything in a folder and below, by path from it; the folder itself under the empty path.
///
/// # Panics
/// Something in it cannot be read.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Facts> {
    let mut found = BTreeMap::new();
    let mut names: HashMap<(u64, u64), Vec<PathBuf>> = HashMap::new();
    let mut inodes = HashMap::new();
    let mut to_come = vec![PathBuf::new()];
    while let Some(path) = to_come.pop() {
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()));
        let read = |what: std::io::Result<_>| what.unwrap_or_else(|error| panic!("{}: {error}", full.display()));
        let content = if metadata.is_dir() {
            let children = fs::read_dir(&full).expect("a directory").map(|entry| entry.expect("an entry").file_name());
            let mut children: Vec<OsString> = children.collect();
            children.sort();
            to_come.extend(children.into_iter().map(|name| path.join(name)));
            Content::Directory
        } else if metadata.is_symlink() {
            Content::Link(fs::read_link(&full).expect("a link"))
        } else if metadata.is_file() {
            Content::File(read(fs::read(&full)))
        } else {
            Content::Special(metadata.mode(), metadata.rdev())
        };
        let modified = (metadata.mtime(), metadata.mtime_nsec() / 100 * 100);
        let inode = (metadata.dev(), metadata.ino());
        names.entry(inode).or_default().push(path.clone());
        inodes.insert(path.clone(), inode);
        found.insert(path, Facts { content, modified, names: Vec::new() });
    }
    for (path, facts) in &mut found {
        facts.names.clone_from(&names[&inodes[path]]);
        facts.names.sort();
    }
    found
}

/// Panics with the differences unless the trees are equal in all that [`Facts`] tell.
///
/// # Panics
/// They differ.
pub fn assert_same_tree(left: &BTreeMap<PathBuf, Facts>, right: &BTreeMap<PathBuf, Facts>) {
    let paths: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differences: Vec<_> = paths
        .into_iter()
        .filter(|path| left.get(*path) != right.get(*path))
        .map(|path| format!("{}:\n  left  {:?}\n  right {:?}\n", path.display(), left.get(path), right.get(path)))
        .collect();
    assert!(differences.is_empty(), "{} of {} differ\n{}", differences.len(), left.len(), differences.concat());
}
