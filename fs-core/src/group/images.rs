//! What a group holds at one time, and how one snapshot of it follows from another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Group;
use crate::image::Image;
use crate::ino::MAX_IMAGES;
use crate::names::ImageNames;
use crate::opener::{Files, Opener};
use crate::slots::Slots;
use crate::source::{ArchiveEntry, GroupListing, StoredFile};
use crate::uses::Uses;
use crate::{ArchiveId, Error, ImageSlot, OpenArchive, Problem};

/// What a group holds, once it was looked into: a snapshot, which another one follows when the folder changes.
#[derive(Debug)]
pub(crate) struct GroupImages {
    pub(crate) images: Slots<Arc<Image>>,
    /// Every archive that opened: those with images, then those that only supply data.
    pub(crate) archives: Vec<Arc<OpenArchive>>,
    /// The archives whose images are disabled.
    pub(crate) disabled: Vec<ArchiveEntry>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) files: Files,
    /// The archives that supply data to every image, behind its own.
    shared: Vec<Arc<OpenArchive>>,
    by_name: HashMap<String, u16>,
}

impl GroupImages {
    /// Nothing, for a group that nobody has looked into.
    pub(super) fn empty() -> Self {
        Self {
            images: Slots::new(MAX_IMAGES),
            archives: Vec::new(),
            disabled: Vec::new(),
            problems: Vec::new(),
            files: Files::new(),
            shared: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    /// The image whose directory has this name, exactly or else, with `ignore_case`, in any case of letters.
    pub(crate) fn find(&self, name: &str, ignore_case: bool) -> Option<&Arc<Image>> {
        let image = self.images.get(*self.by_name.get(&name.to_lowercase())?)?;
        (ignore_case || image.name == name).then_some(image)
    }

    fn has_shared(&self, archive: &OpenArchive) -> bool {
        self.shared.iter().any(|shared| shared.id == archive.id)
    }

    /// Whether `later` has not all the blobs that the archives shared here have.
    fn loses_to(&self, later: &Self) -> bool {
        let missed = |hash| later.shared.iter().all(|archive| archive.wim.blobs().find(hash).is_none());
        let mut dropped = self.shared.iter().filter(|archive| !later.has_shared(archive));
        dropped.any(|archive| archive.wim.blobs().iter().any(|blob| missed(&blob.hash)))
    }

    fn shares_with(&self, later: &Self) -> bool {
        self.shared.iter().map(|archive| archive.id).eq(later.shared.iter().map(|archive| archive.id))
    }
}

/// A snapshot being built behind another one, whose archives, images and numbers it keeps where nothing has changed.
pub(super) struct Builder<'a> {
    group: &'a Group,
    old: &'a GroupImages,
    opener: &'a Opener,
    new: GroupImages,
    names: ImageNames,
    /// The old images by archive and place there.
    known: HashMap<(ArchiveId, usize), &'a Arc<Image>>,
    kept: HashSet<u16>,
    /// How data shared by all images now is to be had, against before.
    shared: Shared,
}

/// What has become of the archives that images share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// They are the same.
    Same,
    /// They are others and have all that was to be had before.
    More,
    /// They lack something that was to be had before.
    Less,
}

impl<'a> Builder<'a> {
    pub(super) fn new(group: &'a Group, old: &'a GroupImages, opener: &'a Opener) -> Self {
        let known = old.images.iter().map(|image| ((image.archive.id, image.index), image)).collect();
        let new = GroupImages { images: old.images.clone(), ..GroupImages::empty() };
        let (names, kept) = (ImageNames::default(), HashSet::new());
        Self { group, old, opener, new, names, known, kept, shared: Shared::Same }
    }

    /// The snapshot for what the group's folder holds now.
    pub(super) fn build(mut self, listing: GroupListing) -> GroupImages {
        let (disabled, enabled): (Vec<_>, Vec<_>) =
            listing.archives.into_iter().partition(|archive| archive.attributes.is_hidden());
        self.new.disabled = disabled;
        let suppliers: Vec<&StoredFile> = listing.parts.iter().chain(&listing.resources).collect();
        let files: Vec<_> = enabled.iter().map(|archive| &archive.file).chain(suppliers.iter().copied()).collect();
        self.new.files = self.opener.look(&files, &self.old.files);
        let problem = |file: &&StoredFile| self.new.files.get(&file.path)?.problem(&file.path);
        self.new.problems = files.iter().filter_map(problem).collect();

        let shared: Vec<_> = suppliers.iter().filter_map(|file| self.archive(file)).collect();
        self.new.shared = shared.iter().chain(self.opener.references()).cloned().collect();
        self.shared = self.compare_shared();
        for entry in &enabled {
            if let Some(archive) = self.archive(&entry.file) {
                self.add_images(entry, &archive);
                self.new.archives.push(archive);
            }
        }
        self.new.archives.extend(shared);
        for image in self.old.images.iter().filter(|image| !self.kept.contains(&image.slot.image)) {
            self.new.images.take(image.slot.image);
        }
        self.new
    }

    fn archive(&self, file: &StoredFile) -> Option<Arc<OpenArchive>> {
        self.new.files.get(&file.path)?.archive.clone()
    }

    fn compare_shared(&self) -> Shared {
        if self.old.shares_with(&self.new) {
            Shared::Same
        } else if self.old.loses_to(&self.new) {
            Shared::Less
        } else {
            Shared::More
        }
    }

    fn add_images(&mut self, entry: &ArchiveEntry, archive: &Arc<OpenArchive>) {
        let suppliers: Arc<[_]> = std::iter::once(archive).chain(&self.new.shared).cloned().collect();
        for index in 0..archive.wim.image_count() {
            let number = index + 1;
            let xml = archive.wim.xml().image(u32::try_from(number).unwrap_or(u32::MAX));
            let name = xml.and_then(|xml| xml.name.as_deref());
            let name = self.names.name(name, &entry.file.name.to_string_lossy(), number);
            let Some(slot) = self.add(archive, index, &name, &suppliers) else {
                let error = Error::TooMany { what: "images in a group", limit: MAX_IMAGES };
                self.new.problems.push(Problem::new(&entry.file.path, error));
                return;
            };
            self.new.by_name.insert(name.to_lowercase(), slot);
        }
    }

    /// Lists an image, under its old number if it is what it was. Returns the number, unless there is none left.
    fn add(
        &mut self,
        archive: &Arc<OpenArchive>,
        index: usize,
        name: &str,
        suppliers: &Arc<[Arc<OpenArchive>]>,
    ) -> Option<u16> {
        let image = |number, uses| {
            let slot = ImageSlot { group: self.group.number, image: number };
            let (archive, suppliers) = (Arc::clone(archive), Arc::clone(suppliers));
            Arc::new(Image { slot, name: name.to_owned(), archive, index, suppliers, uses })
        };
        match self.known.get(&(archive.id, index)).filter(|old| self.is_what_it_was(&old.uses)) {
            Some(old) => {
                let number = old.slot.image;
                if old.name != name || self.shared != Shared::Same {
                    self.new.images.replace(number, image(number, Arc::clone(&old.uses)));
                }
                self.kept.insert(number);
                Some(number)
            }
            None => {
                let is_free = |number| self.group.retired(number).is_none();
                let added = self.new.images.add(is_free, |number| image(number, Arc::default()));
                added.map(|image| image.slot.image)
            }
        }
    }

    /// Whether an image's files are the same to everybody who has seen some of them. If not, it gets another number: so who
    /// reads it goes on with what he has, and nobody is shown sizes of before.
    fn is_what_it_was(&self, uses: &Uses) -> bool {
        match self.shared {
            Shared::Same => true,
            Shared::More => !uses.has_lacked(),
            Shared::Less => !uses.has_lacked() && !uses.has_borrowed(),
        }
    }
}
