//! Folders captured by wimlib: what is mounted, listed and extracted equals the source.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use testkit::{Packing, mounts, wimlib};
use wimstore_tests::{Look, Mount, Source, Tree, answer, answer_bytes, assert_same, walk};

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of these tests are UTF-8")
}

/// Mounts and extracts the source as packed, without and with an integrity table.
fn packings_show_the_source(packings: impl Iterator<Item = Packing>) {
    let source = Source::new();
    for packing in packings {
        let chunk_size = format!("--chunk-size={}", packing.chunk_size());
        let archive = match packing {
            Packing::Stored => source.capture("a.wim", &["--compress=none"]),
            Packing::Xpress(_) => source.capture("a.wim", &["--compress=xpress", &chunk_size]),
            Packing::Lzx(_) => source.capture("a.wim", &["--compress=lzx:20", &chunk_size]),
            Packing::Lzms(_) => source.capture("a.wim", &["--compress=lzms:20", &chunk_size]),
        };
        let info = wimlib(["info", text(&archive)]);
        assert!(info.contains(&format!("Chunk Size:     {} bytes\n", packing.chunk_size())), "{packing:?}: {info}");
        for check in [false, true] {
            if check {
                wimlib(["optimize", text(&archive), "--check"]);
            }
            let mount = Mount::new(&archive, &["--image", "1"]);
            source.assert_mounted(&format!("{packing:?}, check {check}"), mount.path());
        }
        let extracted = source.path("extracted");
        answer(&["extract", text(&archive), "NAME", text(&extracted)]);
        assert_same(&format!("{packing:?}, extracted"), &walk(&extracted, &Source::LOOK), &source.tree);
        fs::remove_dir_all(extracted).unwrap();
    }
}

#[test]
fn stored_and_xpress_of_every_chunk_size() {
    let xpress = (12..=16).map(|order| Packing::Xpress(1 << order));
    packings_show_the_source([Packing::Stored].into_iter().chain(xpress));
}

#[test]
fn lzx_of_every_chunk_size() {
    packings_show_the_source((15..=21).map(|order| Packing::Lzx(1 << order)));
}

#[test]
fn lzms_of_many_chunk_sizes() {
    packings_show_the_source([15, 17, 20, 26].into_iter().map(|order| Packing::Lzms(1 << order)));
}

#[test]
fn listings_contents_and_extracts_agree_with_wimlib() {
    let source = Source::new();
    for compression in ["--compress=xpress", "--compress=lzx", "--compress=lzms"] {
        let archive = source.capture("a.wim", &[compression]);
        let archive = text(&archive);
        assert_eq!(answer(&["ls", "-R", archive, "--image", "1"]), wimlib(["dir", archive, "1"]));
        let files: Vec<&Path> = source.tree.iter().filter(|(_, n)| n.kind == "file").map(|(path, _)| &**path).collect();
        let some = files.iter().step_by(files.len() / 20).copied();
        for file in some.chain(["bin/perl", "noise", "zeros"].map(Path::new)) {
            let ours = answer_bytes(&["cat", archive, text(&Path::new("NAME").join(file))]);
            let arguments = ["extract", archive, "1", text(file), "--to-stdout", "--no-globs"];
            let theirs = testkit::output(Command::new("wimlib-imagex").args(arguments));
            assert!(theirs.status.success() && ours == theirs.stdout, "{compression}: {}", file.display());
            assert!(ours == fs::read(source.root.join(file)).unwrap(), "{compression}: {}", file.display());
        }
        let (ours, theirs) = (source.path("ours"), source.path("theirs"));
        answer(&["extract", archive, text(&ours), "--image", "NAME"]);
        wimlib(["apply", archive, "1", text(&theirs)]);
        assert_same("extracted and applied", &walk(&ours, &Source::LOOK), &walk(&theirs, &Source::LOOK));
        for folder in [ours, theirs] {
            fs::remove_dir_all(folder).unwrap();
        }
    }
}

#[test]
fn the_mount_agrees_with_wimlibs() {
    let source = Source::new();
    let archive = source.capture("a.wim", &["--compress=lzx"]);
    let ours = Mount::new(&archive, &["--image", "1"]);
    let theirs = mounts::wimlib_mount(&archive, 1, &source.path("theirs"), &[]);
    assert_same("both mounts", &walk(ours.path(), &Source::LOOK), &walk(theirs.path(), &Source::LOOK));
}

/// Fails unless the archive shows just these images of `trees`, as they were.
fn assert_images(archive: &Path, trees: &[(&str, Tree)], images: &[usize]) {
    let mount = Mount::new(archive, &[] as &[&str]);
    let entries = fs::read_dir(mount.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let (mut names, mut wanted): (Vec<String>, Vec<&str>) =
        (entries.collect(), images.iter().map(|&index| trees[index].0).collect());
    names.sort();
    wanted.sort_unstable();
    assert_eq!(names, wanted, "{}", archive.display());
    for &index in images {
        let (name, tree) = &trees[index];
        let mut shown = walk(&mount.path().join(name), &Source::LOOK);
        // An image's directory in its group has the times of the XML data.
        let (shown_root, root) = (shown.get_mut(Path::new("")).expect("the image's directory"), &tree[Path::new("")]);
        (shown_root.modified, shown_root.accessed) = (root.modified, root.accessed);
        assert_same(&format!("{name} of {}", archive.display()), &shown, tree);
    }
}

#[test]
fn images_appended_exported_and_deleted_keep_their_trees() {
    let mut source = Source::new();
    let archive = source.capture("a.wim", &["--compress=xpress", "--check"]);
    let first = source.tree.clone();
    source.change(|root| {
        fs::remove_dir_all(root.join("text")).unwrap();
        fs::write(root.join("noise"), "other data").unwrap();
        fs::write(root.join("new"), testkit::content::text(100_000)).unwrap();
    });
    wimlib(["append", text(&source.root), text(&archive), "SECOND"]);
    let second = source.tree.clone();
    source.change(|root| fs::write(root.join("third"), "3").unwrap());
    wimlib(["append", text(&source.root), text(&archive), "THIRD", "--update-of=2"]);
    let trees = [("NAME", first), ("SECOND", second), ("THIRD", source.tree.clone())];
    assert_images(&archive, &trees, &[0, 1, 2]);

    let recompressed = source.path("lzx.wim");
    wimlib(["export", text(&archive), "all", text(&recompressed), "--compress=lzx", "--check"]);
    assert_images(&recompressed, &trees, &[0, 1, 2]);

    let copied_raw = source.path("raw.wim");
    wimlib(["export", text(&archive), "SECOND", text(&copied_raw)]);
    wimlib(["export", text(&archive), "1", text(&copied_raw)]);
    assert_images(&copied_raw, &trees, &[1, 0]);

    wimlib(["delete", text(&archive), "2", "--soft"]);
    assert_images(&archive, &trees, &[0, 2]);
}

#[test]
fn split_parts_and_deltas_are_whole_together() {
    let mut source = Source::new();
    let whole = source.capture("whole.wim", &["--compress=lzx", "--check"]);
    let first_part = source.path("part.swm");
    wimlib(["split", text(&whole), text(&first_part), "1", "--check"]);
    assert!(source.path("part3.swm").exists(), "the archive was split");
    source.assert_mounted("split", Mount::new(&first_part, &["--image", "1"]).path());

    source.change(|root| fs::write(root.join("delta"), testkit::content::code(50_000)).unwrap());
    let base = format!("--delta-from={}", text(&whole));
    let delta = source.capture("delta.wim", &["--compress=xpress", &base]);
    assert!(fs::metadata(&delta).unwrap().len() < 500_000, "the delta lacks what the whole archive has");
    let mount = Mount::new(&delta, &["--image", "NAME", "--ref", text(&whole)]);
    source.assert_mounted("delta", mount.path());
}

#[test]
fn an_image_for_wimboot_is_an_ordinary_one() {
    let source = Source::new();
    let archive = source.capture("a.wim", &["--wimboot"]);
    assert!(wimlib(["info", text(&archive)]).contains("Chunk Size:     4096 bytes\n"));
    source.assert_mounted("WIMBoot", Mount::new(&archive, &["--image", "1"]).path());
    assert!(answer(&["info", text(&archive)]).contains("WIMBoot         yes\n"));
}

/// What Unix has beside content: modes, owners, special files and extended attributes, as far as
/// this user can make them.
fn make_unix(root: &Path) {
    let modes = [("one", 0o4751), ("empty", 0o000), ("noise", 0o666), ("empty folder", 0o1777), ("links", 0o700)];
    for (name, mode) in modes {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    xattr::set(root.join("one"), "user.note", b"value").unwrap();
    xattr::set(root.join("one"), "user.empty", b"").unwrap();
    xattr::set(root.join("links"), "user.on a folder", &[0, 1, 2, 255]).unwrap();
    make_node(root, "pipe", &["p"]);
    drop(UnixListener::bind(root.join("socket")).unwrap());
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::lchown(root.join("one"), Some(1234), Some(70_000)).unwrap();
        fs::set_permissions(root.join("one"), fs::Permissions::from_mode(0o4751)).unwrap(); // chown took a bit
        std::os::unix::fs::lchown(root.join("links/plain"), Some(5), Some(6)).unwrap();
        xattr::set(root.join("one"), "trusted.note", b"for root").unwrap();
        make_node(root, "null", &["c", "1", "3"]);
        make_node(root, "disk", &["b", "259", "70000"]);
    }
    let time = UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    fs::File::open(root).unwrap().set_modified(time).unwrap();
}

fn make_node(root: &Path, name: &str, arguments: &[&str]) {
    testkit::run(Command::new("mknod").arg(root.join(name)).args(arguments));
}

#[test]
fn unix_data_is_shown_when_asked_for() {
    let source = Source::new();
    make_unix(&source.root);
    if !rustix::process::geteuid().is_root() {
        println!("skipped: owners, device nodes and trusted attributes, which only root can make");
    }
    let look = Look { owner: true, ..Source::LOOK };
    let want = walk(&source.root, &look);
    assert_eq!(want[Path::new("one")].owner.0, 0o104_751);
    assert_eq!(want[Path::new("pipe")].kind, "pipe");
    let archive = source.capture("a.wim", &["--unix-data", "--compress=lzx"]);

    let mount = Mount::new(&archive, &["--image", "1", "-o", "unix_data"]);
    assert_same("with unix_data", &walk(mount.path(), &look), &want);

    let extracted = source.path("extracted");
    answer(&["extract", text(&archive), text(&extracted), "--image", "1", "--unix-data"]);
    assert_same("extracted with --unix-data", &walk(&extracted, &look), &want);

    // Without it special files are empty ones, and only attributes that say nothing about security
    // are there.
    let mount = Mount::new(&archive, &["--image", "1"]);
    let shown = walk(mount.path(), &look);
    for name in ["pipe", "socket"] {
        assert_eq!((shown[Path::new(name)].kind, shown[Path::new(name)].size), ("file", 0), "{name}");
    }
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for (path, node) in &shown {
        let mode = match node.kind {
            "directory" => 0o040_555,
            "link" => 0o120_777,
            _ => 0o100_444,
        };
        assert_eq!(node.owner, (mode, uid, gid, 0), "{}", path.display());
    }
    let names: Vec<_> = shown[Path::new("one")].xattrs.keys().collect();
    assert_eq!(names, ["user.empty", "user.note"]);
}
