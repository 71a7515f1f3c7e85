//! One image of a mount: where its data is and, once somebody looks into it, its tree.

use std::sync::Arc;

use wim::{BlobHash, ImageXml, InodeId, Metadata, NodeId};

use crate::content::{Cache, Weigh};
use crate::ino::MAX_INODES;
use crate::uses::Uses;
use crate::{ArchiveId, BlobRef, Error, ImageSlot, OpenArchive, Result};

/// The trees of the images that somebody looks into by archive and place there, the least recently used dropped first. Who still holds one goes on
/// with it.
pub(crate) type Trees = Cache<(ArchiveId, usize), Arc<Metadata>, Error>;

impl Weigh for Arc<Metadata> {
    fn weight(&self) -> usize {
        self.memory_size()
    }
}

/// An image of a group.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) slot: ImageSlot,
    /// Its directory's name.
    pub(crate) name: String,
    /// The archive with its metadata.
    pub(crate) archive: Arc<OpenArchive>,
    /// Its index in that archive.
    pub(crate) index: usize,
    /// Where its data is looked for, in this order; its own archive first.
    pub(crate) suppliers: Arc<[Arc<OpenArchive>]>,
    /// Who knows it; the same for all snapshots of what is the same image.
    pub(crate) uses: Arc<Uses>,
}

impl Image {
    /// Its number in its archive, from 1.
    pub(crate) fn number(&self) -> usize {
        self.index + 1
    }

    /// Its element of the XML data, where there is one.
    pub(crate) fn xml(&self) -> Option<&ImageXml> {
        self.archive.wim.xml().image(u32::try_from(self.number()).ok()?)
    }

    /// The blob with this content, from the first archive that supplies it; an archive where it cannot lie comes last.
    pub(crate) fn blob(&self, hash: &BlobHash) -> Result<BlobRef> {
        let mut impossible = None;
        for (place, archive) in self.suppliers.iter().enumerate() {
            let Some(index) = archive.wim.blobs().find(hash) else { continue };
            let blob = BlobRef { archive: Arc::clone(archive), index };
            if archive.wim.check_blob(blob.blob()).is_ok() {
                if place > 0 {
                    self.uses.set_borrowed();
                }
                return Ok(blob);
            }
            impossible.get_or_insert(blob);
        }
        self.uses.set_lacked();
        impossible.ok_or(Error::DataMissing { hash: *hash })
    }

    /// Its tree, read and parsed unless `trees` has it.
    pub(crate) fn tree(&self, trees: &Trees) -> Result<Arc<Metadata>> {
        trees.get_or_load(self.tree_key(), || self.load())
    }

    /// What its tree is kept under.
    pub(crate) fn tree_key(&self) -> (ArchiveId, usize) {
        (self.archive.id, self.index)
    }

    fn load(&self) -> Result<Arc<Metadata>> {
        let tree = self.archive.wim.metadata(self.index).map_err(|error| self.unreadable(error))?;
        if tree.inode_count() as usize > MAX_INODES {
            return Err(Error::TooMany { what: "inodes in an image", limit: MAX_INODES });
        }
        for warning in tree.warnings() {
            let image = self.number();
            tracing::warn!(archive = %self.archive.path.display(), image, %warning, "image is served with less");
        }
        Ok(Arc::new(tree))
    }

    /// The error of its metadata resource, which is a blob as well.
    fn unreadable(&self, error: wim::Error) -> Error {
        let archive = &self.archive;
        match archive.wim.blobs().metadata().get(self.index) {
            None => Error::archive(&archive.path, error),
            Some(row) => Error::Blob {
                archive: archive.path.clone(),
                blob: row.hash,
                at: row.place.offset,
                source: Arc::new(error),
            },
        }
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
