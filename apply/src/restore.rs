//! Makes files, links and special files, and gives everything its metadata.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use fs_core::{Facts, Ino, Kind, Release, StreamError};

use crate::failure::{Trouble, first_error};
use crate::plan::{FolderIndex, Item, Plan};
use crate::system::{Component, Folder, Metadata};
use crate::{Failure, Options};

/// Carries a plan out.
pub(crate) struct Restorer<'a> {
    plan: &'a Plan<'a>,
    metadata: Metadata<'a>,
    /// Files that exist are replaced.
    overwrite: bool,
    threads: NonZeroUsize,
    /// For each item of the plan, whether this run has made it.
    made: Vec<AtomicBool>,
    /// The destination is full or read-only: going on would repeat one error for every file.
    full: AtomicBool,
}

impl<'a> Restorer<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>, metadata: Metadata<'a>, options: &Options) -> Self {
        let made = plan.items.iter().map(|_| AtomicBool::new(false)).collect();
        let threads = options.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        let overwrite = options.overwrite;
        Self { plan, metadata, overwrite, threads, made, full: AtomicBool::new(false) }
    }

    /// Makes everything that is planned: files by several threads, and links when all files are
    /// made, so that no link of the archive is ever on the way to a file. Failures are reported.
    pub(crate) fn restore_all(&self) {
        let stored = self.stored_order();
        let listed: Vec<usize> = (0..self.plan.items.len()).collect();
        let next = AtomicUsize::new(0);
        let threads = self.threads.get().min(self.plan.items.len());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.restore_some(&next, &stored, is_content));
            }
        });
        self.restore_some(&AtomicUsize::new(0), &listed, |item| !is_content(item));
        // The deepest first: the permissions of a folder may forbid going through it.
        for index in (0..self.plan.folders.len()).rev() {
            if self.is_over() {
                break;
            }
            let Some(from) = self.plan.folders[index].from else { continue };
            if let Err(trouble) = self.metadata.finish_folder(self.plan, index as FolderIndex, from) {
                self.report(index as FolderIndex, b"", Some(from), trouble);
            }
        }
    }

    /// The indices of all items as listed, then those whose content is in solid resources, in the
    /// order in which it is stored, so that each chunk is decoded once.
    fn stored_order(&self) -> Vec<usize> {
        let place = |index: &usize| {
            let item = &self.plan.items[*index];
            if is_content(item) { item.solid } else { None }
        };
        let mut order: Vec<usize> = (0..self.plan.items.len()).collect();
        order.sort_by_key(place);
        order
    }

    /// Makes the `wanted` items of `order` that no other thread takes; `next` is the position that is
    /// taken next.
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
        // The plan has made the folders: the listing and the attributes of an inode agree on its kind.
        if facts.attr.kind == Kind::Directory || self.metadata.make_special(folder, name, &facts, self.overwrite)? {
            return Ok(());
        }
        self.file(folder, name, item, &facts)
    }

    /// Makes a file, which is removed unless its content is complete; incomplete metadata is only
    /// reported.
    fn file(&self, folder: &Folder, name: Component<'_>, item: &Item, facts: &Facts<'_>) -> Result<(), Trouble> {
        let mut file = self.metadata.make_file(folder, name, self.overwrite)?;
        let begun = self.metadata.begin(&file, facts);
        let mut write = |bytes: &[u8]| {
            if self.plan.stopped() {
                return Err(Trouble::Stopped);
            }
            Ok(file.content().write(bytes)?)
        };
        self.plan.fs.stream(item.ino, Release::AtOnce, &mut write).map_err(StreamError::merge)?;
        file.content().end()?;
        if let Err(trouble) = first_error([begun, self.metadata.finish(&file, facts)]) {
            self.report(item.folder, &item.name, Some(item.ino), trouble);
        }
        Ok(file.keep()?)
    }

    /// Makes one more name of a file, if this run has made that file: another file that has its first
    /// name must not be linked to.
    fn hard_link(&self, folder: &Folder, name: Component<'_>, first: usize) -> Result<(), Trouble> {
        let first_item = &self.plan.items[first];
        if !self.made[first].load(Ordering::Relaxed) {
            return Err(Trouble::NotMade(self.plan.path(first_item.folder, &first_item.name)));
        }
        let first_folder = self.plan.open(first_item.folder)?;
        Ok(folder.make_link(name, (&first_folder, first_item.component()?), self.overwrite)?)
    }

    fn report(&self, folder: FolderIndex, name: &[u8], from: Option<Ino>, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => {}
            Trouble::NotMade(first) => {
                let path = self.plan.path(folder, name);
                self.plan.observer.failed(Failure::LinkTarget { path, first });
            }
            Trouble::Store(error) => {
                let path = from.map(|ino| self.plan.fs.path(ino)).unwrap_or_default();
                self.plan.observer.failed(Failure::Store(error.with_path(&path)));
            }
            Trouble::Destination(error) => {
                use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
                if matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem) {
                    self.full.store(true, Ordering::Relaxed);
                }
                self.plan.failed(folder, name, error);
            }
        }
    }
}

/// Whether making this item requires reading data.
fn is_content(item: &Item) -> bool {
    item.kind == Kind::File && item.same_as.is_none()
}
