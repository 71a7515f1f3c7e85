//! `wimstore capture` and `append`: folders become images that wimlib, 7-Zip and our own mount show as
//! the folder was.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{capture, need, ntfs, output, tool, wimlib};
use wimstore_tests::{Look, Mount, answer, assert_same, corpus, say, walk};

/// Metadata that an image of a plain file system keeps. Reading may change the time of the last access.
const PLAIN: Look<'_> = Look { accessed: false, owner: false, xattrs: true, asked: &[] };

/// Metadata that an image of an NTFS volume keeps; Debian's wimlib captures no extended attributes.
const NTFS: Look<'_> = Look {
    accessed: true,
    owner: false,
    xattrs: true,
    asked: &[
        "system.ntfs_acl",
        "system.ntfs_attrib",
        "system.ntfs_times",
        "system.ntfs_reparse_data",
        "system.ntfs_dos_name",
        "system.ntfs_object_id",
    ],
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// wimlib, 7-Zip, the rules in Python and our own reader find nothing wrong. Decoding chunks takes
/// Python a minute for the whole corpus.
fn is_sound(archive: &Path, left_out: &[&str]) {
    wimlib(["verify", text(archive)]);
    tool("7zip", "7zz", ["t", text(archive)]);
    let mut rules = Command::new(need("python3", "python3"));
    rules.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-B", "-m", "rules"]).arg(archive);
    for rule in left_out {
        rules.args(["--except", rule]);
    }
    let said = output(&mut rules);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let checked = answer(&["verify", text(archive)]);
    assert!(checked.contains(": nothing is bad, 0 warnings"), "{checked}");
}

/// A folder with a tree of files, links and names of many kinds.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let tree = corpus(folder.path(), "tree");
    fs::create_dir_all(tree.join("folder/empty")).unwrap();
    fs::write(tree.join("folder/two names"), "linked").unwrap();
    fs::hard_link(tree.join("folder/two names"), tree.join("größe €😀")).unwrap();
    fs::write(tree.join("a copy"), "linked").unwrap();
    fs::write(tree.join("empty file"), "").unwrap();
    symlink("folder/two names", tree.join("relative")).unwrap();
    symlink("/etc/passwd", tree.join("absolute")).unwrap();
    symlink(tree.join("folder"), tree.join("inside")).unwrap();
    (folder, tree)
}

/// wimlib's list of an image, without places and numbers of links, which are the writer's choice.
fn listed(archive: &Path) -> String {
    let all = wimlib(["dir", text(archive), "1", "--detailed"]);
    let is_kept = |line: &&str| {
        !["Offset in WIM", "Compressed size", "Flags", "Link Group ID", "Last Access"]
            .iter()
            .any(|w| line.starts_with(w))
    };
    all.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_folder_is_captured_as_wimlib_does() {
    let (folder, tree) = folder();
    for options in [
        &["--compress=none"][..],
        &["--compress=xpress", "--check"],
        &["--compress=lzx:fast"],
        &["--compress=lzms"],
        &["--unix-data"],
    ] {
        let (ours, theirs) = (folder.path().join("ours.wim"), folder.path().join("theirs.wim"));
        answer(&[&["capture", text(&tree), text(&ours), "Name", "--overwrite"], options].concat());
        let unix_data = options.iter().filter(|option| **option == "--unix-data");
        capture(
            &tree,
            &theirs,
            &unix_data.fold(vec!["Name", "--compress=none"], |all, one| [&all[..], &[one]].concat()),
        );
        is_sound(&ours, &["chunks"]);
        for (ours, theirs) in listed(&ours).lines().zip(listed(&theirs).lines()) {
            assert_eq!(ours, theirs, "{options:?}");
        }
        let [ours, theirs] = [&ours, &theirs].map(|archive| Mount::new(archive, &["--image", "1"]));
        assert_same("as wimlib's", &walk(ours.path(), &PLAIN), &walk(theirs.path(), &PLAIN));
    }
}

#[test]
fn a_volume_of_ntfs_is_captured_with_all_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::fixture(folder.path());
    let mounted = volume.mount(&folder.path().join("making"));
    xattr::remove(mounted.path().join("streams.txt"), "user.large").unwrap();
    drop(mounted);
    let theirs = folder.path().join("theirs.wim");
    volume.capture(&theirs, &["VOLUME", "--norpfix"]);
    let ours = folder.path().join("ours.wim");
    let mounted = volume.mount_read_only(&folder.path().join("volume"));
    answer(&["capture", text(mounted.path()), text(&ours), "VOLUME", "--compress", "lzx:fast", "--norpfix"]);
    drop(mounted);
    is_sound(&ours, &[]);
    let [mut ours, mut theirs] = [&ours, &theirs].map(|archive| {
        let mount = Mount::new(archive, &["--image", "1"]);
        walk(mount.path(), &NTFS)
    });
    for tree in [&mut ours, &mut theirs] {
        // ntfs-3g does not show the root's descriptor.
        let root = tree.get_mut(Path::new("")).unwrap();
        root.xattrs.remove(OsStr::new("system.ntfs_acl"));
    }
    assert!(theirs.len() > 10, "the fixture has files");
    assert_same("as wimlib captures the volume", &ours, &theirs);
}

#[test]
fn known_contents_are_not_written_again() {
    let (folder, tree) = folder();
    let archive = folder.path().join("new.wim");
    answer(&["capture", text(&tree), text(&archive), "one", "--compress", "lzx:fast", "--check"]);
    let before = fs::metadata(&archive).unwrap().len();
    fs::write(tree.join("new file"), "new content").unwrap();
    let said = answer(&["append", text(&tree), text(&archive), "two"]);
    assert!(said.contains("1 content of 11 stored in 11"), "{said}");
    assert!(
        fs::metadata(&archive).unwrap().len() < before + before / 2 + 100_000,
        "only metadata and tables were added"
    );
    is_sound(&archive, &["chunks"]);
    let mount = Mount::new(&archive, &["--image", "two"]);
    assert_eq!(fs::read(mount.path().join("new file")).unwrap(), b"new content");
    drop(mount);

    let bytes = fs::read(&archive).unwrap();
    let said = say(&["append", text(&tree), text(&archive), "two"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("has an image named \"two\"; give another name"), "{said:?}");
    assert!(fs::read(&archive).unwrap() == bytes, "the archive is as before");
}

#[test]
fn exclusions_and_the_archive_itself_are_left_out() {
    let (folder, tree) = folder();
    fs::write(tree.join("pagefile.sys"), "swapped").unwrap();
    fs::write(tree.join("folder/pagefile.sys"), "not at the root").unwrap();
    fs::write(tree.join("folder/x.bak"), "old").unwrap();
    let archive = tree.join("self.wim");
    let names = |options: &[&str]| {
        answer(&[&["capture", text(&tree), text(&archive), "one", "--overwrite"], options].concat());
        wimlib(["dir", text(&archive), "1"])
    };
    let all = names(&[]);
    assert!(!all.contains("\n/pagefile.sys\n") && !all.contains("self.wim"), "{all}");
    assert!(all.contains("/folder/pagefile.sys\n") && all.contains("/folder/x.bak\n"), "{all}");
    let list = folder.path().join("list.ini");
    fs::write(&list, "[ExclusionList]\n*.bak\n\\folder\\empty\n").unwrap();
    let some = names(&["--config", text(&list)]);
    assert!(some.contains("\n/pagefile.sys\n") && !some.contains("x.bak") && !some.contains("/folder/empty"), "{some}");
}

#[test]
fn what_cannot_be_captured_is_refused_before_anything_is_written() {
    let (folder, tree) = folder();
    let archive = folder.path().join("new.wim");
    let refused = |arguments: &[&str], reason: &str| {
        let said = say(arguments);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(reason), "{reason}: {said:?}");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains(".tmp")), "{left:?}");
    };
    refused(&["capture", "/nowhere", text(&archive)], "/nowhere");
    refused(&["capture", text(&tree.join("a copy")), text(&archive)], "is not a folder");
    refused(&["capture", text(&tree), text(&archive), ""], "an image's name is not empty");
    refused(&["append", text(&tree), text(&archive)], "new.wim");
    fs::write(&archive, "there").unwrap();
    refused(&["capture", text(&tree), text(&archive)], "exists; --overwrite replaces it");
    fs::remove_file(&archive).unwrap();
    let name = tree.join(OsStr::from_bytes(b"bad \xFF name"));
    fs::write(&name, "x").unwrap();
    refused(&["capture", text(&tree), text(&archive)], "its name is not UTF-8");
    assert!(!archive.exists());
}

#[test]
fn special_files_need_unix_data() {
    let (folder, tree) = folder();
    let archive = folder.path().join("new.wim");
    let pipe = tree.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let said = say(&["capture", text(&tree), text(&archive), "one"]);
    assert!(said.code == 0 && said.err.contains("pipe: left out: a pipe, socket or device"), "{said:?}");
    assert!(!wimlib(["dir", text(&archive), "1"]).contains("/pipe\n"));
    let said = say(&["capture", text(&tree), text(&archive), "one", "--overwrite", "--unix-data"]);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    let listed = wimlib(["dir", text(&archive), "1", "--detailed", "--path=/pipe"]);
    assert!(listed.contains("mode:010644"), "{listed}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let (folder, tree) = folder();
    let archive = folder.path().join("new.wim");
    let said = answer(&["capture", text(&tree), text(&archive), "one", "--dry-run"]);
    assert!(said.contains("new contents of") && !archive.exists(), "{said}");
}
