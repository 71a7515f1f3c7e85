//! An image store as a read-only filesystem, on no platform in particular.
//!
//! A [`Filesystem`] is a store, group, archive or image under the names, attributes and rules of a mount
//! (`docs/semantics.md`). The adapters for FUSE and WinFsp ask it and translate; nothing is decided in them.

mod archive;
pub mod check;
mod concurrent;
mod content;
mod engine;
mod error;
mod filesystem;
mod inventory;
pub mod log;
mod options;
mod read_ahead;
mod snapshot;
mod source;

pub use archive::{BlobRef, OpenArchive};
pub use check::{ImageInfo, Survey};
pub use concurrent::Shares;
pub use content::{ContentOptions, Contents, Release, StreamError, Verify};
pub use engine::{Engine, EngineOptions};
pub use error::{Advice, Advised, Chain, Error, Problem, Result, set_advice};
pub use filesystem::{
    About, Attr, Child, DirEntry, Facts, Filesystem, Invalidation, Kind, Left, Level, LinkTargets, ReparsePoint,
    SolidPlace, StreamEntry, Totals, Volume, WindowsAttr,
};
pub use inventory::{ArchiveInfo, GroupInfo, Inventory};
pub use options::{ImageChoice, Options, StreamInterface};
pub use snapshot::{ImageSlot, Ino, Storage};
pub use source::{
    ArchiveEntry, AttributeSource, Attributes, Changed, FolderSource, GroupEntry, GroupListing, MemorySource,
    Principals, Shape, Stop, StoreListing, StoreSource, StoredFile, StoredId, ViewSource, Visibility, Watch, Watcher,
    may_read, visibility,
};
pub use wim;
