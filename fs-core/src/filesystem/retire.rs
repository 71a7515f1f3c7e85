//! What is gone from the store and still used: who has it open goes on, and when nobody has, it is let go of.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wim::{Metadata, NodeId};

use super::{Filesystem, Invalidation};
use crate::archive::ArchiveFile;
use crate::options::StreamInterface;
use crate::snapshot::{Group, Image, Ino, Place, Uses};

/// What a platform needs to forget an image that nobody uses.
const FORGETTING: Duration = Duration::from_millis(50);

/// Cache lifetime of names whose changes the kernel is not notified of.
const UNNOTIFIED_LIFETIME: Duration = Duration::from_secs(1);

/// Names that are told of at once.
const NAMES_AT_ONCE: usize = 1024;

impl Filesystem {
    /// Lets go of what is gone and not used, after platforms were told of it. Returns whether something is still used.
    ///
    /// A platform that keeps closed files in mind by their names would do so for ever with those that somebody had open when
    /// their image went away, or opened since by way of an open directory: no path leads to them. So it is told of every name
    /// in such an image, when it goes away and again when names were looked up since.
    pub(super) fn release_unused(&self, tell: &mut dyn FnMut(&[Invalidation])) -> bool {
        self.retired.all().iter().for_each(|group| group.uses.set_gone());
        let groups: Vec<_> = self.store().groups.iter().cloned().chain(self.retired.all()).collect();
        groups.iter().for_each(|group| group.set_told());
        let lingering = || {
            groups.iter().flat_map(|group| {
                self.sweep(group);
                group.all_retired()
            })
        };
        if lingering().any(|image| image.uses.has_been_asked()) {
            thread::sleep(FORGETTING);
        }
        let mut again = false;
        for image in lingering() {
            again = true;
            if image.uses.take_asked() {
                self.invalidate_names_of(&image, tell);
            }
        }
        again
    }

    /// Has the platform forget every name in an image.
    fn invalidate_names_of(&self, image: &Image, tell: &mut dyn FnMut(&[Invalidation])) {
        let Ok(tree) = image.tree() else { return };
        let nodes: Vec<NodeId> = (1..tree.node_count()).map(NodeId).collect();
        for nodes in nodes.chunks(NAMES_AT_ONCE) {
            let names = nodes.iter().flat_map(|&node| self.names_of(image, &tree, node));
            tell(&names.collect::<Vec<_>>());
        }
    }

    /// The names by which a node of an image can be looked up.
    fn names_of(&self, image: &Image, tree: &Metadata, node: NodeId) -> Vec<Invalidation> {
        let parent = self.ino(image, tree.inode(tree.parent(node)));
        let dentry = tree.dentry(node);
        let name = dentry.name().to_shown_wtf8();
        let mut names = vec![Invalidation::Entry { parent, name: name.clone() }];
        if self.options.streams == StreamInterface::Windows {
            let stream = |stream: wim::NamedStream<'_>| [&name[..], b":", &stream.name.to_shown_wtf8()].concat();
            let streams = dentry.streams().named().map(stream);
            names.extend(streams.map(|name| Invalidation::Entry { parent, name }));
        }
        names
    }

    /// Frees what only the images needed that are gone from a group and that nobody uses any more.
    fn sweep(&self, group: &Group) {
        let images = group.sweep();
        if !images.is_empty() {
            let archives: HashMap<_, Arc<ArchiveFile>> = images
                .iter()
                .flat_map(|image| image.suppliers.iter())
                .map(|archive| (archive.id, Arc::clone(archive)))
                .collect();
            drop(images);
            let unused = archives.into_values().filter(|archive| Arc::strong_count(archive) == 1);
            self.engine.contents.forget(&unused.map(|archive| archive.id).collect());
        }
        if group.is_over() {
            self.retired.drain(|group| group.is_over());
        }
    }

    /// Notes that a platform was given a number by name, and will ask by it until it says [`Filesystem::forget`]. The number
    /// is not given to anything else meanwhile, and what it stands for can be read as long as its bytes can be had.
    pub fn learn(&self, ino: Ino) {
        if let Some(used) = self.used(ino) {
            used.uses().learn();
        }
    }

    /// Takes back [`Filesystem::learn`], `count` times.
    pub fn forget(&self, ino: Ino, count: u64) {
        let Some(used) = self.used(ino) else { return };
        used.uses().forget(count);
        if used.uses().is_over() {
            let Used { group, image } = used;
            drop(image); // it would keep its archive in use
            self.sweep(&group);
        }
    }

    /// What a number belongs to.
    fn used(&self, ino: Ino) -> Option<Used> {
        let (number, image) = match self.place(ino)? {
            Place::Root => return None,
            Place::Group(number) => (number, None),
            Place::Inode(slot, _) | Place::Stream(slot, ..) => (slot.group, Some(self.image(slot).ok()?)),
        };
        Some(Used { group: self.group(number).ok()?, image })
    }

    /// How long a platform may remember what it was told of the names in a directory; `None` is for ever, because
    /// [`Filesystem::refresh`] tells when that changes. It cannot where a name can be asked for in several ways, and does not
    /// a second time of what is gone.
    pub fn lasting(&self, directory: Ino) -> Option<Duration> {
        if self.used(directory).is_some_and(|used| used.uses().is_gone()) {
            return Some(Duration::ZERO);
        }
        let can_change = matches!(self.place(directory), Some(Place::Root | Place::Group(_)));
        let streams = self.options.image.is_some() && self.options.streams == StreamInterface::Windows;
        (can_change && (self.options.ignore_case || streams)).then_some(UNNOTIFIED_LIFETIME)
    }
}

/// A group, and the image of it that a number belongs to, if it is not the group's own.
struct Used {
    group: Arc<Group>,
    image: Option<Arc<Image>>,
}

impl Used {
    fn uses(&self) -> &Uses {
        self.image.as_ref().map_or(&self.group.uses, |image| &image.uses)
    }
}
