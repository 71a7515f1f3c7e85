//! One target per parser and codec, and one that opens an archive and reads everything in it.
//!
//! The law of all of them: errors are fine; panics, hangs and allocations that the input cannot back are bugs. Targets are plain
//! functions, so the ordinary tests replay inputs on stable Rust (`tests/replay.rs`); `scripts/fuzz` lets libFuzzer find new ones.

use std::sync::Arc;

use wim::codec::{lzms, lzx, xpress};
use wim::{Archive, BlobTable, Header, IntegrityTable, Metadata, NodeId, Scratch, XmlData, reparse};

/// A target: its name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("header", |data| drop(Header::parse(data))),
    ("blob_table", |data| drop(BlobTable::parse(data, 1, true))),
    ("integrity", |data| drop(IntegrityTable::parse(data, 0, 208..208 + data.len() as u64))),
    ("xml", |data| drop(XmlData::parse(data))),
    ("reparse", |data| {
        for tag in [reparse::SYMLINK, reparse::MOUNT_POINT] {
            drop(reparse::parse_link(tag, data));
        }
    }),
    ("metadata", metadata),
    ("xpress", xpress),
    ("lzx", lzx),
    ("lzms", lzms),
    ("archive", archive),
];

/// The most bytes of a resource that are decoded: an archive may claim far more than a run has time for.
const MAX_RESOURCE: u64 = 4 << 20;

fn metadata(data: &[u8]) {
    if let Ok(tree) = Metadata::parse(data.to_vec()) {
        walk(&tree);
    }
}

/// Asks for all there is of every name.
fn walk(tree: &Metadata) {
    for node in (0..tree.node_count()).map(NodeId) {
        let dentry = tree.dentry(node);
        let streams = dentry.streams();
        let named = streams.named().map(|stream| stream.name.len()).sum::<usize>();
        let tagged = dentry.extended_attributes().chain(dentry.linux_xattrs()).map(|x| x.value.len()).sum::<usize>();
        std::hint::black_box((named, tagged, dentry.unix_data(), dentry.object_id(), dentry.short_name().to_wtf8()));
        std::hint::black_box(dentry.security_id().and_then(|id| tree.security_descriptor(id)));
        assert!(tree.children(node).all(|child| tree.parent(NodeId(child)) == node), "children know their parent");
        assert!(tree.nodes_of(tree.inode(node)).any(|name| name == node), "an inode knows its names");
    }
}

/// The chunk size is taken from the first byte, so that all sizes are met.
fn xpress(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let mut dst = vec![0; 1 << (size % 17)];
        let _ = xpress::Decoder::default().decode(src, &mut dst);
    }
}

fn lzx(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let chunk_size = 1 << (15 + size % 3);
        let mut dst = vec![0; (chunk_size as usize) >> (size >> 4)];
        let _ = lzx::Decoder::default().decode(src, &mut dst, chunk_size);
    }
}

fn lzms(data: &[u8]) {
    if let Some((&size, src)) = data.split_first() {
        let mut dst = vec![0; 1 << (size % 20)];
        let _ = lzms::Decoder::default().decode(src, &mut dst);
    }
}

/// Opens, walks, reads everything.
fn archive(data: &[u8]) {
    let Ok(archive) = Archive::open(Arc::new(data.to_vec())) else { return };
    for image in 0..archive.image_count() {
        if let Ok(tree) = archive.metadata(image) {
            walk(&tree);
        }
    }
    let mut scratch = Scratch::default();
    for blob in archive.blobs().iter() {
        let Ok(resource) = archive.resource(blob) else { continue };
        if resource.size() > MAX_RESOURCE {
            continue;
        }
        for chunk in 0..resource.chunk_count() {
            let mut bytes = vec![0; resource.chunk_len(chunk)];
            drop(resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes));
        }
    }
}
