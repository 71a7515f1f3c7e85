//! Writes WIM files byte by byte for tests, with none of wimstore's own code, so that it shares no
//! mistake with it.
//!
//! ```
//! use testkit::{Packing, Wim, dir, file, root};
//! let tree = root([dir("docs", [file("hello.txt", "hello")]), file("empty", "")]);
//! let built = Wim::new(Packing::Lzx(32768), tree).integrity(4096).build();
//! assert_eq!(&built.bytes[..5], b"MSWIM");
//! assert_eq!(&built.bytes[built.resource(b"hello").range.clone()], b"hello");
//! ```
//!
//! Everything can be wrong: dentries, images and archives are plain values with public fields,
//! [`Image::tamper`] changes metadata before it is hashed, and [`Built`] is bytes with a map of
//! what is where ([`offset`] names fields). [`mutate`] changes sound archives at random, also those
//! of other programs.

pub mod bytes;
pub mod content;
pub mod faults;
pub mod flag;
pub mod huge;
pub mod lzms;
pub mod lzx;
pub mod mounts;
pub mod mutate;
pub mod ntfs;
pub mod offset;
pub mod patience;
pub mod pipe;
pub mod reparse;
pub mod run;
pub mod seen;
pub mod solid;
pub mod trees;
pub mod wim;
pub mod xml;
pub mod xpress;

mod dentry;
mod header;
mod image;
mod matches;
mod moved;
mod resource;
mod store;

pub use bytes::{Bytes, TIME, hex, sha1, units, utf16};
pub use content::{chunk, naive_window};
pub use dentry::{Children, Data, Dentry, Stream, dir, file, root};
pub use header::{GUID, Header, header};
pub use image::{DentryPlace, Image, Metadata, security_data};
pub use patience::{PATIENCE, eventually, processor_time};
pub use resource::{Packed, Packing, ResourceHeader, chunked, pack, stored};
pub use run::{capture, need, output, run, tool, wimlib};
pub use solid::Solid;
pub use store::Store;
pub use wim::{Blob, Built, Entry, Place, Places, Wim, integrity_table};
pub use xml::Xml;
