//! Whole archives, as bytes in memory, and resources of every kind under sound tables.

use std::sync::Arc;

use testkit::{Bytes, Entry, Header, ResourceHeader, flag, pipe, xml};
use wim::{Archive, Metadata, NodeId, Scratch};

/// The most bytes of a resource that are decoded: an archive may claim far more than a run has time
/// for.
const MAX_RESOURCE: u64 = 4 << 20;

/// Opens, walks, reads everything.
pub(crate) fn archive(data: &[u8]) {
    let Ok(archive) = Archive::open(Arc::new(data.to_vec())) else { return };
    for image in 0..archive.image_count() {
        if let Ok(tree) = archive.metadata(image) {
            walk(&tree);
        }
    }
    read_all(&archive);
}

/// Asks for all there is of every name.
pub(crate) fn walk(tree: &Metadata) {
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

fn read_all(archive: &Archive) {
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

/// The bytes that select the kind of resource: the kind, the binary logarithm of the chunk size,
/// four of the size, two unused.
const KIND: usize = 8;

/// Reads a resource of the kind that the first bytes select, in an archive that is sound but for
/// it: its chunk table, or in a solid one its header, is what nothing else vouches for.
pub(crate) fn resource(data: &[u8]) {
    let Some((&[kind, exponent, a, b, c, d, ..], stored)) = data.split_first_chunk::<KIND>() else { return };
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    // Above 4 GiB entries of chunk tables are wider.
    let size = if kind & 0x10 == 0 { size } else { size << 8 };
    if let Ok(archive) = Archive::open(Arc::new(around(stored, size, kind, 1 << (12 + exponent % 10)))) {
        read_all(&archive);
    }
}

/// An archive with one file resource. Bits of `kind`: 3 the compression, 4 solid, 8 pipable.
fn around(stored: &[u8], size: u64, kind: u8, chunk_size: u32) -> Vec<u8> {
    let (is_solid, is_pipable) = (kind & 4 != 0, kind & 8 != 0);
    let compression = [0, flag::XPRESS, flag::LZX, flag::LZMS][usize::from(kind & 3)];
    let place = ResourceHeader { stored_size: stored.len() as u64, flags: flag::COMPRESSED, offset: 208, size };
    let entry = |place, hash| Entry { place, part: 1, references: 1, hash }.bytes();
    let entries = if is_solid {
        let blob = ResourceHeader { stored_size: size.min(1 << 20), flags: flag::SOLID, offset: 0, size: 0 };
        let resource = ResourceHeader { flags: flag::SOLID, size: 1 << 32, ..place };
        [entry(resource, [0; 20]), entry(blob, [1; 20])].concat()
    } else {
        entry(place, [1; 20])
    };
    let after = |start: usize, bytes: &[u8]| {
        let size = bytes.len() as u64;
        ResourceHeader { stored_size: size, flags: flag::METADATA, offset: start as u64, size }
    };
    let xml = xml::encode("<WIM></WIM>");
    let table = 208 + stored.len();
    let header = Header {
        magic: if is_pipable { pipe::MAGIC } else { Header::default().magic },
        version: if is_solid || compression == flag::LZMS { 0xE00 } else { 0x10D00 },
        flags: if compression == 0 { 0 } else { flag::COMPRESSION | compression },
        chunk_size: if compression == 0 { 0 } else { chunk_size },
        blob_table: after(table, &entries),
        xml: after(table + entries.len(), &xml),
        ..Header::default()
    };
    let mut bytes = header.bytes();
    bytes.extend([stored, &entries, &xml].concat());
    if is_pipable {
        bytes.extend(header.bytes());
    }
    bytes
}

/// An input of the target `resource`: what it reads back is that resource.
pub fn resource_input(kind: u8, exponent: u8, size: u32, stored: &[u8]) -> Vec<u8> {
    let mut input = vec![kind, exponent];
    input.u32(size);
    input.extend([0, 0]);
    input.extend(stored);
    input
}
