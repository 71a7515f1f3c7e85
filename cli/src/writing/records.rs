//! What commands that write archives plan, have done, or could not do.

use std::fmt;
use std::path::Path;

use fs_core::Chain;
use serde::Serialize;
use write::{CopyPlan, Error, Summary};

use report::PathField;
use report::text::{count, human};

/// What will be written.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    #[serde(rename = "type")]
    record: &'static str,
    new_blobs: usize,
    known_blobs: usize,
    new_bytes: u64,
    raw_copies: usize,
    transcoded: usize,
}

impl Plan {
    pub(crate) fn of(plan: &CopyPlan) -> Self {
        Self {
            record: "plan",
            new_blobs: plan.jobs.len(),
            known_blobs: plan.known,
            new_bytes: plan.bytes,
            raw_copies: plan.raw_copies,
            transcoded: plan.jobs.len() - plan.raw_copies,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (new, bytes) = (count(self.new_blobs as u64, "new content"), human(self.new_bytes));
        write!(f, "{new} of {bytes}, {} there; {} copied as stored", self.known_blobs, self.raw_copies)
    }
}

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    #[serde(rename = "type")]
    record: &'static str,
    verb: &'static str,
    #[serde(flatten)]
    path: PathField,
    file_bytes: u64,
    new_blobs: usize,
    new_bytes: u64,
    stored_bytes: u64,
}

impl Written {
    pub(crate) fn of(verb: &'static str, path: &Path, summary: &Summary) -> Self {
        Self {
            record: "result",
            verb,
            path: PathField::of(path.as_os_str().as_encoded_bytes()),
            file_bytes: summary.size,
            new_blobs: summary.blobs,
            new_bytes: summary.bytes,
            stored_bytes: summary.stored_bytes,
        }
    }
}

/// Why nothing was written.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    #[serde(rename = "type")]
    record: &'static str,
    code: &'static str,
    message: String,
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Self {
        Self { record: "error", code: error.code(), message: Chain(error).to_string() }
    }
}
