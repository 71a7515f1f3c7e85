//! A store that changes under its mount. More of it is in the tests called `live_…`.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;
use testkit::{Image, Packing, Wim, file, root};
use wimstore_tests::{LiveStore, eventually, one, read_anew};

use crate::shown::errno;

pub(crate) fn comes_and_goes() {
    let live = LiveStore::new(&[]);
    let folder = |path: &str| fs::metadata(live.stored(path)).map(|folder| folder.mtime()).unwrap();
    let shown = |path: &str| fs::metadata(live.path(path)).map(|folder| folder.mtime()).unwrap();
    live.shows("", &["Group"]);
    live.shows("Group", &["a"]);
    let b = live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);
    fs::write(live.stored("Group/b.wim.wimstore.json"), r#"{"hidden": true}"#).unwrap();
    live.shows("Group", &["a"]);
    fs::remove_file(live.stored("Group/b.wim.wimstore.json")).unwrap();
    live.shows("Group", &["a", "b"]);
    fs::remove_file(b).unwrap();
    live.shows("Group", &["a"]);
    live.add("Group", "a.wim", &one("other", "other"));
    live.shows("Group", &["other"]);
    fs::rename(live.stored("Group"), live.stored("Renamed")).unwrap();
    live.add("New", "n.wim", &one("n", "new"));
    live.shows("", &["New", "Renamed"]);
    live.shows("New", &["n"]);
    assert!(eventually(|| shown("New") == folder("New") && shown("") == folder("")));
    fs::rename(live.beside("store"), live.beside("away")).unwrap();
    live.logs("the store cannot be listed", 0);
    live.shows("", &["New", "Renamed"]);
    live.holds("New/n/file", "new");
    fs::rename(live.beside("away"), live.beside("store")).unwrap();
    live.has_seen("New");
    // A machine that is busy for a while shows one or the other change later, but not all of them.
    let sees = |change: &dyn Fn(), want: &[&str]| {
        let start = Instant::now();
        change();
        live.shows("New", want);
        start.elapsed() < Duration::from_secs(2)
    };
    assert!(eventually(|| {
        sees(&|| drop(live.add("New", "soon.wim", &one("soon", "soon"))), &["n", "soon"])
            && sees(&|| fs::remove_file(live.stored("New/soon.wim")).unwrap(), &["n"])
    }));
}

pub(crate) fn numbers() {
    let live = LiveStore::new(&[]);
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);
    let numbers = || ["Group/a/file", "Group/b/file"].map(|path| live.ino(path));
    let before = numbers();
    live.add("Group", "0 before all.wim", &one("c", "third"));
    live.add("Group", "b.wim", &one("b", "other"));
    live.holds("Group/b/file", "other");
    let [a, b] = numbers();
    assert_eq!(a, before[0]);
    assert_ne!(b, before[1]);
    let touched = File::options().append(true).open(live.stored("Group/b.wim")).unwrap();
    touched.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    live.has_seen("Group");
    assert_eq!(numbers(), [a, b]);
}

pub(crate) fn open_files() {
    let live = LiveStore::new(&[]);
    let open = File::open(live.path("Group/a/file")).unwrap();
    live.add("Group", "a.wim", &one("a", "other"));
    live.holds("Group/a/file", "other");
    assert_eq!(read_anew(&open).unwrap(), b"first");
    let open = File::open(live.path("Group/a/file")).unwrap();
    File::options().write(true).open(live.stored("Group/a.wim")).unwrap().set_len(0).unwrap();
    live.has_seen("Group");
    assert_eq!(errno(read_anew(&open)), Errno::IO);
}

pub(crate) fn half_written() {
    let live = LiveStore::new(&[]);
    let (bytes, path) = (one("b", "second").bytes, live.stored("Group/b.wim"));
    fs::write(&path, &bytes[..250]).unwrap();
    live.has_seen("Group");
    live.shows("Group", &["a"]);
    fs::write(&path, &bytes).unwrap();
    live.shows("Group", &["a", "b"]);
    fs::write(&path, &bytes[..100]).unwrap();
    live.has_seen("Group");
    live.shows("Group", &["a", "b"]);
}

pub(crate) fn mounted_alone() {
    for (options, path) in [(&[][..], "a/file"), (&["--image", "1"], "file")] {
        let mut live = LiveStore::unmounted();
        let archive = live.add("Group", "a.wim", &one("a", "first"));
        live.mount(&archive, options);
        live.holds(path, "first");
        fs::remove_file(&archive).unwrap();
        live.logs("a group cannot be listed", 0);
        live.holds(path, "first");
        fs::write(&archive, "no archive").unwrap();
        live.logs("left out", 0);
        live.holds(path, "first");
        live.add("Group", "a.wim", &one("a", "other"));
        live.holds(path, "other");
    }
    let mut live = LiveStore::unmounted();
    let two = Wim::of(Packing::Stored, ["a", "b"].map(|name| Image::new(name, root([file("file", name)]))));
    let archive = live.add("Group", "a.wim", &two.build());
    live.mount(&archive, &["--image", "b"]);
    live.add("Group", "a.wim", &one("a", "only"));
    live.logs("the image mounted is no longer there", 0);
    live.holds("file", "b");
}
