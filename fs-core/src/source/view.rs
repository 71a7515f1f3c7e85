//! What one user may see of a store: a source that lists nothing else.

use std::io;
use std::path::Path;
use std::sync::Arc;

use access::{READ_DATA, Security, Token};
use wim::{FileTime, ReadAt};

use super::{ArchiveEntry, GroupEntry, GroupListing, Shape, StoreListing, StoreSource, StoredFile, Watch};
use crate::error::{Error, Result};

/// How much of an archive a user gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing: it is as if it were not there.
    Hidden,
    /// Its images are listed, but another file with data of them may not be read.
    Visible,
    /// Its images and all their data.
    Readable,
}

/// Whether a token may list a folder, or read a file, with this security.
pub fn may_read(token: &Token, security: &Security) -> bool {
    security.check(token, READ_DATA).is_granted()
}

/// What a user with `token` gets of an archive, which `security` protects, in a group that is listed for that user and of
/// which `has_data` says whether all files that supply data may be read.
pub fn visibility(token: &Token, archive: &ArchiveEntry, security: &Security, has_data: bool) -> Visibility {
    match (may_read(token, security) && !archive.attributes.is_hidden(), has_data) {
        (false, _) => Visibility::Hidden,
        (true, false) => Visibility::Visible,
        (true, true) => Visibility::Readable,
    }
}

/// The part of a store that one user may see, by the security of its groups and files.
///
/// A group is listed if its folder may be read, an archive if its file may be read too. A file that supplies data and may
/// not be read is left out, and [`GroupListing::withheld`] says so. Whatever is derived from a listing, such as names,
/// numbers, times and counts, so has no trace of what is forbidden: times of folders, which have, are replaced by those of
/// the newest file that is listed; and problems are told to administrators only.
pub struct ViewSource {
    inner: Arc<dyn StoreSource>,
    token: Token,
}

impl ViewSource {
    /// What the user of `token` may see of `inner`.
    pub fn new(inner: Arc<dyn StoreSource>, token: Token) -> Self {
        Self { inner, token }
    }

    /// The listing of a group that is listed, without what is forbidden.
    fn allowed(&self, group: &GroupEntry, security: &Security) -> Result<GroupListing> {
        let mut listing = self.inner.listing(group)?;
        let may_read = |file: &StoredFile| may_read(&self.token, &self.inner.file_security(file, security));
        listing.archives.retain(|archive| !archive.attributes.is_hidden() && may_read(&archive.file));
        let suppliers = listing.parts.len() + usize::from(listing.resources.is_some());
        listing.parts.retain(may_read);
        listing.resources = listing.resources.filter(may_read);
        listing.withheld |= suppliers > listing.parts.len() + usize::from(listing.resources.is_some());
        if !self.token.is_administrator() {
            listing.problems.clear();
            listing.warnings.clear();
        }
        Ok(listing)
    }

    /// A group as its user sees it, if it does.
    fn group(&self, group: GroupEntry) -> Option<GroupEntry> {
        let security = self.inner.group_security(&group);
        if !may_read(&self.token, &security) {
            return None;
        }
        let modified = self.allowed(&group, &security).map_or(FileTime(0), |listing| newest(&listing));
        Some(GroupEntry { modified, ..group })
    }
}

/// When the newest file of a listing was written; 0 if it has none.
fn newest(listing: &GroupListing) -> FileTime {
    let files = listing.archives.iter().map(|archive| &archive.file).chain(&listing.parts).chain(&listing.resources);
    let times = files.map(|file| file.version.modified);
    times.max().map_or(FileTime(0), |(seconds, nanoseconds)| FileTime::from_unix(seconds, nanoseconds))
}

/// The error of a file or folder that is not there.
fn absent(path: &Path) -> Error {
    Error::io(path, io::ErrorKind::NotFound.into())
}

impl StoreSource for ViewSource {
    fn shape(&self) -> Shape {
        self.inner.shape()
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn groups(&self) -> Result<StoreListing> {
        let listing = self.inner.groups()?;
        let groups: Vec<_> = listing.groups.into_iter().filter_map(|group| self.group(group)).collect();
        if groups.is_empty() && self.shape() != Shape::Store {
            return Err(absent(self.path()));
        }
        let modified = groups.iter().map(|group| group.modified).max().unwrap_or(FileTime(0));
        let problems = if self.token.is_administrator() { listing.problems } else { Vec::new() };
        Ok(StoreListing { modified, groups, problems })
    }

    fn listing(&self, group: &GroupEntry) -> Result<GroupListing> {
        let security = self.inner.group_security(group);
        if may_read(&self.token, &security) { self.allowed(group, &security) } else { Err(absent(&group.path)) }
    }

    fn group_security(&self, group: &GroupEntry) -> Arc<Security> {
        self.inner.group_security(group)
    }

    fn file_security(&self, file: &StoredFile, group: &Security) -> Arc<Security> {
        self.inner.file_security(file, group)
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        self.inner.open(file)
    }

    fn watch(&self) -> Result<Watch> {
        self.inner.watch()
    }
}
