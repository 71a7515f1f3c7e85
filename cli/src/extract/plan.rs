//! What is to be extracted: folders are made at once, all else is listed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::anyhow;
use fs_core::{Filesystem, Ino, Kind, SolidPlace};

use super::checkpoints::Checkpoints;
use super::system::{Component, Folder, sameness, shown};
use crate::outcome::{Outcome, said_of};
use crate::paths::Place;

/// Index of a folder of the plan; the destination is 0.
pub(super) type FolderIndex = u32;

/// A folder that is there now.
#[derive(Debug)]
pub(super) struct PlannedFolder {
    /// Where it is; of no meaning for the destination.
    pub(super) parent: FolderIndex,
    /// Its name; empty for the destination.
    pub(super) name: Box<[u8]>,
    /// How far below the destination it is.
    depth: u32,
    /// What it is to look like, unless it was there before.
    pub(super) from: Option<Ino>,
}

/// Something to be made in a folder.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) folder: FolderIndex,
    /// A checked [`Component`].
    pub(super) name: Box<[u8]>,
    pub(super) ino: Ino,
    pub(super) kind: Kind,
    /// Index of the item that is the same file under another name, if there is one before this.
    pub(super) same_as: Option<usize>,
    /// Where the content of a file is, if it is in a solid resource.
    pub(super) solid: Option<SolidPlace>,
}

impl Item {
    /// The name.
    ///
    /// # Errors
    /// None: it was checked when the item was made.
    pub(super) fn component(&self) -> io::Result<Component<'_>> {
        Component::new(&self.name).ok_or(io::ErrorKind::InvalidFilename.into())
    }
}

/// Everything to be extracted, in the order of the listing.
pub(super) struct Plan<'a> {
    pub(super) fs: &'a Filesystem,
    pub(super) folders: Vec<PlannedFolder>,
    pub(super) items: Vec<Item>,
    /// Not 0 once we are to stop: the number of the signal that says so.
    pub(super) stop: &'a AtomicUsize,
    /// The items with an inode that has several names, by the first of them.
    first_names: HashMap<Ino, usize>,
    destination: Folder,
    destination_path: PathBuf,
    checkpoints: Checkpoints,
}

impl<'a> Plan<'a> {
    pub(super) fn new(fs: &'a Filesystem, destination: Folder, path: PathBuf, stop: &'a AtomicUsize) -> Self {
        let root = PlannedFolder { parent: 0, name: Box::default(), depth: 0, from: None };
        Self {
            fs,
            folders: vec![root],
            items: Vec::new(),
            stop,
            first_names: HashMap::new(),
            destination,
            destination_path: path,
            checkpoints: Checkpoints::default(),
        }
    }

    /// Lets the content of a directory become that of the destination, which gets its looks too if it was `made` for
    /// it.
    pub(super) fn fill_destination(&mut self, from: Ino, made: bool, outcome: &mut Outcome) {
        self.folders[0].from = made.then_some(from);
        self.fill(0, from, outcome);
    }

    /// Puts a directory with all its content, or a file, into the destination under its own name.
    pub(super) fn put_into_destination(&mut self, place: &Place, outcome: &mut Outcome) {
        let name = place.path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        let _ = self.destination.remove_leftovers(); // they disturb nothing
        let destination = self.destination.again();
        let made = destination.and_then(|folder| self.add(&folder, 0, name, place.attr.ino, place.attr.kind));
        match made {
            Ok(Some((index, ino))) => self.fill(index, ino, outcome),
            Ok(None) => {}
            Err(error) => outcome.fail(&self.error_at(0, name, error)),
        }
    }

    /// Makes the folders below `index` for those below the directory `from`, and lists all else.
    fn fill(&mut self, index: FolderIndex, from: Ino, outcome: &mut Outcome) {
        let mut to_fill = vec![(index, from)];
        while let Some((index, from)) = to_fill.pop() {
            if self.stopped() {
                return;
            }
            let folder = match self.open(index) {
                Ok(folder) => folder,
                Err(error) => {
                    outcome.fail(&self.error_at(index, b"", error));
                    continue;
                }
            };
            if self.folders[index as usize].from.is_none() {
                let _ = folder.remove_leftovers(); // they disturb nothing
            }
            let mut first: HashMap<_, Box<[u8]>> = HashMap::new();
            for (name, ino, kind) in self.children(from, outcome) {
                if let Some(taken) = first.get(&sameness(&name)) {
                    let same = format!("is left out: to the system it has the same name as {}", shown(taken).display());
                    outcome.fail(&self.error_at(index, &name, io::Error::other(same)));
                    continue;
                }
                first.insert(sameness(&name), name.clone());
                match self.add(&folder, index, &name, ino, kind) {
                    Ok(made) => to_fill.extend(made),
                    Err(error) => outcome.fail(&self.error_at(index, &name, error)),
                }
            }
        }
    }

    fn children(&self, from: Ino, outcome: &mut Outcome) -> Vec<(Box<[u8]>, Ino, Kind)> {
        let mut children = Vec::new();
        let done = self.fs.read_dir(from, 0, &mut |entry| {
            if !matches!(entry.name, b"." | b"..") {
                children.push((entry.name.into(), entry.ino, entry.kind));
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = done {
            outcome.report(&said_of(error, &self.fs.path(from)));
        }
        outcome.warn_of_entries(self.fs, from);
        children
    }

    /// Makes a folder, and returns it with what it is to be filled from; or lists something else.
    fn add(
        &mut self,
        folder: &Folder,
        index: FolderIndex,
        name: &[u8],
        ino: Ino,
        kind: Kind,
    ) -> io::Result<Option<(FolderIndex, Ino)>> {
        let component = Component::new(name).ok_or_else(|| io::Error::other("not a name that a file can have"))?;
        if kind != Kind::Directory {
            let mut item = Item { folder: index, name: name.into(), ino, kind, same_as: None, solid: None };
            // A file whose facts cannot be read is reported when it is restored.
            if let (Kind::File, Ok(facts)) = (kind, self.fs.facts(ino)) {
                item.same_as = if facts.attr.links > 1 { self.first_name(ino) } else { None };
                item.solid = facts.solid_place();
            }
            self.items.push(item);
            return Ok(None);
        }
        let made = folder.make_folder(component)?;
        let new = FolderIndex::try_from(self.folders.len()).map_err(|_| io::Error::other("too many folders"))?;
        let depth = self.folders[index as usize].depth + 1;
        self.folders.push(PlannedFolder { parent: index, name: name.into(), depth, from: made.then_some(ino) });
        Ok(Some((new, ino)))
    }

    /// The item that already is the file `ino`; if there is none, the item made next is.
    fn first_name(&mut self, ino: Ino) -> Option<usize> {
        match self.first_names.entry(ino) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(none) => {
                none.insert(self.items.len());
                None
            }
        }
    }

    /// Opens a folder of the plan, name by name from the destination or a folder that is open, following no link.
    ///
    /// # Errors
    /// Somebody has taken it away, or put something else in its place.
    pub(super) fn open(&self, index: FolderIndex) -> io::Result<Folder> {
        let (mut folder, way) = self.nearest_open(index)?;
        for index in way.into_iter().rev() {
            let PlannedFolder { name, depth, .. } = &self.folders[index as usize];
            folder = folder.open(Component::new(name).ok_or(io::ErrorKind::InvalidFilename)?)?;
            self.checkpoints.keep(index, *depth, &folder)?;
        }
        Ok(folder)
    }

    /// The nearest folder above that is open, and the folders from `index` up to it.
    fn nearest_open(&self, mut index: FolderIndex) -> io::Result<(Folder, Vec<FolderIndex>)> {
        let mut way = Vec::new();
        while index != 0 {
            let PlannedFolder { parent, depth, .. } = self.folders[index as usize];
            if let Some(folder) = self.checkpoints.get(index, depth)? {
                return Ok((folder, way));
            }
            way.push(index);
            index = parent;
        }
        Ok((self.destination.again()?, way))
    }

    /// The path of `name` in a folder of the plan, for messages.
    pub(super) fn path(&self, index: FolderIndex, name: &[u8]) -> PathBuf {
        let names = self.names(index).into_iter().chain(std::iter::once(name)).filter(|name| !name.is_empty());
        self.destination_path.join(names.map(shown).collect::<PathBuf>())
    }

    /// What went wrong with `name` in a folder of the plan, in words.
    pub(super) fn error_at(&self, index: FolderIndex, name: &[u8], error: io::Error) -> anyhow::Error {
        let path = self.path(index, name);
        if error.kind() == io::ErrorKind::AlreadyExists {
            return anyhow!("{}: is there already; --overwrite replaces files", path.display());
        }
        anyhow::Error::new(error).context(path.display().to_string())
    }

    /// Whether we were told to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    fn names(&self, mut index: FolderIndex) -> Vec<&[u8]> {
        let mut names = Vec::new();
        while index != 0 {
            let folder = &self.folders[index as usize];
            names.push(&*folder.name);
            index = folder.parent;
        }
        names.reverse();
        names
    }
}
