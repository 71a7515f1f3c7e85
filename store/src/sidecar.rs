//! What is kept next to an image's file where the file system has no place for it.

use serde_json::{Map, Value};
use write::Disk;

use crate::folders::read_file;
use crate::layout::{GroupFolder, sidecar};
use crate::{Error, Result};

/// The largest sidecar that is read.
const MOST: u64 = 64 << 10;

/// A sidecar: fields that are not known here stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sidecar(Map<String, Value>);

impl Sidecar {
    /// Reads the sidecar of an image's file; an empty one if there is none.
    ///
    /// # Errors
    /// The disk's, and that it is not JSON.
    pub(crate) fn read(disk: &dyn Disk, group: &GroupFolder, file: &str) -> Result<Self> {
        let path = group.join(&sidecar(file));
        let Some(text) = read_file(disk, &path, MOST)? else { return Ok(Self::default()) };
        serde_json::from_slice(&text).map(Self).map_err(|error| Error::disk("reading", &path)(error.into()))
    }

    pub(crate) fn is_hidden(&self) -> bool {
        self.0.get("hidden").and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn order(&self) -> Option<u32> {
        self.0.get("display_order").and_then(Value::as_u64).and_then(|order| order.try_into().ok())
    }

    pub(crate) fn set_hidden(&mut self, hidden: bool) {
        self.0.insert("hidden".into(), hidden.into());
    }

    pub(crate) fn set_order(&mut self, order: u32) {
        self.0.insert("display_order".into(), order.into());
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = Value::from(self.0.clone()).to_string().into_bytes();
        text.push(b'\n');
        text
    }
}
