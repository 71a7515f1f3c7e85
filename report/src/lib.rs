//! Facts about stores as objects that become JSON, one a line.
//!
//! docs/json.md documents the fields. They stay as they are; new ones may be added.

mod archive;
mod entry;
mod finding;
mod image;
mod json;
pub mod text;

use std::path::Path;

use fs_core::Advised;
use serde::Serialize;

pub use archive::{Archive, Integrity, Solid};
pub use entry::Entry;
pub use finding::{Found, Summary};
pub use image::{Content, Image, Xml};
pub use json::line;

/// The error and its causes in words, with the program's advice and without the path of `file` at
/// its beginning.
pub fn cause(file: &Path, error: &fs_core::Error) -> String {
    let text = Advised(error).to_string();
    text.strip_prefix(&format!("{}: ", file.display())).map_or_else(|| text.clone(), str::to_owned)
}

/// A path as JSON can hold it, and its exact bytes where they are not UTF-8.
#[derive(Debug, Serialize)]
pub struct PathField {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
}

impl PathField {
    /// The path with these bytes, WTF-8.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let path_hex = std::str::from_utf8(bytes).is_err().then(|| bytes.iter().map(|b| format!("{b:02x}")).collect());
        Self { path: lossy(bytes), path_hex }
    }
}

/// The text in `bytes`, with U+FFFD for bytes that are not UTF-8.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
