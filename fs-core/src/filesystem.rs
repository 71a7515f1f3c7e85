//! The store as a read-only filesystem: every question a mount is asked is answered here.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use wim::{CaseSensitivity, InodeId, Metadata, NodeId};

use crate::content::{ContentOptions, Contents, Release};
use crate::group::{Group, GroupImages, Opener};
use crate::image::{Image, Node, Trees};
use crate::ino::{MAX_GROUPS, Place};
use crate::source::{FolderSource, Shape, StoreSource};
use crate::xattrs::{self, Rules, Value};
use crate::{
    Attr, BlobRef, DirEntry, Error, ImageChoice, ImageSlot, Ino, Kind, Options, Problem, Result, StreamInterface,
    Totals, describe, links,
};

/// A mounted store, group, archive or image. Immutable and shared by any number of threads.
pub struct Filesystem {
    path: PathBuf,
    source: Box<dyn StoreSource>,
    options: Options,
    top: Top,
    pub(crate) groups: Vec<Group>,
    opener: Opener,
    pub(crate) trees: Trees,
    contents: Contents,
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
        let mut fs = Self {
            path: path.to_owned(),
            top: if source.shape() == Shape::Store { Top::Store } else { Top::Group },
            groups,
            opener: Opener::new(&options.references)?,
            trees: Trees::new(options.tree_bytes),
            contents: Contents::new(&ContentOptions {
                cache_bytes: options.cache_bytes,
                verify: options.verify,
                threads: options.threads,
            }),
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

    /// The attributes of the name in a directory. `name` is WTF-8, as listings give it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such name, [`Error::NotDirectory`] if `parent` has none, or why the image's
    /// metadata cannot be read.
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attr> {
        match self.target(parent)? {
            Target::Store => {
                let group = self.groups.iter().find(|g| self.same_name(g.name(), name)).ok_or(Error::NotFound)?;
                Ok(self.group_attr(group))
            }
            Target::Group(group) => {
                let text = std::str::from_utf8(name).map_err(|_| Error::NotFound)?;
                let image = self.images(group)?.find(text, self.options.ignore_case).ok_or(Error::NotFound)?;
                Ok(self.image_attr(image))
            }
            Target::Node(node) => self.lookup_in(&node, name),
            Target::Stream(..) => Err(Error::NotDirectory),
        }
    }

    fn same_name(&self, a: &[u8], b: &[u8]) -> bool {
        let folded =
            |name: &[u8]| wim::utf16_from_wtf8(name).map(|u| u.into_iter().map(wim::upcase).collect::<Vec<_>>());
        a == b || (self.options.ignore_case && folded(a).is_some_and(|a| Some(a) == folded(b)))
    }

    fn lookup_in(&self, node: &Node<'_>, name: &[u8]) -> Result<Attr> {
        let units = wim::utf16_from_wtf8(name).ok_or(Error::NotFound)?;
        match self.child(node, &units) {
            Err(Error::NotFound) if self.options.streams == StreamInterface::Windows => {}
            other => return self.attr_of(&other?),
        }
        let colon = units.iter().position(|&u| u == u16::from(b':')).ok_or(Error::NotFound)?;
        let file = self.child(node, &units[..colon])?;
        let wanted = &units[colon + 1..];
        let same = |name: wim::Name<'_>| {
            if self.options.ignore_case {
                name.shown_units().map(wim::upcase).eq(wanted.iter().map(|&u| wim::upcase(u)))
            } else {
                name.shown_units().eq(wanted.iter().copied())
            }
        };
        let stream = file.dentry().streams().named().find(|s| same(s.name)).ok_or(Error::NotFound)?.index;
        self.stream_attr(&file, stream)
    }

    fn child<'a>(&self, node: &Node<'a>, name: &[u16]) -> Result<Node<'a>> {
        if !node.dentry().is_directory() {
            return Err(Error::NotDirectory);
        }
        let case = if self.options.ignore_case { CaseSensitivity::Insensitive } else { CaseSensitivity::Sensitive };
        let child = node.tree.lookup(node.id(), name, case).ok_or(Error::NotFound)?;
        Ok(Node { inode: node.tree.inode(child), ..node.clone() })
    }

    /// The attributes of an inode.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number that nothing has, or why the image's metadata cannot be read.
    pub fn attr(&self, ino: Ino) -> Result<Attr> {
        if let (Some(Place::Inode(slot, InodeId(0))), Top::Store | Top::Group) = (ino.place(), self.top) {
            return Ok(self.image_attr(self.image(slot)?));
        }
        match self.target(ino)? {
            Target::Store => Ok(describe::folder(&self.options, Ino::ROOT, &self.path)),
            Target::Group(group) => Ok(self.group_attr(group)),
            Target::Node(node) => self.attr_of(&node),
            Target::Stream(node, stream) => self.stream_attr(&node, stream),
        }
    }

    fn group_attr(&self, group: &Group) -> Attr {
        describe::folder(&self.options, self.group_ino(group), &group.entry.path)
    }

    /// The attributes of an image's directory, which must not cost reading the image: a group may hold hundreds.
    fn image_attr(&self, image: &Image) -> Attr {
        describe::image(&self.options, self.ino(image, InodeId(0)), image)
    }

    fn attr_of(&self, node: &Node<'_>) -> Result<Attr> {
        let mut attr = describe::inode(&self.options, node, self.ino(node.image, node.inode));
        if attr.kind == Kind::Symlink {
            // A link that cannot be read is still listed.
            attr.size = self.link_target(node).map_or(0, |target| target.len() as u64);
        }
        Ok(attr)
    }

    fn stream_attr(&self, node: &Node<'_>, stream: u16) -> Result<Attr> {
        let hash = self.stream_hash(node, stream)?;
        let ino = Ino::of(Place::Stream(node.image.slot, node.inode, stream));
        Ok(describe::stream(&self.options, node, ino, hash))
    }

    fn stream_hash(&self, node: &Node<'_>, stream: u16) -> Result<Option<wim::BlobHash>> {
        let found = node.dentry().streams().named().find(|s| s.index == stream);
        Ok(found.ok_or(Error::NotFound)?.hash)
    }

    /// Calls `each` for the entries of a directory behind the place `after`, 0 for its start, until it breaks off: `.`, `..`,
    /// then the names in an order that stays.
    ///
    /// # Errors
    /// [`Error::NotDirectory`], or why the directory cannot be read.
    pub fn read_dir(&self, ino: Ino, after: u64, each: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        let target = self.target(ino).map_err(|error| self.said_of(ino, error))?;
        if matches!(&target, Target::Node(node) if !node.dentry().is_directory()) {
            return Err(Error::NotDirectory);
        }
        for (place, name, ino) in [(1, b".".as_slice(), ino), (2, b"..", self.parent(&target)?)] {
            if after < place && each(DirEntry { ino, kind: Kind::Directory, name, next: place }).is_break() {
                return Ok(());
            }
        }
        let skipped = usize::try_from(after.saturating_sub(2)).unwrap_or(usize::MAX);
        let mut place = skipped as u64 + 2;
        let mut give = |ino, kind, name: &[u8]| {
            place += 1;
            each(DirEntry { ino, kind, name, next: place }).is_continue()
        };
        match &target {
            Target::Store => {
                let mut rest = self.groups.iter().skip(skipped);
                rest.all(|group| give(self.group_ino(group), Kind::Directory, group.name()));
            }
            Target::Group(group) => {
                let mut rest = self.images(group)?.images.iter().skip(skipped);
                rest.all(|image| give(self.ino(image, InodeId(0)), Kind::Directory, image.name.as_bytes()));
            }
            Target::Node(node) => {
                let mut rest = node.tree.children(node.id()).skip(skipped);
                rest.all(|child| {
                    let dentry = node.tree.dentry(NodeId(child));
                    let ino = self.ino(node.image, node.tree.inode(NodeId(child)));
                    give(ino, describe::kind(&self.options, &dentry), &dentry.name().to_shown_wtf8())
                });
            }
            Target::Stream(..) => return Err(Error::NotDirectory),
        }
        Ok(())
    }

    fn parent(&self, target: &Target<'_>) -> Result<Ino> {
        Ok(match target {
            Target::Store | Target::Group(_) => Ino::ROOT,
            Target::Node(node) if node.inode.0 == 0 => match self.top {
                Top::Store => Ino::of(Place::Group(node.image.slot.group)),
                Top::Group | Top::Image(_) => Ino::ROOT,
            },
            Target::Node(node) => self.ino(node.image, node.tree.inode(node.tree.parent(node.id()))),
            Target::Stream(..) => return Err(Error::NotDirectory),
        })
    }

    /// Fills `buf` from `offset` and returns how many bytes it filled: fewer than `buf.len()` only where the file ends.
    ///
    /// # Errors
    /// [`Error::IsDirectory`], [`Error::Encrypted`], or why the bytes cannot be had; `buf` then holds unspecified bytes.
    pub fn read_at(&self, ino: Ino, offset: u64, buf: &mut [u8]) -> Result<usize> {
        match self.blob(ino) {
            Ok(Some(blob)) => self.contents.read_at(&blob, offset, buf),
            Ok(None) => Ok(0),
            Err(error) => Err(error),
        }
        .map_err(|error| self.said_of(ino, error))
    }

    /// Gives a file's bytes to `sink` in order, decoded by several threads; see [`Contents::stream`].
    ///
    /// # Errors
    /// As [`Filesystem::read_at`], or the sink's own; what was given before is then worth what `release` says.
    pub fn stream(&self, ino: Ino, release: Release, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        match self.blob(ino) {
            Ok(Some(blob)) => self.contents.stream(&blob, release, sink),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| self.said_of(ino, error))
    }

    /// The blob with the bytes of a file or stream; `None` if it is empty.
    fn blob(&self, ino: Ino) -> Result<Option<BlobRef>> {
        let (node, hash) = match self.target(ino)? {
            Target::Store | Target::Group(_) => return Err(Error::IsDirectory),
            Target::Node(node) => {
                let dentry = node.dentry();
                if dentry.is_directory() {
                    return Err(Error::IsDirectory);
                }
                let streams = dentry.streams();
                if streams.efs.is_some() {
                    return Err(Error::Encrypted);
                }
                let hash = streams.unnamed;
                (node, hash)
            }
            Target::Stream(node, stream) => {
                let hash = self.stream_hash(&node, stream)?;
                (node, hash)
            }
        };
        hash.map(|hash| node.image.blob(&hash)).transpose()
    }

    /// The target of a symbolic link or junction: a relative path that stays inside the image, WTF-8.
    ///
    /// # Errors
    /// [`Error::NotSymlink`], or why the target cannot be read.
    pub fn read_link(&self, ino: Ino) -> Result<Vec<u8>> {
        match self.target(ino)? {
            Target::Node(node) if describe::kind(&self.options, &node.dentry()) == Kind::Symlink => {
                self.link_target(&node).map_err(|error| self.said_of(ino, error))
            }
            _ => Err(Error::NotSymlink),
        }
    }

    fn link_target(&self, node: &Node<'_>) -> Result<Vec<u8>> {
        let dentry = node.dentry();
        let (Some(head), Some(hash)) = (dentry.reparse(), dentry.streams().reparse) else {
            return Err(Error::NotSymlink);
        };
        let blob = node.image.blob(&hash)?;
        let broken = |e| Error::archive(&blob.archive.path, e);
        let data = self.contents.read_whole(&blob, links::MAX_DATA).map_err(|error| match error {
            Error::TooLarge { len: size, limit } => {
                broken(wim::Error::TooLarge { what: "target of a link", at: blob.blob().place.offset, size, limit })
            }
            other => other,
        })?;
        let link = wim::reparse::parse_link(head.tag, &data).map_err(broken)?.ok_or(Error::NotSymlink)?;
        let directory = directory_names(&node.tree, node.id());
        let mut real_name = |directory: &[Vec<u16>], name: &[u16]| real_name(&node.tree, directory, name);
        Ok(wim::wtf8_from_utf16(links::unix_target(&link, &directory, &mut real_name)))
    }

    /// The names of the extended attributes that belong to a file.
    ///
    /// # Errors
    /// Why the image's metadata cannot be read.
    pub fn xattr_names(&self, ino: Ino) -> Result<Vec<Vec<u8>>> {
        Ok(match self.target(ino)? {
            Target::Node(node) => xattrs::names(&node, self.rules()),
            Target::Store | Target::Group(_) | Target::Stream(..) => Vec::new(),
        })
    }

    /// The value of an extended attribute; also of those that are not listed.
    ///
    /// # Errors
    /// [`Error::NoXattr`], [`Error::TooLarge`] for a stream beyond what the platform can hand over, or why it cannot be read.
    pub fn xattr(&self, ino: Ino, name: &[u8]) -> Result<Vec<u8>> {
        let node = match self.target(ino) {
            Ok(Target::Node(node)) => node,
            Ok(Target::Store | Target::Group(_) | Target::Stream(..)) => return Err(Error::NoXattr),
            // An image without a readable tree still tells where it comes from.
            Err(error) => {
                let fact = name.strip_prefix(b"user.wim.").zip(self.image_at(ino));
                let fact = fact.and_then(|(name, image)| xattrs::image_fact(image, name));
                return fact.ok_or_else(|| self.said_of(ino, error));
            }
        };
        let limit = xattrs::XATTR_MAX as u64;
        let read = |hash: &wim::BlobHash| self.contents.read_whole(&node.image.blob(hash)?, limit);
        let value = match xattrs::value(&node, name, self.rules()).ok_or(Error::NoXattr)? {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Blob(None) => Ok(Vec::new()),
            Value::Blob(Some(hash)) => read(&hash),
            Value::Reparse(head, hash) => {
                let data = hash.map_or(Ok(Vec::new()), |hash| read(&hash));
                data.map(|data| xattrs::reparse_buffer(head, &data))
            }
        };
        value.map_err(|error| self.said_of(ino, error))
    }

    fn rules(&self) -> Rules {
        Rules { streams: self.options.streams, unix_data: self.options.unix_data }
    }

    /// The inode at a path from the root, `/` between names; links on the way are not followed.
    ///
    /// # Errors
    /// As [`Filesystem::lookup`], with the path.
    pub fn resolve(&self, path: &[u8]) -> Result<Ino> {
        let mut ino = self.root();
        for name in path.split(|&b| b == b'/').filter(|n| !n.is_empty() && *n != b".") {
            ino = self.lookup(ino, name).map_err(|error| error.at(path))?.ino;
        }
        Ok(ino)
    }

    /// The path of an inode from the root, WTF-8 without a leading `/`; of a hard link its first name. Empty for the root,
    /// and for a number that nothing has.
    pub fn path(&self, ino: Ino) -> Vec<u8> {
        match self.image_at(ino) {
            Some(image) => self.image_path(image).join(&b'/'), // also where its tree cannot be read
            None => self.target(ino).map(|target| self.path_of(&target)).unwrap_or_default(),
        }
    }

    /// The image whose root has this number, whether its tree can be read or not.
    fn image_at(&self, ino: Ino) -> Option<&Image> {
        match (ino.place()?, self.top) {
            (Place::Root, Top::Image(slot)) | (Place::Inode(slot, InodeId(0)), _) => self.image(slot).ok(),
            _ => None,
        }
    }

    /// The names that lead to an image's root.
    fn image_path(&self, image: &Image) -> Vec<Vec<u8>> {
        let group = (self.top == Top::Store).then(|| self.groups[usize::from(image.slot.group)].name().to_vec());
        let name = (!matches!(self.top, Top::Image(_))).then(|| image.name.clone().into_bytes());
        group.into_iter().chain(name).collect()
    }

    fn path_of(&self, target: &Target<'_>) -> Vec<u8> {
        match target {
            Target::Store => Vec::new(),
            Target::Group(group) => group.name().to_vec(),
            Target::Node(node) => self.node_path(node.image, &node.tree, node.id()),
            Target::Stream(node, stream) => {
                let mut path = self.node_path(node.image, &node.tree, node.id());
                if let Some(stream) = node.dentry().streams().named().find(|s| s.index == *stream) {
                    path.push(b':');
                    path.extend(stream.name.to_shown_wtf8());
                }
                path
            }
        }
    }

    /// The path of a name of an image from the root of the mount.
    pub(crate) fn node_path(&self, image: &Image, tree: &Metadata, node: NodeId) -> Vec<u8> {
        let mut names = self.image_path(image);
        names.extend(names_to(tree, node).into_iter().map(|id| tree.dentry(id).name().to_shown_wtf8()));
        names.join(&b'/')
    }

    /// The error with the path it is about, if it is one of damage.
    fn said_of(&self, ino: Ino, error: Error) -> Error {
        let path = if error.is_damage() { self.path(ino) } else { Vec::new() };
        if path.is_empty() { error } else { error.at(&path) }
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

/// The nodes from below the root to `node`, itself included.
fn names_to(tree: &Metadata, node: NodeId) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        std::iter::successors(Some(node), |&n| Some(tree.parent(n))).take_while(|&n| n != NodeId::ROOT).collect();
    nodes.reverse();
    nodes
}

/// The names of the directories above a node, from the image's root.
fn directory_names(tree: &Metadata, node: NodeId) -> Vec<Vec<u16>> {
    let mut nodes = names_to(tree, node);
    nodes.pop();
    nodes.into_iter().map(|n| tree.dentry(n).name().shown_units().collect()).collect()
}

/// The name by which a directory, given by its names from the root, has `name`: as it is if it is there, else in other case.
fn real_name(tree: &Metadata, directory: &[Vec<u16>], name: &[u16]) -> Option<Vec<u16>> {
    let mut node = NodeId::ROOT;
    for step in directory {
        node = tree.lookup(node, step, CaseSensitivity::Sensitive)?;
    }
    let sensitive = tree.lookup(node, name, CaseSensitivity::Sensitive);
    let found = sensitive.or_else(|| tree.lookup(node, name, CaseSensitivity::Insensitive))?;
    Some(tree.dentry(found).name().shown_units().collect())
}
