//! The objects that `--json` writes, one a line. Their fields are documented in docs/json.md and stay as they are;
//! new ones may come.

mod archive;
mod entry;
mod finding;
mod image;

use serde::Serialize;

pub(crate) use archive::{Archive, Solid};
pub(crate) use entry::Entry;
pub(crate) use finding::{Found, Kind, Summary};
pub(crate) use image::{Content, Image};

/// A path as JSON can hold it, and the exact bytes where that is not all of it.
#[derive(Debug, Serialize)]
pub(crate) struct PathField {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    /// The exact bytes.
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

impl PathField {
    /// The path with these bytes, WTF-8.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let path_hex = std::str::from_utf8(bytes).is_err().then(|| bytes.iter().map(|b| format!("{b:02x}")).collect());
        Self { path: lossy(bytes), path_hex, bytes: bytes.to_vec() }
    }
}

/// The text in `bytes`, with U+FFFD for what is none.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
