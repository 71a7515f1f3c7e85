//! Which storage an answer may have to wait for: asked before the question itself, and answered
//! from memory.

use std::sync::Arc;

use wim::InodeId;

use super::{Filesystem, Top};
use crate::snapshot::{Group, Image, ImageSlot, Ino, Place, Storage};

/// What is asked about an inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// Its attributes.
    Attributes,
    /// What is in a directory, or what a name in it means.
    Entries,
    /// The names of its extended attributes.
    Xattrs,
    /// The extended attribute with this name.
    Xattr(&'a [u8]),
    /// Its bytes, or a link's target.
    Content,
}

impl Filesystem {
    /// The storage that an answer may wait for; `None` if it is in memory as long as the inode is
    /// known. Waits for nothing.
    pub fn storage(&self, ino: Ino, about: About<'_>) -> Option<Storage> {
        if matches!(about, About::Xattr(name) if !self.keeps_xattr(name)) {
            return None;
        }
        match (self.place(ino)?, self.top()) {
            (Place::Root, Top::Store) => return None,
            (Place::Root, Top::Group) => return unlisted(&*self.group(0).ok()?, about),
            (Place::Group(number), _) => return unlisted(&*self.group(number).ok()?, about),
            (Place::Root | Place::Inode(..) | Place::Stream(..), _) => {}
        }
        let slot = self.slot(ino)?;
        if self.group(slot.group).ok()?.loaded().is_none() {
            return Some(Storage::of_group(slot.group));
        }
        let is_image_in_group = matches!(self.place(ino), Some(Place::Inode(_, InodeId(0))))
            && matches!(self.top(), Top::Store | Top::Group);
        if is_image_in_group && about == About::Attributes {
            return None;
        }
        Some(self.image_in_memory(slot)?.storage.clone())
    }

    /// Whether an answer about an image most likely waits for nothing: its tree, and the tables
    /// with its files' sizes, are in memory now, and the answer is not in a file's data. Targets of
    /// links are data, so their sizes may be the exception.
    pub fn is_in_memory(&self, ino: Ino, about: About<'_>) -> bool {
        if matches!(about, About::Content) || matches!(about, About::Xattr(name) if name.starts_with(b"user.")) {
            return false;
        }
        let image = self.slot(ino).and_then(|slot| self.image_in_memory(slot));
        image.is_some_and(|image| image.is_in_memory())
    }

    /// The image that an inode is in.
    fn slot(&self, ino: Ino) -> Option<ImageSlot> {
        match (self.place(ino)?, self.top()) {
            (Place::Inode(slot, _) | Place::Stream(slot, ..), _) | (Place::Root, Top::Image(slot)) => Some(slot),
            _ => None,
        }
    }

    /// An image of a group that was listed.
    fn image_in_memory(&self, slot: ImageSlot) -> Option<Arc<Image>> {
        let group = self.group(slot.group).ok()?;
        let listed = group.loaded()?.images.get(slot.image).cloned();
        listed.or_else(|| group.retired(slot.image))
    }
}

/// The storage that the entries of a group wait for until it is listed.
fn unlisted(group: &Group, about: About<'_>) -> Option<Storage> {
    (about == About::Entries && group.loaded().is_none()).then_some(Storage::of_group(group.number))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use testkit::{Image, Packing, Store, Wim, dir, file, root};

    use super::*;
    use crate::options::Options;

    #[test]
    fn answers_wait_for_a_group_until_it_is_listed_and_then_for_devices() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let tree = root([file("file", "content"), dir("docs", [])]);
        store.add("Group", "a.wim", &Wim::of(Packing::Stored, [Image::new("a", tree)]).build());
        let fs = Filesystem::open(store.path(), Options::default()).unwrap();
        let all = [About::Attributes, About::Entries, About::Xattrs, About::Xattr(b"user.a"), About::Content];
        let waits = |ino| all.map(|about| fs.storage(ino, about).is_some());

        assert_eq!(waits(Ino::ROOT), [false; 5]);
        let group = fs.lookup(Ino::ROOT, b"Group").unwrap().ino;
        assert_eq!(waits(group), [false, true, false, false, false]);
        let listing = fs.storage(group, About::Entries).unwrap();
        fs.read_dir(group, 0, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(waits(group), [false; 5]);

        let image = fs.lookup(group, b"a").unwrap().ino;
        assert_eq!(waits(image), [false, true, true, true, true]);
        let storage = fs.storage(image, About::Content).unwrap();
        assert_ne!(storage, listing);
        assert!(!fs.is_in_memory(image, About::Entries));
        let file = fs.lookup(image, b"file").unwrap().ino;
        assert_eq!(all.map(|about| fs.storage(file, about)), [(); 5].map(|()| Some(storage.clone())));
        assert_eq!(fs.storage(file, About::Xattr(b"security.capability")), None, "nothing has that");
        assert_eq!(all.map(|about| fs.is_in_memory(file, about)), [true, true, true, false, false]);
    }
}
