//! Readers of a mount while its store changes get right bytes, or `EIO` for bytes that no archive
//! has.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, openat};
use testkit::content::{self, Random};
use testkit::{Built, Image, Packing, Wim, dir, file, root};
use wimstore_tests::{LiveStore, PATIENCE, eventually, one, read_anew};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// Text of which each version differs from the others from its first byte on.
fn version(number: u8) -> Vec<u8> {
    let mut text = content::text(700_000 + usize::from(number) * 1000);
    text[0] = number;
    text.iter_mut().skip(1).step_by(97).for_each(|byte| *byte ^= number);
    text
}

fn archive(number: u8, integrity: Option<usize>) -> Built {
    let tree = root([file("big", version(number)), dir("docs", [file("hello", "hello")])]);
    Wim { integrity, ..Wim::of(Packing::Lzx(32768), [Image::new("v", tree)]) }.build()
}

/// Files that the process has open and that have no name any more.
fn nameless(process: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let target = |entry: io::Result<fs::DirEntry>| fs::read_link(entry.ok()?.path()).ok();
    open.filter_map(target).filter(|target| target.to_string_lossy().ends_with(" (deleted)")).count()
}

#[test]
fn who_has_files_open_goes_on() {
    type Change = fn(&LiveStore);
    let changes: &[(&str, Change)] = &[
        ("removed", |live| fs::remove_file(live.stored("Group/v.wim")).unwrap()),
        ("replaced", |live| drop(live.add("Group", "v.wim", &archive(2, None)))),
        ("renamed", |live| fs::rename(live.stored("Group/v.wim"), live.stored("Group/w.wim")).unwrap()),
        ("hidden", |live| fs::write(live.stored("Group/v.wim.wimstore.json"), r#"{"hidden": true}"#).unwrap()),
        ("group removed", |live| fs::remove_dir_all(live.stored("Group")).unwrap()),
        ("group renamed", |live| fs::rename(live.stored("Group"), live.stored("Other")).unwrap()),
    ];
    for (name, change) in changes {
        let live = LiveStore::new(&[]);
        live.add("Group", "v.wim", &archive(1, None));
        live.shows("Group", &["a", "v"]);
        let before = live.ino("Group/v");
        let big = File::open(live.path("Group/v/big")).unwrap();
        let docs = File::open(live.path("Group/v/docs")).unwrap();
        change(&live);
        let changed = || fs::metadata(live.path("Group/v")).map_or(0, |now| std::os::unix::fs::MetadataExt::ino(&now));
        assert!(eventually(|| changed() != before), "{name}: not seen");
        for _ in 0..2 {
            assert!(read_anew(&big).unwrap() == version(1), "{name}");
            let hello = openat(docs.as_fd(), "hello", OFlags::RDONLY, Mode::empty()).unwrap();
            assert_eq!(read_anew(&File::from(hello)).unwrap(), b"hello", "{name}");
            live.has_seen("Other"); // it looks once more, and keeps what is used
        }
        // When they have closed, nothing of the old archive is left.
        drop((big, docs));
        let process = live.mounted().process();
        assert!(
            eventually(|| nameless(process) == 0),
            "{name}: {} files are still open\n{}",
            nameless(process),
            live.log()
        );
    }
}

#[test]
fn an_archive_changed_in_place_gives_right_bytes_or_errors() {
    for integrity in [None, Some(65536)] {
        for cut in [false, true] {
            let live = LiveStore::new(&[]);
            let built = archive(1, integrity);
            let place = built.resource(&version(1)).range.clone();
            let path = live.add("Group", "v.wim", &built);
            live.shows("Group", &["a", "v"]);
            let big = File::open(live.path("Group/v/big")).unwrap();
            let mut start = [0; 100];
            std::os::unix::fs::FileExt::read_exact_at(&big, &mut start, 0).unwrap();
            assert_eq!(start, version(1)[..100]);
            // Cut in the middle of the file's data; or another archive over it, as `cp` writes it.
            match cut {
                true => File::options().write(true).open(&path).unwrap().set_len(place.start as u64 + 9000).unwrap(),
                false => archive(2, integrity).save(&path),
            }
            live.has_seen("Group");
            match read_anew(&big) {
                Ok(bytes) => assert!(bytes == version(1), "from the chunks that are cached"),
                Err(error) => assert_eq!(error.raw_os_error(), Some(EIO)),
            }
            drop(big);
            if cut {
                // It is damaged, not gone.
                assert!(live.names("Group").contains(&"v".to_owned()), "{}", live.log());
                built.save(&path);
                assert!(eventually(|| fs::read(live.path("Group/v/big")).is_ok_and(|bytes| bytes == version(1))));
            } else {
                assert!(eventually(|| fs::read(live.path("Group/v/big")).is_ok_and(|bytes| bytes == version(2))));
            }
        }
    }
}

/// Reads a file in windows until `stop`: all from one version, or an error of which `allowed` says
/// so.
fn read_on(path: &Path, seed: u64, stop: &AtomicBool, right: &AtomicUsize, allowed: &[ErrorKind]) {
    let versions: Vec<_> = (1..=4).map(version).collect();
    let mut random = Random::new(seed);
    let allows = |error: &io::Error| allowed.contains(&error.kind()) || error.raw_os_error() == Some(EIO);
    while !stop.load(Ordering::Relaxed) {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if allows(&error) => continue,
            Err(error) => panic!("{error}"),
        };
        let mut number = None;
        for _ in 0..20 {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            let (offset, mut bytes) = (random.below(690_000) as usize, vec![0; 9000]);
            match std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, offset as u64) {
                Ok(()) => {
                    let found = versions.iter().position(|version| version[offset..][..9000] == bytes);
                    assert!(found.is_some(), "bytes of no version at {offset}");
                    assert_eq!(*number.get_or_insert(found), found, "one open file, two versions");
                    right.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => assert!(allows(&error), "{error}"),
            }
        }
    }
}

/// Lets four readers read `Group/v/big` while `change` is done again and again: at least `rounds`
/// times, and until they have read a hundred windows right.
fn under_readers(live: &LiveStore, allowed: &[ErrorKind], rounds: usize, mut change: impl FnMut(usize)) {
    let (stop, right) = (AtomicBool::new(false), AtomicUsize::new(0));
    let path = live.path("Group/v/big");
    thread::scope(|scope| {
        for seed in 0..4 {
            let (path, stop, right) = (&path, &stop, &right);
            scope.spawn(move || read_on(path, seed, stop, right, allowed));
        }
        let start = Instant::now();
        for round in 0.. {
            change(round);
            let enough = round + 1 >= rounds && right.load(Ordering::Relaxed) > 100;
            if enough || start.elapsed() > PATIENCE {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(right.into_inner() > 100, "hardly a window was read");
}

#[test]
fn replacing_under_readers_mixes_nothing() {
    let live = LiveStore::new(&[]);
    live.add("Group", "v.wim", &archive(1, None));
    live.shows("Group", &["a", "v"]);
    let mut random = Random::new(7);
    // Between a name and its opening the image may go away.
    under_readers(&live, &[ErrorKind::NotFound], 20, |_| {
        match random.below(4) {
            0 => {
                let _ = fs::remove_file(live.stored("Group/v.wim"));
            }
            1 => archive(1 + random.below(4) as u8, Some(65536)).save(&live.stored("Group/v.wim")), // in place
            _ => drop(live.add("Group", "v.wim", &archive(1 + random.below(4) as u8, None))),
        }
        thread::sleep(Duration::from_millis(50 + random.below(700)));
    });
    live.add("Group", "v.wim", &archive(3, None));
    assert!(eventually(|| fs::read(live.path("Group/v/big")).is_ok_and(|bytes| bytes == version(3))), "{}", live.log());
    let process = live.mounted().process();
    assert!(eventually(|| nameless(process) == 0), "{} files are still open", nameless(process));
}

#[test]
fn a_store_that_vanishes_and_returns() {
    let live = LiveStore::new(&[]);
    live.add("Group", "v.wim", &archive(1, None));
    live.shows("Group", &["a", "v"]);
    let before = ["Group", "Group/v", "Group/v/big"].map(|path| live.ino(path));
    let (store, away) = (live.beside("store"), live.beside("away"));
    let mut random = Random::new(8);
    under_readers(&live, &[], 8, |round| {
        // The folder itself, or one above it: the second is what becomes of a share's mountpoint.
        let (from, to) = match round % 2 {
            0 => (store.clone(), away.clone()),
            _ => (store.join("Images"), store.join("elsewhere")),
        };
        fs::rename(&from, &to).unwrap();
        thread::sleep(Duration::from_millis(random.below(1500)));
        fs::rename(&to, &from).unwrap();
        thread::sleep(Duration::from_millis(random.below(500)));
    });
    assert_eq!(["Group", "Group/v", "Group/v/big"].map(|path| live.ino(path)), before, "it is the same store");
    // What changes afterwards, or while it is away, is seen.
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b", "v"]);
    let unlisted = "the store cannot be listed";
    let before = live.log().matches(unlisted).count();
    fs::rename(&store, &away).unwrap();
    live.logs(unlisted, before);
    one("c", "third").save(&away.join("Images/Group/c.wim"));
    live.shows("Group", &["a", "b", "v"]);
    fs::rename(&away, &store).unwrap();
    live.shows("Group", &["a", "b", "c", "v"]);
}

/// Resident memory of a process in MiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn what_is_gone_takes_no_memory() {
    let live = LiveStore::new(&["-o", "threads=2"]);
    let large = |round: usize| {
        let files: Vec<_> = (0..20_000).map(|n| file(&format!("file {n} of {round}"), "")).collect();
        Wim::of(Packing::Xpress(32768), [Image::new("large", root(files))]).build()
    };
    let replace = |rounds: std::ops::Range<usize>| {
        for round in rounds {
            live.add("Group", "large.wim", &large(round));
            let last = live.path(&format!("Group/large/file 19999 of {round}"));
            assert!(eventually(|| last.exists()));
            assert_eq!(fs::read_dir(live.path("Group/large")).unwrap().count(), 20_000);
        }
    };
    replace(0..6);
    let process = live.mounted().process();
    let before = memory(process);
    replace(6..26);
    let after = memory(process);
    assert!(after < before + 25, "20 trees of some 3 MiB each: {before} MiB grew to {after} MiB");
}
