//! What a store holds, for people: its groups, archives and images, without looking into the trees.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use wim::{BlobHash, InodeId};

use crate::group::Group;
use crate::image::Image;
use crate::source::ArchiveEntry;
use crate::{Error, Filesystem, Ino, OpenArchive, Result};

/// One group of a store.
#[derive(Debug, Clone)]
pub struct GroupInfo {
    /// Its folder's name in WTF-8; empty where the source is a group or an archive file.
    pub name: Vec<u8>,
    /// Its folder.
    pub path: PathBuf,
    /// Its archives that opened: those with images by name, then other parts and `Res.rwm`.
    pub archives: Vec<Arc<OpenArchive>>,
    /// Its images that are enabled.
    pub images: Vec<ImageInfo>,
    /// Its archives whose file is hidden: their images are disabled and not shown.
    pub disabled: Vec<ArchiveEntry>,
}

/// One image of a store.
#[derive(Debug, Clone)]
pub struct ImageInfo {
    /// The number of its root directory.
    pub ino: Ino,
    /// Its directory's name in the mount.
    pub directory: String,
    /// The archive with its metadata.
    pub archive: Arc<OpenArchive>,
    /// Its number there, from 1.
    pub number: usize,
}

impl ImageInfo {
    /// Its element of the XML data, where there is one.
    pub fn xml(&self) -> Option<&wim::ImageXml> {
        self.archive.wim.xml().image(u32::try_from(self.number).ok()?)
    }
}

impl Filesystem {
    /// Every group with its archives and images; opens all archives that were not opened before.
    ///
    /// # Errors
    /// A group's folder cannot be listed. What is wrong with single archives is in [`Filesystem::problems`].
    pub fn inventory(&self) -> Result<Vec<GroupInfo>> {
        self.groups.iter().map(|group| self.group_info(group)).collect()
    }

    fn group_info(&self, group: &Group) -> Result<GroupInfo> {
        let loaded = self.images(group)?;
        Ok(GroupInfo {
            name: group.name().to_vec(),
            path: group.entry.path.clone(),
            archives: loaded.archives.clone(),
            images: loaded
                .images
                .iter()
                .filter(|image| self.shows(image))
                .map(|image| self.image_info(image))
                .collect(),
            disabled: loaded.disabled.clone(),
        })
    }

    /// The contents that the files of an image need and no archive supplies, each once. Reads the image's metadata.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an image of another store, or why its metadata cannot be read.
    pub fn missing_blobs(&self, image: &ImageInfo) -> Result<BTreeSet<BlobHash>> {
        let mut images = self.groups.iter().filter_map(Group::loaded).flat_map(|group| &group.images);
        let found = images.find(|i| i.archive.id == image.archive.id && i.number() == image.number);
        let image = found.ok_or(Error::NotFound)?;
        let tree = image.tree(&self.trees)?;
        let mut missing = BTreeSet::new();
        for inode in 0..tree.inode_count() {
            let streams = tree.dentry(tree.first_node(InodeId(inode))).streams();
            let unnamed = [streams.unnamed, streams.reparse, streams.efs].into_iter().flatten();
            let needed = unnamed.chain(streams.named().filter_map(|stream| stream.hash));
            missing.extend(needed.filter(|hash| image.blob(hash).is_err()));
        }
        Ok(missing)
    }

    pub(crate) fn image_info(&self, image: &Image) -> ImageInfo {
        ImageInfo {
            ino: self.ino(image, InodeId(0)),
            directory: image.name.clone(),
            archive: Arc::clone(&image.archive),
            number: image.number(),
        }
    }
}
