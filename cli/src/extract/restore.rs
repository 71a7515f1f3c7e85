//! Files, links and special files are made, and everything gets its looks, which depend on the system.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fs_core::{Facts, Ino, Kind, Release, StreamError};

use super::plan::{FolderIndex, Item, Plan};
use super::system::{Component, Folder, Looks};
use super::trouble::Trouble;
use crate::outcome::{Outcome, said_of};
use crate::output;

/// Carries a plan out.
pub(super) struct Restorer<'a> {
    plan: &'a Plan<'a>,
    looks: Looks<'a>,
    /// Files that exist are replaced.
    overwrite: bool,
    outcome: Mutex<Outcome>,
    /// Which items of the plan are there, and ours.
    made: Vec<AtomicBool>,
    /// The destination takes nothing more: going on would repeat one error for every file.
    full: AtomicBool,
}

impl<'a> Restorer<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, looks: Looks<'a>, overwrite: bool, outcome: Outcome) -> Self {
        let made = plan.items.iter().map(|_| AtomicBool::new(false)).collect();
        Self { plan, looks, overwrite, outcome: Mutex::new(outcome), made, full: AtomicBool::new(false) }
    }

    /// Makes everything that is planned, files by several threads at once, and links when all files are there: so no
    /// link of the archive's is ever on the way to a file. What cannot be made is said and left out.
    pub(super) fn restore_all(self) -> Outcome {
        let (next, stored, listed) =
            (AtomicUsize::new(0), self.as_stored(), (0..self.plan.items.len()).collect::<Vec<_>>());
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(self.plan.items.len());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.restore_some(&next, &stored, is_content));
            }
        });
        self.restore_some(&AtomicUsize::new(0), &listed, |item| !is_content(item));
        // The deepest first: a folder's permissions may forbid us to go through it.
        for index in (0..self.plan.folders.len()).rev() {
            if self.is_over() {
                break;
            }
            let Some(from) = self.plan.folders[index].from else { continue };
            if let Err(trouble) = self.looks.finish_folder(self.plan, index as FolderIndex, from) {
                self.report(index as FolderIndex, b"", Some(from), trouble);
            }
        }
        self.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of all items: as listed, but those whose content is in solid resources behind the others and as it
    /// is stored, so that each of their chunks is decoded once.
    fn as_stored(&self) -> Vec<usize> {
        let place = |index: &usize| {
            let item = &self.plan.items[*index];
            if is_content(item) { item.solid } else { None }
        };
        let mut order: Vec<usize> = (0..self.plan.items.len()).collect();
        order.sort_by_key(place);
        order
    }

    /// Makes the items that are `wanted` and that no other thread takes, by their place in `order`, the first being
    /// `next`.
    fn restore_some(&self, next: &AtomicUsize, order: &[usize], wanted: impl Fn(&Item) -> bool) {
        let mut open: Option<(FolderIndex, Folder)> = None;
        while !self.is_over() {
            let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let item = &self.plan.items[index];
            if !wanted(item) {
                continue;
            }
            let done = match open.take().filter(|(index, _)| *index == item.folder) {
                Some(open) => Ok(open),
                None => self.plan.open(item.folder).map(|folder| (item.folder, folder)),
            };
            let done = done.map_err(Trouble::from).and_then(|found| {
                let (_, folder) = open.insert(found);
                self.restore(folder, item)
            });
            match done {
                Ok(()) => self.made[index].store(true, Ordering::Relaxed),
                Err(trouble) => self.report(item.folder, &item.name, Some(item.ino), trouble),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.plan.stopped() || self.full.load(Ordering::Relaxed)
    }

    fn restore(&self, folder: &Folder, item: &Item) -> Result<(), Trouble> {
        let name = item.component()?;
        if let Some(first) = item.same_as {
            return self.hard_link(folder, name, first);
        }
        let facts = self.plan.fs.facts(item.ino)?;
        // The plan has made folders: the listing and the attributes of an inode agree on what it is.
        if facts.attr.kind == Kind::Directory || self.looks.make_special(folder, name, &facts, self.overwrite)? {
            return Ok(());
        }
        self.file(folder, name, item, &facts)
    }

    /// Makes a file, which goes away again unless its content is complete; that its looks are not is only said.
    fn file(&self, folder: &Folder, name: Component<'_>, item: &Item, facts: &Facts<'_>) -> Result<(), Trouble> {
        let mut file = self.looks.make_file(folder, name, self.overwrite)?;
        let begun = self.looks.begin(&file, facts);
        // What was written of a bad file goes away with it.
        let mut write = |bytes: &[u8]| {
            if self.plan.stopped() {
                return Err(Trouble::Stopped);
            }
            Ok(file.content().write(bytes)?)
        };
        self.plan.fs.stream(item.ino, Release::AtOnce, &mut write).map_err(StreamError::merge)?;
        file.content().end()?;
        if let Err(trouble) = begun.and(self.looks.finish(&file, facts)) {
            self.report(item.folder, &item.name, Some(item.ino), trouble);
        }
        Ok(file.keep()?)
    }

    /// Makes one more name of a file, if that file was made: what else has its first name is not to be linked to.
    fn hard_link(&self, folder: &Folder, name: Component<'_>, first: usize) -> Result<(), Trouble> {
        let first_item = &self.plan.items[first];
        if !self.made[first].load(Ordering::Relaxed) {
            return Err(Trouble::NotMade(self.plan.path(first_item.folder, &first_item.name)));
        }
        let first_folder = self.plan.open(first_item.folder)?;
        Ok(folder.make_link(name, (&first_folder, first_item.component()?), self.overwrite)?)
    }

    fn report(&self, folder: FolderIndex, name: &[u8], from: Option<Ino>, trouble: Trouble) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Trouble::Stopped => {}
            Trouble::NotMade(first) => {
                let (path, first) = (self.plan.path(folder, name), first.display());
                output::complain(format_args!(
                    "{}: is a hard link to {first}, which was not extracted",
                    path.display()
                ));
            }
            Trouble::Store(error) => {
                outcome.report(&said_of(error, &from.map(|ino| self.plan.fs.path(ino)).unwrap_or_default()));
            }
            Trouble::Destination(error) => {
                use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
                if matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem) {
                    self.full.store(true, Ordering::Relaxed);
                }
                outcome.fail(&self.plan.error_at(folder, name, error));
            }
        }
    }
}

/// Whether making this takes reading data.
fn is_content(item: &Item) -> bool {
    item.kind == Kind::File && item.same_as.is_none()
}
