//! What a group holds at one time, and how one snapshot of it follows from another.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::Group;
use crate::archive_file::ArchiveFile;
use crate::image::Image;
use crate::ino::MAX_IMAGES;
use crate::names::ImageNames;
use crate::opener::{Files, Opener};
use crate::slots::Slots;
use crate::source::{ArchiveEntry, GroupListing, StoreSource, StoredFile};
use crate::uses::Uses;
use crate::{ArchiveId, Error, ImageSlot, Problem, Result};

/// What a group holds, once it was looked into: a snapshot, which another one follows when the folder changes.
#[derive(Debug)]
pub(crate) struct GroupImages {
    pub(crate) images: Slots<Arc<Image>>,
    /// Every archive that opened: those with images, then those that only supply data.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    /// The archives whose images are disabled.
    pub(crate) disabled: Vec<ArchiveEntry>,
    pub(crate) problems: Vec<Problem>,
    /// What is wrong about archives that are shown all the same.
    pub(crate) warnings: Vec<Problem>,
    pub(crate) files: Files,
    /// The archives that supply data to every image, behind its own.
    shared: Vec<Arc<ArchiveFile>>,
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
            warnings: Vec::new(),
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

    fn has_shared(&self, archive: &ArchiveFile) -> bool {
        self.shared.iter().any(|shared| shared.id == archive.id)
    }

    /// Whether `later` has not all the blobs that the archives shared here have.
    fn loses_to(&self, later: &Self) -> bool {
        let tables = |files: &mut dyn Iterator<Item = &Arc<ArchiveFile>>| files.map(|file| file.tables()).collect();
        let dropped: Result<Vec<_>> = tables(&mut self.shared.iter().filter(|archive| !later.has_shared(archive)));
        let shared: Result<Vec<_>> = tables(&mut later.shared.iter());
        let (Ok(dropped), Ok(shared)) = (dropped, shared) else { return true };
        let missed = |hash| shared.iter().all(|archive| archive.wim.blobs().find(hash).is_none());
        dropped.iter().any(|archive| archive.wim.blobs().iter().any(|blob| missed(&blob.hash)))
    }

    fn shares_with(&self, later: &Self) -> bool {
        self.shared.iter().map(|archive| archive.id).eq(later.shared.iter().map(|archive| archive.id))
    }
}

/// A snapshot being built behind another one, whose archives, images and numbers it keeps where nothing has changed.
pub(super) struct Builder<'a> {
    group: &'a Group,
    old: &'a GroupImages,
    source: &'a dyn StoreSource,
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
    pub(super) fn new(group: &'a Group, old: &'a GroupImages, source: &'a dyn StoreSource, opener: &'a Opener) -> Self {
        let known = old.images.iter().map(|image| ((image.archive.id, image.index), image)).collect();
        let new = GroupImages { images: old.images.clone(), ..GroupImages::empty() };
        let (names, kept) = (ImageNames::default(), HashSet::new());
        Self { group, old, source, opener, new, names, known, kept, shared: Shared::Same }
    }

    /// The snapshot for what the group's folder holds now.
    pub(super) fn build(mut self, listing: GroupListing) -> GroupImages {
        let (disabled, enabled): (Vec<_>, Vec<_>) =
            listing.archives.into_iter().partition(|archive| archive.attributes.is_hidden());
        self.new.disabled = disabled;
        let suppliers: Vec<&StoredFile> = listing.parts.iter().chain(&listing.resources).collect();
        let files: Vec<_> = enabled.iter().map(|archive| &archive.file).chain(suppliers.iter().copied()).collect();
        self.new.files = self.opener.look(self.source, &files, &self.old.files);
        let problem = |file: &&StoredFile| self.new.files.get(&file.path)?.problem(&file.path);
        self.new.problems = files.iter().filter_map(problem).chain(listing.problems).collect();
        self.new.warnings = listing.warnings;

        let first = enabled.first().and_then(|entry| self.archive(&entry.file));
        let is_stranger =
            |file: &&StoredFile| listing.parts.contains(*file) && !self.is_of_one_set(first.as_deref(), file);
        let (strangers, suppliers): (Vec<_>, Vec<_>) = suppliers.into_iter().partition(is_stranger);
        self.new.problems.extend(strangers.into_iter().map(|file| Problem::new(&file.path, stranger(&file.path))));
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

    fn archive(&self, file: &StoredFile) -> Option<Arc<ArchiveFile>> {
        self.new.files.get(&file.path)?.archive.clone()
    }

    /// Whether a file that is called as a part of a split archive is one. Of a file that does not open it is not known.
    fn is_of_one_set(&self, first: Option<&ArchiveFile>, file: &StoredFile) -> bool {
        let part = self.archive(file);
        let Some((first, part)) = first.zip(part) else { return true };
        let (first, part) = (&first.header, &part.header);
        first.guid == part.guid && first.part.total == part.part.total && first.part.number != part.part.number
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

    fn add_images(&mut self, entry: &ArchiveEntry, archive: &Arc<ArchiveFile>) {
        let suppliers: Arc<[_]> = std::iter::once(archive).chain(&self.new.shared).cloned().collect();
        for (index, image) in archive.images.iter().enumerate() {
            let name = self.names.name(image.facts.name.as_deref(), &entry.file.name.to_string_lossy(), index + 1);
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
        archive: &Arc<ArchiveFile>,
        index: usize,
        name: &str,
        suppliers: &Arc<[Arc<ArchiveFile>]>,
    ) -> Option<u16> {
        let image = |number, uses| {
            let slot = ImageSlot { group: self.group.number, image: number };
            let (archive, suppliers) = (Arc::clone(archive), Arc::clone(suppliers));
            Arc::new(Image { slot, name: name.to_owned(), archive, index, suppliers, uses })
        };
        match self.known.get(&(archive.id, index)).filter(|old| self.is_what_it_was(archive, &old.uses)) {
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
    fn is_what_it_was(&self, archive: &ArchiveFile, uses: &Uses) -> bool {
        match self.shared {
            Shared::Same => !(uses.has_lacked() && self.is_touched(archive)),
            Shared::More => !uses.has_lacked(),
            Shared::Less => !uses.has_lacked() && !uses.has_borrowed(),
        }
    }

    /// Whether an archive's file was written to since it was last looked at.
    fn is_touched(&self, archive: &ArchiveFile) -> bool {
        let seen = self.new.files.get(&archive.path).zip(self.old.files.get(&archive.path));
        seen.is_some_and(|(now, before)| now.is_later_than(before))
    }
}

/// What is wrong with a file that is called as a part of a split archive and is none.
fn stranger(path: &Path) -> Error {
    let reason = "called as a part of the archive, but of another set; --ref takes data from it all the same";
    Error::NoStore { path: path.to_owned(), reason }
}
