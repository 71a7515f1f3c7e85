//! Real mounts of a store in memory.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fs_core::wim::FileTime;
use fs_core::{Engine, EngineOptions, Filesystem, MemorySource, Options};
use mount_unix::{MountOptions, Mounted, mount};
use testkit::{Image, Packing, Wim, eventually, file, root};

fn archive(image: &str) -> Vec<u8> {
    Wim::of(Packing::Xpress(32768), [Image::new(image, root([file("file", image)]))]).build().bytes
}

fn mounted(store: &MemorySource, engine: &Arc<Engine>, mountpoint: &Path) -> Mounted {
    fs::create_dir(mountpoint).unwrap();
    let view = Filesystem::new(Box::new(store.clone()), Arc::clone(engine), Options::default()).unwrap();
    let options = MountOptions { threads: 2, ..MountOptions::new("memory".into()) };
    mount(Arc::new(view), mountpoint, &options).unwrap()
}

#[test]
fn two_mounts_of_one_store_in_memory_follow_it() {
    let store = MemorySource::new("memory");
    store.put("Group", "a.wim", archive("first"), FileTime::from_unix(1_000_000_000, 0));
    let engine = Arc::new(Engine::new(&EngineOptions::default()));
    let folder = tempfile::tempdir().unwrap();
    let places = ["one", "two"].map(|name| folder.path().join(name));
    let mounts = places.each_ref().map(|place| mounted(&store, &engine, place));
    for place in &places {
        assert_eq!(fs::read(place.join("Group/first/file")).unwrap(), b"first");
    }
    assert_eq!(engine.open_archives(), 1, "both read one archive");

    store.put("Group", "b.wim", archive("second"), FileTime::from_unix(1_000_000_001, 0));
    assert!(store.remove("Group", "a.wim"));
    for place in &places {
        eventually(|| fs::read(place.join("Group/second/file")).is_ok_and(|bytes| bytes == b"second"));
        eventually(|| !place.join("Group/first").exists());
    }
    for mounted in mounts {
        mounted.unmounter().unmount().unwrap();
        assert!(mounted.wait(Some(testkit::PATIENCE)).unwrap());
    }
}
