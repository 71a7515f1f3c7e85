//! Files, links and special files are made, and everything gets its looks: permissions, times, extended attributes.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use fs_core::wim::FileTime;
use fs_core::{Attr, Error, Ino, Kind, Release};
use rustix::fs::FileType;

use super::folder::{self, Component, Folder, Rights, Times};
use super::plan::{FolderIndex, Item, Plan};
use crate::outcome::{Outcome, said_of};
use crate::output;
use crate::stream::stream;

/// FILE_ATTRIBUTE_READONLY.
const READ_ONLY: u32 = 1;

/// What of a file is restored, beyond what always is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choices {
    /// Files that exist are replaced.
    pub(super) overwrite: bool,
    /// Owners.
    pub(super) owners: bool,
    /// The extended attributes that the store lists.
    pub(super) xattrs: bool,
}

/// Carries a plan out.
pub(super) struct Restorer<'a> {
    plan: &'a Plan<'a>,
    choices: Choices,
    outcome: Mutex<Outcome>,
    /// Which items of the plan are there, and ours.
    made: Vec<AtomicBool>,
    /// The destination takes nothing more: going on would repeat one error for every file.
    full: AtomicBool,
}

/// Why something was not made.
enum Trouble {
    /// The store cannot give it.
    Store(Error),
    /// The destination cannot take it.
    Destination(io::Error),
    /// It is one more name of the file with this path, which was not made either, for a reason that is told there.
    NotMade(PathBuf),
    /// We were told to stop.
    Stopped,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Destination(error)
    }
}

impl<'a> Restorer<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, choices: Choices, outcome: Outcome) -> Self {
        let made = plan.items.iter().map(|_| AtomicBool::new(false)).collect();
        Self { plan, choices, outcome: Mutex::new(outcome), made, full: AtomicBool::new(false) }
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
            if let Err(error) = self.finish_folder(index as FolderIndex) {
                self.report(index as FolderIndex, b"", self.plan.folders[index].from, error);
            }
        }
        self.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of all items: as listed, but those whose content is in solid resources behind the others and as it is stored,
    /// so that each of their chunks is decoded once.
    fn as_stored(&self) -> Vec<usize> {
        let place = |index: &usize| {
            let item = &self.plan.items[*index];
            if is_content(item) { self.plan.fs.solid_place(item.ino) } else { None }
        };
        let mut order: Vec<usize> = (0..self.plan.items.len()).collect();
        order.sort_by_cached_key(place);
        order
    }

    /// Makes the items that are `wanted` and that no other thread takes, by their place in `order`, the first being `next`.
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
        let attr = self.plan.fs.attr(item.ino)?;
        match attr.kind {
            Kind::File => return self.file(folder, name, item, &attr),
            Kind::Symlink => {
                let target = self.plan.fs.read_link(item.ino)?;
                folder.make_symlink(name, &target, self.choices.overwrite)?;
                folder.set_owner_of(name, self.rights(&attr).owner)?;
            }
            Kind::Fifo | Kind::Socket | Kind::CharDevice | Kind::BlockDevice => {
                folder.make_node(name, file_type(attr.kind), attr.rdev.into(), self.choices.overwrite)?;
                folder.set_rights(name, self.rights(&attr))?;
            }
            // The plan has made it: the listing and the attributes of an inode agree on what it is.
            Kind::Directory => return Ok(()),
        }
        Ok(folder.set_times(name, times(&attr))?)
    }

    /// Makes a file, which goes away again unless its content is complete; that its looks are not is only said.
    fn file(&self, folder: &Folder, name: Component<'_>, item: &Item, attr: &Attr) -> Result<(), Trouble> {
        let mut file = folder.make_file(name, self.choices.overwrite)?;
        // What was written of a bad file goes away with it.
        stream(self.plan.fs, item.ino, Release::AtOnce, |bytes| {
            if self.plan.stopped() {
                return Err(Trouble::Stopped);
            }
            Ok(file.write(bytes)?)
        })??;
        file.end()?;
        if let Err(trouble) = self.give_looks(&file, item.ino, attr, times(attr)) {
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
        Ok(folder.make_link(name, (&first_folder, first_item.component()?), self.choices.overwrite)?)
    }

    fn finish_folder(&self, index: FolderIndex) -> Result<(), Trouble> {
        let Some(from) = self.plan.folders[index as usize].from else { return Ok(()) };
        let folder = self.plan.open(index)?;
        let attr = self.plan.fs.attr(from)?;
        self.give_looks(&folder, from, &attr, self.folder_times(from, &attr))
    }

    /// Gives an open file or folder owner, extended attributes, permissions and times: all that can be given. Each would
    /// be undone or forbidden by one that came after it.
    fn give_looks(&self, file: impl AsFd, ino: Ino, attr: &Attr, times: Times) -> Result<(), Trouble> {
        let rights = self.rights(attr);
        let owner = rights.owner.map_or(Ok(()), |owner| folder::set_owner(&file, owner));
        let xattrs = self.set_xattrs(&file, ino);
        // Rights of another user's are not for us to have.
        let mode = if owner.is_ok() { rights.mode } else { rights.mode & 0o777 };
        let finished = folder::finish(&file, mode, times);
        owner.map_err(Trouble::from).and(xattrs).and(finished.map_err(Trouble::from))
    }

    fn set_xattrs(&self, file: impl AsFd, ino: Ino) -> Result<(), Trouble> {
        if !self.choices.xattrs {
            return Ok(());
        }
        let names = self.plan.fs.xattr_names(ino)?;
        // One that cannot be given is no reason to leave out the others; the first is told.
        names.iter().map(|name| self.set_xattr(&file, ino, name)).fold(Ok(()), Result::and)
    }

    fn set_xattr(&self, file: impl AsFd, ino: Ino, name: &[u8]) -> Result<(), Trouble> {
        let refused = |kind, error: &dyn std::fmt::Display| {
            io::Error::new(kind, format!("extended attribute {}: {error}", String::from_utf8_lossy(name)))
        };
        let value = match self.plan.fs.xattr(ino, name) {
            Err(error) if !error.is_damage() => return Err(refused(io::ErrorKind::Other, &error).into()),
            other => other?,
        };
        Ok(folder::set_xattr(file, name, &value).map_err(|error| refused(error.kind(), &error))?)
    }

    fn rights(&self, attr: &Attr) -> Rights {
        let read_only = attr.kind == Kind::File && self.attributes(attr.ino) & READ_ONLY != 0;
        Rights {
            owner: self.choices.owners.then_some((attr.uid, attr.gid)),
            mode: if read_only { attr.mode & !0o222 } else { attr.mode },
        }
    }

    /// The Windows attributes; none where they are not known.
    fn attributes(&self, ino: Ino) -> u32 {
        let value = self.plan.fs.xattr(ino, b"system.ntfs_attrib").ok();
        value.and_then(|bytes| Some(u32::from_le_bytes(bytes.try_into().ok()?))).unwrap_or_default()
    }

    /// The times of a directory as stored: an image's own directory is listed with those of the image.
    fn folder_times(&self, ino: Ino, attr: &Attr) -> Times {
        let stored = self.plan.fs.xattr(ino, b"system.ntfs_times").unwrap_or_default();
        let (fields, _) = stored.as_chunks::<8>();
        match fields {
            [_, written, accessed, ..] => {
                let time = |bytes: &[u8; 8]| FileTime(u64::from_le_bytes(*bytes));
                Times { accessed: time(accessed), modified: time(written) }
            }
            _ => times(attr),
        }
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

fn times(attr: &Attr) -> Times {
    Times { accessed: attr.accessed, modified: attr.modified }
}

fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::Fifo => FileType::Fifo,
        Kind::Socket => FileType::Socket,
        Kind::CharDevice => FileType::CharacterDevice,
        Kind::BlockDevice => FileType::BlockDevice,
        Kind::Symlink => FileType::Symlink,
        Kind::Directory => FileType::Directory,
        Kind::File => FileType::RegularFile,
    }
}
