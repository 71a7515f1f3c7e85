//! Where the contents come from that are written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pipeline::Target;
use wim::{Archive, Blob, BlobHash, ReadAt, Version};

/// An archive that supplies contents.
#[derive(Clone)]
pub struct SourceArchive {
    /// Its name, for messages.
    pub path: PathBuf,
    /// The archive, open.
    pub wim: Arc<Archive>,
}

/// A content that its owner opens when it is written, such as a file of a volume that no system has mounted.
pub trait Content: Send + Sync {
    /// What it is called in messages.
    fn path(&self) -> &Path;

    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Opens it. Its version must not change while it is read.
    ///
    /// # Errors
    /// It cannot be read, or is not what it was.
    fn open(&self) -> io::Result<Arc<dyn ReadAt>>;
}

/// Where a content comes from.
#[derive(Clone)]
pub enum Source {
    /// Bytes in memory.
    Bytes(Arc<[u8]>),
    /// A file as a scan saw it.
    File {
        /// Its name.
        path: PathBuf,
        /// What it was like; another one means that it has changed.
        seen: Version,
    },
    /// What its owner opens.
    Content(Arc<dyn Content>),
    /// A blob of an archive.
    Blob {
        /// The archive.
        archive: SourceArchive,
        /// Its blob.
        blob: Blob,
    },
}

/// A content to be written.
#[derive(Clone)]
pub struct Job {
    /// Where it comes from.
    pub source: Source,
    /// Its SHA-1, where it is known before. What is read must match.
    pub hash: Option<BlobHash>,
}

impl Job {
    /// A blob of an archive.
    #[must_use]
    pub fn blob(archive: &SourceArchive, blob: &Blob) -> Self {
        Self { hash: Some(blob.hash), source: Source::Blob { archive: archive.clone(), blob: *blob } }
    }

    /// Bytes in memory, whose hash is not known.
    #[must_use]
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { source: Source::Bytes(bytes.into()), hash: None }
    }

    /// A file, whose hash is not known.
    #[must_use]
    pub fn file(path: &Path, seen: Version) -> Self {
        Self { source: Source::File { path: path.to_owned(), seen }, hash: None }
    }

    /// What its owner opens, whose hash is not known.
    #[must_use]
    pub fn content(content: impl Content + 'static) -> Self {
        Self { source: Source::Content(Arc::new(content)), hash: None }
    }

    /// Its size in bytes, as far as it is known before it is read.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.source {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::File { seen, .. } => seen.size,
            Source::Content(content) => content.size(),
            Source::Blob { blob, .. } => blob.size(),
        }
    }

    /// Whether it is written as its source stores it.
    pub(crate) fn is_kept(&self, target: &Target) -> bool {
        match &self.source {
            Source::Blob { archive, blob } => target.keeps(archive) && !blob.is_solid(),
            Source::Bytes(_) | Source::File { .. } | Source::Content(_) => false,
        }
    }

    /// The bytes that it takes if the source stores it as `target` does; 0 if it has to be encoded.
    pub(crate) fn kept_size(&self, target: &Target) -> u64 {
        match &self.source {
            Source::Blob { blob, .. } if self.is_kept(target) => blob.place.stored_size,
            _ => 0,
        }
    }

    /// The solid resource that has it, and where in it; `None`, which is less, if none has.
    pub(crate) fn solid_place(&self) -> Option<(u32, u64)> {
        match &self.source {
            Source::Blob { blob, .. } => blob.solid_resource().map(|number| (number, blob.offset())),
            Source::Bytes(_) | Source::File { .. } | Source::Content(_) => None,
        }
    }

    /// What it is called in messages.
    pub(crate) fn path(&self) -> &Path {
        match &self.source {
            Source::Bytes(_) => Path::new("data in memory"),
            Source::File { path, .. } => path,
            Source::Content(content) => content.path(),
            Source::Blob { archive, .. } => &archive.path,
        }
    }
}
