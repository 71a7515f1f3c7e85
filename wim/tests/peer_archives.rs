//! Archives that wimlib writes, compared with what wimlib says about them and with their sources.
#![cfg(unix)] // the programs asked are
#![expect(clippy::unwrap_used, reason = "a test")]

mod peer;

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use testkit::{capture, content, ntfs, run, wimlib};
use wim::{
    Archive, BlobHash, Compression, FileTime, Metadata, NodeId, ReadAt, Resource, Scratch, Version, read_exact_at,
    reparse,
};

/// A file as a source of bytes.
struct Source(File);

impl ReadAt for Source {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.0.read_at(&mut buf[filled..], offset + filled as u64)? {
                0 => break,
                len => filled += len,
            }
        }
        Ok(filled)
    }

    fn size(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn version(&self) -> io::Result<Version> {
        Ok(Version { size: self.size(), ..Version::default() })
    }
}

fn open(path: &Path) -> Archive {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let archive = Archive::open(Arc::new(Source(file))).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let warnings: Vec<_> = archive.warnings().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
    archive
}

fn tree(archive: &Archive, index: usize) -> Metadata {
    let tree = archive.metadata(index).unwrap();
    let warnings: Vec<_> = tree.warnings().iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "image {}: {warnings:?}", index + 1);
    tree
}

fn read(archive: &Archive, resource: &Resource) -> Vec<u8> {
    let (mut data, mut scratch) = (vec![0; resource.size() as usize], Scratch::default());
    for (chunk, dst) in (0..).zip(data.chunks_mut(resource.chunk_size() as usize)) {
        resource.read_chunk(archive.source(), chunk, &mut scratch, dst).unwrap();
    }
    data
}

/// Holds everything in an archive against wimlib's description, all data against its hashes, and
/// all check blocks.
fn compare(path: &Path) -> Archive {
    let archive = open(path);
    let name = path.display();
    assert_eq!(peer::describe_header(&archive), peer::wiminfo_header(path), "{name}");
    assert_eq!(peer::describe_blobs(&archive), peer::wiminfo_blobs(path), "{name}");
    for index in 0..archive.image_count() {
        let (ours, theirs) = (peer::describe(&archive, &tree(&archive, index)), peer::wimdir(path, index + 1));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}, image {}", index + 1);
        }
        assert_eq!(ours.len(), theirs.len(), "{name}, image {}", index + 1);
    }
    for blob in archive.blobs().iter() {
        let data = read(&archive, &archive.resource(blob).unwrap());
        assert_eq!(BlobHash::of(&data), blob.hash, "{name}");
    }
    if let Some(table) = archive.integrity().unwrap() {
        for index in 0..table.len() {
            let range = table.block_range(index);
            let mut block = vec![0; (range.end - range.start) as usize];
            read_exact_at(archive.source(), "block", range.start, &mut block).unwrap();
            assert_eq!(BlobHash::of(&block), table.hash(index), "{name}, block {index}");
        }
    }
    archive
}

/// A folder with all that a Unix folder can hold, and files of sizes around those of chunks.
fn make_source(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    let make = |name: &str, data: &[u8]| {
        let path = source.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    };
    for order in [12, 15, 16, 17] {
        for size in [(1 << order) - 1, 1 << order, (1 << order) + 1] {
            make(&format!("sizes/text-{size}"), &content::text(size));
        }
    }
    make("sizes/code", &content::code(2_500_000));
    make("sizes/random", &content::random(100_000));
    make("empty", b"");
    make("one byte", b"1");
    make("Ünïcode/文件 😀", b"unicode");
    make("case/Name", b"upper");
    make("case/name", b"lower");
    make(&format!("long/{}", "l".repeat(255)), b"long");
    make("windows/a\\b:c*d?e\"f<g>h|i", b"legal here");
    (0..300).for_each(|number| make(&format!("many/{number:03}"), format!("file {number}").as_bytes()));
    make(&format!("deep/{}/file", ["d"; 60].join("/")), b"deep");
    fs::create_dir(source.join("nothing here")).unwrap();
    fs::hard_link(source.join("one byte"), source.join("many/link")).unwrap();
    fs::hard_link(source.join("empty"), source.join("empty link")).unwrap();
    symlink("../one byte", source.join("many/relative")).unwrap();
    symlink("/outside/of it", source.join("absolute")).unwrap();
    let old = SystemTime::UNIX_EPOCH - Duration::new(300_000_000, 123_456_700);
    let times = FileTimes::new().set_accessed(old).set_modified(old);
    File::options().write(true).open(source.join("one byte")).unwrap().set_times(times).unwrap();
    source
}

/// Gives the source what only `--unix-data` keeps.
fn add_unix_data(source: &Path) {
    run(Command::new("mkfifo").arg(source.join("fifo")));
    run(Command::new("mknod").arg(source.join("device")).args(["c", "300", "70000"]));
    run(Command::new("chown").args(["1000:65534"]).arg(source.join("one byte")));
    run(Command::new("chmod").arg("6751").arg(source.join("one byte")));
    for (name, value) in [("user.one", "value"), ("user.two", ""), ("trusted.three", "root's")] {
        testkit::mounts::set_xattr(&source.join("one byte"), name, value.as_bytes());
    }
}

/// Every file of a folder by path, in the form that a tree has.
fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, fs::Metadata>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found);
        }
        found.insert(path, metadata);
    }
}

/// Holds a tree against the folder that it was captured from.
fn compare_with_source(tree: &Metadata, source: &Path) {
    let mut want = BTreeMap::new();
    walk(source, "", &mut want);
    let nodes: BTreeMap<String, NodeId> =
        (1..tree.node_count()).map(NodeId).map(|node| (String::from_utf8(tree.path(node)).unwrap(), node)).collect();
    assert!(nodes.keys().eq(want.keys()));
    let mut inodes = BTreeMap::new();
    for (path, &node) in &nodes {
        let (dentry, want) = (tree.dentry(node), &want[path]);
        assert_eq!(dentry.is_directory(), want.is_dir(), "{path}");
        assert_eq!(dentry.written(), FileTime::from_unix(want.mtime(), want.mtime_nsec() as u32), "{path}");
        assert_eq!(*inodes.entry(want.ino()).or_insert(tree.inode(node)), tree.inode(node), "{path}");
        assert_eq!(u64::from(tree.link_count(tree.inode(node))), want.nlink(), "{path}");
        if want.is_file() {
            let data = fs::read(source.join(path)).unwrap();
            let hash = Some(BlobHash::of(&data)).filter(|_| !data.is_empty());
            assert_eq!(dentry.streams().unnamed, hash, "{path}");
        }
        if let Some(unix) = dentry.unix_data() {
            assert_eq!((unix.uid, unix.gid, unix.mode), (want.uid(), want.gid(), want.mode()), "{path}");
            assert_eq!(u64::from(unix.rdev), want.rdev(), "{path}");
        }
    }
}

#[test]
fn every_compression_and_chunk_size() {
    let folder = tempfile::tempdir().unwrap();
    let source = make_source(folder.path());
    let sizes = |orders: std::ops::RangeInclusive<u32>| orders.map(|order| 1 << order);
    let lzx = sizes(15..=21).map(|size| ("LZX", Compression::Lzx, size));
    let xpress = sizes(12..=16).map(|size| ("XPRESS", Compression::Xpress, size));
    let lzms = sizes(15..=20).chain([1 << 26]).map(|size| ("LZMS", Compression::Lzms, size));
    for (option, compression, chunk_size) in lzx.chain(xpress).chain(lzms).chain([("none", Compression::None, 0)]) {
        let path = folder.path().join(format!("{option}-{chunk_size}.wim"));
        let compress = format!("--compress={option}");
        let chunk = format!("--chunk-size={chunk_size}");
        let check = if chunk_size % 0x1_0000 == 0 { "--check" } else { "--nocheck" };
        let options = [&compress, check, "--threads=1", &chunk];
        capture(&source, &path, if chunk_size == 0 { &options[..3] } else { &options });
        let archive = compare(&path);
        assert_eq!((archive.header().compression, archive.header().chunk_size), (compression, chunk_size));
        assert_eq!(archive.integrity().unwrap().is_some(), check == "--check");
        compare_with_source(&tree(&archive, 0), &source);
    }
}

#[test]
fn several_images_appended_exported_and_split() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let source = make_source(folder.path());
    capture(&source, &at("all.wim"), &["--compress=XPRESS", "--check", "first", "The First & <only>"]);
    fs::remove_dir_all(source.join("many")).unwrap();
    fs::write(source.join("new"), "new").unwrap();
    let all = at("all.wim").into_os_string().into_string().unwrap();
    wimlib([
        "append",
        source.to_str().unwrap(),
        &all,
        "second",
        "--boot",
        "--image-property",
        "DISPLAYNAME=Zweites Bild",
    ]);
    wimlib(["append", source.to_str().unwrap(), &all, "third"]);
    wimlib(["delete", &all, "3", "--soft"]);
    let archive = compare(&at("all.wim"));
    compare_with_source(&tree(&archive, 1), &source);
    let xml = archive.xml();
    assert_eq!(xml.image(1).unwrap().description.as_deref(), Some("The First & <only>"));
    assert_eq!(xml.image(2).unwrap().display_name.as_deref(), Some("Zweites Bild"));
    assert_eq!((archive.header().boot_image(2), archive.image_count()), (Some(2), 2));
    assert_counts(&archive);

    let text = String::from_utf8(run_bytes(&["info", &all, "--xml"])).unwrap_err().into_bytes();
    let units: Vec<u16> = text.as_chunks().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect();
    assert_eq!(String::from_utf16(&units).unwrap().trim_start_matches('\u{FEFF}'), xml.text());

    let exported = at("exported.wim").into_os_string().into_string().unwrap();
    wimlib(["export", &all, "2", &exported, "--compress=LZX", "--check"]);
    compare_with_source(&tree(&compare(&at("exported.wim")), 0), &source);
    delta_and_parts(&all, &source, folder.path());
}

/// Directory and file counts of the XML data are those of the trees.
fn assert_counts(archive: &Archive) {
    for index in 0..archive.image_count() {
        let (tree, xml) = (tree(archive, index), archive.xml().image(index as u32 + 1).unwrap());
        let directories =
            (0..tree.node_count()).filter(|&node| tree.dentry(NodeId(node)).is_directory()).count() as u64;
        assert_eq!(xml.dir_count, Some(directories), "image {}", index + 1);
        assert_eq!(xml.file_count, Some(u64::from(tree.node_count()) - directories), "image {}", index + 1);
    }
}

fn run_bytes(arguments: &[&str]) -> Vec<u8> {
    let program = testkit::need("wimlib-imagex", "wimtools");
    testkit::output(Command::new(program).args(arguments)).stdout
}

/// Parts of a split archive and a delta archive lack blobs, but nothing of their trees.
fn delta_and_parts(all: &str, source: &Path, folder: &Path) {
    let first = folder.join("part.swm");
    wimlib(["split", all, first.to_str().unwrap(), "1"]);
    let parts: Vec<_> = [first]
        .into_iter()
        .chain((2..).map(|n| folder.join(format!("part{n}.swm"))).take_while(|path| path.exists()))
        .collect();
    assert!(parts.len() > 1);
    let archives: Vec<_> = parts.iter().map(|part| open(part)).collect();
    let whole = open(Path::new(all));
    for (index, archive) in archives.iter().enumerate() {
        assert_eq!(peer::describe_header(archive), peer::wiminfo_header(&parts[index]));
        assert_eq!(archive.image_count(), if index == 0 { 2 } else { 0 });
        assert_eq!((archive.header().guid, archive.xml().images().len()), (archives[0].header().guid, 2));
        for blob in archive.blobs().iter() {
            assert_eq!(BlobHash::of(&read(archive, &archive.resource(blob).unwrap())), blob.hash);
        }
    }
    for blob in whole.blobs().iter() {
        assert_eq!(archives.iter().filter(|archive| archive.blobs().find(&blob.hash).is_some()).count(), 1);
    }
    let delta = folder.join("delta.wim");
    fs::write(source.join("newer"), "newer").unwrap();
    capture(source, &delta, &["--compress=none", &format!("--delta-from={all}")]);
    let delta = open(&delta);
    assert!(
        delta.blobs().find(&BlobHash::of(b"newer")).is_some() && delta.blobs().find(&BlobHash::of(b"new")).is_none()
    );
    compare_with_source(&tree(&delta, 0), source);
}

#[test]
fn unix_data_and_extended_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let source = make_source(folder.path());
    add_unix_data(&source);
    let path = folder.path().join("unix.wim");
    capture(&source, &path, &["--compress=LZX", "--unix-data"]);
    let tree = tree(&compare(&path), 0);
    compare_with_source(&tree, &source);
    let node = (0..tree.node_count()).map(NodeId).find(|&node| tree.path(node) == b"one byte").unwrap();
    let mut xattrs: Vec<_> = tree.dentry(node).linux_xattrs().map(|xattr| (xattr.name, xattr.value)).collect();
    xattrs.sort();
    assert_eq!(xattrs, [(&b"trusted.three"[..], &b"root's"[..]), (b"user.one", b"value"), (b"user.two", b"")]);
}

#[test]
fn an_ntfs_volume() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::fixture(folder.path());
    let path = folder.path().join("ntfs.wim");
    for options in [["--compress=LZX", "--check"], ["--compress=XPRESS", "--norpfix"]] {
        let _ = fs::remove_file(&path);
        volume.capture(&path, &options);
        let archive = compare(&path);
        let tree = tree(&archive, 0);
        let at =
            |path: &str| (0..tree.node_count()).map(NodeId).find(|&node| tree.path(node) == path.as_bytes()).unwrap();
        let plain = tree.dentry(at("plain.txt"));
        assert_eq!([plain.created().0, plain.written().0, plain.accessed().0], ntfs::TIMES[..3]);
        assert_eq!(tree.inode(at("one")), tree.inode(at("links/two")));
        let target = |path: &str| {
            let dentry = tree.dentry(at(path));
            let hash = dentry.streams().reparse.unwrap();
            let blob = archive.blobs().get(archive.blobs().find(&hash).unwrap());
            let data = read(&archive, &archive.resource(blob).unwrap());
            let link = reparse::parse_link(dentry.reparse().unwrap().tag, &data).unwrap();
            link.map(|link| (String::from_utf16(&link.substitute).unwrap(), link.relative))
        };
        assert_eq!(target("symlink"), Some((r"links\two".into(), true)));
        assert_eq!(target("absolute"), Some((r"\??\C:\secured".into(), false)));
        assert_eq!(target("junction"), Some((r"\??\C:\links".into(), false)));
        assert_eq!(target("unknown"), None);
    }
}
