//! An archive file of the store, whose tables are in memory while they are used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::{Blob, BlobHash, FileTime, Fingerprint, Header, ImageXml, ReadAt};

use crate::memory::Memory;
use crate::{ArchiveId, Chain, Error, LocalFile, OpenArchive, Result};

/// An archive file. It is open as long as this lives, so that who replaces it under its name does not disturb who reads it; its
/// tables, which may be large, are read again when they are needed and were dropped.
pub(crate) struct ArchiveFile {
    /// Its name in the mount; [`OpenArchive::id`] is another one each time the tables are read.
    pub(crate) id: ArchiveId,
    /// The path under which it was found.
    pub(crate) path: PathBuf,
    /// Its file when it was opened.
    pub(crate) opened: Fingerprint,
    pub(crate) header: Header,
    pub(crate) images: Vec<ImageEntry>,
    /// Hash of the XML data.
    xml: BlobHash,
    source: Arc<dyn ReadAt>,
    memory: Arc<Memory>,
}

/// An image of an archive.
#[derive(Debug)]
pub(crate) struct ImageEntry {
    /// Its metadata resource.
    pub(crate) metadata: Blob,
    pub(crate) facts: Facts,
}

/// What the XML data says of an image, as far as a listing shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) name: Option<String>,
    pub(crate) created: Option<FileTime>,
    pub(crate) modified: Option<FileTime>,
    /// Files and directories.
    pub(crate) entries: u64,
}

impl From<&ImageXml> for Facts {
    fn from(xml: &ImageXml) -> Self {
        let entries = xml.file_count.unwrap_or(0).saturating_add(xml.dir_count.unwrap_or(0));
        Self { name: xml.name.clone(), created: xml.created, modified: xml.modified, entries }
    }
}

impl ArchiveFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As [`OpenArchive::open`].
    pub(crate) fn open(path: &Path, memory: &Arc<Memory>) -> Result<Self> {
        let source: Arc<dyn ReadAt> = Arc::new(LocalFile::open(path).map_err(|error| Error::io(path, error))?);
        let archive = Arc::new(OpenArchive::from_source(path, Arc::clone(&source))?);
        for warning in archive.wim.warnings() {
            tracing::warn!(archive = %path.display(), %warning, "archive is served with less");
        }
        if let Err(error) = archive.wim.integrity() {
            let error = Chain(error);
            tracing::warn!(archive = %path.display(), %error, "archive is served without its integrity table");
        }
        let wim = &archive.wim;
        let file = Self {
            id: archive.id,
            path: path.to_owned(),
            opened: archive.opened,
            header: wim.header().clone(),
            images: image_entries(wim),
            xml: BlobHash::of(wim.xml().text().as_bytes()),
            source,
            memory: Arc::clone(memory),
        };
        memory.keep(file.id, archive);
        Ok(file)
    }

    /// The archive with its tables.
    ///
    /// # Errors
    /// They were dropped and cannot be read again; [`Error::Io`] if they are those of another archive by now.
    pub(crate) fn tables(&self) -> Result<Arc<OpenArchive>> {
        self.memory.tables(self.id, || {
            let archive = OpenArchive::from_source(&*self.path, Arc::clone(&self.source))?;
            let metadata = archive.wim.blobs().metadata();
            if *archive.wim.header() == self.header && metadata.iter().eq(self.metadata()) {
                return Ok(Arc::new(archive));
            }
            Err(Error::io(&self.path, std::io::Error::other("the file was overwritten with another archive")))
        })
    }

    fn metadata(&self) -> impl Iterator<Item = &Blob> {
        self.images.iter().map(|image| &image.metadata)
    }

    /// The size of the file in bytes when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.source.size()
    }

    /// What the file is like now.
    ///
    /// # Errors
    /// The system does not say: a server that was away may have forgotten it.
    pub(crate) fn fingerprint(&self) -> std::io::Result<Fingerprint> {
        self.source.fingerprint()
    }

    /// Whether both have the same header, images and XML data.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.header == other.header && self.metadata().eq(other.metadata()) && self.xml == other.xml
    }

    /// The memory that it shares with others.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The tables may have been written to: they are read again.
    pub(crate) fn touch(&self) {
        self.memory.drop_tables(self.id);
    }
}

/// What is in memory of it goes with it.
impl Drop for ArchiveFile {
    fn drop(&mut self) {
        self.memory.drop_tables(self.id);
        (0..self.images.len()).for_each(|index| self.memory.drop_tree(self.id, index));
    }
}

fn image_entries(wim: &wim::Archive) -> Vec<ImageEntry> {
    let facts = |number: u32| wim.xml().image(number).map(Facts::from).unwrap_or_default();
    let metadata = wim.blobs().metadata();
    (1..).zip(metadata).map(|(number, &metadata)| ImageEntry { metadata, facts: facts(number) }).collect()
}

impl fmt::Debug for ArchiveFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveFile").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}
