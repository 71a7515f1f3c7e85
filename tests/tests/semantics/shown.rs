//! Stores built and mounted for a test.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tempfile::TempDir;
use testkit::{Dentry, Image, Packing, Store, Wim};
use wimstore_tests::Mount;

/// A folder with a store, or just an archive.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The store here: `RemoteInstall`.
    pub(crate) fn store(&self) -> Store {
        Store::new(&self.path("RemoteInstall"))
    }

    /// Saves an archive as `a.wim`.
    pub(crate) fn archive(&self, wim: &Wim) -> PathBuf {
        let path = self.path("a.wim");
        wim.build().save(&path);
        path
    }

    /// Mounts `source` with further arguments, and a log.
    pub(crate) fn mount(&self, source: &Path, options: &[&str]) -> Mount {
        let log = self.path("log");
        Mount::new(source, &[&["--log-file", log.to_str().unwrap()], options].concat())
    }

    /// The log of these mounts so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// An image mounted as the root.
pub(crate) struct Shown {
    pub(crate) mount: Mount, // goes first
    pub(crate) place: Place,
}

impl Shown {
    /// An image with this root directory, stored, mounted with these options.
    pub(crate) fn new(root: Dentry, options: &[&str]) -> Self {
        Self::image(Image::new("image", root), options)
    }

    pub(crate) fn image(image: Image, options: &[&str]) -> Self {
        Self::wim(&Wim::of(Packing::Stored, [image]), options)
    }

    pub(crate) fn wim(wim: &Wim, options: &[&str]) -> Self {
        let place = Place::new();
        let archive = place.archive(wim);
        let mount = place.mount(&archive, &[&["--image", "1"], options].concat());
        Self { mount, place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.mount.path().join(name)
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A FILETIME as seconds since 1970 and nanoseconds.
pub(crate) fn unix_time(ticks: u64) -> (i64, i64) {
    let since_1970 = ticks.cast_signed() - 116_444_736_000_000_000;
    (since_1970.div_euclid(10_000_000), since_1970.rem_euclid(10_000_000) * 100)
}

/// The time of the last write, likewise.
pub(crate) fn written(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// The error number of what has to fail.
pub(crate) fn errno<T>(result: io::Result<T>) -> Errno {
    let error = result.err().expect("this fails");
    Errno::from_io_error(&error).unwrap_or_else(|| panic!("not from the system: {error}"))
}

/// An archive with one image `name` that holds one file, `file`, with this content.
pub(crate) fn small(name: &str, content: &str) -> Wim {
    Wim::of(Packing::Stored, [Image::new(name, testkit::root([testkit::file("file", content)]))])
}
