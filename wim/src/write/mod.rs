//! The way back: values in, bytes out.
//!
//! A [`Tree`] is the files and names of an image; [`Tree::to_bytes`] makes the metadata resource that
//! [`Metadata::parse`](crate::Metadata::parse) reads. Nothing here does I/O: the same values always make
//! the same bytes.

mod layout;
mod tree;

pub use tree::{File, FileId, OwnedAttribute, Tree, TreeError};
