//! The links of an image whose data, right or not, does not say where they lead.

use std::collections::BTreeMap;

use wim::{BlobHash, InodeId, Metadata};

use super::{Finding, ImageInfo, UsedBy};
use crate::content::Contents;
use crate::error::Error;
use crate::filesystem::{is_link, link_of};

/// What decides where a link leads: its tag and its data, none where the image has lost it.
type Target = (u32, Option<BlobHash>);

/// What is wrong with the links of an image whose tree this is. Data that cannot be read or is missing is a finding of its
/// own. Each data is read once, in the order in which it is stored.
pub(super) fn bad_links<'a>(
    info: &'a ImageInfo,
    tree: &'a Metadata,
    contents: &'a Contents,
) -> impl Iterator<Item = Finding> + 'a {
    let mut links: Vec<(Target, Vec<InodeId>)> = by_target(tree).into_iter().collect();
    links.sort_by_cached_key(|((_, hash), _)| {
        let blob = info.image.blob(hash.as_ref()?).ok()?;
        Some((blob.archive.wim.resource_offset(blob.blob()), blob.index))
    });
    links.into_iter().filter_map(move |((tag, hash), inodes)| {
        let Err(Error::Archive { source: error, .. }) = link_of(contents, &info.image, tag, hash.as_ref()) else {
            return None;
        };
        let nodes = || inodes.iter().flat_map(|&inode| tree.nodes_of(inode));
        let used_by = UsedBy::of_nodes(info, tree, nodes(), nodes().count() as u64);
        Some(Finding::BadLink { image: info.number as u32, blob: hash, error, used_by })
    })
}

/// The links of an image by what decides where they lead.
fn by_target(tree: &Metadata) -> BTreeMap<Target, Vec<InodeId>> {
    let mut links: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for inode in (0..tree.inode_count()).map(InodeId) {
        let dentry = tree.dentry(tree.first_node(inode));
        if let Some(head) = dentry.reparse().filter(|head| is_link(head.tag)) {
            links.entry((head.tag, dentry.streams().reparse)).or_default().push(inode);
        }
    }
    links
}
