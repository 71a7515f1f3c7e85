//! `wimstore.exe extract`: what Windows keeps of a file. Wine keeps no time of creation and, in version 8, no reparse
//! points; a stream is a file with a colon in its name.
#![cfg(windows)]

use std::fs;
use std::os::windows::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};

use testkit::{Dentry, Image, Packing, Wim, content, dir, file, flag, reparse, root, units};

/// Extracts an image that holds `tree` to `to` in `folder`.
fn extract(folder: &Path, tree: Dentry, options: &[&str]) -> Output {
    Wim::of(Packing::Xpress(32768), [Image::new("One", tree)]).build().save(&folder.join("a.wim"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimstore"));
    command.args(["extract", "a.wim", "--image", "1", "to"]).args(options).current_dir(folder);
    command.output().expect("wimstore starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).replace('\\', "/")
}

fn assert_done(output: &Output) {
    assert_eq!((output.status.code(), &*said(output)), (Some(0), ""));
}

fn attributes(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).file_attributes()
}

#[test]
fn attributes_times_and_hard_links_are_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let time = 132_500_000_000_000_001;
    let tree = root([
        dir("d", [file("f", "x").times(time, time + 1, time + 2).attributes(0x27)])
            .times(time, time + 3, time + 4)
            .attributes(0x12),
        file("first", "same").link(5).attributes(0x21),
        file("second", "same").link(5).attributes(0x21),
        file("plain", content::text(100_000)).attributes(0x80),
        file("empty", ""),
    ]);
    assert_done(&extract(folder.path(), tree, &[]));
    let at = |name: &str| folder.path().join("to").join(name);
    assert_eq!(attributes(&at("d/f")), 0x27);
    assert_eq!(attributes(&at("d")), 0x12);
    assert_eq!(attributes(&at("second")), 0x21);
    let times = |name: &str| {
        let found = fs::metadata(at(name)).expect(name);
        (found.last_access_time(), found.last_write_time())
    };
    assert_eq!((times("d/f"), times("d")), ((time + 1, time + 2), (time + 3, time + 4)));
    assert!(fs::read(at("plain")).expect("plain") == content::text(100_000));
    assert_eq!(fs::read(at("empty")).expect("empty"), b"");
    // One file: what is done to it by one name is seen by the other.
    let writable = |name: &str, yes: bool| {
        let mut permissions = fs::metadata(at(name)).expect(name).permissions();
        permissions.set_readonly(!yes);
        fs::set_permissions(at(name), permissions).expect(name);
    };
    writable("second", true);
    fs::write(at("second"), "changed").expect("second");
    assert_eq!(fs::read(at("first")).expect("first"), b"changed");
}

#[test]
fn named_streams_are_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let big = content::random(70_000);
    let tree = root([file("f", "data").stream("big", &big).stream("note", "n").attributes(flag::READONLY)]);
    assert_done(&extract(folder.path(), tree, &[]));
    let at = |name: &str| format!(r"{}\to\{name}", folder.path().display()); // to `join` this colon is a drive's
    assert_eq!(fs::read(at("f")).expect("f"), b"data");
    // Wine does not rename a file's streams with it: they keep its temporary name.
    let names = || fs::read_dir(at("")).expect("to").map(|entry| entry.expect("an entry").file_name());
    let stream = |name: &str| {
        let renamed = names().find(|found| found.to_string_lossy().ends_with(&format!(":{name}")));
        fs::read(at(&format!("f:{name}"))).or_else(|error| match &renamed {
            Some(found) => fs::read(at(&found.to_string_lossy())),
            None => Err(error),
        })
    };
    assert!(stream("big").expect("big") == big);
    assert_eq!(stream("note").expect("note"), b"n");
}

#[test]
fn names_are_what_windows_can_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = (0..8).fold(dir("deepest", [file("f", "down")]), |inner, _| dir(&"d".repeat(60), [inner]));
    let tree = root([
        file("", "1").raw_name(&units(&"a:b".encode_utf16().collect::<Vec<_>>())),
        file("CON", "2"),
        file("dot.", "3"),
        file("Twin", "4"),
        file("tWIN", "5"),
        deep,
    ]);
    let output = extract(folder.path(), tree, &["--overwrite"]);
    let lines = said(&output);
    assert_eq!(output.status.code(), Some(2), "{lines}");
    assert_eq!(lines, "wimstore: to/tWIN: is left out: to the system it has the same name as Twin\n");
    let to = folder.path().join("to").canonicalize().expect("to"); // so that names are not taken for devices
    let read = |name: &str| fs::read(to.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(["a\u{f03a}b", "CON", "dot.", "Twin"].map(read), [b"1", b"2", b"3", b"4"]);
    let deep = format!(r"{}deepest\f", format!(r"{}\", "d".repeat(60)).repeat(8));
    assert_eq!(read(&deep), b"down", "a path longer than 260");
}

#[test]
fn what_is_there_stays_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = || root([file("a", "new"), file("b", "new").link(3), file("c", "new").link(3), file("d", "new")]);
    let to = folder.path().join("to");
    fs::create_dir_all(to.join("d/mine")).expect("a folder");
    for name in ["a", "c"] {
        fs::write(to.join(name), "old").expect(name);
        let mut permissions = fs::metadata(to.join(name)).expect(name).permissions();
        permissions.set_readonly(true);
        fs::set_permissions(to.join(name), permissions).expect(name);
    }
    let output = extract(folder.path(), tree(), &[]);
    for name in ["a", "c", "d"] {
        let line = format!("wimstore: to/{name}: is there already; --overwrite replaces files\n");
        assert!(said(&output).contains(&line), "{name}: {}", said(&output));
    }
    let read = |name: &str| fs::read_to_string(to.join(name)).expect(name);
    assert_eq!(["a", "b", "c"].map(read), ["old", "new", "old"]);

    fs::remove_file(to.join("b")).expect("b");
    let output = extract(folder.path(), tree(), &["--overwrite"]);
    assert_eq!(output.status.code(), Some(2), "a folder is never replaced: {}", said(&output));
    assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
    assert_eq!(["a", "b", "c"].map(read), ["new"; 3]);
    assert!(to.join("d/mine").is_dir());
}

#[test]
fn links_are_made_or_it_is_said_that_they_cannot_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = root([
        dir("real", [file("f", "x")]),
        dir("link", []).reparse(reparse::SYMLINK, reparse::symlink("real", "real", true)),
        file("after", "x"),
    ]);
    let output = extract(folder.path(), tree, &[]);
    let to = folder.path().join("to");
    assert_eq!(fs::read(to.join("after")).expect("after"), b"x");
    if output.status.success() {
        assert_eq!(fs::read_link(to.join("link")).expect("link"), Path::new("real"));
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).starts_with("wimstore: to/link: reparse point: "), "{}", said(&output));
    assert_eq!(said(&output).lines().count(), 1, "{}", said(&output));
    assert!(!to.join("link").exists(), "nothing half made is left");
}

#[test]
fn descriptors_are_restored_for_those_who_ask() {
    // D:(A;;FR;;;WD), of Administrators: everybody may read, nobody write.
    let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
    let everybody_reads = [2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0x89, 0, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let head = [1, 0, 4, 0x90, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0];
    let descriptor = [&head[..], &administrators, &administrators, &everybody_reads].concat();
    let rights = |options: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let tree = root([file("f", "x").security(0), dir("d", [file("g", "x")]).security(0)]);
        let image = Image::new("One", tree).descriptor(&descriptor);
        Wim::of(Packing::Stored, [image]).build().save(&folder.path().join("a.wim"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_wimstore"));
        command.args(["extract", "a.wim", "--image", "1", "to"]).args(options).current_dir(folder.path());
        let output = command.output().expect("wimstore starts");
        let done = output.status.success() || said(&output).starts_with("wimstore: --security: ");
        assert!(done, "{}", said(&output));
        assert_eq!(fs::read(folder.path().join("to/d/g")).expect("g"), b"x");
        // How often somebody has all rights.
        ["f", "d"].map(|name| {
            let found = windows_files::security_descriptor(&folder.path().join("to").join(name)).expect(name);
            found.windows(4).filter(|mask| *mask == [0xff, 1, 0x1f, 0]).count()
        })
    };
    let (plain, restored) = (rights(&[]), rights(&["--security"]));
    assert!(restored[0] < plain[0] && restored[1] < plain[1], "{plain:?} {restored:?}");
}

#[test]
fn a_damaged_file_is_left_out_and_the_rest_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = root([file("bad", "bad bytes").attributes(flag::READONLY), file("good", "good")]);
    let mut built = Wim::new(Packing::Stored, tree).build();
    let place = built.resource(b"bad bytes").range.clone();
    built.bytes[place.start] ^= 1;
    built.save(&folder.path().join("a.wim"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimstore"));
    let output = command.args(["extract", "a.wim", "--image", "1", "to"]).current_dir(folder.path()).output();
    let output = output.expect("wimstore starts");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).starts_with("wimstore: bad: "), "{}", said(&output));
    assert_eq!(fs::read_dir(folder.path().join("to")).expect("to").count(), 1);
}

#[test]
fn options_of_unix_are_refused_with_a_reason() {
    for (option, reason) in [
        ("--unix-data", "--unix-data: owners, modes and special files of Unix cannot be restored on Windows"),
        ("--streams", "--streams: on Windows named streams are always restored"),
        ("--links=away", "'away' for '--links <inside|stored>': it is neither inside nor stored"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let output = extract(folder.path(), root([file("f", "x")]), &[option]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(said(&output).contains(reason), "{option}: {}", said(&output));
        assert!(!folder.path().join("to").exists(), "{option}");
    }
}
