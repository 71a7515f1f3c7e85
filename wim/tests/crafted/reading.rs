//! Reads archives as a mount would: by path, every byte held against its SHA-1.

use std::sync::Arc;
use wim::{Archive, BlobHash, CaseSensitivity, Metadata, NodeId, Scratch};

/// Opens an archive in memory.
pub(crate) fn open(bytes: &[u8]) -> wim::Result<Archive> {
    Archive::open(Arc::new(bytes.to_vec()))
}

/// Finds a path of shown names in an image.
pub(crate) fn find(tree: &Metadata, path: &str) -> Option<NodeId> {
    path.split('/').try_fold(NodeId::ROOT, |directory, name| {
        let name: Vec<u16> = name.encode_utf16().collect();
        tree.lookup(directory, &name, CaseSensitivity::Sensitive)
    })
}

/// Reads the blob with this hash, chunk by chunk of the resource that holds it.
pub(crate) fn read(archive: &Archive, hash: &BlobHash) -> Result<Vec<u8>, String> {
    let index = archive.blobs().find(hash).ok_or("missing")?;
    let blob = archive.blobs().get(index);
    let resource = archive.resource(blob).map_err(|error| error.to_string())?;
    let (mut data, mut scratch) = (Vec::new(), Scratch::default());
    let chunk_size = u64::from(resource.chunk_size());
    let (start, end) = (blob.offset(), blob.offset() + blob.size());
    for chunk in start / chunk_size..end.div_ceil(chunk_size) {
        let mut bytes = vec![0; resource.chunk_len(chunk)];
        let read = resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes);
        read.map_err(|error| error.to_string())?;
        let inside = |at: u64| (at.saturating_sub(chunk * chunk_size) as usize).min(bytes.len());
        data.extend(&bytes[inside(start)..inside(end)]);
    }
    if BlobHash::of(&data) == *hash { Ok(data) } else { Err("changed".to_owned()) }
}

/// The unnamed data of a file.
pub(crate) fn read_file(archive: &Archive, tree: &Metadata, node: NodeId) -> Result<Vec<u8>, String> {
    let dentry = tree.dentry(node);
    match dentry.streams().unnamed {
        Some(hash) => read(archive, &hash),
        None if dentry.reparse().is_some_and(|head| head.tag == wim::reparse::WOF) => {
            Err("nothing but a pointer to its data".to_owned())
        }
        None => Ok(Vec::new()),
    }
}

/// Every name of an image but the root's.
pub(crate) fn nodes(tree: &Metadata) -> impl Iterator<Item = NodeId> {
    (1..tree.node_count()).map(NodeId)
}

/// Looks at everything there is in an archive and returns the files that could be read: image,
/// path, data.
pub(crate) fn walk(archive: &Archive) -> Vec<(usize, Vec<u8>, Vec<u8>)> {
    let mut files = Vec::new();
    archive.warnings().for_each(|warning| assert!(!warning.to_string().is_empty()));
    for image in 0..archive.image_count() {
        let Ok(tree) = archive.metadata(image) else { continue };
        look_at(&tree);
        for node in nodes(&tree).filter(|node| !tree.dentry(*node).is_directory()) {
            if let Ok(data) = read_file(archive, &tree, node) {
                files.push((image, tree.path(node), data));
            }
        }
    }
    files
}

/// Asks a tree everything it can be asked.
pub(crate) fn look_at(tree: &Metadata) {
    tree.warnings().iter().for_each(|warning| assert!(!warning.to_string().is_empty()));
    assert_eq!(tree.security_descriptors().len(), tree.security_descriptor_count() as usize);
    for node in (0..tree.node_count()).map(NodeId) {
        let dentry = tree.dentry(node);
        let _ = dentry.security_id().map(|id| tree.security_descriptor(id));
        let _ = (dentry.attributes(), dentry.main_hash(), dentry.hard_link_id(), dentry.reparse(), dentry.unix_data());
        let _ = [dentry.created(), dentry.accessed(), dentry.written()].map(|time| time.to_unix());
        let _ = (dentry.object_id(), dentry.short_name().to_shown_wtf8());
        dentry.streams().named().for_each(|stream| assert!(!stream.name.to_wtf8().is_empty()));
        let items = dentry.tagged_items().count() * 8;
        assert!(items <= tree.memory_size(), "items take bytes");
        let _ = (dentry.extended_attributes().count(), dentry.linux_xattrs().count());
        assert!(tree.children(node).all(|child| tree.parent(NodeId(child)) == node));
        assert!(tree.nodes_of(tree.inode(node)).any(|name| name == node));
        assert!(tree.link_count(tree.inode(node)) > 0);
    }
}
