//! An entry of a listing.

use serde::Serialize;

use fs_core::{Error, Filesystem, Ino, Kind};

use super::{PathField, lossy};
use crate::text;

/// An entry of `wimstore ls --json`.
#[derive(Debug, Serialize)]
pub struct Entry {
    #[serde(rename = "type")]
    record: &'static str,
    #[serde(flatten)]
    path: PathField,
    name: String,
    kind: &'static str,
    size: u64,
    links: u32,
    mode: String,
    uid: u32,
    gid: u32,
    inode: u64,
    created: String,
    accessed: String,
    modified: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Named streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<Stream>,
}

/// A named stream of a file or directory.
#[derive(Debug, Serialize)]
struct Stream {
    name: String,
    size: u64,
}

impl Entry {
    /// The entry with this inode number and path (from the root, without a leading `/`), and the error
    /// of a link whose target cannot be read.
    ///
    /// # Errors
    /// Its attributes cannot be read.
    pub fn of(fs: &Filesystem, ino: Ino, path: &[u8]) -> fs_core::Result<(Self, Option<Error>)> {
        let facts = fs.stored_facts(ino)?;
        let attr = facts.attr;
        let target = (attr.kind == Kind::Symlink).then(|| fs.read_link(ino)).transpose();
        let (target, trouble) = match target {
            Ok(target) => (target, None),
            Err(error) => (None, Some(error.with_path(path))),
        };
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let streams = fs.streams(ino).unwrap_or_default();
        let entry = Self {
            record: "entry",
            path: PathField::of(&[b"/", path].concat()),
            name: lossy(name),
            kind: kind(attr.kind),
            size: attr.size,
            links: attr.links,
            mode: format!("{:04o}", attr.mode),
            uid: attr.uid,
            gid: attr.gid,
            inode: attr.ino.0,
            created: text::exact_time(attr.created),
            accessed: text::exact_time(attr.accessed),
            modified: text::exact_time(attr.modified),
            attributes: facts.attributes().map(|attributes| attributes.0),
            sha1: facts.sha1().map(|hash| hash.to_string()),
            target: target.map(|target| lossy(&target)),
            streams: streams
                .into_iter()
                .map(|stream| Stream { name: lossy(&stream.name), size: stream.size })
                .collect(),
        };
        Ok((entry, trouble))
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "directory",
        Kind::File => "file",
        Kind::Symlink => "symlink",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        Kind::CharDevice => "char_device",
        Kind::BlockDevice => "block_device",
    }
}
