//! The two tables of what a store promises: how images are compressed by which action (C), and what is
//! verified when (V). Each test is named as its row; each runs for every type that a group may have.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use store::requests::{
    AddImages, CompactGroup, CopyImage, CreateGroup, ExportImage, ReplaceImage, SetGroup, SetImage, Verification,
};
use store::{Done, Error, Request, Result, Store, Work};
use testkit::{Packing, Solid, Wim, content, file, root};
use wim::{Archive, Blob, BlobHash, Compression, NodeId, Scratch};
use write::Destination;
use write::sim::{Fault, FaultKind, Image, SimDisk};

/// The types that a group may have, with sources of the type and of another one.
const KINDS: [(Compression, Packing, Packing); 3] = [
    (Compression::None, Packing::Stored, Packing::Xpress(32768)),
    (Compression::Xpress, Packing::Xpress(32768), Packing::Stored),
    (Compression::Lzx, Packing::Lzx(32768), Packing::Xpress(32768)),
];

const RESOURCES: &str = "Images/G/Res.rwm";
const RESOURCE_ONLY: u32 = 0x10;
const METADATA_ONLY: u32 = 0x20;

/// An archive of one image: files that all images have, and one of its own.
fn wim(name: &str, packing: Packing) -> Wim {
    let files = [
        file("code", content::code(50_000)),
        file("one byte", "x"),
        file("own", own(name)),
        file("random", content::random(5_000)),
        file("short", "0123456789012345678901234567890"),
        file("text", content::text(100_000)),
    ];
    Wim::of(packing, [testkit::Image::new(name, root(files))])
}

/// What only the image with this name has.
fn own(name: &str) -> Vec<u8> {
    content::text(70_000 + name.len())
}

fn built(name: &str, packing: Packing) -> Vec<u8> {
    wim(name, packing).build().bytes
}

/// A disk with an empty group `G` and these sources.
fn disk(sources: &[(&str, Vec<u8>)]) -> SimDisk {
    let folders = ["Images", "Images/.wimstore", "Images/G", "Images/G/.wimstore", "src"];
    let image = folders.iter().fold(Image::default(), |image, folder| image.with_folder(folder));
    SimDisk::new(sources.iter().fold(image, |image, (name, bytes)| image.with(name, bytes.clone())))
}

fn run(disk: &SimDisk, request: &Request) -> Result<Done> {
    Store::open(disk, Path::new("Images"), Work::default())?.run(request)
}

fn add(file: &str) -> AddImages {
    AddImages { group: "G".into(), file: file.into(), ..AddImages::default() }
}

fn added(disk: &SimDisk, file: &str) -> Done {
    run(disk, &Request::AddImages(add(file))).unwrap()
}

fn bytes(disk: &SimDisk, path: &str) -> Vec<u8> {
    disk.image().get(Path::new(path)).unwrap_or_else(|| panic!("{path} is not there")).to_vec()
}

fn open(disk: &SimDisk, path: &str) -> Archive {
    Archive::open(Arc::new(bytes(disk, path))).unwrap()
}

/// All files but locks.
fn files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let image = disk.image();
    let all = image.iter().map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes.to_vec()));
    all.filter(|(name, _)| !name.ends_with("lock")).collect()
}

/// The header as it is stored: type, chunk size, the flags about resources and metadata, images.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    compression: Compression,
    chunk_size: u32,
    flags: u32,
    images: u32,
}

fn head(disk: &SimDisk, path: &str) -> Head {
    let bytes = bytes(disk, path);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let compression = match word(0x10) & 0x000E_0002 {
        0 => Compression::None,
        0x2_0002 => Compression::Xpress,
        0x4_0002 => Compression::Lzx,
        0x8_0002 => Compression::Lzms,
        flags => panic!("{flags:#x}"),
    };
    Head { compression, chunk_size: word(0x14), flags: word(0x10) & 0x30, images: word(0x2C) }
}

fn usual(compression: Compression) -> u32 {
    if compression == Compression::None { 0 } else { 32768 }
}

/// Every content that an image needs is decoded and hashed: from its own archive, else from `Res.rwm`.
fn all_is_there(disk: &SimDisk, path: &str) {
    let own = open(disk, path);
    let shared = disk.image().get(Path::new(RESOURCES)).map(|_| open(disk, RESOURCES));
    for index in 0..own.image_count() {
        let tree = own.metadata(index).unwrap();
        for hash in (0..tree.node_count()).flat_map(|node| tree.dentry(NodeId(node)).hashes().collect::<Vec<_>>()) {
            let mut archives = std::iter::once(&own).chain(&shared);
            let found = archives.find_map(|archive| Some((archive, archive.blobs().find(&hash)?)));
            let (archive, number) = found.unwrap_or_else(|| panic!("{hash} is missing"));
            assert_eq!(hash_of(archive, archive.blobs().get(number)), hash);
        }
    }
}

fn hash_of(archive: &Archive, blob: &Blob) -> BlobHash {
    let (mut scratch, mut data) = (Scratch::default(), Vec::new());
    let resource = archive.resource(blob).unwrap();
    for chunk in 0..resource.chunk_count() {
        let mut bytes = vec![0; resource.chunk_len(chunk)];
        resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes).unwrap();
        data.extend(bytes);
    }
    BlobHash::of(&data)
}

/// The archive with one bit of a content changed.
fn damaged(source: &Wim, data: &[u8]) -> Vec<u8> {
    let mut built = source.build();
    let range = built.resource(data).range.clone();
    built.flip((range.start + range.end) / 2, 0);
    built.bytes
}

/// Runs a request that must fail and leave everything as it was.
fn refused(disk: &SimDisk, request: &Request) -> Error {
    let before = files(disk);
    let error = run(disk, request).unwrap_err();
    assert!(files(disk) == before, "{error}: something has changed");
    error
}

fn export(destination: Destination) -> Request {
    let image = "G/a.wim".parse().unwrap();
    Request::ExportImage(ExportImage { image, path: "out.wim".into(), destination, name: None, description: None })
}

fn recompress(compression: Compression) -> Request {
    Request::SetGroup(SetGroup { group: "G".into(), compression: Some(compression), ..SetGroup::default() })
}

fn replace(file: &str) -> Request {
    let image = "G/a.wim".parse().unwrap();
    Request::ReplaceImage(ReplaceImage { image, file: file.into(), ..ReplaceImage::default() })
}

#[test]
fn c1_create_a_group() {
    let disk = disk(&[]);
    run(&disk, &Request::CreateGroup(CreateGroup { group: "H".into() })).unwrap();
    let store = Store::open(&disk, Path::new("Images"), Work::default()).unwrap();
    let group = store.list_groups(Some("H")).unwrap().remove(0);
    assert_eq!((group.archives, group.compression, group.resource_bytes), (0, None, 0));
    assert_eq!(files(&disk), []);
}

#[test]
fn c2_first_image() {
    for (compression, packing, _) in KINDS {
        let disk = disk(&[("src/a.wim", built("a", packing))]);
        assert_eq!(added(&disk, "src/a.wim").notes, Vec::<String>::new());
        let want = |flags, images| Head { compression, chunk_size: usual(compression), flags, images };
        assert_eq!(head(&disk, RESOURCES), want(RESOURCE_ONLY, 0));
        assert_eq!(head(&disk, "Images/G/a.wim"), want(METADATA_ONLY, 1));
        assert_eq!(open(&disk, "Images/G/a.wim").blobs().iter().count(), 0, "no content is in the image's file");
        all_is_there(&disk, "Images/G/a.wim");
    }
}

#[test]
fn c2a_first_image_of_another_kind() {
    let solid = Wim { solid: Some(Solid::new(Packing::Lzms(1 << 16))), ..wim("a", Packing::Lzms(1 << 17)) };
    for (source, compression, note) in [
        (wim("a", Packing::Xpress(4096)), Compression::Xpress, "XPRESS with chunks of 4 KiB; the group becomes XPRESS"),
        (wim("a", Packing::Lzx(1 << 21)), Compression::Lzx, "LZX with chunks of 2048 KiB; the group becomes LZX"),
        (wim("a", Packing::Lzms(1 << 17)), Compression::Lzx, "LZMS with chunks of 128 KiB; the group becomes LZX"),
        (solid, Compression::Lzx, "solid LZMS with chunks of 128 KiB; the group becomes LZX"),
    ] {
        let disk = disk(&[("src/a.wim", source.build().bytes)]);
        let notes = added(&disk, "src/a.wim").notes;
        assert!(notes.len() == 1 && notes[0].contains(note), "{notes:?}");
        for path in [RESOURCES, "Images/G/a.wim"] {
            let head = head(&disk, path);
            assert_eq!((head.compression, head.chunk_size), (compression, 32768), "{path}");
        }
        all_is_there(&disk, "Images/G/a.wim");
    }
}

#[test]
fn c3_later_image_of_the_same_type() {
    for (_, packing, _) in KINDS {
        let second = wim("second", packing).build();
        let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", second.bytes.clone())]);
        added(&disk, "src/a.wim");
        let old = bytes(&disk, RESOURCES);
        let done = added(&disk, "src/second.wim");
        assert_eq!((done.summary.blobs, done.known), (1, 5));
        let new = bytes(&disk, RESOURCES);
        assert!(new[208..old.len()] == old[208..], "what was there stays, but for the header");
        let stored = &second.bytes[second.resource(&own("second")).range.clone()];
        assert!(new[old.len()..].windows(stored.len()).any(|window| window == stored), "copied as it is stored");
        all_is_there(&disk, "Images/G/a.wim");
        all_is_there(&disk, "Images/G/second.wim");
    }
}

#[test]
fn c3a_later_image_of_another_type() {
    for (compression, packing, _) in KINDS {
        for (_, other, _) in KINDS.iter().filter(|(other, ..)| *other != compression) {
            let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", built("second", *other))]);
            added(&disk, "src/a.wim");
            let old = bytes(&disk, RESOURCES);
            assert_eq!(added(&disk, "src/second.wim").summary.blobs, 1);
            assert!(bytes(&disk, RESOURCES)[208..old.len()] == old[208..]);
            for path in [RESOURCES, "Images/G/second.wim"] {
                assert_eq!(head(&disk, path).compression, compression, "{path}");
            }
            all_is_there(&disk, "Images/G/second.wim");
        }
    }
}

#[test]
fn c4_export() {
    for (compression, packing, _) in KINDS {
        let disk = disk(&[("src/a.wim", built("a", packing))]);
        added(&disk, "src/a.wim");
        run(&disk, &export(Destination::New)).unwrap();
        let want = |compression| Head { compression, chunk_size: usual(compression), flags: 0, images: 1 };
        assert_eq!(head(&disk, "out.wim"), want(compression));
        assert_eq!(refused(&disk, &export(Destination::New)).code(), "exists");
        for (other, ..) in KINDS {
            run(&disk, &recompress(other)).unwrap();
            run(&disk, &export(Destination::Replace)).unwrap();
            assert_eq!(head(&disk, "out.wim"), want(other));
            let (exported, source) = (open(&disk, "out.wim"), open(&disk, "src/a.wim"));
            assert!(exported.blobs().iter().all(|blob| hash_of(&exported, blob) == blob.hash));
            assert_eq!(exported.blobs().iter().count(), 6);
            assert_eq!(exported.metadata_resource(0).unwrap(), source.metadata_resource(0).unwrap());
        }
    }
}

#[test]
fn c5_append_to_an_existing_archive() {
    for (_, packing, _) in KINDS {
        for destination in [Packing::Stored, Packing::Xpress(32768), Packing::Lzx(1 << 16)] {
            let out = wim("there", destination).integrity(4096).build().bytes;
            let disk = disk(&[("src/a.wim", built("a", packing)), ("out.wim", out)]);
            added(&disk, "src/a.wim");
            let (before, old) = (head(&disk, "out.wim"), open(&disk, "out.wim").metadata_resource(0).unwrap());
            run(&disk, &export(Destination::Append)).unwrap();
            assert_eq!(head(&disk, "out.wim"), Head { images: 2, ..before });
            assert_eq!(open(&disk, "out.wim").metadata_resource(0).unwrap(), old);
            all_is_there(&disk, "out.wim");
            refused(&disk, &export(Destination::Append)); // the name is used
        }
    }
}

#[test]
fn c10_replace_copy_rename_recompress() {
    for (compression, packing, other) in KINDS {
        let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", built("second", other))]);
        added(&disk, "src/a.wim");
        run(&disk, &replace("src/second.wim")).unwrap();
        let before = bytes(&disk, RESOURCES);
        let copy = CopyImage {
            image: "G/a.wim".parse().unwrap(),
            name: "copy".into(),
            file_name: "b".into(),
            description: None,
        };
        run(&disk, &Request::CopyImage(copy)).unwrap();
        assert!(bytes(&disk, RESOURCES) == before, "a copy stores no content again");
        let rename = SetImage {
            image: "G/copy".parse().unwrap(),
            name: Some("renamed".into()),
            file_name: Some("c".into()),
            ..SetImage::default()
        };
        run(&disk, &Request::SetImage(rename)).unwrap();
        let all_are = |want: Compression| {
            for path in [RESOURCES, "Images/G/a.wim", "Images/G/c.wim"] {
                let head = head(&disk, path);
                assert_eq!((head.compression, head.chunk_size), (want, usual(want)), "{path}");
            }
            ["Images/G/a.wim", "Images/G/c.wim"].into_iter().for_each(|path| all_is_there(&disk, path));
        };
        all_are(compression);
        assert_eq!(open(&disk, "Images/G/c.wim").xml().image(1).unwrap().name.as_deref(), Some("renamed"));
        assert!(disk.image().get(Path::new("Images/G/b.wim")).is_none());
        assert_eq!(open(&disk, RESOURCES).blobs().iter().count(), 7);
        run(&disk, &Request::CompactGroup(CompactGroup { group: "G".into(), force: false })).unwrap();
        assert_eq!(open(&disk, RESOURCES).blobs().iter().count(), 6);
        all_are(compression);
        let next = if compression == Compression::Lzx { Compression::None } else { Compression::Lzx };
        run(&disk, &recompress(next)).unwrap();
        all_are(next);
    }
}

#[test]
fn c11_stored_when_larger() {
    for (_, packing, _) in KINDS {
        for (_, other, _) in KINDS {
            let disk = disk(&[("src/a.wim", built("a", packing)), ("src/b.wim", built("second", other))]);
            added(&disk, "src/a.wim");
            added(&disk, "src/b.wim");
            let resources = open(&disk, RESOURCES);
            for blob in resources.blobs().iter() {
                assert!(blob.place.stored_size <= blob.size());
                if blob.size() < 40 || blob.size() == 5_000 {
                    assert_eq!((blob.place.stored_size, blob.place.flags.0 & 4), (blob.size(), 0), "{}", blob.size());
                }
            }
        }
    }
}

#[test]
fn v1_add_a_damaged_source_with_an_integrity_table() {
    for (_, packing, _) in KINDS {
        let whole = wim("a", packing).integrity(4096).build();
        for (what, at, want) in [
            ("blob", whole.resource(&content::text(100_000)).range.start + 9, "text"),
            ("metadata", whole.places.metadata[0].range.start + 5, "check block at"),
            ("table", whole.places.integrity.start + 15, "check block at"),
        ] {
            let mut source = whole.bytes.clone();
            source[at] ^= 4;
            let disk = disk(&[("src/a.wim", source)]);
            let error = refused(&disk, &Request::AddImages(add("src/a.wim")));
            let message = error.to_string();
            assert!(message.contains(want) && message.ends_with("; nothing was added"), "{what}: {message}");
            assert_eq!((error.code(), error.is_damage()), ("corrupt_source", false), "{what}");
        }
        let disk = disk(&[("src/a.wim", whole.bytes[..whole.bytes.len() / 2].to_vec())]);
        assert_eq!(refused(&disk, &Request::AddImages(add("src/a.wim"))).code(), "corrupt_source");
    }
}

#[test]
fn v1a_add_a_damaged_source_without_a_table() {
    for (_, packing, _) in KINDS {
        for (name, data) in [("own", own("second")), ("text", content::text(100_000))] {
            let source = damaged(&wim("second", packing), &data);
            let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", source)]);
            added(&disk, "src/a.wim"); // which has `text`, too
            let error = refused(&disk, &Request::AddImages(add("src/second.wim")));
            assert_eq!(error.code(), "corrupt_source", "{name}");
            assert!(error.to_string().contains(&format!("used by {name}")), "{error}");
        }
        let parts = wim("a", packing).split(3);
        let disk = disk(&[("src/a.swm", parts[0].bytes.clone()), ("src/a2.swm", parts[1].bytes.clone())]);
        assert_eq!(refused(&disk, &Request::AddImages(add("src/a.swm"))).code(), "incomplete");
    }
}

/// What is copied is held against its hash all the same, which is stricter than the row asks for.
#[test]
fn v1b_add_without_verification() {
    let unseen = AddImages { verification: Verification::Skip, ..add("src/second.wim") };
    for (_, packing, other) in KINDS {
        for source in [packing, other] {
            let source = damaged(&wim("second", source).integrity(4096), &own("second"));
            let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", source)]);
            added(&disk, "src/a.wim");
            assert_eq!(refused(&disk, &Request::AddImages(unseen.clone())).code(), "corrupt_source");
        }
        let source = damaged(&wim("second", packing), &content::text(100_000));
        let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", source)]);
        added(&disk, "src/a.wim");
        run(&disk, &Request::AddImages(unseen.clone())).unwrap(); // what the group has is not read
        all_is_there(&disk, "Images/G/second.wim");
    }
}

#[test]
fn v2_replace_by_a_damaged_source() {
    for (_, packing, _) in KINDS {
        let source = damaged(&wim("second", packing), &own("second"));
        let disk = disk(&[("src/a.wim", built("a", packing)), ("src/second.wim", source)]);
        added(&disk, "src/a.wim");
        assert_eq!(refused(&disk, &replace("src/second.wim")).code(), "corrupt_source");
        all_is_there(&disk, "Images/G/a.wim");
    }
}

/// The disk with one content of the group damaged.
fn with_damaged_group(disk: &SimDisk) -> SimDisk {
    let resources = open(disk, RESOURCES);
    let blob = resources.blobs().iter().find(|blob| blob.size() == 100_000).unwrap();
    let mut damaged = bytes(disk, RESOURCES);
    damaged[(resources.resource_offset(blob) + blob.place.stored_size / 2) as usize] ^= 1;
    SimDisk::new(disk.image().with(RESOURCES, damaged))
}

/// Lets each write in turn store something else; returns how often that was noticed.
fn lie(start: &Image, request: &Request) -> usize {
    let whole = SimDisk::new(start.clone());
    run(&whole, request).unwrap();
    let mut noticed = 0;
    for call in 0..whole.calls() {
        let disk = SimDisk::new(start.clone());
        disk.fail(Fault { call, forever: false, kind: FaultKind::Flip });
        match run(&disk, request) {
            Ok(_) => all_is_there(&disk, "out.wim"),
            Err(error) => {
                assert!(!error.is_damage(), "{error}");
                assert!(files(&disk) == files(&SimDisk::new(start.clone())), "{error}");
                noticed += 1;
            }
        }
    }
    noticed
}

#[test]
fn v3_export_is_verified_before_it_has_its_name() {
    for (_, packing, _) in KINDS {
        let good = disk(&[("src/a.wim", built("a", packing))]);
        added(&good, "src/a.wim");
        let error = refused(&with_damaged_group(&good), &export(Destination::New));
        assert_eq!((error.code(), error.is_damage()), ("corrupt_source", true), "{error}");
        assert!(lie(&good.image().with("out.wim", "old"), &export(Destination::Replace)) >= 2);
    }
}

#[test]
fn v5_append_is_verified_before_it_is_published() {
    for (_, packing, _) in KINDS {
        let out = wim("there", packing).integrity(4096).build().bytes;
        let good = disk(&[("src/a.wim", built("a", packing)), ("out.wim", out)]);
        added(&good, "src/a.wim");
        let damaged = SimDisk::new(with_damaged_group(&good).image().with("out.wim", built("there", Packing::Stored)));
        run(&damaged, &export(Destination::Append)).unwrap(); // what the destination has is not read
        assert!(lie(&good.image(), &export(Destination::Append)) >= 2);
    }
}
