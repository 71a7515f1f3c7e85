//! The plan of an extraction: folders are made at once, files and links are listed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;

use fs_core::{Child, Filesystem, Ino, Kind, SolidPlace};

use crate::checkpoints::Checkpoints;
use crate::system::{Component, Folder, sameness, shown};
use crate::{Failure, Observer};

/// Index of a folder of the plan; that of the destination is 0.
pub(crate) type FolderIndex = u32;

/// A folder that exists.
#[derive(Debug)]
pub(crate) struct PlannedFolder {
    /// The folder that holds it; meaningless for the destination.
    pub(crate) parent: FolderIndex,
    /// Its name; empty for the destination.
    pub(crate) name: Box<[u8]>,
    /// The number of folders above it, up to the destination.
    depth: u32,
    /// The directory whose metadata it gets; `None` if it existed before.
    pub(crate) from: Option<Ino>,
}

/// A file or link to be made in a folder.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) folder: FolderIndex,
    /// A checked [`Component`].
    pub(crate) name: Box<[u8]>,
    pub(crate) ino: Ino,
    pub(crate) kind: Kind,
    /// Index of an earlier item that is the same file under another name.
    pub(crate) same_as: Option<usize>,
    /// Where the content of a file is, if it is in a solid resource.
    pub(crate) solid: Option<SolidPlace>,
}

impl Item {
    /// The name.
    ///
    /// # Errors
    /// Never: it was checked when the item was made.
    pub(crate) fn component(&self) -> io::Result<Component<'_>> {
        Component::new(&self.name).ok_or(io::ErrorKind::InvalidFilename.into())
    }
}

/// Everything to be extracted, in the order of the listings.
pub(crate) struct Plan<'a> {
    pub(crate) fs: &'a Filesystem,
    pub(crate) folders: Vec<PlannedFolder>,
    pub(crate) items: Vec<Item>,
    pub(crate) observer: &'a dyn Observer,
    /// The first item of each inode that has several names.
    first_names: HashMap<Ino, usize>,
    destination: Folder,
    destination_path: PathBuf,
    checkpoints: Checkpoints,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(fs: &'a Filesystem, destination: Folder, path: PathBuf, observer: &'a dyn Observer) -> Self {
        let root = PlannedFolder { parent: 0, name: Box::default(), depth: 0, from: None };
        Self {
            fs,
            folders: vec![root],
            items: Vec::new(),
            observer,
            first_names: HashMap::new(),
            destination,
            destination_path: path,
            checkpoints: Checkpoints::default(),
        }
    }

    /// Lets the content of a directory become that of the destination, which also gets its metadata
    /// if it was `made` for it.
    pub(crate) fn fill_destination(&mut self, from: Ino, made: bool) {
        self.folders[0].from = made.then_some(from);
        self.fill(0, from);
    }

    /// Puts a directory with all its content, or a file, into the destination.
    pub(crate) fn put_into_destination(&mut self, ino: Ino, kind: Kind, name: &[u8]) {
        let _ = self.destination.remove_leftovers(); // they disturb nothing
        let destination = self.destination.again();
        match destination.and_then(|folder| self.add(&folder, 0, name, ino, kind)) {
            Ok(Some((index, ino))) => self.fill(index, ino),
            Ok(None) => {}
            Err(error) => self.failed(0, name, error),
        }
    }

    /// Makes the folders below `index` for those below the directory `from`, and lists the rest.
    fn fill(&mut self, index: FolderIndex, from: Ino) {
        let mut to_fill = vec![(index, from)];
        while let Some((index, from)) = to_fill.pop() {
            if self.stopped() {
                return;
            }
            let folder = match self.open(index) {
                Ok(folder) => folder,
                Err(error) => {
                    self.failed(index, b"", error);
                    continue;
                }
            };
            if self.folders[index as usize].from.is_none() {
                let _ = folder.remove_leftovers(); // they disturb nothing
            }
            let mut first: HashMap<_, Box<[u8]>> = HashMap::new();
            for Child { name, ino, kind } in self.children(from) {
                if let Some(taken) = first.get(&sameness(&name)) {
                    let path = self.path(index, &name);
                    self.observer.failed(Failure::SameName { path, first: shown(taken) });
                    continue;
                }
                match self.add(&folder, index, &name, ino, kind) {
                    Ok(made) => to_fill.extend(made),
                    Err(error) => self.failed(index, &name, error),
                }
                first.insert(sameness(&name), name);
            }
        }
    }

    fn children(&self, from: Ino) -> Vec<Child> {
        let (children, done) = self.fs.children(from);
        if let Err(error) = done {
            self.observer.failed(Failure::Store(error.with_path(&self.fs.path(from))));
        }
        self.observer.listed(from);
        children
    }

    /// Makes a folder, and returns it with the directory that fills it; or lists a file or link.
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
    /// It was removed, or replaced by something else.
    pub(crate) fn open(&self, index: FolderIndex) -> io::Result<Folder> {
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
    pub(crate) fn path(&self, index: FolderIndex, name: &[u8]) -> PathBuf {
        let names = self.names(index).into_iter().chain(std::iter::once(name)).filter(|name| !name.is_empty());
        self.destination_path.join(names.map(shown).collect::<PathBuf>())
    }

    /// Reports that `name` in a folder of the plan could not be made.
    pub(crate) fn failed(&self, index: FolderIndex, name: &[u8], error: io::Error) {
        let path = self.path(index, name);
        self.observer.failed(match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::Exists(path),
            _ => Failure::Destination { path, source: error },
        });
    }

    /// Whether the extraction must end now.
    pub(crate) fn stopped(&self) -> bool {
        self.observer.is_stopped()
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
