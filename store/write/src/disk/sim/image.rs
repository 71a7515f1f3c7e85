//! What is on a simulated disk, and how it changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names and contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    names: BTreeMap<PathBuf, Node>,
    /// By number; files without a name stay.
    files: Vec<Vec<u8>>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(usize),
}

/// A change, as it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Create {
        path: PathBuf,
        file: usize,
    },
    Write {
        file: usize,
        offset: u64,
        data: Vec<u8>,
    },
    /// Grows a file to a size at least; only part of a torn write.
    Grow {
        file: usize,
        len: u64,
    },
    SetLen {
        file: usize,
        len: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        node: Node,
    },
    Remove {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    SyncData {
        file: usize,
    },
    SyncFolder {
        path: PathBuf,
    },
}

impl Change {
    pub(super) fn writes_to(&self, number: usize) -> bool {
        match self {
            Self::Write { file, .. } | Self::SetLen { file, .. } | Self::Grow { file, .. } => *file == number,
            _ => false,
        }
    }
}

impl Image {
    /// Adds a file, or gives it another content.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let number = self.next_file();
        self.files.push(content.into());
        self.names.insert(path.into(), Node::File(number));
        self
    }

    /// Adds a folder.
    #[must_use]
    pub fn with_folder(mut self, path: &str) -> Self {
        self.names.insert(path.into(), Node::Folder);
        self
    }

    /// The content of a file.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&[u8]> {
        match self.node(path)? {
            Node::File(number) => Some(self.content(number)),
            Node::Folder => None,
        }
    }

    /// All files, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.names.keys().filter_map(|path| Some((path.as_path(), self.get(path)?)))
    }

    /// The names of all files.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.iter().filter_map(|(path, _)| path.to_str()).collect()
    }

    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        self.names.get(path).copied()
    }

    pub(super) fn names_in(&self, folder: &Path) -> Vec<OsString> {
        let inside = self.names.keys().filter(|path| path.parent() == Some(folder));
        inside.filter_map(|path| path.file_name()).map(ToOwned::to_owned).collect()
    }

    pub(super) fn next_file(&self) -> usize {
        self.files.len()
    }

    pub(super) fn content(&self, file: usize) -> &[u8] {
        self.files.get(file).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self, file: usize) -> u64 {
        self.content(file).len() as u64
    }

    /// The bytes of all files that have a name.
    pub(super) fn bytes(&self) -> u64 {
        self.iter().map(|(_, content)| content.len() as u64).sum()
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { path, file } => {
                self.content_mut(*file);
                self.names.insert(path.clone(), Node::File(*file));
            }
            Change::Write { file, offset, data } => self.write(*file, *offset as usize, data),
            Change::Grow { file, len } => {
                let content = self.content_mut(*file);
                content.resize(content.len().max(*len as usize), 0);
            }
            Change::SetLen { file, len } => self.content_mut(*file).resize(*len as usize, 0),
            Change::Rename { from, to, node } => {
                if *node == Node::Folder {
                    self.move_below(from, to);
                }
                self.names.remove(from);
                self.names.insert(to.clone(), *node);
            }
            Change::Remove { path } => {
                self.names.remove(path);
            }
            Change::MakeFolder { path } => {
                self.names.insert(path.clone(), Node::Folder);
            }
            Change::SyncData { .. } | Change::SyncFolder { .. } => {}
        }
    }

    /// Gives what is below a folder the names below another one.
    fn move_below(&mut self, from: &Path, to: &Path) {
        let below = self.names.keys().filter(|path| path.starts_with(from) && *path != from);
        let below: Vec<PathBuf> = below.cloned().collect();
        for old in below {
            if let (Some(node), Ok(rest)) = (self.names.remove(&old), old.strip_prefix(from)) {
                self.names.insert(to.join(rest), node);
            }
        }
    }

    fn write(&mut self, file: usize, offset: usize, data: &[u8]) {
        let content = self.content_mut(file);
        let end = offset + data.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(data);
    }

    fn content_mut(&mut self, file: usize) -> &mut Vec<u8> {
        if self.files.len() <= file {
            self.files.resize(file + 1, Vec::new());
        }
        &mut self.files[file]
    }
}
