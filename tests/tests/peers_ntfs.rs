//! NTFS volumes made with ntfs-3g and captured straight from the volume by wimlib: everything that
//! the image keeps of them is shown as ntfs-3g shows it of the volume.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use testkit::content::Random;
use testkit::mounts::set_xattr;
use testkit::ntfs::{self, Volume};
use testkit::{content, hex, wimlib};
use wimstore_tests::{Look, Mount, Tree, answer, assert_directory_links, assert_same, walk};

/// Attributes that ntfs-3g answers although it lists only streams. Extended attributes of NTFS are
/// left out: Debian's wimlib does not capture them.
const SYSTEM: [&str; 10] = [
    "system.ntfs_acl",
    "system.ntfs_attrib",
    "system.ntfs_attrib_be",
    "system.ntfs_times",
    "system.ntfs_times_be",
    "system.ntfs_crtime",
    "system.ntfs_crtime_be",
    "system.ntfs_reparse_data",
    "system.ntfs_dos_name",
    "system.ntfs_object_id",
];

/// As FILETIME. Times before are not compared: ntfs-3g loses their parts of a second.
const YEAR_1970: u64 = 116_444_736_000_000_000;

const LOOK: Look<'_> = Look { accessed: true, owner: false, xattrs: true, asked: &SYSTEM };

/// The tests' fixture with real files beside it, and times, attributes and descriptors of many
/// values.
fn volume(folder: &Path) -> Volume {
    let volume = ntfs::fixture(folder);
    let at = folder.join("making");
    let mounted = volume.mount(&at);
    let root = mounted.path();
    copy_real_files(root);
    let mut random = Random::new(7);
    for (number, entry) in fs::read_dir(root.join("real")).unwrap().enumerate() {
        let path = entry.unwrap().path();
        let times: Vec<u8> = (0..3).flat_map(|_| (YEAR_1970 + random.below(1 << 56)).to_le_bytes()).collect();
        set_xattr(&path, "system.ntfs_times", &times);
        let attributes = [0x1_u32, 0x2, 0x4, 0x20, 0x23, 0x2020, 0x100, 0x80][number % 8];
        set_xattr(&path, "system.ntfs_attrib", &attributes.to_le_bytes());
        if number % 3 == 0 {
            set_xattr(&path, "system.ntfs_acl", &descriptor(&mut random));
        }
        if number % 4 == 0 {
            set_xattr(&path, &format!("user.stream-{number}"), &content::text(number * 100 + 1));
        }
    }
    drop(mounted);
    volume
}

/// Programs and texts that every Debian has.
fn copy_real_files(root: &Path) {
    fs::create_dir(root.join("real")).unwrap();
    let licences = fs::read_dir("/usr/share/common-licenses").unwrap().map(|entry| entry.unwrap().path());
    let programs = ["/usr/bin/perl", "/usr/bin/bash", "/usr/bin/grep"].map(PathBuf::from);
    for path in licences.chain(programs).filter(|path| !path.is_symlink()) {
        fs::copy(&path, root.join("real").join(path.file_name().unwrap())).unwrap();
    }
}

/// As the fixture's, with another SID in the DACL.
fn descriptor(random: &mut Random) -> Vec<u8> {
    let mut descriptor = ntfs::DESCRIPTOR.to_vec();
    let at = descriptor.len() - 4;
    descriptor[at..].copy_from_slice(&(random.below(1 << 32) as u32).to_le_bytes());
    descriptor
}

/// The volume as ntfs-3g shows it, made what an image can tell of it.
fn as_an_image_keeps_it(mut tree: Tree) -> Tree {
    // ntfs-3g refuses to tell the root's short name, and its descriptor, which is compared with
    // what wimlib says.
    let root = tree.get_mut(Path::new("")).expect("the root");
    root.xattrs.retain(|_, value| value.is_ok());
    // ntfs-3g lists streams that are too large to be read as attributes; we list what can be read.
    let streams = tree.get_mut(Path::new("streams.txt")).expect("a file of the fixture");
    assert!(streams.xattrs.remove(OsStr::new("user.large")).is_some_and(|value| value.is_err()));
    for (path, node) in &mut tree {
        // The time of the last change of attributes is not kept: the time of the last write stands
        // for it.
        for (name, written, changed) in [("system.ntfs_times", 8..16, 24..32), ("system.ntfs_times_be", 8..16, 24..32)]
        {
            let times = node.xattrs.get_mut(OsStr::new(name)).unwrap().as_mut().unwrap();
            let written = times[written].to_vec();
            times[changed].copy_from_slice(&written);
        }
        // ntfs-3g counts the short name as a link.
        if node.xattr("system.ntfs_dos_name").is_some() {
            node.links -= 1;
        }
        // ntfs-3g has a hidden folder for the letters of drives, which users have to fill.
        if let Ok(target) = node.target.strip_prefix(".NTFS-3G/C:") {
            node.target = target.to_owned();
        }
        // ntfs-3g calls what it does not know a link that leads nowhere; we show the file's data,
        // of which there is none.
        if path == Path::new("unknown") {
            node.kind = "file";
            node.target = PathBuf::new();
            node.content = "da39a3ee5e6b4b0d3255bfef95601890afd80709".into();
        }
    }
    tree
}

#[test]
fn a_captured_volume_is_shown_as_ntfs_3g_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(folder.path());
    let mounted = volume.mount_read_only(&folder.path().join("volume"));
    let want = as_an_image_keeps_it(walk(mounted.path(), &LOOK));
    drop(mounted);
    assert_fixture_is_seen(&want);
    for compression in ["none", "xpress", "lzx"] {
        let archive = folder.path().join(format!("{compression}.wim"));
        volume.capture(&archive, &["VOLUME", &format!("--compress={compression}"), "--check"]);
        let mount = Mount::new(&archive, &["--image", "1"]);
        let mut shown = walk(mount.path(), &LOOK);
        assert_directory_links(mount.path(), &shown);
        let root = shown.get_mut(Path::new("")).expect("the root");
        let descriptor = root.xattrs.remove(OsStr::new("system.ntfs_acl")).unwrap().unwrap();
        let told = wimlib(["dir", archive.to_str().unwrap(), "1", "--path=/", "--detailed"]);
        let line = format!("Security Descriptor = {}\n", hex(&descriptor));
        assert!(told.split("Full Path").nth(1).is_some_and(|root| root.contains(&line)), "{told}");
        assert_same(compression, &shown, &want);
    }
}

/// The comparison covered all that the fixture promises: comparing nothing with nothing would
/// succeed.
fn assert_fixture_is_seen(tree: &Tree) {
    let get = |path: &str| tree.get(Path::new(path)).unwrap_or_else(|| panic!("{path} is on the volume"));
    let xattr = |path: &str, name: &str| get(path).xattr(name).unwrap_or_else(|| panic!("{path} has {name}"));
    assert_eq!(xattr("secured/inside", "system.ntfs_acl"), ntfs::DESCRIPTOR);
    assert_eq!(xattr("LongFileName.txt", "system.ntfs_dos_name"), b"LONGFI~1.TXT");
    assert_eq!(xattr("id.bin", "system.ntfs_object_id")[..16], (0x10..0x20).collect::<Vec<u8>>());
    assert_eq!(xattr("hidden.sys", "system.ntfs_attrib"), [7, 0, 0, 0]);
    assert_eq!(xattr("plain.txt", "system.ntfs_crtime"), ntfs::TIMES[0].to_le_bytes());
    assert_eq!(xattr("streams.txt", "user.größe"), content::text(9000));
    assert_eq!(xattr("dirstream", "user.note"), b"a stream of a folder");
    assert_eq!(xattr("empty", "user.only"), b"the only stream");
    assert_eq!(xattr("unknown", "system.ntfs_reparse_data")[..4], 0x8000_7FFF_u32.to_le_bytes());
    assert_eq!((get("one").links, &*get("links/two").first_name), (3, Path::new("links/three")));
    assert_eq!((get("symlink").kind, &*get("symlink").target), ("link", Path::new("links/two")));
    assert_eq!((get("junction").kind, &*get("junction").target), ("link", Path::new("links")));
    assert_eq!((get("absolute").kind, &*get("absolute").target), ("link", Path::new("secured")));
    assert!(tree.values().filter(|node| node.kind == "file").count() > 320);
}

#[test]
fn streams_of_any_size_open_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::fixture(folder.path());
    let archive = folder.path().join("volume.wim");
    volume.capture(&archive, &["VOLUME", "--compress=lzx"]);
    let theirs = volume.mount_with_colons(&folder.path().join("volume"));
    let ours = Mount::new(&archive, &["--image", "1", "-o", "streams=windows"]);
    for name in ["streams.txt:small", "streams.txt:größe", "streams.txt:large", "empty:only", "streams.txt", "empty"]
    {
        let (ours, theirs) = (ours.path().join(name), theirs.path().join(name));
        assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(), "{name}");
        let size = |path: &Path| fs::metadata(path).unwrap().size();
        assert_eq!(size(&ours), size(&theirs), "{name}");
    }
    assert_eq!(fs::read(ours.path().join("streams.txt:large")).unwrap(), content::code(200_000));
    assert_eq!(fs::read(ours.path().join("dirstream:note")).unwrap(), b"a stream of a folder");
    assert!(!ours.path().join("streams.txt:other").exists());
}

#[test]
fn listings_and_extracts_agree_with_wimlib() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(folder.path());
    let archive = folder.path().join("volume.wim");
    volume.capture(&archive, &["VOLUME", "--compress=xpress"]);
    let archive = archive.to_str().unwrap();
    assert_eq!(answer(&["ls", "-R", archive, "--image", "1"]), wimlib(["dir", archive, "1"]));

    let look = Look { accessed: true, ..Look::default() }; // wimlib extracts no streams on Unix
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    answer(&["extract", archive, "VOLUME", ours.to_str().unwrap()]);
    wimlib(["apply", archive, "1", theirs.to_str().unwrap()]);
    let (mut ours, mut theirs) = (walk(&ours, &look), walk(&theirs, &look));
    // Of a reparse point that is no link there is nothing to extract for wimlib; we write the file
    // without data.
    ours.remove(Path::new("unknown"));
    theirs.remove(Path::new("unknown"));
    assert_same("extracted and applied", &ours, &theirs);

    // Filesystems differ in how much they take: ext4 a block for all of a file.
    let streams = folder.path().join("streams");
    for name in ["VOLUME/empty", "VOLUME/dirstream"] {
        answer(&["extract", archive, name, streams.to_str().unwrap(), "--streams"]);
    }
    let tree = walk(&streams, &LOOK);
    assert_eq!(tree[Path::new("empty")].xattr("user.only"), Some(&b"the only stream"[..]));
    assert_eq!(tree[Path::new("dirstream")].xattr("user.note"), Some(&b"a stream of a folder"[..]));
}
