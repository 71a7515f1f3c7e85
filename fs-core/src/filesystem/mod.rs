//! The store as a read-only filesystem: every question a mount is asked is answered here.

mod contents;
mod listing;
mod lookup;
mod paths;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::InodeId;

use crate::content::{ContentOptions, Contents};
use crate::group::{Group, GroupImages, Opener};
use crate::image::{Image, Node, Trees};
use crate::ino::{MAX_GROUPS, Place};
use crate::read_ahead::ReadAhead;
use crate::source::{FolderSource, Shape, StoreSource};
use crate::{Error, ImageChoice, ImageSlot, Ino, Options, Problem, Result, Totals};

/// A mounted store, group, archive or image. Immutable and shared by any number of threads.
pub struct Filesystem {
    path: PathBuf,
    source: Box<dyn StoreSource>,
    options: Options,
    top: Top,
    pub(crate) groups: Vec<Group>,
    opener: Opener,
    pub(crate) trees: Trees,
    pub(crate) contents: Arc<Contents>,
    read_ahead: ReadAhead,
    problems: Vec<Problem>,
}

/// What the root of the mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    Store,
    Group,
    Image(ImageSlot),
}

/// What answers for an inode number.
enum Target<'a> {
    Store,
    Group(&'a Group),
    Node(Node<'a>),
    Stream(Node<'a>, u16),
}

impl Filesystem {
    /// Opens a store, a group, or an archive file; see [`FolderSource::find`]. Groups are looked into when they are first
    /// asked for; an archive file, and the group with the image chosen, at once.
    ///
    /// # Errors
    /// There is no store at `path`, the one archive asked for does not open, a reference archive does not, or the image
    /// chosen does not exist.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        let source = FolderSource::find(path)?;
        let entries = source.groups()?;
        let mut problems = Vec::new();
        if entries.len() > MAX_GROUPS {
            let error = Error::TooMany { what: "groups in a store", limit: MAX_GROUPS };
            problems.push(Problem { path: path.to_owned(), error });
        }
        let groups = (0..).zip(entries).take(MAX_GROUPS).map(|(number, entry)| Group::new(number, entry)).collect();
        let content =
            ContentOptions { cache_bytes: options.cache_bytes, verify: options.verify, threads: options.threads };
        let contents = Arc::new(Contents::new(&content));
        let mut fs = Self {
            path: path.to_owned(),
            top: if source.shape() == Shape::Store { Top::Store } else { Top::Group },
            groups,
            opener: Opener::new(&options.references)?,
            trees: Trees::new(options.tree_bytes),
            read_ahead: ReadAhead::new(Arc::clone(&contents), &content),
            contents,
            source: Box::new(source),
            options,
            problems,
        };
        if fs.source.shape() == Shape::File {
            let images = fs.images(&fs.groups[0])?;
            if let Some(problem) = images.problems.iter().find(|p| p.path == path) {
                return Err(problem.error.clone());
            }
            if images.archives[0].wim.header().part.number > 1 {
                let reason = "a later part of a split archive: name the first part, which has the images";
                return Err(Error::NoStore { path: path.to_owned(), reason });
            }
        }
        if let Some(choice) = fs.options.image.clone() {
            fs.top = Top::Image(fs.choose(path, &choice)?);
        }
        Ok(fs)
    }

    /// Finds the image that becomes the root: a number counts in an archive file; a name must be that of one image.
    fn choose(&self, path: &Path, choice: &ImageChoice) -> Result<ImageSlot> {
        if self.source.shape() == Shape::Store {
            let reason = "a store: choose an image in one of its groups or archives, as STORE/Images/GROUP";
            return Err(Error::NoStore { path: path.to_owned(), reason });
        }
        let images = &self.images(&self.groups[0])?.images;
        let by_number = |number: u32| {
            images.iter().find(|i| self.source.shape() == Shape::File && u32::try_from(i.number()) == Ok(number))
        };
        let by_name = |name: &str| {
            let called = |i: &&Image| i.xml().and_then(|xml| xml.name.as_deref()) == Some(name);
            images.iter().find(called).or_else(|| images.iter().find(|i| i.name == name))
        };
        let found = match choice {
            ImageChoice::Number(number) => by_number(*number).or_else(|| by_name(&number.to_string())),
            ImageChoice::Name(name) => by_name(name),
        };
        found.map(|image| image.slot).ok_or_else(|| Error::NoImage {
            path: path.to_owned(),
            wanted: choice.to_string(),
            available: images.iter().map(|i| format!("{} ({:?})", i.number(), i.name)).collect::<Vec<_>>().join(", "),
        })
    }

    /// The number of the root directory.
    pub fn root(&self) -> Ino {
        Ino::ROOT
    }

    /// How the store is shown.
    pub fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn images<'a>(&'a self, group: &'a Group) -> Result<&'a GroupImages> {
        group.images(&*self.source, &self.opener)
    }

    fn image(&self, slot: ImageSlot) -> Result<&Image> {
        let group = self.groups.get(usize::from(slot.group)).ok_or(Error::NotFound)?;
        self.images(group)?.images.get(usize::from(slot.image)).ok_or(Error::NotFound)
    }

    fn node<'a>(&'a self, image: &'a Image, inode: InodeId) -> Result<Node<'a>> {
        let tree = image.tree(&self.trees)?;
        if inode.0 >= tree.inode_count() {
            return Err(Error::NotFound);
        }
        Ok(Node { image, tree, inode })
    }

    fn target(&self, ino: Ino) -> Result<Target<'_>> {
        let place = ino.place().ok_or(Error::NotFound)?;
        Ok(match (place, self.top) {
            (Place::Root, Top::Store) => Target::Store,
            (Place::Root, Top::Group) => Target::Group(&self.groups[0]),
            (Place::Root, Top::Image(slot)) => Target::Node(self.node(self.image(slot)?, InodeId(0))?),
            (Place::Group(number), Top::Store) => {
                Target::Group(self.groups.get(usize::from(number)).ok_or(Error::NotFound)?)
            }
            (Place::Group(_), _) => return Err(Error::NotFound),
            (Place::Inode(slot, inode), _) => Target::Node(self.node(self.image(slot)?, inode)?),
            (Place::Stream(slot, inode, stream), _) => Target::Stream(self.node(self.image(slot)?, inode)?, stream),
        })
    }

    /// The number of an inode of an image; the root's where the image is the root.
    pub(crate) fn ino(&self, image: &Image, inode: InodeId) -> Ino {
        if inode.0 == 0 && self.top == Top::Image(image.slot) {
            return Ino::ROOT;
        }
        Ino::of(Place::Inode(image.slot, inode))
    }

    fn group_ino(&self, group: &Group) -> Ino {
        if self.top == Top::Store { Ino::of(Place::Group(group.number)) } else { Ino::ROOT }
    }

    /// Whether an image is part of what is mounted.
    pub(crate) fn shows(&self, image: &Image) -> bool {
        match self.top {
            Top::Image(slot) => slot == image.slot,
            Top::Store | Top::Group => true,
        }
    }

    /// Sums over the groups looked into so far; `files` is what the archives' XML data says.
    pub fn totals(&self) -> Totals {
        let groups = || self.groups.iter().filter_map(Group::loaded);
        let files = |image: &Image| {
            image.xml().map_or(0, |x| x.file_count.unwrap_or(0).saturating_add(x.dir_count.unwrap_or(0)))
        };
        Totals {
            bytes: groups().flat_map(|g| &g.archives).map(|a| a.wim.source().size()).fold(0, u64::saturating_add),
            files: groups().flat_map(|g| &g.images).filter(|i| self.shows(i)).map(files).fold(0, u64::saturating_add),
            block_size: 4096,
            name_max: 1024, // longer names are left out
        }
    }

    /// What is known to be left out or unreadable, in the groups looked into so far.
    pub fn problems(&self) -> Vec<Problem> {
        let groups = self.groups.iter().filter_map(Group::loaded).flat_map(|g| &g.problems);
        self.problems.iter().chain(groups).cloned().collect()
    }
}
