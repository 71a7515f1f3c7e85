//! What the tests of this crate share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use testkit::{Image, Packing, Wim, content, dir, file, root};
use wim::{Archive, BlobHash, Compression, Level, Metadata, NodeId, Resource, Scratch};

use crate::{ChunkEncoder, Options, SourceArchive};

/// Encoders of testkit, which the writer's own ones share no mistake with.
pub(crate) fn encoder(compression: Compression, _: Level, chunk_size: u32) -> Option<ChunkEncoder> {
    let size = chunk_size as usize;
    let packing = match compression {
        Compression::None => return None,
        Compression::Xpress => Packing::Xpress(size),
        Compression::Lzx => Packing::Lzx(size),
        Compression::Lzms => Packing::Lzms(size),
    };
    Some(Box::new(move |src, dst| {
        let encoded = packing.encode(src);
        dst.get_mut(..encoded.len())?.copy_from_slice(&encoded);
        Some(encoded.len())
    }))
}

/// Options with testkit's encoders.
pub(crate) fn options(compression: Compression) -> Options<'static> {
    Options { compression, encoder, block_size: 4096, threads: 2, ..Options::default() }
}

/// Two images that share a content, with links, streams, empty files and all kinds of data.
pub(crate) fn images() -> Vec<Image> {
    let shared = content::code(70_000);
    let one = root([
        dir("folder", [file("shared", &shared), file("text", content::text(100_000))]),
        file("empty", ""),
        file("linked", content::text(500)).link(1),
        file("other name", content::text(500)).link(1),
        file("small", "x"),
        file("stream", content::random(3000)).stream("named", content::text(9000)),
        file("zeros", vec![0; 200_000]),
    ]);
    let two = root([file("again", &shared), file("random", content::random(40_000))]);
    [Image::new("one", one), Image::new("two", two)].into()
}

/// An archive of these images.
pub(crate) fn archive(packing: Packing, images: Vec<Image>) -> Wim {
    Wim { integrity: Some(4096), boot_index: 2.min(images.len() as u32), ..Wim::of(packing, images) }
}

/// An archive in memory as a source.
pub(crate) fn source(bytes: Vec<u8>) -> SourceArchive {
    SourceArchive { path: "source.wim".into(), wim: Arc::new(Archive::open(Arc::new(bytes)).unwrap()) }
}

/// Everything that an archive shows: each image's name, metadata and contents.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Shown {
    pub(crate) name: Option<String>,
    pub(crate) metadata: BlobHash,
    /// Each content that an entry names, by path; the sizes.
    pub(crate) contents: HashMap<(Vec<u8>, BlobHash), u64>,
}

/// Reads all images of an archive whole, and checks every rule on the way: hashes, references,
/// integrity table, warnings.
pub(crate) fn shown(bytes: &[u8]) -> Vec<Shown> {
    shown_of(&[bytes])
}

/// As [`shown`], of an archive whose contents are in several files.
pub(crate) fn shown_of(files: &[&[u8]]) -> Vec<Shown> {
    let archives: Vec<_> = files.iter().map(|file| Archive::open(Arc::new(file.to_vec())).unwrap()).collect();
    let mut references: HashMap<BlobHash, u32> = HashMap::new();
    let mut blobs: HashMap<BlobHash, u64> = HashMap::new();
    for archive in &archives {
        assert_eq!(archive.warnings().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        check_integrity(archive);
        for blob in archive.blobs().iter() {
            assert_eq!(hash_of(archive, &archive.resource(blob).unwrap(), blob), blob.hash);
            assert!(blobs.insert(blob.hash, blob.size()).is_none(), "{} is there twice", blob.hash);
        }
    }
    let first = &archives[0];
    let images: Vec<_> = (0..first.image_count())
        .map(|index| {
            let bytes = first.metadata_resource(index).unwrap();
            let (metadata, tree) = (BlobHash::of(&bytes), Metadata::parse(bytes).unwrap());
            let mut contents = HashMap::new();
            for node in (0..tree.node_count()).map(NodeId) {
                for hash in tree.dentry(node).hashes() {
                    *references.entry(hash).or_default() += 1;
                    contents.insert((tree.path(node), hash), blobs[&hash]);
                }
            }
            let name = first.xml().image(index as u32 + 1).and_then(|xml| xml.name.clone());
            Shown { name, metadata, contents }
        })
        .collect();
    for blob in archives.iter().flat_map(|archive| archive.blobs().iter()) {
        assert_eq!(Some(&blob.references), references.get(&blob.hash), "references of {}", blob.hash);
    }
    images
}

/// The hash of a content, read by its chunks.
pub(crate) fn hash_of(archive: &Archive, resource: &Resource, blob: &wim::Blob) -> BlobHash {
    let mut scratch = Scratch::default();
    let mut data = Vec::new();
    for chunk in 0..resource.chunk_count() {
        let mut bytes = vec![0; resource.chunk_len(chunk)];
        resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes).unwrap();
        data.extend(bytes);
    }
    let start = blob.offset() as usize;
    BlobHash::of(&data[start..start + blob.size() as usize])
}

fn check_integrity(archive: &Archive) {
    let Some(table) = archive.integrity().unwrap() else { return };
    for index in 0..table.len() {
        let range = table.block_range(index);
        let mut block = vec![0; (range.end - range.start) as usize];
        wim::read_exact_at(archive.source(), "block", range.start, &mut block).unwrap();
        assert_eq!(BlobHash::of(&block), table.hash(index), "block {index}");
    }
}

/// Lets wimlib and 7-Zip check an archive file.
pub(crate) fn peers_accept(path: &Path) {
    let path = path.to_str().unwrap();
    testkit::wimlib(["verify", path]);
    testkit::tool("7zip", "7zz", ["t", path]);
}
