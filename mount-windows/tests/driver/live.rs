//! A store that changes under its drive.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use mount_windows::{DriveOptions, Mounted};
use tempfile::TempDir;
use testkit::{Image, Packing, Store, Wim, eventually, file, root};

use crate::{fsd, mount, open};

/// A store with the image `a` in `Group`, mounted.
struct Live {
    _mounted: Mounted,
    folder: TempDir,
}

impl Live {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&folder.path().join("store"));
        store.add("Group", "a.wim", &one("a", "first").build());
        let mounted = mount(&open(store.path(), None), DriveOptions::default());
        Self { _mounted: mounted, folder }
    }

    fn stored(&self, name: &str) -> PathBuf {
        self.folder.path().join("store/Images").join(name)
    }

    /// Puts an archive in its place as a whole.
    fn put(&self, name: &str, wim: &Wim) {
        put(&self.stored(name), self.folder.path(), wim);
    }
}

fn one(name: &str, content: &str) -> Wim {
    Wim::of(Packing::Stored, [Image::new(name, root([file("file", content)]))])
}

/// Replaces an archive by another, which moves to `beside`: it may be open, and Wine does not
/// replace open files.
pub(crate) fn put(path: &Path, beside: &Path, wim: &Wim) {
    let new = beside.join("new");
    wim.build().save(&new);
    take_away(path, beside);
    fs::rename(new, path).unwrap();
}

/// Moves a file that may be open out of the store, under a new name.
fn take_away(path: &Path, beside: &Path) {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    if path.exists() {
        fs::rename(path, beside.join(format!("old {}", TAKEN.fetch_add(1, Ordering::Relaxed)))).unwrap();
    }
}

/// Waits for something that must come.
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    assert!(eventually(condition), "{what}");
}

fn names() -> Vec<String> {
    fsd::open(r"\Group").ok().unwrap().list(4096)
}

fn told(path: &str, action: u32) -> bool {
    fsd::notified().iter().any(|(told, told_action)| *told == fsd::units(path) && *told_action == action)
}

#[test]
fn a_drive_follows_its_store() {
    const ADDED: u32 = 1;
    const REMOVED: u32 = 2;
    const MODIFIED: u32 = 3;
    let _driver = fsd::driver();
    let live = Live::new();
    assert_eq!(names(), [".", "..", "a"]);
    let old = fsd::open(r"\group\A\file").ok().unwrap();

    live.put("Group/b.wim", &one("b", "second"));
    wait_for("a new image is listed", || names() == [".", "..", "a", "b"]);
    assert_eq!(fsd::open(r"\Group\b\file").ok().unwrap().read(0, 10).unwrap(), b"second");
    wait_for("the driver hears of it", || told(r"\Group\b", ADDED) && told(r"\Group", MODIFIED));

    live.put("Group/a.wim", &one("a", "other"));
    let read = || fsd::open(r"\Group\a\file").ok().and_then(|open| open.read(0, 10).ok());
    wait_for("another image has its name", || read().as_deref() == Some(b"other"));
    wait_for("the driver forgets what was open", || told(r"\Group\a\file", ADDED));
    assert_eq!(old.read(0, 10).unwrap(), b"first", "who has it open goes on");
    assert_ne!(old.info.IndexNumber, fsd::open(r"\Group\a\file").ok().unwrap().info.IndexNumber);

    take_away(&live.stored("Group/b.wim"), live.folder.path());
    wait_for("an image is gone", || fsd::open(r"\Group\b\file").is_err());
    wait_for("the driver hears that, too", || told(r"\Group\b", REMOVED));

    fs::create_dir(live.stored("Other")).unwrap();
    live.put("Other/c.wim", &one("c", "third"));
    wait_for("a new group is there", || fsd::open(r"\other\c\FILE").is_ok());
    drop(old);
}
