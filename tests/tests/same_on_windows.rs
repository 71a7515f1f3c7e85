//! `wimstore.exe` says, and extracts, what `wimstore` does on Linux, byte for byte; but paths of
//! files have `\` in them.
//!
//! Under Wine, which lacks links. These tests need the program for Windows: `scripts/test
//! --windows` builds it and runs them.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testkit::faults;
use wimstore_tests::{Look, Node, Source, Tree, WindowsProgram, assert_same, walk, wimstore};

/// Commands that look at a source without changing anything.
const QUESTIONS: [&[&str]; 7] = [
    &["ls", "-R", "-l"],
    &["ls", "-R", "--json"],
    &["info"],
    &["info", "--json"],
    &["verify"],
    &["verify", "--json"],
    &["ls", "--ignore-case", "-l"],
];

/// The outcome of a run, with the separators of Unix: exit code, stdout, stderr.
fn said(command: &mut Command) -> (Option<i32>, Vec<u8>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), slashed(&stdout), String::from_utf8(slashed(&stderr)).unwrap())
}

/// With `/` for `\`, which JSON doubles. Names with one become others on both sides.
fn slashed(bytes: &[u8]) -> Vec<u8> {
    let mut slashed = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte == b'\\' {
            rest.next_if_eq(&b'\\');
        }
        slashed.push(if byte == b'\\' { b'/' } else { byte });
    }
    slashed
}

/// Fails unless both programs answer alike in `folder`; returns the exit code.
fn assert_alike(windows: &WindowsProgram, folder: &Path, arguments: &[&str]) -> Option<i32> {
    let (code, out, err) = said(Command::new(wimstore()).args(arguments).current_dir(folder));
    let (windows_code, windows_out, windows_err) = said(windows.command().args(arguments).current_dir(folder));
    assert_eq!((windows_code, windows_err), (code, err), "{arguments:?}");
    let line = out.split(|&b| b == b'\n').zip(windows_out.split(|&b| b == b'\n')).find(|(a, b)| a != b);
    let line = line.map(|(a, b)| [a, b].map(String::from_utf8_lossy));
    assert!(out == windows_out, "{arguments:?}: {} and {} bytes, {line:?}", out.len(), windows_out.len());
    code
}

#[test]
fn every_fault_is_told_alike() {
    let windows = WindowsProgram::new();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("faults")).unwrap();
    let mut codes = Vec::new();
    for fault in faults::all() {
        let path = format!("faults/{}.wim", fault.name);
        (fault.build)().save(&folder.path().join(&path));
        codes.push(assert_alike(&windows, folder.path(), &["verify", "--json", &path]));
    }
    for question in QUESTIONS {
        assert_alike(&windows, folder.path(), &[question, &["faults"]].concat());
    }
    let images = Command::new(wimstore()).args(["ls", "faults"]).current_dir(folder.path()).output().unwrap();
    let images = String::from_utf8(images.stdout).unwrap();
    let paths: Vec<String> =
        images.lines().flat_map(|image| ["victim", "d/victim"].map(|file| format!("{image}/{file}"))).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    codes.push(assert_alike(&windows, folder.path(), &[&["cat", "faults"], &paths[..]].concat()));
    for code in [0, 1, 2] {
        assert!(codes.contains(&Some(code)), "none of {} runs ended with {code}", codes.len());
    }
}

#[test]
fn archives_of_our_peers_are_read_alike() {
    let windows = WindowsProgram::new();
    let source = Source::new();
    let folder = source.path("");
    let paths: Vec<&str> = source.tree.iter().filter(|(_, node)| node.kind == "file").map(|(p, _)| text(p)).collect();
    for (name, options) in [
        ("none.wim", &["--compress=none"][..]),
        ("xpress.wim", &["--compress=xpress", "--check"]),
        ("lzx.wim", &["--compress=lzx"]),
        ("lzms.wim", &["--compress=lzms"]),
        ("solid.esd", &["--solid", "--check"]),
        ("piped.wim", &["--pipable"]),
    ] {
        source.capture(name, options);
        for question in QUESTIONS {
            assert_eq!(assert_alike(&windows, &folder, &[question, &[name]].concat()), Some(0));
        }
        let all = [&["cat", name, "--image=1"], &paths[..]].concat();
        assert_eq!(assert_alike(&windows, &folder, &all), Some(0));
        extracted_alike(&windows, &source, name);
    }
}

/// Extracts the archive by both programs, and fails unless they make the same, but for what Wine or
/// Windows cannot have.
fn extracted_alike(windows: &WindowsProgram, source: &Source, archive: &str) {
    let folder = source.path("");
    let arguments = |to| ["extract", archive, "--image=1", to];
    let (code, _, err) = said(Command::new(wimstore()).args(arguments("linux")).current_dir(&folder));
    assert_eq!((code, &*err), (Some(0), ""));
    let (code, _, err) = said(windows.command().args(arguments("windows")).current_dir(&folder));
    assert_eq!(code, Some(2), "{err}");

    let look = |name| walk(&folder.join(name), &Look::default());
    let mut want: Tree = look("linux").into_iter().map(|(path, node)| (windows_name(&path), node)).collect();
    want.values_mut().for_each(|node| node.first_name = windows_name(&node.first_name));
    for line in err.lines() {
        let line = line.strip_prefix("wimstore: windows/").unwrap_or_else(|| panic!("{line}"));
        let (path, reason) = line.split_once(": ").unwrap();
        let missing: Node = want.remove(Path::new(path)).unwrap_or_else(|| panic!("{line}"));
        match missing.kind {
            "link" => assert!(reason.starts_with("reparse point: "), "{line}"),
            _ => assert!(reason.starts_with("is left out: to the system it has the same name as "), "{line}"),
        }
    }
    assert_eq!(want.values().filter(|node| node.kind == "link").count(), 0, "each was told");
    assert!(want.len() > 200, "{}", want.len());
    assert_same(archive, &look("windows"), &want);
    for name in ["linux", "windows"] {
        fs::remove_dir_all(folder.join(name)).unwrap();
    }
}

/// A path as Windows has it, where Linux looks at it.
fn windows_name(path: &Path) -> PathBuf {
    let stand_in = |c: char| if r#""*:<>?|\"#.contains(c) { char::from_u32(0xF000 + u32::from(c)).unwrap() } else { c };
    text(path).chars().map(stand_in).collect::<String>().into()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of these tests are UTF-8")
}
