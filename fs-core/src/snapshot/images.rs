//! What a group holds at one time, and how one snapshot of it follows from another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::image_names::ImageNames;
use super::opener::{Choice, Files, Opener};
use super::share::share;
use super::{Group, Image, ImageSlot, Slots, Storage, Uses};
use crate::archive::{ArchiveFile, FileId};
use crate::error::{Error, Problem, Result};
use crate::source::{ArchiveEntry, GroupListing, StoreSource, StoredFile};

/// What a group holds, once it was looked into: a snapshot, which another one follows when the folder changes.
#[derive(Debug)]
pub(crate) struct GroupImages {
    pub(crate) images: Slots<Arc<Image>>,
    /// Every archive that opened: those with images, then those that only supply data.
    pub(crate) archives: Vec<Arc<ArchiveFile>>,
    /// The archives whose images are disabled.
    pub(crate) disabled: Vec<ArchiveEntry>,
    pub(crate) problems: Vec<Problem>,
    /// Problems of archives that are shown all the same.
    pub(crate) warnings: Vec<Problem>,
    pub(crate) files: Files,
    /// The images that could be chosen, where one was to be.
    pub(crate) available: Vec<String>,
    /// Whether files that supply data may not be read.
    pub(crate) withheld: bool,
    /// Whether images are missing since numbers are still in use, which may be free in a while.
    pub(crate) is_short: bool,
    /// The archives that supply data to every image, behind its own.
    shared: Vec<Arc<ArchiveFile>>,
    by_name: HashMap<String, u32>,
}

impl GroupImages {
    /// Nothing, for a group that nobody has looked into.
    pub(super) fn empty() -> Self {
        Self {
            images: Slots::new(),
            archives: Vec::new(),
            disabled: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            files: Files::new(),
            available: Vec::new(),
            withheld: false,
            is_short: false,
            shared: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    /// The image whose directory has this name, exactly or else, with `ignore_case`, in any case of letters.
    pub(crate) fn find(&self, name: &str, ignore_case: bool) -> Option<&Arc<Image>> {
        let image = self.images.get(*self.by_name.get(&name.to_lowercase())?)?;
        (ignore_case || image.name == name).then_some(image)
    }

    /// Whether an archive supplies data to every image.
    pub(crate) fn has_shared(&self, archive: &ArchiveFile) -> bool {
        self.shared.iter().any(|shared| shared.id == archive.id)
    }

    /// Whether `later` has not all the blobs that the archives shared here have.
    fn loses_blobs_in(&self, later: &Self) -> bool {
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
    known: HashMap<(FileId, usize), &'a Arc<Image>>,
    kept: HashSet<u32>,
    /// Whether the archives that all images share supply what they supplied before.
    shared: Shared,
}

/// What has become of the archives that images share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// They are the same.
    Same,
    /// They are others, and supply all that was available before.
    More,
    /// They lack something that was available before.
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
        self.new.files = self.opener.open_changed(self.source, &files, &self.old.files);
        let problem = |file: &&StoredFile| self.new.files.get(&file.id)?.problem(&file.path);
        self.new.problems = files.iter().filter_map(problem).chain(listing.problems).collect();
        self.new.warnings = listing.warnings;
        self.new.withheld = listing.withheld;

        let first = enabled.first().and_then(|entry| self.archive(&entry.file));
        let is_of_other_set =
            |file: &&StoredFile| listing.parts.contains(*file) && !self.is_of_one_set(first.as_deref(), file);
        let (others, suppliers): (Vec<_>, Vec<_>) = suppliers.into_iter().partition(is_of_other_set);
        let problem = |file: &StoredFile| Problem::new(&file.path, Error::OtherSet { path: file.path.clone() });
        self.new.problems.extend(others.into_iter().map(problem));
        let shared: Vec<_> = suppliers.iter().filter_map(|file| self.archive(file)).collect();
        self.new.shared = shared.iter().chain(self.opener.references()).cloned().collect();
        self.shared = self.compare_shared();
        let archives: Vec<_> =
            enabled.iter().filter_map(|entry| Some((&entry.file, self.archive(&entry.file)?))).collect();
        match &self.opener.choice {
            Some(choice) => self.add_chosen(choice, &archives),
            None => self.add_shares(&archives),
        }
        self.new.archives.extend(archives.into_iter().map(|(_, archive)| archive));
        self.new.archives.extend(shared);
        for image in self.old.images.iter().filter(|image| !self.kept.contains(&image.slot.image)) {
            self.new.images.take(image.slot.image);
        }
        self.new
    }

    fn archive(&self, file: &StoredFile) -> Option<Arc<ArchiveFile>> {
        self.new.files.get(&file.id)?.archive.clone()
    }

    /// Whether a file that is called as a part of a split archive is one. Of a file that does not open it is not known.
    fn is_of_one_set(&self, first: Option<&ArchiveFile>, file: &StoredFile) -> bool {
        let part = self.archive(file);
        let Some((first, part)) = first.zip(part) else { return true };
        let (first, part) = (&first.header, &part.header);
        first.guid == part.guid && first.part.total == part.part.total && first.part.number != part.part.number
    }

    fn compare_shared(&self) -> Shared {
        if self.old.shares_with(&self.new) && self.old.withheld == self.new.withheld {
            Shared::Same
        } else if self.old.loses_blobs_in(&self.new) {
            Shared::Less
        } else {
            Shared::More
        }
    }

    /// Lists the images of all archives, or as many of each as there are numbers for.
    fn add_shares(&mut self, archives: &[(&StoredFile, Arc<ArchiveFile>)]) {
        let share = share(archives.iter().map(|(_, archive)| archive.images.len()).collect(), self.opener.max_images());
        for (file, archive) in archives {
            let suppliers = self.suppliers(archive);
            let count = archive.images.len();
            if count > share {
                self.new.problems.push(Problem::new(&file.path, Error::TooManyImages { limit: share }));
            }
            for index in 0..count.min(share) {
                let name = self.name(file, archive, index);
                if !self.add(archive, index, &name, &suppliers) {
                    let (what, limit) =
                        ("images in a group, with those that were in use before", self.opener.max_images());
                    self.new.problems.push(Problem::new(&file.path, Error::TooMany { what, limit }));
                    self.new.is_short = true;
                    break;
                }
            }
        }
    }

    /// Lists the one image that the user chose: by its number, else by its name in the XML data, else by its directory's.
    fn add_chosen(&mut self, choice: &Choice, archives: &[(&StoredFile, Arc<ArchiveFile>)]) {
        let (mut best, mut best_rank) = (None, usize::MAX);
        for (file, archive) in archives {
            for (index, image) in archive.images.iter().enumerate() {
                let name = self.name(file, archive, index);
                let rank = choice.rank(index + 1, image.facts.name.as_deref(), &name);
                self.new.available.push(format!("{} ({name:?})", index + 1));
                if rank.is_some_and(|rank| rank < best_rank) {
                    best_rank = rank.unwrap_or(best_rank);
                    best = Some((archive, index, name));
                }
            }
        }
        if let Some((archive, index, name)) = best {
            let suppliers = self.suppliers(archive);
            self.add(archive, index, &name, &suppliers);
        }
    }

    /// The archives that supply the data of an archive's images, and what these are on.
    fn suppliers(&self, archive: &Arc<ArchiveFile>) -> (Arc<[Arc<ArchiveFile>]>, Storage) {
        let suppliers: Arc<[_]> = std::iter::once(archive).chain(&self.new.shared).cloned().collect();
        let storage = Storage::of(&suppliers);
        (suppliers, storage)
    }

    /// The directory's name of an archive's next image.
    fn name(&mut self, file: &StoredFile, archive: &ArchiveFile, index: usize) -> String {
        let name = archive.images[index].facts.name.as_deref();
        self.names.name(name, &file.name.to_string_lossy(), index + 1)
    }

    /// Lists an image, under its old number if it is what it was. Returns whether there was a number for it.
    fn add(
        &mut self,
        archive: &Arc<ArchiveFile>,
        index: usize,
        name: &str,
        (suppliers, storage): &(Arc<[Arc<ArchiveFile>]>, Storage),
    ) -> bool {
        let withheld = self.new.withheld;
        let image = |number, uses| {
            let slot = ImageSlot { group: self.group.number, image: number };
            let (archive, suppliers, storage) = (Arc::clone(archive), Arc::clone(suppliers), storage.clone());
            Arc::new(Image { slot, name: name.to_owned(), archive, index, suppliers, withheld, storage, uses })
        };
        let number = match self.known.get(&(archive.id, index)).filter(|old| self.is_what_it_was(archive, &old.uses)) {
            Some(old) => {
                let number = old.slot.image;
                if old.name != name || self.shared != Shared::Same {
                    self.new.images.replace(number, image(number, Arc::clone(&old.uses)));
                }
                self.kept.insert(number);
                Some(number)
            }
            None => {
                let (limit, is_free) = (self.opener.max_images(), |number| self.group.retired(number).is_none());
                let added = self.new.images.add(limit, is_free, |number| image(number, Arc::default()));
                added.map(|image| image.slot.image)
            }
        };
        self.new.by_name.extend(number.map(|number| (name.to_lowercase(), number)));
        number.is_some()
    }

    /// Whether an image's files are what earlier answers said of them. If not, it gets another inode number: so its readers
    /// go on with the old image, and no new reader is shown sizes of before.
    fn is_what_it_was(&self, archive: &ArchiveFile, uses: &Uses) -> bool {
        match self.shared {
            Shared::Same => !(uses.has_lacked() && self.is_touched(archive)),
            Shared::More => !uses.has_lacked(),
            Shared::Less => !uses.has_lacked() && !uses.has_borrowed(),
        }
    }

    /// Whether an archive's file was written to since it was last looked at.
    fn is_touched(&self, archive: &ArchiveFile) -> bool {
        let seen = self.new.files.get(&archive.stored).zip(self.old.files.get(&archive.stored));
        seen.is_some_and(|(now, before)| now.is_later_than(before))
    }
}
