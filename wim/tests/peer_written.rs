//! Archives put together from what `wim::write` makes, as wimlib and 7-Zip read them.
#![cfg(unix)] // the programs asked are
#![expect(clippy::unwrap_used, reason = "a test")]

mod peer;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use testkit::{Image, Packing, Wim, capture, dir, file, reparse, root, tool, wimlib};
use wim::write::{BlobEntry, HeaderBytes, Tree, XmlDocument, integrity_table};
use wim::{
    Archive, Blob, BlobHash, Compression, HEADER_SIZE, HeaderFlags, Metadata, ResourceFlags, ResourceHeader, Scratch,
    XmlData,
};

const BLOCK: u32 = 4096;

fn open(bytes: Vec<u8>) -> Archive {
    let archive = Archive::open(Arc::new(bytes)).unwrap();
    assert_eq!(archive.warnings().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    archive
}

fn data_of(archive: &Archive, blob: &Blob) -> Vec<u8> {
    let resource = archive.resource(blob).unwrap();
    let (mut data, mut scratch) = (vec![0; resource.size() as usize], Scratch::default());
    for (chunk, dst) in (0..).zip(data.chunks_mut(resource.chunk_size() as usize)) {
        resource.read_chunk(archive.source(), chunk, &mut scratch, dst).unwrap();
    }
    data
}

/// Appends data as it is, and returns where it is.
fn append(archive: &mut Vec<u8>, data: &[u8], flags: ResourceFlags) -> ResourceHeader {
    let place = ResourceHeader::plain(archive.len() as u64, data.len() as u64, flags);
    archive.extend(data);
    place
}

/// An archive with the images of another: contents plain, trees and tables made anew.
fn written_again(old: &Archive) -> Vec<u8> {
    let mut header = HeaderBytes::new(Compression::None, 0, old.header().guid).unwrap();
    header.add_flags(HeaderFlags(old.header().flags.0 & HeaderFlags::LINKS_FIXED.0));
    let mut bytes = header.as_bytes().to_vec();
    let mut entries = Vec::new();
    for blob in old.blobs().iter() {
        let place = append(&mut bytes, &data_of(old, blob), ResourceFlags::default());
        entries.push(BlobEntry::new(&place, 1, blob.references, &blob.hash));
    }
    let trees: Vec<_> = (0..old.image_count()).map(|index| old.metadata(index).unwrap()).collect();
    let mut places = Vec::new();
    for tree in &trees {
        let metadata = Tree::of(tree).unwrap().to_bytes().unwrap();
        places.push(append(&mut bytes, &metadata, ResourceFlags::METADATA));
        entries.push(BlobEntry::new(&places[places.len() - 1], 1, 1, &BlobHash::of(&metadata)));
    }
    let table = append(&mut bytes, BlobEntry::bytes_of(&entries), ResourceFlags::METADATA);
    let hashes: Vec<_> = bytes[HEADER_SIZE as usize..].chunks(BLOCK as usize).map(BlobHash::of).collect();
    header.set_blob_table(&table);
    let mut xml = XmlDocument::parse(&XmlData::read_bytes(old.source(), old.header()).unwrap()).unwrap();
    xml.set_total_bytes(bytes.len() as u64);
    header.set_xml(&append(&mut bytes, &xml.to_bytes(), ResourceFlags::METADATA));
    header.set_integrity(&append(&mut bytes, &integrity_table(BLOCK, &hashes), ResourceFlags::default()));
    header.set_image_count(places.len() as u32);
    header.set_boot(1, &places[0]);
    bytes[..HEADER_SIZE as usize].copy_from_slice(header.as_bytes());
    bytes
}

/// Describes a tree without the numbers of its hard links, which are the writer's; their counts stay.
fn without_link_ids(archive: &Archive, tree: &Metadata) -> Vec<String> {
    let described = peer::describe(archive, tree);
    let lines = described.iter().flat_map(|node| node.lines()).filter(|line| !line.starts_with("Link Group ID"));
    lines.map(str::to_owned).collect()
}

/// Lets wimlib and 7-Zip read the archive, and compares what wimlib lists with what both archives show.
fn check(old: &Archive, folder: &Path) {
    let bytes = written_again(old);
    let path = folder.join("written.wim");
    fs::write(&path, &bytes).unwrap();
    let new = open(bytes);
    let name = path.to_str().unwrap();
    wimlib(["verify", name]);
    tool("7zip", "7zz", ["t", name]);
    assert_eq!(peer::describe_header(&new), peer::wiminfo_header(&path));
    assert_eq!(peer::describe_blobs(&new), peer::wiminfo_blobs(&path));
    for index in 0..old.image_count() {
        let trees: [Metadata; 2] = [old, &new].map(|archive| archive.metadata(index).unwrap());
        assert_eq!(trees[1].warnings().len(), 0);
        assert_eq!(without_link_ids(&new, &trees[1]), without_link_ids(&new, &trees[0]));
        assert_eq!(peer::describe(&new, &trees[1]), peer::wimdir(&path, index + 1));
        let again = Tree::of(&trees[1]).unwrap().to_bytes().unwrap();
        assert_eq!(again, new.metadata_resource(index).unwrap(), "what we wrote is written again as it is");
    }
    let old_xml: Vec<_> = old.xml().images().to_vec();
    assert_eq!(new.xml().images(), old_xml, "descriptions stay");
}

#[test]
fn trees_of_wimlib() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::create_dir_all(source.join("folder/empty")).unwrap();
    fs::write(source.join("folder/a"), "data").unwrap();
    fs::write(source.join("Ä"), vec![7; 100_000]).unwrap();
    fs::write(source.join("none"), "").unwrap();
    fs::hard_link(source.join("folder/a"), source.join("another name")).unwrap();
    symlink("folder/a", source.join("relative")).unwrap();
    symlink("/absolute", source.join("absolute")).unwrap();
    let archive = folder.path().join("old.wim");
    for options in [&["--compress=LZX", "--unix-data"][..], &["--compress=none"], &["--compress=XPRESS", "--check"]] {
        capture(&source, &archive, options);
        check(&open(fs::read(&archive).unwrap()), folder.path());
    }
}

#[test]
fn trees_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let everything = file("everything", "data")
        .short("EVERYT~1")
        .security(1)
        .times(10, 20, 30)
        .stream("named", "stream")
        .object_id(&[5; 16])
        .tagged(0x1234, b"unknown");
    let tree = root([
        dir("folder", [file("linked", "x").link(7), dir("below", []).stream("ads", "y")]),
        file("other name", "x").link(7),
        everything,
        file("point", "").reparse(0xA000_000C, reparse::symlink("a", "a", true)),
    ]);
    let descriptor =
        |owner: u8| [&[1, 0, 0, 0x80, 20, 0, 0, 0][..], &[0; 12], &[1, 1, 0, 0, 0, 0, 0, 5, owner, 0, 0, 0]].concat();
    let image = Image::new("one", tree).descriptor(&descriptor(18)).descriptor(&descriptor(19));
    let images = [image, Image::new("two", root([file("a", "more")]))];
    for packing in Packing::all() {
        let old = Wim::of(packing, images.clone()).build();
        check(&open(old.bytes), folder.path());
    }
}
