//! What an image lacks, and what is irregular in its tree.

use std::collections::{BTreeMap, HashSet};

use wim::{BlobHash, InodeId, Metadata, Name, NodeId};

use crate::archive::OpenArchive;
use crate::filesystem::external_data;
use crate::snapshot::Image;

/// What reading an image's metadata shows about its data.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The contents that its files need and no archive supplies.
    pub missing: HashSet<BlobHash>,
    /// The number of files of which it has no data, by where Windows kept it.
    pub elsewhere: BTreeMap<&'static str, u64>,
    /// The entries that are left out, and those that are shown with less.
    pub warnings: Vec<String>,
}

impl Survey {
    /// Surveys an image by its tree and its own archive, which is open. The tables of other archives that supply it are
    /// read only if its own lacks something.
    pub(crate) fn of(image: &Image, archive: &OpenArchive, tree: &Metadata) -> Self {
        let own = archive.wim.blobs();
        let hashes = uses(tree).map(|found| found.blob);
        let mut missing: HashSet<BlobHash> = hashes.filter(|hash| own.find(hash).is_none()).collect();
        for file in &image.suppliers[1..] {
            if missing.is_empty() {
                break;
            }
            // Tables that cannot be read supply nothing.
            let Ok(supplier) = file.tables() else { continue };
            missing.retain(|hash| supplier.wim.blobs().find(hash).is_none());
        }
        let mut elsewhere = BTreeMap::new();
        for (_, keeper) in without_data(tree) {
            *elsewhere.entry(keeper).or_default() += 1;
        }
        Self { missing, elsewhere, ..Self::of_tree(tree) }
    }

    /// The part that the tree alone shows.
    pub(crate) fn of_tree(tree: &Metadata) -> Self {
        Self { warnings: tree.warnings().iter().map(ToString::to_string).collect(), ..Self::default() }
    }
}

/// A use of a content by a file.
pub(crate) struct Use<'t> {
    pub(crate) blob: BlobHash,
    pub(crate) inode: InodeId,
    /// The name of the stream; `None` for data without a name of its own.
    pub(crate) stream: Option<Name<'t>>,
}

/// Every use of a content in a tree, in the order of its inodes.
pub(crate) fn uses(tree: &Metadata) -> impl Iterator<Item = Use<'_>> {
    (0..tree.inode_count()).map(InodeId).flat_map(|inode| {
        let streams = tree.dentry(tree.first_node(inode)).streams();
        let unnamed = [streams.unnamed, streams.reparse, streams.efs].into_iter().flatten();
        let unnamed = unnamed.map(move |blob| Use { blob, inode, stream: None });
        let named = streams.named().filter_map(move |named| {
            let blob = named.hash?;
            Some(Use { blob, inode, stream: Some(named.name) })
        });
        unnamed.chain(named)
    })
}

/// The names of files of which the image has no data because Windows kept it elsewhere, and where.
pub(crate) fn without_data(tree: &Metadata) -> impl Iterator<Item = (NodeId, &'static str)> {
    (0..tree.node_count()).map(NodeId).filter_map(|node| Some((node, external_data::without_data(&tree.dentry(node))?)))
}
