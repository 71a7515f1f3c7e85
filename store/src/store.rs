//! A store, and how its verbs are run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use write::{Disk, Kind, Options, Summary};

use crate::folders::ensure;
use crate::layout::{GroupFolder, OURS};
use crate::lock::Lock;
use crate::recovery::{Repaired, recover_group, sweep};
use crate::{Error, Request, Result};

/// How verbs are run.
#[derive(Clone, Copy, Default)]
pub struct Work<'a> {
    /// Threads, memory, level, progress, and whether it is only a dry run. What concerns the
    /// compression of archives is the group's.
    pub options: Options<'a>,
    /// How long to wait for other programs that work in the group; `None` fails at once.
    pub wait: Option<Duration>,
}

/// A store of image groups.
pub struct Store<'a> {
    pub(crate) disk: &'a dyn Disk,
    /// The folder of the groups.
    pub(crate) images: PathBuf,
    pub(crate) work: Work<'a>,
}

/// What a verb has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// In words: `added Sales/Windows 11 (install.wim)`.
    pub what: String,
    /// The group's folder, or the archive that was written.
    pub path: PathBuf,
    /// Whether anything is another now.
    pub changed: bool,
    /// The images that it was about, each as it can be selected.
    pub images: Vec<String>,
    /// What was written.
    pub summary: Summary,
    /// The number of contents that were there already.
    pub known: usize,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl<'a> Store<'a> {
    /// The store in the folder `path`, which is a RemoteInstall folder or its Images folder.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is no folder.
    pub fn open(disk: &'a dyn Disk, path: &Path, work: Work<'a>) -> Result<Self> {
        let kind = |path: &Path| disk.kind(path).map_err(Error::disk("looking for it", path));
        let images = path.join("Images");
        if kind(&images)? == Some(Kind::Folder) {
            return Ok(Self { disk, images, work });
        }
        // A link to a store is followed where the user names it.
        if kind(path)?.is_none_or(|kind| kind == Kind::File) {
            return Err(Error::NotFound(format!(
                "{}: no folder; `wimstore store init` creates a store",
                path.display()
            )));
        }
        Ok(Self { disk, images: path.to_owned(), work })
    }

    /// Creates an empty store in the folder `path`, which may be there, and returns the folder of
    /// its groups.
    ///
    /// # Errors
    /// The disk's; [`Error::Exists`] if it has an Images folder.
    pub fn init(disk: &dyn Disk, path: &Path) -> Result<PathBuf> {
        let images = path.join("Images");
        if disk.exists(&images).map_err(Error::disk("looking for it", &images))? {
            return Err(Error::Exists(format!("{}: is there already", images.display())));
        }
        if disk.kind(path).map_err(Error::disk("looking for it", path))?.is_none() {
            ensure(disk, path)?;
        }
        ensure(disk, &images)?;
        ensure(disk, &images.join(OURS))?;
        Ok(images)
    }

    /// Does what a request asks for.
    ///
    /// # Errors
    /// [`Error`] says what has changed then: nothing, but for [`Error::Unfinished`] and
    /// [`write::Error::NotDurable`].
    pub fn run(&self, request: &Request) -> Result<Done> {
        let verb = request.verb();
        match request {
            Request::CreateGroup(request) => self.create_group(request, verb),
            Request::SetGroup(request) => self.set_group(request, verb),
            Request::RemoveGroup(request) => self.remove_group(request, verb),
            Request::AddImages(request) => self.add_images(request, verb),
            Request::RemoveImage(request) => self.remove_image(request, verb),
            Request::ReplaceImage(request) => self.replace_image(request, verb),
            Request::CopyImage(request) => self.copy_image(request, verb),
            Request::SetImage(request) => self.set_image(request, verb),
            Request::ExportImage(request) => self.export_image(request),
            Request::CompactGroup(request) => self.compact_group(request, verb),
        }
    }

    /// Finishes or sweeps up what interrupted verbs left, in the store and in all groups.
    ///
    /// # Errors
    /// Those of the first group that cannot be repaired.
    pub fn repair(&self) -> Result<Vec<Repaired>> {
        let verb = "store repair";
        let _lock = Lock::take(self.disk, &self.images, verb, &self.work)?;
        let swept = sweep(self.disk, &self.images)?;
        let mut done: Vec<_> = swept.into_iter().map(|what| Repaired { group: String::new(), what }).collect();
        for group in self.groups()? {
            let _lock = Lock::take(self.disk, &group.path, verb, &self.work)?;
            done.extend(recover_group(self.disk, &group)?);
        }
        Ok(done)
    }

    /// All groups, by name: folders whose name does not begin with a dot.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn groups(&self) -> Result<Vec<GroupFolder>> {
        let names = self.disk.list(&self.images).map_err(Error::disk("listing", &self.images))?;
        let mut groups = Vec::new();
        for name in names.into_iter().filter_map(|name| name.into_string().ok()) {
            let group = GroupFolder::new(&self.images, &name);
            let kind = self.disk.kind(&group.path).map_err(Error::disk("looking for it", &group.path))?;
            if !name.starts_with('.') && kind == Some(Kind::Folder) {
                groups.push(group);
            }
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(groups)
    }

    /// A group that is there. Names are compared as Windows does.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(crate) fn group(&self, name: &str) -> Result<GroupFolder> {
        crate::names::check_group(name)?;
        let exact = GroupFolder::new(&self.images, name);
        match exact.check(self.disk) {
            Err(Error::NotFound(message)) => {
                let folded = crate::names::folded(name);
                let mut groups = self.groups()?.into_iter();
                groups.find(|group| crate::names::folded(&group.name) == folded).ok_or(Error::NotFound(message))
            }
            checked => checked.map(|()| exact),
        }
    }

    /// A group, locked and recovered.
    ///
    /// # Errors
    /// As [`Store::group`]; [`Error::Locked`]; those of the recovery.
    pub(crate) fn lock_group(&self, name: &str, verb: &str) -> Result<(GroupFolder, Lock)> {
        let group = self.group(name)?;
        let lock = Lock::take(self.disk, &group.path, verb, &self.work)?;
        recover_group(self.disk, &group)?;
        Ok((group, lock))
    }
}
