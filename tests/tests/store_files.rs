//! Names in a store that do not stand for regular files, or for files of an unexpected size:
//! opening one never waits and never reads without bound, whether a mount does it or a command.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use rustix::fs::{CWD, Mode, mkfifoat};
use wimstore_tests::{LiveStore, Mount, eventually, one, wimstore};

/// After how many seconds a command counts as hanging.
const PATIENCE: &str = "300";

/// The most bytes that looking at a small store may read. Starting the program reads some, too.
const MAX_READ: u64 = 16 << 20;

/// Runs a command that is ended if it hangs.
fn patiently(program: &Path, arguments: &[&Path]) -> Output {
    Command::new("timeout").arg(PATIENCE).arg(program).args(arguments).output().unwrap()
}

/// The names in a group, by a child of ours: a hanging mount must not hang the test.
fn names_in(group: &Path) -> String {
    let listed = patiently("ls".as_ref(), &[group]);
    assert!(listed.status.success(), "{listed:?}");
    String::from_utf8(listed.stdout).unwrap()
}

/// The names in a group as `wimstore ls` has them, its complaints, and how many bytes were read for
/// that.
fn listed(store: &Path) -> (String, String, u64) {
    let count = r#"timeout "$0" "$1" ls "$2" Group; while read -r what bytes; do
        [ "$what" = rchar: ] && echo "$bytes"; done < /proc/$$/io"#;
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", count, PATIENCE]).arg(wimstore()).arg(store).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let (names, read) = out.trim_end().rsplit_once('\n').unwrap_or(("", &out));
    (names.to_owned(), String::from_utf8(output.stderr).unwrap(), read.trim().parse().unwrap())
}

fn read_by(process: u32) -> u64 {
    let counts = fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    let count = counts.lines().find_map(|line| line.strip_prefix("rchar: "));
    count.unwrap().parse().unwrap()
}

fn pipe(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

#[test]
fn a_sidecar_is_a_small_regular_file_or_ignored() {
    type Put = fn(&Path);
    let cases: &[(&str, Put, &str)] = &[
        ("a pipe", pipe, "not a regular file"),
        ("a link to a device", |path| symlink("/dev/zero", path).unwrap(), "a link"),
        ("a sparse file", |path| File::create(path).unwrap().set_len(3 << 30).unwrap(), "larger than 64 KiB"),
        ("a folder", |path| fs::create_dir(path).unwrap(), "directory"),
    ];
    for (name, put, complaint) in cases {
        let mut live = LiveStore::unmounted();
        live.add("Group", "a.wim", &one("a", "first"));
        put(&live.stored("Group/a.wim.wimstore.json"));

        let (names, complaints, read) = listed(live.store().path());
        assert_eq!(names, "a", "{name}: {complaints}");
        assert!(complaints.contains(complaint) && complaints.contains("a.wim.wimstore.json"), "{name}: {complaints}");
        assert!(read < MAX_READ, "{name}: {read} bytes were read");

        let store = live.store().path().to_owned();
        live.mount(&store, &[]);
        assert_eq!(names_in(&live.path("Group")), "a\n", "{name}");
        live.add("Group", "b.wim", &one("b", "second"));
        assert!(eventually(|| names_in(&live.path("Group")) == "a\nb\n"), "{name}");
        let read = read_by(live.mounted().process());
        assert!(read < MAX_READ, "{name}: {read} bytes were read");
        let log = live.log();
        assert_eq!(log.matches(complaint).count(), 1, "{name} is reported once: {log}");
    }
}

#[test]
fn what_is_no_file_is_left_out_and_reported() {
    let live = LiveStore::new(&[]);
    live.add("Group", "z.wim", &one("z", "last"));
    live.shows("Group", &["a", "z"]);
    // Renamed into a group that has been looked into.
    let put = |name: &str| fs::rename(live.beside(name), live.stored("Group").join(name)).unwrap();
    pipe(&live.beside("p.wim"));
    pipe(&live.beside("Res.rwm"));
    let _socket = UnixListener::bind(live.beside("s.wim")).unwrap();
    symlink("/dev/zero", live.beside("d.wim")).unwrap();
    let special = ["p.wim", "Res.rwm", "s.wim", "d.wim"];
    special.into_iter().for_each(put);
    // A regular file becomes a pipe.
    pipe(&live.beside("z.wim"));
    put("z.wim");
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);

    let (names, complaints, read) = listed(live.store().path());
    assert_eq!(names, "a\nb", "{complaints}");
    assert!(read < MAX_READ, "{read} bytes were read");
    for name in special.into_iter().chain(["z.wim"]) {
        let line = |line: &str| line.contains(&format!("Group/{name}")) && line.contains("not a regular file");
        assert!(complaints.lines().any(line), "{name}: {complaints}");
        assert!(live.log().lines().any(line), "{name}: {}", live.log());
    }
    assert_eq!(names_in(Mount::new(live.store().path(), &["-o", "ro"]).path().join("Group").as_ref()), "a\nb\n");
}

#[test]
fn sources_references_and_parts_are_regular_files() {
    let live = LiveStore::unmounted();
    let archive = live.add("Group", "a.wim", &one("a", "first"));
    pipe(&live.beside("pipe.wim"));
    fs::create_dir(live.beside("set")).unwrap();
    fs::copy(&archive, live.beside("set/x.swm")).unwrap();
    pipe(&live.beside("set/x2.swm"));
    let refused: [&[&Path]; 2] = [
        &["ls".as_ref(), &live.beside("pipe.wim")],
        &["ls".as_ref(), &archive, "--ref".as_ref(), &live.beside("pipe.wim")],
    ];
    for arguments in refused {
        let said = patiently(&wimstore(), arguments);
        let complaint = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains("pipe.wim: not a regular file"), "{arguments:?}: {complaint}");
    }
    let said = patiently(&wimstore(), &["ls".as_ref(), &live.beside("set/x.swm")]);
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert_eq!((said.status.code(), &*said.stdout), (Some(1), &b"a\n"[..]), "{complaint}");
    assert!(complaint.contains("x2.swm: not a regular file"), "{complaint}");
}
