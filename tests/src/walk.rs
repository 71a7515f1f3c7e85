//! A tree of files as seen from outside, and the differences of two trees.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use sha1::{Digest, Sha1};
use testkit::hex;

/// Differences told before the rest are counted only.
const TOLD: usize = 20;

/// All names of a tree by their paths from its root, which itself has the empty path.
pub type Tree = BTreeMap<PathBuf, Node>;

/// What is compared in addition to kind, size, time of the last write, links and content.
#[derive(Clone, Debug, Default)]
pub struct Look<'a> {
    /// Time of the last access.
    pub accessed: bool,
    /// Mode, owner, group and device number.
    pub owner: bool,
    /// The extended attributes that are listed.
    pub xattrs: bool,
    /// These extended attributes, listed or not.
    pub asked: &'a [&'a str],
}

/// One name of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// `directory`, `file`, `link` or a special file.
    pub kind: &'static str,
    /// Bytes; 0 of a directory or link.
    pub size: u64,
    /// Seconds since 1970 and nanoseconds, to 100 ns.
    pub modified: (i64, i64),
    /// Likewise; 0 unless looked at.
    pub accessed: (i64, i64),
    /// Link count; 0 of a directory.
    pub links: u64,
    /// The first name of the same inode.
    pub first_name: PathBuf,
    /// Where a link leads, from the root of the tree: links on the way are not followed.
    pub target: PathBuf,
    /// SHA-1 of the content in hexadecimal digits, or why it cannot be read.
    pub content: String,
    /// Mode with type, owner, group, device number; zeros unless looked at.
    pub owner: (u32, u32, u32, u64),
    /// Values of the extended attributes looked at, or why one cannot be read.
    pub xattrs: BTreeMap<OsString, Result<Vec<u8>, String>>,
}

impl Node {
    /// The value of an extended attribute that was looked at and could be read.
    pub fn xattr(&self, name: &str) -> Option<&[u8]> {
        self.xattrs.get(OsStr::new(name))?.as_deref().ok()
    }
}

/// Looks at everything below `root`, and at the root.
///
/// # Panics
/// A name cannot be examined, or a directory cannot be listed.
pub fn walk(root: &Path, look: &Look<'_>) -> Tree {
    let mut tree = Tree::new();
    let mut first_names = HashMap::new();
    let mut to_come = vec![PathBuf::new()];
    while let Some(path) = to_come.pop() {
        let here = root.join(&path);
        let metadata = fs::symlink_metadata(&here).unwrap_or_else(|error| panic!("{}: {error}", here.display()));
        let first_name = first_names.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone()).clone();
        if metadata.is_dir() {
            let mut names = names_in(&here);
            names.reverse();
            to_come.extend(names.into_iter().map(|name| path.join(name)));
        }
        tree.insert(path.clone(), Node { first_name, ..node(root, &path, &metadata, look) });
    }
    tree
}

/// The names in a directory, sorted, so that the first name of an inode is the same in equal trees.
fn names_in(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap_or_else(|error| panic!("{}: {error}", directory.display())).file_name()
    };
    let mut names: Vec<OsString> = entries.map(name).collect();
    names.sort();
    names
}

fn node(root: &Path, path: &Path, metadata: &Metadata, look: &Look<'_>) -> Node {
    let here = root.join(path);
    let kind = kind(metadata);
    let mut node = Node {
        kind,
        modified: (metadata.mtime(), metadata.mtime_nsec() / 100 * 100),
        links: if kind == "directory" { 0 } else { metadata.nlink() },
        ..Node::default()
    };
    match kind {
        "file" => (node.size, node.content) = (metadata.size(), content(&here).unwrap_or_else(|e| e.to_string())),
        "link" => node.target = leads_to(root, path),
        _ => {}
    }
    if look.accessed {
        node.accessed = (metadata.atime(), metadata.atime_nsec() / 100 * 100);
    }
    if look.owner {
        node.owner = (metadata.mode(), metadata.uid(), metadata.gid(), metadata.rdev());
    }
    let listed = if look.xattrs { xattr::list(&here).map(Iterator::collect).unwrap_or_default() } else { Vec::new() };
    for name in listed.into_iter().chain(look.asked.iter().map(OsString::from)) {
        if let Some(value) = xattr::get(&here, &name).map_err(|error| error.to_string()).transpose() {
            node.xattrs.insert(name, value);
        }
    }
    node
}

fn kind(metadata: &Metadata) -> &'static str {
    let file_type = metadata.file_type();
    match file_type {
        _ if file_type.is_dir() => "directory",
        _ if file_type.is_symlink() => "link",
        _ if file_type.is_fifo() => "pipe",
        _ if file_type.is_socket() => "socket",
        _ if file_type.is_char_device() => "character device",
        _ if file_type.is_block_device() => "block device",
        _ => "file",
    }
}

/// SHA-1 of a file, in hexadecimal digits; its time of the last access stays as it is where that is
/// allowed.
///
/// # Errors
/// As reading the file.
pub fn content(file: &Path) -> std::io::Result<String> {
    let open = |flags| rustix::fs::open(file, flags | OFlags::RDONLY, Mode::empty());
    let mut file = File::from(open(OFlags::NOATIME).or_else(|_| open(OFlags::empty()))?);
    let mut hasher = Sha1::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            len => hasher.update(&buffer[..len]),
        }
    }
}

/// Where a link of a tree leads, by its text, from the tree's root, which is also what absolute
/// targets start from.
fn leads_to(root: &Path, link: &Path) -> PathBuf {
    let target = fs::read_link(root.join(link)).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    let from_root = target.strip_prefix(root).or_else(|_| target.strip_prefix("/"));
    let whole = match from_root {
        Ok(path) => path.to_owned(),
        Err(_) => link.parent().unwrap_or(Path::new("")).join(&target),
    };
    let mut path = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

/// Fails, telling where they differ, unless both trees are equal.
///
/// # Panics
/// They differ.
pub fn assert_same(what: &str, got: &Tree, want: &Tree) {
    let found = differences(got, want);
    let rest = found.len().saturating_sub(TOLD);
    assert!(
        found.is_empty(),
        "{what}: {} differences\n{}\n{}",
        found.len(),
        found[..found.len() - rest].join("\n"),
        if rest > 0 { format!("and {rest} more") } else { String::new() },
    );
}

/// A line for each name that is not the same in both.
fn differences(got: &Tree, want: &Tree) -> Vec<String> {
    let missing = want.keys().filter(|path| !got.contains_key(*path));
    let mut found: Vec<String> = missing.map(|path| format!("{}: missing", path.display())).collect();
    for (path, node) in got {
        match want.get(path) {
            None => found.push(format!("{}: should not be there", path.display())),
            Some(wanted) if wanted != node => found.push(format!("{}: {}", path.display(), node.unlike(wanted))),
            Some(_) => {}
        }
    }
    found
}

impl Node {
    /// The differences from `wanted`, each with the value that it should have.
    fn unlike(&self, wanted: &Self) -> String {
        let mut found: Vec<String> = self
            .facts()
            .into_iter()
            .zip(wanted.facts())
            .filter(|(is, should_be)| is != should_be)
            .map(|((fact, is), (_, should_be))| format!("{fact} is {is}, should be {should_be}"))
            .collect();
        let names: BTreeSet<&OsString> = self.xattrs.keys().chain(wanted.xattrs.keys()).collect();
        for name in names.into_iter().filter(|name| self.xattrs.get(*name) != wanted.xattrs.get(*name)) {
            let [is, should_be] = [self, wanted].map(|node| node.xattrs.get(name).map_or("missing".into(), shortly));
            found.push(format!("{} is {is}, should be {should_be}", name.display()));
        }
        found.join("; ")
    }

    /// Everything but the extended attributes.
    fn facts(&self) -> [(&'static str, String); 8] {
        [
            ("kind", self.kind.to_owned()),
            ("size", self.size.to_string()),
            ("modified", format!("{:?}", self.modified)),
            ("accessed", format!("{:?}", self.accessed)),
            ("link count", self.links.to_string()),
            ("first name of its inode", format!("{:?}", self.first_name)),
            ("target", format!("{:?}", self.target)),
            ("content or owner", format!("{} {:?}", self.content, self.owner)),
        ]
    }
}

/// The start of a value in hexadecimal digits, and its length.
fn shortly(value: &Result<Vec<u8>, String>) -> String {
    match value {
        Ok(bytes) => format!("{} ({} bytes)", hex(&bytes[..bytes.len().min(40)]), bytes.len()),
        Err(error) => error.clone(),
    }
}

/// Fails unless the link count of every directory is 2 and one for each directory in it.
///
/// # Panics
/// One is not.
pub fn assert_directory_links(root: &Path, tree: &Tree) {
    for (path, _) in tree.iter().filter(|(_, node)| node.kind == "directory") {
        let inside = |other: &Path| other.parent() == Some(path);
        let directories = tree.iter().filter(|(other, node)| node.kind == "directory" && inside(other)).count();
        let links = fs::symlink_metadata(root.join(path)).expect("it was there").nlink();
        assert_eq!(links, 2 + directories as u64, "links of {}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder whose files have the same times.
    fn sample(root: &Path) {
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/file"), "content").unwrap();
        fs::write(root.join("a/other"), "content").unwrap();
        fs::hard_link(root.join("a/file"), root.join("linked")).unwrap();
        symlink("../linked", root.join("a/link")).unwrap();
        symlink("/a/./b/../file", root.join("absolute")).unwrap();
        for name in ["", "a", "a/b", "a/file", "a/other"] {
            let file = File::open(root.join(name)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_000_000_000_123_456_789))
                .unwrap();
        }
    }

    /// Links cannot be given times by `std`.
    fn seen(root: &Path) -> Tree {
        let mut tree = walk(root, &Look::default());
        tree.values_mut().filter(|node| node.kind == "link").for_each(|node| node.modified = (0, 0));
        tree
    }

    #[test]
    fn every_difference_is_found() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        folders.iter().for_each(|folder| sample(folder.path()));
        let want = seen(folders[0].path());
        assert_eq!(want[Path::new("a/link")].target, Path::new("linked"));
        assert_eq!(want[Path::new("absolute")].target, Path::new("a/file"));
        assert_eq!(want[Path::new("linked")].first_name, Path::new("a/file"));
        assert_eq!(want[Path::new("a/file")].modified, (1_000_000_000, 123_456_700));
        assert_eq!(want[Path::new("a/other")].content, "040f06fd774092478d450774f5ba30c5da78acc8");
        assert_same("twins", &seen(folders[1].path()), &want);
        type Change = (&'static str, fn(&Path));
        let changes: &[Change] = &[
            ("content", |root| fs::write(root.join("a/other"), "Content").unwrap()),
            ("a name more", |root| fs::write(root.join("more"), "").unwrap()),
            ("a name less", |root| fs::remove_file(root.join("absolute")).unwrap()),
            ("a link elsewhere", |root| {
                fs::remove_file(root.join("a/link")).unwrap();
                symlink("../a", root.join("a/link")).unwrap();
            }),
            ("no hard link", |root| {
                fs::remove_file(root.join("linked")).unwrap();
                fs::copy(root.join("a/file"), root.join("linked")).unwrap();
            }),
        ];
        for (what, change) in changes {
            let folder = tempfile::tempdir().unwrap();
            sample(folder.path());
            change(folder.path());
            assert!(!differences(&seen(folder.path()), &want).is_empty(), "{what}");
        }
    }
}
