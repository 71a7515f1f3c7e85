//! What the tests of this crate share: stores on simulated disks, and what they show.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use testkit::{Packing, Wim, content, file, root};
use wim::{Archive, BlobHash, Compression, Metadata, NodeId, Scratch};
use write::sim::{Image, SimDisk};

use crate::{Done, Request, Result, Store, Work};

/// The files of a group: for each the compression of its file, and its images.
type Files = BTreeMap<String, (Compression, Vec<Shown>)>;

/// An image: its name, and each path with the hash of the content that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<Vec<u8>, Vec<BlobHash>>,
}

/// What a group shows: its compression by `Res.rwm`, its images, and every other file as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GroupShown {
    pub(crate) compression: Option<Compression>,
    pub(crate) files: Files,
    pub(crate) others: BTreeMap<String, Vec<u8>>,
}

/// All groups, by name.
pub(crate) type StoreShown = BTreeMap<String, GroupShown>;

/// Runs a request in the store `Images` of a disk.
pub(crate) fn run(disk: &SimDisk, request: &Request) -> Result<Done> {
    run_with(disk, request, Work::default())
}

pub(crate) fn run_with(disk: &SimDisk, request: &Request, work: Work<'_>) -> Result<Done> {
    Store::open(disk, Path::new("Images"), work)?.run(request)
}

/// A disk with an empty store.
pub(crate) fn empty_store() -> Image {
    Image::default().with_folder("Images").with_folder("Images/.wimstore")
}

/// A disk with a store that has an empty group `G`, and the sources `src/one.wim` and `src/two.wim`.
pub(crate) fn empty_group() -> Image {
    let image = empty_store().with_folder("Images/G").with_folder("Images/G/.wimstore").with_folder("src");
    let image = image.with("src/one.wim", source("one", Packing::Xpress(32768)).build().bytes);
    image.with("src/two.wim", source("two", Packing::Stored).build().bytes).with("src/unattend.xml", "<unattend/>")
}

/// An archive of one image with some files of its own, and some that all have.
pub(crate) fn source(name: &str, packing: Packing) -> Wim {
    let files = [
        file("a", content::text(900)),
        file("b", content::code(600)),
        file("c", content::random(300)),
        file("empty", ""),
        file(name, format!("of {name} alone").repeat(40)),
    ];
    Wim::of(packing, [testkit::Image::new(name, root(files))])
}

/// Reads everything in the store, and checks that all of it can be read.
pub(crate) fn shown(image: &Image) -> StoreShown {
    let disk = SimDisk::new(image.clone());
    let store = Store::open(&disk, Path::new("Images"), Work::default()).unwrap();
    let groups = store.groups().unwrap();
    let mut shown: StoreShown =
        groups.iter().map(|group| (group.name.clone(), group_shown(image, &group.name))).collect();
    if let Some(bytes) = image.get(Path::new("out.wim")) {
        let archive = opened(bytes);
        let kind = (archive.header().compression, images(&archive, &HashMap::new()));
        shown.insert("exported".into(), GroupShown { files: [("out.wim".into(), kind)].into(), ..Default::default() });
    }
    shown
}

fn group_shown(image: &Image, group: &str) -> GroupShown {
    let folder = Path::new("Images").join(group);
    let inside = image.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(&folder).ok()?.to_str()?, bytes)));
    let inside: Vec<(&str, &[u8])> = inside.filter(|(name, _)| !name.starts_with(".wimstore/")).collect();
    let resources = inside.iter().find(|(name, _)| *name == "Res.rwm").map(|(_, bytes)| opened(bytes));
    let mut shown =
        GroupShown { compression: resources.as_ref().map(|res| res.header().compression), ..Default::default() };
    let shared: HashMap<BlobHash, BlobHash> = resources.as_ref().map(contents).unwrap_or_default();
    for (name, bytes) in inside {
        if name == "Res.rwm" {
            continue;
        }
        if name.ends_with(".wim") && !name.contains('/') {
            let archive = opened(bytes);
            shown.files.insert(name.into(), (archive.header().compression, images(&archive, &shared)));
        } else {
            shown.others.insert(name.into(), bytes.to_vec());
        }
    }
    shown
}

pub(crate) fn opened(bytes: &[u8]) -> Archive {
    let archive = Archive::open(Arc::new(bytes.to_vec())).unwrap();
    let warnings: Vec<String> = archive.warnings().map(ToString::to_string).collect();
    assert_eq!(warnings, Vec::<String>::new());
    archive
}

fn images(archive: &Archive, shared: &HashMap<BlobHash, BlobHash>) -> Vec<Shown> {
    let own = contents(archive);
    let content = |hash: &BlobHash| *own.get(hash).or(shared.get(hash)).unwrap_or_else(|| panic!("{hash} is missing"));
    let image = |index: usize| {
        let tree: Metadata = archive.metadata(index).unwrap();
        let nodes = (0..tree.node_count()).map(NodeId);
        let files =
            nodes.map(|node| (tree.path(node), tree.dentry(node).hashes().map(|hash| content(&hash)).collect()));
        let name = archive.xml().image(index as u32 + 1).and_then(|xml| xml.name.clone()).unwrap_or_default();
        Shown { name, files: files.collect() }
    };
    (0..archive.image_count()).map(image).collect()
}

/// The hash of what is read of each content, which must be there once.
fn contents(archive: &Archive) -> HashMap<BlobHash, BlobHash> {
    let mut seen = HashSet::new();
    let mut scratch = Scratch::default();
    let blobs = archive.blobs().iter().map(|blob| {
        assert!(seen.insert(blob.hash), "{} is there twice", blob.hash);
        let resource = archive.resource(blob).unwrap();
        let mut data = Vec::new();
        for chunk in 0..resource.chunk_count() {
            let mut bytes = vec![0; resource.chunk_len(chunk)];
            resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes).unwrap();
            data.extend(bytes);
        }
        assert_eq!(BlobHash::of(&data), blob.hash);
        (blob.hash, BlobHash::of(&data))
    });
    blobs.collect()
}

/// All files but locks, and what commands that were repaired have left: nothing.
pub(crate) fn files_of(image: &Image) -> Vec<(String, Vec<u8>)> {
    let all = image.iter().map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes.to_vec()));
    all.filter(|(name, _)| !name.ends_with(".wimstore/lock")).collect()
}
