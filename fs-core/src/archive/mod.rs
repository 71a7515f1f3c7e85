//! An archive file of a store: its outline, its tables while they are used, and what is known of its bytes.

mod archives;
mod open;
mod outline;
mod tables;
mod trust;

pub use self::open::{BlobRef, OpenArchive};

pub(crate) use self::archives::Archives;
pub(crate) use self::open::{FileId, TablesId};
pub(crate) use self::outline::{ArchiveFile, Facts};
pub(crate) use self::tables::Memory;
pub(crate) use self::trust::Generation;
