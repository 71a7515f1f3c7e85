//! The images that use an archive's data, and which of their files cannot be read for a finding.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wim::{BlobHash, InodeId, Metadata, NodeId};

use super::survey::uses;
use super::{Finding, ImageInfo};
use crate::archive::{ArchiveFile, FileId, OpenArchive};
use crate::content::Contents;
use crate::error::Result;
use crate::filesystem::path_below;

/// The most paths that a finding names.
pub(super) const MAX_PATHS: usize = 100;

/// The bytes of paths, of findings named together, beyond which fewer are named at once.
const MAX_BYTES: usize = 32 << 20;

/// The files that cannot be read for a finding. A shared blob, or a directory with many names, may have millions.
#[derive(Debug, Default)]
pub struct UsedBy {
    /// At most 100 paths from the root of what is mounted, without a leading `/`, sorted: the first in the order of images
    /// and their entries. All names of a file are listed; a named stream is `file:stream`.
    pub paths: Vec<Vec<u8>>,
    /// The number of paths beyond those.
    pub more: u64,
}

/// The images that are known to use the data of an archive.
#[derive(Default)]
pub(crate) struct Users<'a> {
    file: Option<FileId>,
    /// What their contents are read by; none where there are no images.
    pub(super) contents: Option<&'a Contents>,
    /// The archive's own images, by index.
    own: HashMap<usize, &'a ImageInfo>,
    /// The images that may take data from it.
    all: &'a [ImageInfo],
}

impl<'a> Users<'a> {
    /// Those of the archive called `file`, with its `own` images, whose `contents` are read so.
    pub(crate) fn new(file: FileId, own: &'a [ImageInfo], all: &'a [ImageInfo], contents: &'a Contents) -> Self {
        Self {
            file: Some(file),
            contents: Some(contents),
            own: own.iter().map(|image| (image.image.index, image)).collect(),
            all,
        }
    }

    /// The archive's image at `index`, if it is shown.
    pub(super) fn image(&self, index: usize) -> Option<&'a ImageInfo> {
        self.own.get(&index).copied()
    }

    /// The archive's images that are shown, by number.
    pub(super) fn own(&self) -> Vec<&'a ImageInfo> {
        let mut own: Vec<_> = self.own.values().copied().collect();
        own.sort_unstable_by_key(|image| image.number);
        own
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Names the files that take bad blobs from this archive, which is open.
    pub(super) fn name_bad(&self, archive: &OpenArchive, naming: &mut Naming<'_>) {
        for images in self.all.chunk_by(|a, b| a.image.archive.id == b.image.archive.id) {
            let supplied = self.supplied(&images[0].image.suppliers, archive, naming.hashes());
            if supplied.is_empty() {
                continue;
            }
            for image in images {
                // One whose metadata is bad is a finding of its own.
                if let Ok(tree) = self.tree(image, archive) {
                    naming.scan(image, &tree, |hash| supplied.contains(hash));
                }
                if naming.is_full() {
                    return;
                }
            }
        }
    }

    fn tree(&self, image: &ImageInfo, archive: &OpenArchive) -> Result<Arc<Metadata>> {
        let is_own = self.file == Some(image.image.archive.id);
        if is_own { image.image.tree_from(archive) } else { image.image.tree() }
    }

    /// Those of `wanted` that images with these `suppliers` take from this archive: see [`crate::snapshot::Image::blob`].
    fn supplied(
        &self,
        suppliers: &[Arc<ArchiveFile>],
        archive: &OpenArchive,
        wanted: impl Iterator<Item = BlobHash>,
    ) -> HashSet<BlobHash> {
        let mut open: HashSet<BlobHash> = wanted.collect();
        let mut taken = HashSet::new();
        let mut impossible = HashSet::new();
        for file in suppliers {
            let is_this = self.file == Some(file.id);
            let tables = if is_this { None } else { file.tables().ok() };
            let Some(tables) = tables.as_deref().or(is_this.then_some(archive)) else { continue };
            open.retain(|hash| {
                let Some(index) = tables.wim.blobs().find(hash) else { return true };
                let is_possible = tables.wim.check_blob(tables.wim.blobs().get(index)).is_ok();
                let is_first = is_possible || impossible.insert(*hash);
                if is_this && is_first {
                    taken.insert(*hash);
                } else if is_possible {
                    taken.remove(hash);
                }
                !is_possible
            });
        }
        taken
    }
}

/// Naming of the files that use the blobs of some findings.
pub(super) struct Naming<'f> {
    used_by: HashMap<BlobHash, &'f mut UsedBy>,
    bytes: usize,
}

impl<'f> Naming<'f> {
    /// Begins with no file.
    pub(super) fn new(findings: &'f mut [Finding]) -> Self {
        let used_by: HashMap<_, _> = findings.iter_mut().filter_map(Finding::blob_and_users).collect();
        let mut naming = Self { used_by, bytes: 0 };
        naming.used_by.values_mut().for_each(|used_by| **used_by = UsedBy::default());
        naming
    }

    fn hashes(&self) -> impl Iterator<Item = BlobHash> {
        self.used_by.keys().copied()
    }

    /// Whether the paths take so much memory that fewer findings must be named at once.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > MAX_BYTES && self.used_by.len() > 1
    }

    /// Adds the files of an image that use a blob which `is_meant`. Ends early when it is full.
    pub(super) fn scan(&mut self, image: &ImageInfo, tree: &Metadata, is_meant: impl Fn(&BlobHash) -> bool) {
        let mut names = (InodeId(u32::MAX), 0); // of the inode seen last
        for found in uses(tree) {
            let Some(used_by) = self.used_by.get_mut(&found.blob) else { continue };
            if !is_meant(&found.blob) {
                continue;
            }
            let free = MAX_PATHS - used_by.paths.len();
            for node in tree.nodes_of(found.inode).take(free) {
                let mut path = path_below(&image.root, tree, node);
                if let Some(name) = found.stream {
                    path.push(b':');
                    name.push_shown_wtf8(&mut path);
                }
                path.shrink_to_fit();
                self.bytes += path.len();
                used_by.paths.push(path);
            }
            if names.0 != found.inode {
                names = (found.inode, tree.nodes_of(found.inode).count());
            }
            used_by.more += names.1.saturating_sub(free) as u64;
            if self.is_full() {
                return;
            }
        }
    }

    /// Sorts the paths.
    pub(super) fn finish(self) {
        self.used_by.into_values().for_each(|used_by| used_by.paths.sort_unstable());
    }
}

impl UsedBy {
    /// Some of the `count` names of an image.
    pub(super) fn of_nodes(
        image: &ImageInfo,
        tree: &Metadata,
        nodes: impl Iterator<Item = NodeId>,
        count: u64,
    ) -> Self {
        let mut paths: Vec<_> = nodes.take(MAX_PATHS).map(|node| path_below(&image.root, tree, node)).collect();
        paths.sort_unstable();
        Self { more: count - paths.len() as u64, paths }
    }
}
