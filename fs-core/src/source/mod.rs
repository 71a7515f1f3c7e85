//! Where a store's groups and archives come from: a folder today, an object store or a server later.

mod folder;
mod memory;
mod references;
mod view;
mod watch;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::Security;
use wim::{FileTime, ReadAt, Version};

use crate::error::{Problem, Result};

pub(crate) use self::folder::open_file;
pub use self::folder::{AttributeSource, Attributes, FolderSource, Principals};
pub use self::memory::MemorySource;
pub use self::view::{ViewSource, Visibility, may_read, visibility};
pub use self::watch::{Changed, Stop, Watch, Watcher};

pub(crate) use self::folder::Resolver;
pub(crate) use self::references::expand;

/// Identifies a group or a file among all that the sources of one [`Engine`](crate::Engine) list. Only its source knows
/// more of it: for a folder it is a path, for an object store it may be an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredId(Arc<OsStr>);

impl StoredId {
    /// The one that its source writes so.
    pub fn new(id: impl AsRef<OsStr>) -> Self {
        Self(id.as_ref().into())
    }
}

impl AsRef<OsStr> for StoredId {
    fn as_ref(&self) -> &OsStr {
        &self.0
    }
}

impl AsRef<Path> for StoredId {
    fn as_ref(&self) -> &Path {
        self.0.as_ref().as_ref()
    }
}

/// A group as its source lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// What the source lists it by.
    pub id: StoredId,
    /// The folder's name; empty for the one group of a source that is a group or a file itself.
    pub name: OsString,
    /// How messages call it: of a folder the path.
    pub path: PathBuf,
    /// When something was last put into it or taken out.
    pub modified: FileTime,
}

/// What a source lists at its top.
#[derive(Debug, Clone)]
pub struct StoreListing {
    /// When a group was last put in or taken out.
    pub modified: FileTime,
    /// The groups, ordered by name; exactly one unless the shape is [`Shape::Store`].
    pub groups: Vec<GroupEntry>,
    /// What has the place of a group and is left out.
    pub problems: Vec<Problem>,
}

/// A file as its source lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// What the source opens it by.
    pub id: StoredId,
    /// Its name.
    pub name: OsString,
    /// How messages call it: of a file in a folder the path.
    pub path: PathBuf,
    /// The generation that was listed.
    pub version: Version,
}

/// An archive as its source lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// The file.
    pub file: StoredFile,
    /// What its file attributes are, and who says so.
    pub attributes: Attributes,
}

/// What a source lists for one group.
#[derive(Debug, Clone, Default)]
pub struct GroupListing {
    /// The `.wim` files directly in the group, ordered by name.
    pub archives: Vec<ArchiveEntry>,
    /// The other parts of a split archive, `x2.swm` and so on beside `x.swm`, by number.
    pub parts: Vec<StoredFile>,
    /// The group's `Res.rwm`, if it has one.
    pub resources: Option<StoredFile>,
    /// What is called as one of these and is left out.
    pub problems: Vec<Problem>,
    /// What is wrong about the file attributes of archives, which count as not set.
    pub warnings: Vec<Problem>,
    /// Whether files that supply data are left out because they may not be read.
    pub withheld: bool,
}

/// Lists groups and the archives in them, and tells when to list them again.
pub trait StoreSource: Send + Sync {
    /// How deep the listing is: whether the root of a mount shows groups or, having but one, its images.
    fn shape(&self) -> Shape;

    /// How messages call it; with [`Shape::File`] this is the path of the one archive that it lists.
    fn path(&self) -> &Path;

    /// The groups.
    ///
    /// # Errors
    /// The store cannot be listed, for example because the share that it is on is away: nothing is known of its groups then.
    fn groups(&self) -> Result<StoreListing>;

    /// What a group holds. Only the first level counts: folders in it are never looked into.
    ///
    /// # Errors
    /// The group's folder cannot be listed: nothing is known of what it holds.
    fn listing(&self, group: &GroupEntry) -> Result<GroupListing>;

    /// What protects a group, read when it is asked for. A source that knows of no users has nothing for them: only
    /// administrators see it.
    fn group_security(&self, _: &GroupEntry) -> Arc<Security> {
        Arc::new(Security::broken(access::Source::Default))
    }

    /// What protects a file of a group with the security `group`; else as [`StoreSource::group_security`].
    fn file_security(&self, _: &StoredFile, _group: &Security) -> Arc<Security> {
        Arc::new(Security::broken(access::Source::Default))
    }

    /// Opens a file that was listed, or what has its name by now.
    ///
    /// # Errors
    /// It cannot be opened, or must not be: it may have changed since it was listed.
    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>>;

    /// Begins to watch for changes.
    ///
    /// # Errors
    /// The system has no means left for it.
    fn watch(&self) -> Result<Watch>;
}

/// What the source of a mount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A folder of groups.
    Store,
    /// One group.
    Group,
    /// One archive file.
    File,
}

/// Whether a file of a group is called as an archive with images.
fn is_archive(name: &OsStr) -> bool {
    has_extension(name, "wim")
}

/// Whether a file of a group is called as the archive that supplies data to all others.
fn is_resources(name: &OsStr) -> bool {
    same_name(name, "res.rwm")
}

/// Whether a file name is `name` in any case. `name` is ASCII and in lower case.
fn same_name(file_name: &OsStr, name: &str) -> bool {
    file_name.eq_ignore_ascii_case(name)
}

fn has_extension(file_name: &OsStr, extension: &str) -> bool {
    Path::new(file_name).extension().is_some_and(|e| same_name(e, extension))
}
