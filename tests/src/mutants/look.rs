//! A tree as a program sees it that reads all of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use testkit::{hex, sha1};

/// Errors in place of what was asked for, as error numbers.
pub(super) type Answer<T> = Result<T, i32>;

/// A stream's content: SHA-1 in hexadecimal digits, and length.
pub(super) type Content = (String, u64);

/// All names of a tree by their paths from its root, which has the empty path.
pub(super) type Seen = BTreeMap<PathBuf, Node>;

/// One name of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// A directory, and whether it can be listed.
    Directory(Answer<()>),
    /// A symbolic link and its text.
    Link(Answer<PathBuf>),
    /// A file.
    File {
        /// As `stat` has it.
        size: u64,
        content: Answer<Content>,
        /// `user.wim.sha1`.
        hash: Option<String>,
        /// Other extended attributes by name, as far as they are listed.
        streams: BTreeMap<OsString, Answer<Content>>,
    },
    /// Anything else.
    Special,
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(-1)
}

pub(super) fn content_of(bytes: &[u8]) -> Content {
    (hex(&sha1(bytes)), bytes.len() as u64)
}

/// Reads everything below `root`, following no links.
///
/// # Errors
/// A file has other bytes when it is read in pieces, or a name that is listed cannot be examined.
pub(super) fn look(root: &Path) -> Result<Seen, String> {
    let mut seen = Seen::new();
    let mut to_come = vec![PathBuf::new()];
    while let Some(path) = to_come.pop() {
        let here = root.join(&path);
        let metadata = fs::symlink_metadata(&here).map_err(|error| format!("{}: {error}", path.display()))?;
        let kind = metadata.file_type();
        let node = if kind.is_dir() {
            let names = fs::read_dir(&here).and_then(|entries| entries.map(|one| Ok(one?.file_name())).collect());
            Node::Directory(names.map_err(|error| number(&error)).map(|names: Vec<OsString>| {
                to_come.extend(names.into_iter().map(|name| path.join(name)));
            }))
        } else if kind.is_symlink() {
            Node::Link(fs::read_link(&here).map_err(|error| number(&error)))
        } else if kind.is_file() {
            let content = read(&here, metadata.len()).map_err(|what| format!("{}: {what}", path.display()))?;
            Node::File { size: metadata.len(), content, hash: hash(&here), streams: streams(&here) }
        } else {
            Node::Special
        };
        seen.insert(path, node);
    }
    Ok(seen)
}

/// Reads a piece from the middle of a file, then all of it, and once more if that fails.
fn read(path: &Path, size: u64) -> Result<Answer<Content>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(Err(number(&error))),
    };
    let at = size / 2;
    let mut piece = vec![0xAA; 5000];
    let piece = file.read_at(&mut piece, at).map(|len| piece[..len].to_vec());
    match (fs::read(path), piece) {
        (Ok(all), Ok(piece)) if all.get(at as usize..).is_some_and(|rest| rest.starts_with(&piece)) => {
            if all.len() as u64 == size {
                Ok(Ok(content_of(&all)))
            } else {
                Err(format!("{} of {size} bytes", all.len()))
            }
        }
        (Ok(_), piece) => Err(format!("a piece of it is {:.100}", format!("{piece:?}"))),
        (Err(error), Ok(piece)) if !piece.is_empty() => {
            Err(format!("{} bytes from {at} are read of what cannot be read whole: {error}", piece.len()))
        }
        (Err(error), _) => match fs::read(path) {
            Ok(_) => Err(format!("read at the second time, not at the first: {error}")),
            Err(_) => Ok(Err(number(&error))),
        },
    }
}

fn hash(path: &Path) -> Option<String> {
    String::from_utf8(xattr::get(path, "user.wim.sha1").ok()??).ok()
}

fn streams(path: &Path) -> BTreeMap<OsString, Answer<Content>> {
    let names = xattr::list(path).into_iter().flatten().filter(|name| name.as_bytes().starts_with(b"user."));
    let stream = |name: OsString| {
        let value = xattr::get(path, &name).map_err(|error| number(&error)).transpose()?;
        Some((name, value.map(|value| content_of(&value))))
    };
    names.filter_map(stream).collect()
}
