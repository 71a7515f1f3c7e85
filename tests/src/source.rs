//! A folder for other programs to capture, and what an image of it must show.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Look, Tree, assert_directory_links, assert_same, corpus, walk};

/// A corpus, what it looks like, and a folder for archives beside it.
#[derive(Debug)]
pub struct Source {
    folder: TempDir,
    /// The corpus.
    pub root: PathBuf,
    /// Its tree as `walk` sees it.
    pub tree: Tree,
}

impl Source {
    /// Everything that an image keeps of an ordinary folder.
    pub const LOOK: Look<'static> = Look { accessed: true, owner: false, xattrs: true, asked: &[] };

    /// The corpus as it comes.
    ///
    /// # Panics
    /// It cannot be made, as everything here does that fails.
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the corpus");
        let root = corpus(folder.path(), "source");
        let tree = walk(&root, &Self::LOOK);
        Self { folder, root, tree }
    }

    /// A path beside the corpus.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the corpus, and looks at it again.
    pub fn change(&mut self, change: impl FnOnce(&Path)) {
        change(&self.root);
        self.tree = walk(&self.root, &Self::LOOK);
    }

    /// Has wimlib capture the corpus as the image `NAME` of a new archive.
    pub fn capture(&self, name: &str, options: &[&str]) -> PathBuf {
        let archive = self.path(name);
        testkit::capture(&self.root, &archive, &[&["NAME"], options].concat());
        archive
    }

    /// Fails unless the mounted folder is like the corpus.
    pub fn assert_mounted(&self, what: &str, root: &Path) {
        let tree = walk(root, &Self::LOOK);
        assert_same(what, &tree, &self.tree);
        assert_directory_links(root, &tree);
    }
}
