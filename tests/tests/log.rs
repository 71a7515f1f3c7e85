//! The log of a mount has a line for each event, whatever names it is about and however many there
//! are.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::io::Errno;
use tempfile::TempDir;
use testkit::{Image, Packing, Store, Wim, dir, file, root};
use wimstore_tests::{Mount, run};

/// A name that breaks a line, colours what follows, and turns its direction.
const HOSTILE: &str = "x\nERROR forged \u{1b}[31m\u{9b}1m\u{7f}exe.\u{202e}txt";
/// How it is written in a log, and on stderr.
const ESCAPED: &str = r"x\nERROR forged \x1b[31m\x9b1m\x7fexe.\u{202e}txt";

/// An archive whose file of this name in this folder has a flipped bit.
fn damaged(folder: &str, name: &str) -> testkit::Built {
    let data = testkit::content::text(10_000);
    let tree = root([dir(folder, [file(name, data.clone())]), file("sound", "sound")]);
    let mut built = Wim::of(Packing::Stored, [Image::new("a", tree)]).build();
    let place = built.resource(&data).range.start;
    built.flip(place + 100, 2);
    built
}

/// A store in which every name that can get into a line is hostile, and one more archive that is no
/// archive.
fn hostile_store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let group = store.group(&format!("G{HOSTILE}"));
    damaged(HOSTILE, HOSTILE).save(&group.join(format!("{HOSTILE}.wim")));
    fs::write(group.join(format!("bad {HOSTILE}.wim")), "bad").unwrap();
    fs::write(group.join(format!("{HOSTILE}.wim.wimstore.json")), "{").unwrap();
    folder
}

fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}')
}

/// The lines of a log file.
fn lines(log: &Path) -> Vec<String> {
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

fn is_io_error(path: &Path) -> bool {
    fs::read(path).unwrap_err().raw_os_error() == Some(Errno::IO.raw_os_error())
}

#[test]
fn names_do_not_break_lines_of_the_log() {
    let store = hostile_store();
    let log = store.path().join("log");
    let mount = Mount::new(store.path(), &["--log-file", log.to_str().unwrap()]);
    let image = mount.path().join(format!("G{HOSTILE}/a"));
    assert!(is_io_error(&image.join(HOSTILE).join(HOSTILE)));
    drop(mount);
    let text = fs::read_to_string(&log).unwrap();
    assert!(is_harmless(&text), "{text:?}");
    let events = ["left out", "ignored", &format!("ERROR G{ESCAPED}/a/{ESCAPED}/{ESCAPED}: ")];
    for event in events {
        let of_event: Vec<&str> = text.lines().filter(|line| line.contains(event)).collect();
        assert!(of_event.len() == 1 && of_event[0].contains(ESCAPED), "{event}: {of_event:#?} of {text}");
    }
    assert_eq!(text.lines().count(), events.len(), "{text}");
}

#[test]
fn names_do_not_break_lines_on_stderr() {
    let store = hostile_store();
    let (source, to) = (store.path().to_str().unwrap(), store.path().join("to"));
    let commands: [&[&str]; 4] = [
        &["ls", source, &format!("G{HOSTILE}")],
        &["info", source],
        &["verify", source],
        &["extract", source, to.to_str().unwrap()],
    ];
    for command in commands {
        let output = run(command.iter().chain(&["-v"]));
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(1), "{command:?}: {err}");
        // What `verify` finds is its answer.
        let answer = if command[0] == "verify" { &out } else { &err };
        assert!(is_harmless(&err) && is_harmless(answer), "{command:?}: {err:?} {answer:?}");
        let starts = ["wimstore: ", "ERROR ", " WARN ", " INFO "];
        assert!(err.lines().all(|line| starts.iter().any(|start| line.starts_with(start))), "{command:?}: {err}");
        let reported = answer.lines().filter(|line| !starts[1..].iter().any(|start| line.starts_with(start)));
        let of_bad = reported.filter(|line| line.contains(&format!("bad {ESCAPED}.wim: ")));
        assert_eq!(of_bad.count(), 1, "{command:?}: {err} {answer}");
    }
}

/// How many files of the store of [`many_damaged`] are damaged: more than are remembered.
const MANY: usize = 2500;

fn many_damaged(folder: &Path) -> PathBuf {
    let data = |number: usize| format!("content of file {number}").into_bytes();
    let files: Vec<_> = (0..MANY).map(|number| file(&format!("f{number}"), data(number))).collect();
    let mut built = Wim::of(Packing::Stored, [Image::new("a", root(files))]).build();
    for number in 0..MANY {
        let place = built.resource(&data(number)).range.start;
        built.flip(place, 1);
    }
    let store = folder.join("store");
    Store::new(&store).add("Group", "a.wim", &built);
    store
}

#[test]
fn a_reader_cannot_flood_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (store, log) = (many_damaged(folder.path()), folder.path().join("log"));
    let mount = Mount::new(&store, &["--log-file", log.to_str().unwrap()]);
    let start = Instant::now();
    for round in 0..2 {
        for number in 0..MANY {
            assert!(is_io_error(&mount.path().join(format!("Group/a/f{number}"))), "f{number} in round {round}");
        }
    }
    drop(mount);
    let minutes = start.elapsed().as_secs() as usize / 60 + 1;
    let lines = lines(&log);
    // "… not logged count=1500"
    let counts = lines.iter().filter_map(|line| line.split_once("not logged count=")?.1.parse::<usize>().ok());
    let counts: Vec<usize> = counts.collect();
    let told = lines.len() - counts.len();
    assert!((1000..=1000 * minutes).contains(&told), "{told} lines in {minutes} minutes");
    assert!(counts.len() <= minutes && told + counts.iter().sum::<usize>() >= MANY, "{told} and {counts:?}");
}

/// An archive with 600 entries that are left out.
fn with_warnings() -> Wim {
    let entries = (0..600).map(|_| file("..", "x")).chain([file("sound", "sound")]).collect::<Vec<_>>();
    let wim = Wim::of(Packing::Stored, [Image::new("a", root(entries))]);
    Wim { flags: testkit::flag::WRITE_IN_PROGRESS, ..wim }
}

#[test]
fn warnings_are_logged_on_request_only() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Store::new(&folder.path().join("store")).add("Group", "a.wim", &with_warnings().build());
    let cases: [(&[&str], usize); 3] = [(&[], 0), (&["-v"], 2), (&["-vv"], 603)];
    for (verbose, want) in cases {
        let log = folder.path().join(format!("log{}", verbose.concat()));
        let options = [&["--log-file", log.to_str().unwrap()], verbose].concat();
        let mount = Mount::new(&folder.path().join("store"), &options);
        assert_eq!(fs::read(mount.path().join("Group/a/sound")).unwrap(), b"sound");
        assert_eq!(fs::read_dir(mount.path().join("Group/a")).unwrap().count(), 1);
        drop(mount);
        let lines = lines(&log);
        let of_warnings = lines.iter().filter(|line| line.contains(archive.to_str().unwrap())).count();
        assert_eq!(of_warnings, want, "{verbose:?}: {lines:#?}");
        assert!(!verbose.is_empty() || lines.is_empty(), "{lines:#?}");
    }
}
