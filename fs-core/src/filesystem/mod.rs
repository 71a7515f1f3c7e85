//! The store as a read-only filesystem: every question a mount is asked is answered here.

mod attr;
mod contents;
mod damage_log;
mod describe;
pub(crate) mod external_data;
mod facts;
mod follow;
mod links;
mod listing;
mod lookup;
mod ntfs;
mod paths;
mod refresh;
mod retire;
mod storage;
mod xattrs;

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use wim::{FileTime, InodeId};

use crate::engine::{Engine, EngineOptions};
use crate::error::{Error, Problem, Result};
use crate::options::{ImageChoice, Options};
use crate::snapshot::{
    Group, GroupImages, Image, ImageSlot, Ino, MAX_GROUPS, Node, Numbering, Opener, Place, Retired, Slots, log_left_out,
};
use crate::source::{FolderSource, Shape, StoreListing, StoreSource, Watch};

pub use attr::{Attr, DirEntry, Kind, Totals};
pub(crate) use contents::link_of;
pub use facts::{Facts, SolidPlace};
pub(crate) use links::is_link;
pub use listing::Child;
pub use ntfs::{LinkTargets, ReparsePoint, StreamEntry, Volume, WindowsAttr};
pub use paths::Level;
pub(crate) use paths::path_below;
pub use refresh::{Invalidation, Left};
pub use storage::About;

/// A mounted store, group, archive or image, shared by any number of threads.
///
/// What it shows is a snapshot of the store; [`Filesystem::refresh`] puts another one in its place. What is gone from the
/// store answers by its number until [`Filesystem::forget`] says that nobody uses it.
pub struct Filesystem {
    source: Box<dyn StoreSource>,
    options: Options,
    store: RwLock<Arc<Snapshot>>,
    /// The groups that are no longer in the store.
    retired: Retired<Arc<Group>>,
    /// Held by the one that looks at the store, never by one that answers.
    refreshing: Mutex<()>,
    pub(crate) opener: Opener,
    pub(crate) engine: Arc<Engine>,
}

/// The groups at one time; each has a snapshot of its images.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    top: Top,
    pub(crate) groups: Slots<Arc<Group>>,
    modified: FileTime,
    problems: Vec<Problem>,
}

/// What the root of the mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    Store,
    Group,
    Image(ImageSlot),
}

/// How many images are named to somebody who chose one that is not there.
const NAMED_IMAGES: usize = 50;

/// What answers for an inode number.
enum Target {
    Store,
    Group(Arc<Group>),
    Node(Node),
    Stream(Node, u16),
}

impl Filesystem {
    /// Opens a store, a group, or an archive file; see [`FolderSource::find`]. Groups are looked into when they are first
    /// asked for; an archive file, and the group with the image chosen, at once.
    ///
    /// # Errors
    /// There is no store at `path`, the one archive asked for does not open, a reference archive does not, or the image
    /// chosen does not exist.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        let source = FolderSource::find(path, options.follow_links)?;
        Self::new(Box::new(source), Arc::new(Engine::new(&EngineOptions::default())), options)
    }

    /// A view of what `source` lists, as [`Filesystem::open`] gives one of a folder, read through `engine`, which other
    /// views may share.
    ///
    /// # Errors
    /// The source cannot be listed; else as [`Filesystem::open`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use fs_core::wim::FileTime;
    /// use fs_core::{Engine, EngineOptions, Filesystem, Ino, MemorySource, Options};
    ///
    /// # let tree = testkit::root([testkit::file("a.txt", "content")]);
    /// # let archive = testkit::Wim::new(testkit::Packing::Stored, tree).build().bytes;
    /// let source = MemorySource::new("memory");
    /// source.put("Group", "install.wim", archive, FileTime::from_unix(0, 0));
    /// let engine = Arc::new(Engine::new(&EngineOptions::default()));
    /// let view = Filesystem::new(Box::new(source), engine, Options::default())?;
    /// assert!(view.lookup(Ino::ROOT, b"Group").is_ok());
    /// # Ok::<(), fs_core::Error>(())
    /// ```
    pub fn new(source: Box<dyn StoreSource>, engine: Arc<Engine>, options: Options) -> Result<Self> {
        let listing = source.groups()?;
        let shape = source.shape();
        let mut store = Snapshot {
            top: if shape == Shape::Store { Top::Store } else { Top::Group },
            groups: Slots::new(),
            modified: listing.modified,
            problems: Vec::new(),
        };
        store.add_groups(source.path(), listing, &|_| true);
        log_left_out(&[], &store.problems);
        let fs = Self {
            store: RwLock::new(Arc::new(store)),
            retired: Retired::default(),
            refreshing: Mutex::default(),
            opener: Opener::new(&options, shape, Arc::clone(&engine.archives))?,
            engine,
            source,
            options,
        };
        if shape == Shape::File {
            fs.check_file()?;
        }
        if let Some(choice) = &fs.options.image {
            let slot = fs.choose(choice)?;
            fs.set_root(slot)?;
        }
        Ok(fs)
    }

    /// Refuses a file that cannot be shown by itself.
    fn check_file(&self) -> Result<()> {
        let path = self.source.path();
        let images = self.images(&*self.group(0)?)?;
        if let Some(problem) = images.problems.iter().find(|problem| problem.path == path) {
            return Err(problem.error.clone());
        }
        let file = images.archives.first().ok_or(Error::NotFound)?;
        if file.header.part.number > 1 {
            return Err(Error::LaterPart { path: path.to_owned() });
        }
        Ok(())
    }

    /// Begins to watch the store for changes, which [`Filesystem::refresh`] is to be told of.
    ///
    /// # Errors
    /// The system has no means left for it.
    pub fn watch(&self) -> Result<Watch> {
        self.source.watch()
    }

    /// Finds the image that becomes the root, the only one that is listed.
    fn choose(&self, choice: &ImageChoice) -> Result<ImageSlot> {
        let path = self.source.path();
        if self.source.shape() == Shape::Store {
            return Err(Error::ImageOfStore { path: path.to_owned() });
        }
        let images = self.images(&*self.group(0)?)?;
        let found = images.images.iter().next().map(|image| image.slot);
        found.ok_or_else(|| {
            let (some, rest) = images.available.split_at(images.available.len().min(NAMED_IMAGES));
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            let available = some.join(", ") + &more;
            Error::NoImage { path: path.to_owned(), wanted: choice.to_string(), available }
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

    /// The groups now.
    pub(crate) fn store(&self) -> Arc<Snapshot> {
        Arc::clone(&self.store.read())
    }

    fn top(&self) -> Top {
        self.store.read().top
    }

    /// A group that is in the store, or was.
    fn group(&self, number: u32) -> Result<Arc<Group>> {
        let listed = self.store.read().groups.get(number).cloned();
        listed.or_else(|| self.retired.get(number)).ok_or(Error::NotFound)
    }

    pub(crate) fn images(&self, group: &Group) -> Result<Arc<GroupImages>> {
        group.images(&*self.source, &self.opener)
    }

    /// An image that is in the store, or was.
    fn image(&self, slot: ImageSlot) -> Result<Arc<Image>> {
        let group = self.group(slot.group)?;
        let listed = self.images(&group)?.images.get(slot.image).cloned();
        listed.or_else(|| group.retired(slot.image)).ok_or(Error::NotFound)
    }

    /// Makes an image the root, which a platform knows from the beginning.
    fn set_root(&self, slot: ImageSlot) -> Result<()> {
        self.image(slot)?.uses.learn();
        Arc::make_mut(&mut self.store.write()).top = Top::Image(slot);
        Ok(())
    }

    fn node(&self, image: Arc<Image>, inode: InodeId) -> Result<Node> {
        let tree = image.tree()?;
        if inode.0 >= tree.inode_count() {
            return Err(Error::NotFound);
        }
        Ok(Node { image, tree, inode })
    }

    /// The meaning of an inode number in this mount.
    fn place(&self, ino: Ino) -> Option<Place> {
        ino.place(Numbering::of(self.source.shape()))
    }

    fn target(&self, ino: Ino) -> Result<Target> {
        let place = self.place(ino).ok_or(Error::NotFound)?;
        Ok(match (place, self.top()) {
            (Place::Root, Top::Store) => Target::Store,
            (Place::Root, Top::Group) => Target::Group(self.group(0)?),
            (Place::Root, Top::Image(slot)) => Target::Node(self.node(self.image(slot)?, InodeId(0))?),
            (Place::Group(number), Top::Store) => Target::Group(self.group(number)?),
            (Place::Group(_), _) => return Err(Error::NotFound),
            (Place::Inode(slot, inode), _) => Target::Node(self.node(self.image(slot)?, inode)?),
            (Place::Stream(slot, inode, stream), _) => Target::Stream(self.node(self.image(slot)?, inode)?, stream),
        })
    }

    /// The number of an inode of an image; the root's where the image is the root.
    pub(crate) fn ino(&self, image: &Image, inode: InodeId) -> Ino {
        if inode.0 == 0 && self.top() == Top::Image(image.slot) {
            return Ino::ROOT;
        }
        Ino::of(Place::Inode(image.slot, inode))
    }

    fn group_ino(&self, group: &Group) -> Ino {
        if self.top() == Top::Store { Ino::of(Place::Group(group.number)) } else { Ino::ROOT }
    }

    /// Whether an image is part of what is mounted.
    pub(crate) fn shows(&self, image: &Image) -> bool {
        match self.top() {
            Top::Image(slot) => slot == image.slot,
            Top::Store | Top::Group => true,
        }
    }

    /// Sums over the groups looked into so far; `files` is what the archives' XML data says.
    pub fn totals(&self) -> Totals {
        let groups: Vec<_> = self.loaded();
        let archives = groups.iter().flat_map(|group| &group.archives);
        let images = groups.iter().flat_map(|group| group.images.iter()).filter(|image| self.shows(image));
        Totals {
            bytes: archives.map(|archive| archive.size()).fold(0, u64::saturating_add),
            files: images.map(|image| image.facts().entries).fold(0, u64::saturating_add),
            block_size: 4096,
            name_max: 1024, // longer names are left out
        }
    }

    /// What is known to be left out or unreadable, in the groups looked into so far.
    pub fn problems(&self) -> Vec<Problem> {
        let groups = self.loaded();
        let groups = groups.iter().flat_map(|group| &group.problems).cloned();
        self.store().problems.iter().cloned().chain(groups).collect()
    }

    /// Problems of archives that are shown all the same, in the groups that were listed so far.
    pub fn warnings(&self) -> Vec<Problem> {
        self.loaded().iter().flat_map(|group| &group.warnings).cloned().collect()
    }

    /// What the groups hold that were looked into so far.
    pub(crate) fn loaded(&self) -> Vec<Arc<GroupImages>> {
        self.store().groups.iter().filter_map(|group| group.loaded()).collect()
    }
}

impl Snapshot {
    /// Puts in groups that are new, of the store at `path`, under numbers that nobody uses, and what is left out.
    fn add_groups(&mut self, path: &Path, listing: StoreListing, is_free: &dyn Fn(u32) -> bool) {
        self.modified = listing.modified;
        self.problems = listing.problems;
        for entry in listing.groups {
            if self.groups.add(MAX_GROUPS, is_free, |number| Arc::new(Group::new(number, entry))).is_none() {
                let error = Error::TooMany { what: "groups in a store", limit: MAX_GROUPS };
                self.problems.push(Problem::new(path, error));
                return;
            }
        }
    }
}
