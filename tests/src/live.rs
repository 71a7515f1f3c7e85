//! A store that changes while it is mounted.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use tempfile::TempDir;
use testkit::{Built, Image, Packing, Store, Wim, eventually, file, root};

use crate::Mount;

/// A store and its mount.
#[derive(Debug)]
pub struct LiveStore {
    mount: Option<Mount>,
    folder: TempDir,
}

impl LiveStore {
    /// A store with the group `Group`, in it `a.wim` with the image `a`; mounted with `options`.
    ///
    /// # Panics
    /// It cannot be written or mounted.
    pub fn new(options: &[&str]) -> Self {
        let mut live = Self::unmounted();
        live.add("Group", "a.wim", &one("a", "first"));
        let source = live.store().path().to_owned();
        live.mount(&source, options);
        live
    }

    /// An empty store, not mounted yet.
    ///
    /// # Panics
    /// There is no folder for it.
    pub fn unmounted() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the store");
        Self { mount: None, folder }
    }

    /// Mounts `source`, which may be part of the store, with a log of requests.
    ///
    /// # Panics
    /// It cannot be mounted.
    pub fn mount(&mut self, source: &Path, options: &[&str]) {
        let log = self.beside("log");
        let log = ["-vv", "--log-file", log.to_str().expect("a plain path")];
        self.mount = Some(Mount::new(source, &[&log, options].concat()));
    }

    /// The store.
    pub fn store(&self) -> Store {
        Store::new(&self.beside("store"))
    }

    /// A path beside the store.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path in the store.
    pub fn stored(&self, path: &str) -> PathBuf {
        self.beside("store/Images").join(path)
    }

    /// A path in the mount.
    pub fn path(&self, path: &str) -> PathBuf {
        self.mounted().path().join(path)
    }

    /// The mount.
    ///
    /// # Panics
    /// There is none.
    pub fn mounted(&self) -> &Mount {
        self.mount.as_ref().expect("mounted")
    }

    /// The log of the mount so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.beside("log")).unwrap_or_default()
    }

    /// Puts an archive into the store at once: written beside it, then renamed.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn add(&self, group: &str, name: &str, archive: &Built) -> PathBuf {
        let new = self.beside("new");
        archive.save(&new);
        let path = self.store().group(group).join(name);
        fs::rename(new, &path).expect("a new archive");
        path
    }

    /// The names in a directory of the mount, sorted.
    ///
    /// # Panics
    /// It cannot be listed.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    /// Waits until a directory of the mount has these names, and no others.
    ///
    /// # Panics
    /// That takes too long.
    pub fn shows(&self, path: &str, want: &[&str]) {
        let mut names = Vec::new();
        let seen = eventually(|| {
            names = self.names(path);
            names == want
        });
        assert!(seen, "{path:?} shows {names:?}, not {want:?}\n{}", self.log());
    }

    /// Waits until a directory of the mount has these names among others, and none of `absent`.
    ///
    /// # Panics
    /// That takes too long.
    pub fn shows_of(&self, path: &str, want: &[&str], absent: &[&str]) {
        let is_there = |name: &&str| fs::symlink_metadata(self.path(path).join(name)).is_ok();
        let seen = eventually(|| want.iter().all(is_there) && !absent.iter().any(is_there));
        assert!(seen, "{path:?} does not show {want:?}, or shows some of {absent:?}\n{}", self.log());
    }

    /// Waits until a file of the mount has this content.
    ///
    /// # Panics
    /// That takes too long.
    pub fn holds(&self, path: &str, want: &str) {
        let mut got = Ok(String::new());
        let seen = eventually(|| {
            got = fs::read_to_string(self.path(path));
            got.as_deref().is_ok_and(|got| got == want)
        });
        assert!(seen, "{path} holds {got:?}, not {want:?}\n{}", self.log());
    }

    /// Waits until the mount has seen all that has changed in a group so far: until it shows an
    /// archive that is added now, and then that it is gone again.
    ///
    /// # Panics
    /// That takes too long.
    pub fn has_seen(&self, group: &str) {
        let marker = self.add(group, "marker.wim", &one("marker", "marker"));
        let shown = self.path(group).join("marker");
        assert!(eventually(|| shown.exists()), "{group} does not show the marker\n{}", self.log());
        fs::remove_file(marker).expect("the marker was added");
        assert!(eventually(|| !shown.exists()), "{group} still shows the marker\n{}", self.log());
    }

    /// Waits until the mount has logged `text` more than `times` times.
    ///
    /// # Panics
    /// That takes too long.
    pub fn logs(&self, text: &str, times: usize) {
        assert!(eventually(|| self.log().matches(text).count() > times), "no {text:?}\n{}", self.log());
    }

    /// The inode number of a path of the mount.
    ///
    /// # Panics
    /// There is no such path.
    pub fn ino(&self, path: &str) -> u64 {
        fs::metadata(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}")).ino()
    }
}

/// An archive with one image of this name that holds one file, `file`, with this content.
pub fn one(name: &str, content: &str) -> Built {
    Wim::of(Packing::Stored, [Image::new(name, root([file("file", content)]))]).build()
}

/// Reads an open file whole: from the mount, not from the kernel's memory.
///
/// # Errors
/// The result of reading.
pub fn read_anew(file: &File) -> io::Result<Vec<u8>> {
    fadvise(file, 0, None, Advice::DontNeed)?;
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or_default()];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}
