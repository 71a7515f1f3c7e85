//! What a store holds, for people: its groups, archives and images, without looking into the trees.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use wim::{BlobHash, InodeId, NodeId};

use crate::group::Group;
use crate::image::Image;
use crate::source::ArchiveEntry;
use crate::{Error, Filesystem, Ino, OpenArchive, Problem, Result, elsewhere};

/// What a store holds, as far as it can be read.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The groups; those whose folder cannot be listed are left out.
    pub groups: Vec<GroupInfo>,
    /// The groups and archives that are left out.
    pub problems: Vec<Problem>,
}

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

/// A use of a blob by a file of an image.
#[derive(Debug, Clone)]
pub struct BlobUse {
    /// The content.
    pub blob: BlobHash,
    /// The archive it is read from; `None` if no archive supplies it.
    pub supplier: Option<Arc<OpenArchive>>,
    /// Path of the file from the root of what is mounted, without a leading `/`; for a named stream `file:stream`.
    pub path: Vec<u8>,
}

impl ImageInfo {
    /// Its element of the XML data, where there is one.
    pub fn xml(&self) -> Option<&wim::ImageXml> {
        self.archive.wim.xml().image(u32::try_from(self.number).ok()?)
    }
}

impl Filesystem {
    /// Every group with its archives and images; opens all archives that were not opened before.
    pub fn inventory(&self) -> Inventory {
        let (mut groups, mut unreadable) = (Vec::new(), Vec::new());
        for group in self.store().groups.iter() {
            match self.group_info(group) {
                Ok(info) => groups.push(info),
                Err(error) => unreadable.push(Problem::new(&group.entry.path, error)),
            }
        }
        let problems = self.problems().into_iter().chain(unreadable).collect();
        Inventory { groups, problems }
    }

    fn group_info(&self, group: &Group) -> Result<GroupInfo> {
        let loaded = self.images(group)?;
        let opened: Vec<_> = loaded.archives.iter().filter_map(|file| Some((file.id, file.tables().ok()?))).collect();
        let by_id: HashMap<_, _> = opened.iter().map(|(id, archive)| (*id, archive)).collect();
        let info = |image: &Arc<Image>| Some(self.image_info(image, by_id.get(&image.archive.id)?));
        let images = loaded.images.iter().filter(|image| self.shows(image)).filter_map(info).collect();
        let (name, path) = (group.name().to_vec(), group.entry.path.clone());
        let archives = opened.into_iter().map(|(_, archive)| archive).collect();
        Ok(GroupInfo { name, path, images, archives, disabled: loaded.disabled.clone() })
    }

    /// The parts of a split archive that are not at hand, by number: neither in the archive's group nor among the references.
    /// Opens all archives that were not opened before.
    pub fn missing_parts(&self, archive: &OpenArchive) -> Vec<u16> {
        let header = archive.wim.header();
        let groups: Vec<_> = self.store().groups.iter().filter_map(|group| self.images(group).ok()).collect();
        let at_hand = groups.iter().flat_map(|group| &group.archives).chain(self.opener.references());
        let of_set = at_hand.map(|file| &file.header).filter(|other| other.guid == header.guid).chain([header]);
        let numbers: HashSet<u16> = of_set.map(|header| header.part.number).collect();
        (1..=header.part.total).filter(|number| !numbers.contains(number)).collect()
    }

    /// The contents that the files of an image need and no archive supplies, each once. Reads the image's metadata.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an image of another store, or why its metadata cannot be read.
    pub fn missing_blobs(&self, image: &ImageInfo) -> Result<BTreeSet<BlobHash>> {
        let image = self.image_of(image)?;
        let tree = image.tree()?;
        let mut missing = BTreeSet::new();
        for inode in 0..tree.inode_count() {
            let streams = tree.dentry(tree.first_node(InodeId(inode))).streams();
            let unnamed = [streams.unnamed, streams.reparse, streams.efs].into_iter().flatten();
            let needed = unnamed.chain(streams.named().filter_map(|stream| stream.hash));
            missing.extend(needed.filter(|hash| image.blob(hash).is_err()));
        }
        Ok(missing)
    }

    /// What is odd about the entries of an image: those that are left out, and those that are shown with less. Reads
    /// the image's metadata.
    ///
    /// # Errors
    /// As [`Filesystem::missing_blobs`].
    pub fn image_warnings(&self, image: &ImageInfo) -> Result<Vec<String>> {
        Ok(self.image_of(image)?.tree()?.warnings().iter().map(ToString::to_string).collect())
    }

    /// The files of which an image has no data because Windows kept it elsewhere: their paths as those of [`BlobUse`],
    /// and where. Reads the image's metadata.
    ///
    /// # Errors
    /// As [`Filesystem::missing_blobs`].
    pub fn files_elsewhere(&self, image: &ImageInfo) -> Result<Vec<(Vec<u8>, &'static str)>> {
        let image = self.image_of(image)?;
        let tree = image.tree()?;
        let nodes = (0..tree.node_count()).map(NodeId);
        let found = nodes.filter_map(|node| Some((node, elsewhere::without_data(&tree.dentry(node))?)));
        Ok(found.map(|(node, keeper)| (self.node_path(&image, &tree, node), keeper)).collect())
    }

    /// Every use of one of `blobs` in an image, by the paths of all names of the files. Reads the image's metadata.
    ///
    /// # Errors
    /// As [`Filesystem::missing_blobs`].
    pub fn uses(&self, image: &ImageInfo, blobs: &HashSet<BlobHash>) -> Result<Vec<BlobUse>> {
        let image = self.image_of(image)?;
        let tree = image.tree()?;
        let mut uses = Vec::new();
        for inode in (0..tree.inode_count()).map(InodeId) {
            let streams = tree.dentry(tree.first_node(inode)).streams();
            let unnamed = [streams.unnamed, streams.reparse, streams.efs].into_iter().flatten();
            let all =
                unnamed.map(|hash| (hash, None)).chain(streams.named().filter_map(|s| Some((s.hash?, Some(s.name)))));
            for (blob, stream) in all.filter(|(hash, _)| blobs.contains(hash)) {
                let supplier = image.blob(&blob).ok().map(|found| found.archive);
                for node in tree.nodes_of(inode) {
                    let mut path = self.node_path(&image, &tree, node);
                    if let Some(name) = stream {
                        path.push(b':');
                        path.extend(name.to_shown_wtf8());
                    }
                    uses.push(BlobUse { blob, supplier: supplier.clone(), path });
                }
            }
        }
        Ok(uses)
    }

    fn image_of(&self, info: &ImageInfo) -> Result<Arc<Image>> {
        self.image_at(info.ino).filter(|image| image.archive.path == info.archive.path).ok_or(Error::NotFound)
    }

    fn image_info(&self, image: &Image, archive: &Arc<OpenArchive>) -> ImageInfo {
        let (ino, directory) = (self.ino(image, InodeId(0)), image.name.clone());
        ImageInfo { ino, directory, archive: Arc::clone(archive), number: image.number() }
    }
}
