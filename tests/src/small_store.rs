//! A store that is made in a moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use testkit::{Image, Packing, Store, Wim, dir, file, root};

/// A store with one group, `Group`, in it one image, `a`, in it `big` and `docs/hello.txt`; and
/// room beside it.
#[derive(Debug)]
pub struct SmallStore {
    folder: TempDir,
}

impl SmallStore {
    /// Makes the store.
    ///
    /// # Panics
    /// It cannot be written.
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the store");
        let tree = root([file("big", Self::big()), dir("docs", [file("hello.txt", "hello")])]);
        let wim = Wim::of(Packing::Xpress(32768), [Image::new("a", tree)]);
        Store::new(&folder.path().join("store")).add("Group", "a.wim", &wim.build());
        Self { folder }
    }

    /// What `Group/a/big` holds: three megabytes.
    pub fn big() -> &'static [u8] {
        static BIG: OnceLock<Vec<u8>> = OnceLock::new();
        BIG.get_or_init(|| testkit::content::code(3_000_000))
    }

    /// The folder that holds the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store, a RemoteInstall folder.
    pub fn path(&self) -> PathBuf {
        self.at("store")
    }

    /// The archive that has the image.
    pub fn archive(&self) -> PathBuf {
        self.at("store/Images/Group/a.wim")
    }

    /// A path beside the store.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A new folder beside the store.
    ///
    /// # Panics
    /// It is there already.
    pub fn make(&self, name: &str) -> PathBuf {
        fs::create_dir(self.at(name)).expect("a new folder");
        self.at(name)
    }
}
