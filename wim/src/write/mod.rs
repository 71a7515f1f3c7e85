//! The format in the other direction: values in, bytes out.
//!
//! An archive is put together from [`HeaderBytes`], resources with their [`chunk_table`] or
//! [`solid_head`], a table of [`BlobEntry`]s, an [`XmlDocument`] and an
//! [`integrity_table`]. A [`Tree`] is the files and
//! names of an image; [`Tree::to_bytes`] makes the metadata resource that
//! [`Metadata::parse`](crate::Metadata::parse) reads. The structures as stored are those of the parser.
//! Nothing here does I/O: the same values always make the same bytes.

mod blob_table;
mod header;
mod integrity;
mod layout;
mod resource;
mod tree;
mod xml;

pub use blob_table::BlobEntry;
pub use header::HeaderBytes;
pub use integrity::integrity_table;
pub use resource::{chunk_table, chunk_table_len, compression_pays, solid_head};
pub use tree::{File, FileId, OwnedAttribute, Tree, TreeError};
pub use xml::{ImageCounts, ImageElement, XmlDocument, XmlError};
