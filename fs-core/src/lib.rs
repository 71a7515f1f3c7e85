//! An image store as a read-only filesystem, on no platform in particular.
//!
//! A [`Filesystem`] is a store, group, archive or image under the names, attributes and rules of a mount
//! (`docs/semantics.md`). The adapters for FUSE and WinFsp ask it and translate; nothing is decided in them.

mod archive;
mod archive_file;
mod attr;
mod attributes;
pub mod check;
mod content;
mod describe;
mod elsewhere;
mod error;
mod filesystem;
mod group;
mod image;
mod ino;
mod inventory;
mod links;
mod local;
pub mod log;
mod memory;
mod names;
mod opener;
mod options;
mod read_ahead;
mod references;
mod resolve;
mod shares;
mod slots;
mod source;
mod survey;
mod uses;
mod watch;
mod xattrs;

pub use archive::{BlobRef, OpenArchive};
pub use attr::{Attr, DirEntry, Kind, Totals};
pub use attributes::{AttributeSource, Attributes};
pub use content::{ContentOptions, Contents, Release, StreamError, Verify};
pub use error::{Chain, Error, Problem, Result};
pub use filesystem::{
    About, Changed, Facts, Filesystem, Invalidation, Left, Level, LinkTargets, ReparsePoint, SolidPlace, Storage,
    StreamEntry, Volume, WindowsAttr,
};
pub use ino::{ImageSlot, Ino};
pub use inventory::{ArchiveInfo, GroupInfo, ImageInfo, Inventory};
pub use local::LocalFile;
pub use options::{ImageChoice, Options, StreamInterface};
pub use shares::Shares;
pub use source::{ArchiveEntry, FolderSource, GroupEntry, GroupListing, Shape, StoreListing, StoreSource, StoredFile};
pub use survey::Survey;
pub use watch::{Stop, Watch, Watcher};
pub use wim;
