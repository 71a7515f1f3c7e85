//! One image of a mount: where its data is and, once somebody looks into it, its tree.

use std::sync::Arc;

use wim::{BlobHash, InodeId, Metadata, NodeId};

use super::ino::MAX_INODES;
use super::{ImageSlot, Storage, Uses};
use crate::archive::{ArchiveFile, BlobRef, Facts, OpenArchive};
use crate::error::{Error, Result};
use crate::log::READING;

/// An image of a group.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) slot: ImageSlot,
    /// Its directory's name.
    pub(crate) name: String,
    /// The archive with its metadata.
    pub(crate) archive: Arc<ArchiveFile>,
    /// Its index in that archive.
    pub(crate) index: usize,

    /// Where its data is looked for, in this order; its own archive first.
    pub(crate) suppliers: Arc<[Arc<ArchiveFile>]>,
    /// Whether others of its group supply its data and may not be read.
    pub(crate) withheld: bool,
    /// The volumes that these are on.
    pub(crate) storage: Storage,
    /// Who knows it; the same for all snapshots of what is the same image.
    pub(crate) uses: Arc<Uses>,
}

impl Image {
    /// Its number in its archive, from 1.
    pub(crate) fn number(&self) -> usize {
        self.index + 1
    }

    /// The blob with this content, from the first archive that supplies it; an archive where it cannot lie comes last.
    ///
    /// # Errors
    /// [`Error::DataMissing`] if no archive has it, [`Error::Withheld`] if one that may not be read could; why tables cannot
    /// be read, if they might have it.
    pub(crate) fn blob(&self, hash: &BlobHash) -> Result<BlobRef> {
        let (mut impossible, mut unknown) = (None, None);
        for (place, file) in self.suppliers.iter().enumerate() {
            let archive = match file.tables() {
                Ok(archive) => archive,
                Err(error) => {
                    unknown.get_or_insert(error);
                    continue;
                }
            };
            let Some(index) = archive.wim.blobs().find(hash) else { continue };
            let possible = archive.wim.check_blob(archive.wim.blobs().get(index)).is_ok();
            let blob = BlobRef { archive, index };
            if possible {
                if place > 0 {
                    self.uses.set_borrowed();
                }
                return Ok(blob);
            }
            impossible.get_or_insert(blob);
        }
        if let (None, Some(error)) = (&impossible, unknown) {
            return Err(error);
        }
        self.uses.set_lacked();
        let missing = if self.withheld { Error::Withheld } else { Error::DataMissing { hash: *hash } };
        impossible.ok_or(missing)
    }

    /// The blob with this content, if the tables that tell are in memory. Waits for nothing.
    pub(crate) fn blob_in_memory(&self, hash: &BlobHash) -> Option<BlobRef> {
        for file in self.suppliers.iter() {
            let archive = file.tables_in_memory()?;
            if let Some(index) = archive.wim.blobs().find(hash) {
                return Some(BlobRef { archive, index });
            }
        }
        None
    }

    /// Whether its tree and the tables of all its archives are in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        let memory = self.archive.memory();
        memory.has_tree(self.archive.id, self.index) && self.suppliers.iter().all(|file| memory.has_tables(file.id))
    }

    /// What the XML data says of it.
    pub(crate) fn facts(&self) -> &Facts {
        &self.archive.images[self.index].facts
    }

    /// Its tree, read and parsed unless it is in memory.
    pub(crate) fn tree(&self) -> Result<Arc<Metadata>> {
        self.tree_or(|| self.load(&*self.archive.tables()?))
    }

    /// Its tree, read from its archive, which is open, unless it is in memory.
    pub(crate) fn tree_from(&self, archive: &OpenArchive) -> Result<Arc<Metadata>> {
        self.tree_or(|| self.load(archive))
    }

    fn tree_or(&self, load: impl FnOnce() -> Result<Metadata>) -> Result<Arc<Metadata>> {
        let size = self.archive.images[self.index].metadata.size();
        self.archive.memory().tree(self.archive.id, self.index, size, load)
    }

    /// Its element of the XML data as it stands there, if it has one.
    pub(crate) fn xml_text(&self) -> Option<String> {
        let archive = self.archive.tables().ok()?;
        Some(archive.wim.xml().image(u32::try_from(self.number()).ok()?)?.raw.clone())
    }

    /// Its tree, read from its archive, which is open. Nothing keeps it.
    pub(crate) fn load(&self, archive: &OpenArchive) -> Result<Metadata> {
        let tree = archive.wim.metadata(self.index).map_err(|error| self.unreadable(error))?;
        if tree.inode_count() as usize > MAX_INODES {
            return Err(Error::TooMany { what: "inodes in an image", limit: MAX_INODES });
        }
        self.log_warnings(&tree);
        Ok(tree)
    }

    /// Logs the anomalies of the tree: nothing that can be read is damaged by them.
    fn log_warnings(&self, tree: &Metadata) {
        let (archive, image) = (self.archive.path.display(), self.number());
        let warnings = tree.warnings();
        if !warnings.is_empty() {
            // A tree that is dropped is loaded again.
            READING.once(&format!("{archive}: anomalies of image {image}"), || {
                tracing::info!(%archive, image, count = warnings.len(), "the image has anomalies");
            });
        }
        for warning in warnings {
            tracing::debug!(%archive, image, %warning, "image is served with less");
        }
    }

    /// The error of its metadata resource, which is a blob as well.
    fn unreadable(&self, error: wim::Error) -> Error {
        let archive = &self.archive;
        let row = &archive.images[self.index].metadata;
        let (blob, at) = (row.hash, row.place.offset);
        Error::Blob { archive: archive.path.clone(), blob, at, source: Arc::new(error) }
    }
}

/// A name in an image, with all that is needed to answer for it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) image: Arc<Image>,
    pub(crate) tree: Arc<Metadata>,
    pub(crate) inode: InodeId,
}

impl Node {
    /// The name read first of those that share the inode.
    pub(crate) fn id(&self) -> NodeId {
        self.tree.first_node(self.inode)
    }

    pub(crate) fn dentry(&self) -> wim::Dentry<'_> {
        self.tree.dentry(self.id())
    }
}
