//! `wimstore export`, `optimize` and `delete`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use testkit::{capture, need, output, tool, wimlib};
use wimstore_tests::{Said, answer, corpus, say, wimstore};

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// wimlib, 7-Zip and our own reader find nothing wrong.
fn is_sound(archive: &Path) {
    wimlib(["verify", text(archive)]);
    tool("7zip", "7zz", ["t", text(archive)]);
    let checked = answer(&["verify", text(archive)]);
    assert!(checked.contains(": nothing is bad, 0 warnings"), "{checked}");
}

/// The rules in Python find nothing wrong: the slowest decoder, but for one that knows none of ours.
fn obeys_rules(archive: &Path) {
    let mut rules = Command::new(need("python3", "python3"));
    rules.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-B", "-m", "rules"]).arg(archive);
    let said = output(&mut rules);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
}

/// What wimlib lists of an image: every entry with attributes, times, links, streams and hashes.
fn listed(archive: &Path, image: &str) -> String {
    let all = wimlib(["dir", text(archive), image, "--detailed"]);
    let differ = ["Compressed size", "Offset in WIM", "Part Number", "Reference Count", "Flags", "Solid "];
    let lines = all.lines().filter(|line| {
        let line = line.trim_start();
        !differ.iter().any(|start| line.starts_with(start)) && !line.starts_with("WIM_RESHDR_FLAG")
    });
    lines.fold(String::new(), |kept, line| kept + line + "\n")
}

/// A folder with an archive of two images, the second with other data.
fn source(options: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (files, archive) = (corpus(folder.path(), "files"), folder.path().join("source.wim"));
    capture(&files, &archive, &[&["one"], options].concat());
    fs::write(files.join("new"), testkit::content::code(300_000)).unwrap();
    wimlib(["append", text(&files), text(&archive), "two"]);
    (folder, archive)
}

#[test]
fn exports_equal_their_source() {
    for options in [&["--compress=none", "--check"][..], &["--compress=xpress"], &["--compress=lzx:20"], &["--solid"]] {
        let (folder, source) = source(options);
        for compress in ["none", "xpress:fast", "xpress", "lzx:fast", "lzx", "lzms:fast", "lzms"] {
            let new = folder.path().join("new.wim");
            let args = ["export", text(&source), "all", text(&new), "--overwrite", "--compress", compress];
            let said = answer(&args);
            assert!(said.contains("exported 2 images"), "{said}");
            is_sound(&new);
            for image in ["1", "2"] {
                assert_eq!(listed(&source, image), listed(&new, image), "{options:?} to {compress}");
            }
            let has_table =
                String::from_utf8_lossy(&fs::read(&new).unwrap()[0x7C..0x84]).into_owned() != "\0".repeat(8);
            assert_eq!(has_table, options.contains(&"--check"));
        }
    }
}

#[test]
fn what_is_written_obeys_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let (files, source) = (folder.path().join("files"), folder.path().join("source.wim"));
    fs::create_dir(&files).unwrap();
    let (code, words) = (testkit::content::code(70_000), testkit::content::text(40_000));
    for (name, data) in [("code", code), ("words", words), ("random", testkit::content::random(5000))] {
        fs::write(files.join(name), data).unwrap();
    }
    capture(&files, &source, &["one", "--compress=none", "--check"]);
    fs::write(files.join("more"), testkit::content::text(9000)).unwrap();
    wimlib(["append", text(&files), text(&source), "two"]);
    for compress in ["none", "xpress", "lzx"] {
        let new = folder.path().join("new.wim");
        answer(&["export", text(&source), "1", text(&new), "--overwrite", "--compress", compress]);
        obeys_rules(&new);
        answer(&["export", text(&source), "2", text(&new), "--append", "--boot"]);
        obeys_rules(&new);
    }
}

#[test]
fn an_appended_image_is_read_by_all() {
    let (folder, source) = source(&["--compress=lzx:20", "--check"]);
    let new = folder.path().join("new.wim");
    answer(&["export", text(&source), "one", text(&new)]);
    let before = fs::read(&new).unwrap();
    let args = ["export", text(&source), "2", text(&new), "--append", "--name", "zwei", "--boot", "--json"];
    let objects: Vec<Value> = answer(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&objects[0]["type"], &objects[0]["transcoded"]), (&"plan".into(), &0.into()), "{objects:?}");
    assert_eq!(objects[1]["file_bytes"], fs::metadata(&new).unwrap().len());
    is_sound(&new);
    assert_eq!(listed(&new, "zwei"), listed(&source, "two"));
    let after = fs::read(&new).unwrap();
    assert!(after[208..before.len()] == before[208..], "what was there stays");

    let said = say(&["export", text(&source), "2", text(&new), "--append", "--name", "zwei"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("has an image named \"zwei\""), "{said:?}");
    assert!(fs::read(&new).unwrap() == after);

    answer(&["delete", text(&new), "1"]);
    is_sound(&new);
    assert_eq!(listed(&new, "1"), listed(&source, "two"));
    let size = fs::metadata(&new).unwrap().len();
    answer(&["optimize", text(&new), "--nocheck"]);
    assert!(fs::metadata(&new).unwrap().len() < size);
    is_sound(&new);
    assert_eq!(names(folder.path()), ["files", "new.wim", "source.wim"]);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_damaged_source_leaves_nothing() {
    let (folder, source) = source(&["--compress=xpress"]);
    let mut bytes = fs::read(&source).unwrap();
    bytes[5000] ^= 4;
    fs::write(&source, bytes).unwrap();
    let new = folder.path().join("new.wim");
    let said = say(&["export", text(&source), "1", text(&new), "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    let error: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_eq!(error["code"], "corrupt_source");
    assert_eq!(names(folder.path()), ["files", "source.wim"]);
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let (folder, source) = source(&["--compress=none"]);
    let new = folder.path().join("new.wim");
    fs::write(&new, "something else").unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["export", text(&source), "1", text(&new)], "exists; --overwrite replaces it"),
        (&["export", text(&source), "1", text(&new), "--append"], "reading the destination"),
        (&["export", text(&source), "7", text(&new), "--overwrite"], "image"),
        (&["export", text(&source), "1", "/proc/new.wim"], "/proc/new.wim: creating"),
        (&["export", text(&source), "all", text(&new), "--overwrite", "--name", "x"], "--name"),
        (&["delete", text(&source), "three"], "there is no image \"three\""),
    ];
    let before = fs::read(&source).unwrap();
    for (arguments, want) in cases {
        let Said { code, err, out } = say(arguments);
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(want), "{arguments:?}: {err}");
    }
    let planned = answer(&["export", text(&source), "1", text(&new), "--overwrite", "--dry-run"]);
    assert!(planned.contains("copied as stored"), "{planned}");
    assert_eq!(fs::read(&new).unwrap(), b"something else");
    assert!(fs::read(&source).unwrap() == before);
    assert_eq!(names(folder.path()), ["files", "new.wim", "source.wim"]);
}

/// Runs `wimstore` with a fault in a system call, as `strace -e inject` has it.
fn with_fault(fault: &str, arguments: &[&str]) -> std::process::Output {
    let call = fault.split(':').next().expect("the call comes first");
    let mut command = Command::new(need("strace", "strace"));
    command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={fault}")]);
    output(command.arg(wimstore()).args(arguments))
}

#[test]
fn kills_and_full_disks_leave_the_old_archive_or_the_new_one() {
    let (folder, source) = source(&["--compress=xpress"]);
    let (base, new) = (folder.path().join("base.wim"), folder.path().join("new.wim"));
    answer(&["export", text(&source), "1", text(&base)]);
    let old = fs::read(&base).unwrap();
    let append = ["export", text(&source), "2", text(&new), "--append"];
    fs::copy(&base, &new).unwrap();
    answer(&append);
    let want = fs::read(&new).unwrap();
    for call in ["pwrite64", "fdatasync", "unlink"] {
        for number in 1.. {
            fs::write(&new, &old).unwrap();
            let killed = with_fault(&format!("{call}:signal=KILL:when={number}"), &append);
            let now = fs::read(&new).unwrap();
            assert!(now[..208] == old[..208] || now == want, "{call} {number}: neither old nor new");
            assert!(now[208..old.len()] == old[208..], "{call} {number}: what was there stays");
            if killed.status.success() {
                break;
            }
            if now != want {
                answer(&append);
                assert!(fs::read(&new).unwrap() == want, "{call} {number}: the next append starts at the old end");
            }
            let left = names(folder.path()).into_iter().filter(|name| name.starts_with('~'));
            left.for_each(|name| fs::remove_file(folder.path().join(name)).unwrap());
        }
    }
    for number in 1..=3 {
        fs::write(&new, &old).unwrap();
        let full = with_fault(&format!("pwrite64:error=ENOSPC:when={number}"), &append);
        assert_eq!(full.status.code(), Some(2));
        assert!(fs::read(&new).unwrap() == old, "as before");
        let full =
            with_fault(&format!("pwrite64:error=ENOSPC:when={number}"), &[&append[..4], &["--overwrite"]].concat());
        assert_eq!(full.status.code(), Some(2));
        assert!(fs::read(&new).unwrap() == old, "as before");
        assert_eq!(names(folder.path()), ["base.wim", "files", "new.wim", "source.wim"]);
    }
}
