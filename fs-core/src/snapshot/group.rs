//! A group of images: opened when somebody looks into it, one bad archive never in the way of the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use wim::FileTime;

use super::images::{Builder, GroupImages};
use super::opener::{Opener, Seen};
use super::{Image, Retired, Uses};
use crate::archive::FileId;
use crate::error::{Advised, Error, Problem, Result};
use crate::log::LISTING;
use crate::source::{GroupEntry, StoreSource, StoredId};

/// A group of the mount.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) number: u32,
    pub(crate) entry: GroupEntry,
    pub(crate) uses: Uses,
    /// When its folder was last written, as a number of [`FileTime`].
    modified: AtomicU64,
    images: RwLock<Option<Arc<GroupImages>>>,
    retired: Retired<Arc<Image>>,
    /// Held while the folder is listed and its archives are opened, by one thread at a time.
    refreshing: Mutex<()>,
}

/// A group's snapshot and the one that followed it.
pub(crate) struct Step {
    pub(crate) old: Arc<GroupImages>,
    pub(crate) new: Arc<GroupImages>,
}

impl Step {
    /// The archives that are what they were although something was written to their files.
    pub(crate) fn touched(&self) -> HashSet<FileId> {
        let same = |(id, now): (&StoredId, &Seen)| {
            let before = self.old.files.get(id)?;
            let archive = now.archive.as_ref()?;
            (before.archive.as_ref()?.id == archive.id && now.is_later_than(before)).then_some(archive.id)
        };
        self.new.files.iter().filter_map(same).collect()
    }
}

impl Group {
    pub(crate) fn new(number: u32, entry: GroupEntry) -> Self {
        Self {
            number,
            uses: Uses::default(),
            modified: AtomicU64::new(entry.modified.0),
            images: RwLock::default(),
            retired: Retired::default(),
            refreshing: Mutex::default(),
            entry,
        }
    }

    /// The group's folder name in WTF-8.
    pub(crate) fn name(&self) -> &[u8] {
        self.entry.name.as_encoded_bytes()
    }

    /// When its folder was last written.
    pub(crate) fn modified(&self) -> FileTime {
        FileTime(self.modified.load(Ordering::Relaxed))
    }

    /// Sets when its folder was last written; whether that is news.
    pub(crate) fn set_modified(&self, time: FileTime) -> bool {
        self.modified.swap(time.0, Ordering::Relaxed) != time.0
    }

    /// The images, if somebody has looked into the group.
    pub(crate) fn loaded(&self) -> Option<Arc<GroupImages>> {
        self.images.read().clone()
    }

    /// The images; the first call opens the archives.
    ///
    /// # Errors
    /// The folder cannot be listed; the next call tries again. An archive that does not open is a [`Problem`].
    pub(crate) fn images(&self, source: &dyn StoreSource, opener: &Opener) -> Result<Arc<GroupImages>> {
        if let Some(images) = self.loaded() {
            return Ok(images);
        }
        let _refreshing = self.refreshing.lock();
        if let Some(images) = self.loaded() {
            return Ok(images);
        }
        let nothing = GroupImages::empty();
        let listing = source.listing(&self.entry)?;
        Ok(self.publish(&nothing, Builder::new(self, &nothing, source, opener).build(listing)))
    }

    /// Looks at the folder again, if somebody has looked into the group.
    ///
    /// # Errors
    /// The folder cannot be listed, or is being listed for the first time: everything is as it was.
    pub(crate) fn refresh(&self, source: &dyn StoreSource, opener: &Opener) -> Result<Option<Step>> {
        // What is listed now may have been looked at before the change, or hang: other groups must
        // not wait for it.
        let Some(_refreshing) = self.refreshing.try_lock() else {
            return Err(Error::io(&self.entry.path, std::io::ErrorKind::ResourceBusy.into()));
        };
        let Some(old) = self.loaded() else { return Ok(None) };
        let listing = source.listing(&self.entry)?;
        let new = self.publish(&old, Builder::new(self, &old, source, opener).build(listing));
        Ok(Some(Step { old, new }))
    }

    /// The group is gone from the store; its images are found by their numbers only.
    pub(crate) fn retire(&self) {
        let _refreshing = self.refreshing.lock();
        let old = self.loaded().unwrap_or_else(|| Arc::new(GroupImages::empty()));
        self.publish(&old, GroupImages::empty());
    }

    /// Makes `new` what lookups see, in place of `old`.
    fn publish(&self, old: &GroupImages, new: GroupImages) -> Arc<GroupImages> {
        log_left_out(&old.problems, &new.problems);
        for problem in news(&old.warnings, &new.warnings) {
            let (path, error) = (problem.path.display(), Advised(&problem.error));
            LISTING.once(&format!("{path}: {error}"), || tracing::warn!(%path, %error, "ignored"));
        }
        // Retired before the snapshot is published, so that a lookup at the same time always finds them.
        for image in old.images.iter().filter(|image| new.images.get(image.slot.image).is_none()) {
            self.retired.insert(image.slot.image, Arc::clone(image));
        }
        let new = Arc::new(new);
        *self.images.write() = Some(Arc::clone(&new));
        new
    }

    /// An image that is no longer listed.
    pub(crate) fn retired(&self, number: u32) -> Option<Arc<Image>> {
        self.retired.get(number)
    }

    /// The images that are no longer listed and perhaps still used.
    pub(crate) fn all_retired(&self) -> Vec<Arc<Image>> {
        self.retired.all()
    }

    /// The platform was told of all that is no longer listed.
    pub(crate) fn set_told(&self) {
        self.retired.all().iter().for_each(|image| image.uses.set_gone());
    }

    /// Lets go of the images that nobody uses any more, and returns them.
    pub(crate) fn sweep(&self) -> Vec<Arc<Image>> {
        if self.retired.is_empty() { Vec::new() } else { self.retired.drain(|image| image.uses.is_over()) }
    }

    /// Whether it is gone and nobody uses it or one of its images.
    pub(crate) fn is_over(&self) -> bool {
        self.uses.is_over() && self.retired.is_empty()
    }
}

/// Logs what is left out now and was not before.
pub(crate) fn log_left_out(old: &[Problem], new: &[Problem]) {
    for problem in news(old, new) {
        let (path, error) = (problem.path.display(), Advised(&problem.error));
        LISTING.once(&format!("{path}: {error}"), || tracing::error!(%path, %error, "left out"));
    }
}

/// What is in `new` and was not in `old`, by path.
fn news<'a>(old: &'a [Problem], new: &'a [Problem]) -> impl Iterator<Item = &'a Problem> {
    let known: HashSet<_> = old.iter().map(|problem| &problem.path).collect();
    new.iter().filter(move |problem| !known.contains(&problem.path))
}
