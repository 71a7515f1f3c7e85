//! The WIM file format: bytes in, values out.
//!
//! An [`Archive`] is opened on anything that answers positional reads ([`ReadAt`]). It knows its
//! [`Header`], its [`BlobTable`], [`XmlData`] and [`IntegrityTable`]; a blob's data is read chunk
//! by chunk through a [`Resource`], and an image's tree is a [`Metadata`]. Nothing here starts
//! threads, keeps decoded data, logs, or knows a platform.
//!
//! Archives may come from anywhere: every stored number is checked before it is used, nothing is
//! allocated that the bytes at hand cannot back, too little memory for it is an [`Error`], and one bad
//! entry leaves its neighbours usable.
//! Tolerated anomalies are reported as [`Warning`]s.

mod archive;
mod blob_table;
mod chunk_table;
pub mod codec;
mod error;
mod file_time;
mod hash;
mod header;
mod integrity;
mod local_file;
pub mod memory;
mod metadata;
mod name;
mod read_at;
pub mod reparse;
mod resource;
mod resource_header;
mod solid;
mod upcase;
mod warning;
pub mod write;
mod xml;

pub use archive::{Archive, Outline};
pub use blob_table::{Blob, BlobTable, SolidRun};
pub use codec::{CodecError, Encoder, Level};
pub use error::{Error, Result};
pub use file_time::FileTime;
pub use hash::{BlobHash, BlobHasher, ParseBlobHashError};
pub use header::{Compression, Guid, HEADER_SIZE, Header, HeaderFlags, Part};
pub use integrity::IntegrityTable;
pub use local_file::LocalFile;
pub use metadata::{
    Attributes, CaseSensitivity, Dentry, ExtendedAttribute, InodeId, Metadata, NamedStream, NodeId, ReparseHead,
    Streams, TaggedItem, UnixData,
};
pub use name::{Name, utf16_from_wtf8, wtf8_from_utf16};
pub use read_at::{Identity, ReadAt, Version, read_exact_at};
pub use reparse::ReparseLink;
pub use resource::{Resource, Scratch};
pub use resource_header::{ResourceFlags, ResourceHeader};
pub use solid::SolidResource;
pub use upcase::upcase;
pub use warning::{EntryProblem, Warning};
pub use xml::{ImageXml, WindowsInfo, WindowsVersion, XmlData};
