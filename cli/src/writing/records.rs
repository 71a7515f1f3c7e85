//! What commands that write archives plan, have done, or could not do.

use std::fmt;
use std::io;
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
        Self { record: "error", code: code(error), message: Chain(error).to_string() }
    }
}

/// The kind of an error, for programs.
fn code(error: &Error) -> &'static str {
    match error {
        Error::Disk { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "no_space",
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "read_only",
            io::ErrorKind::NotFound => "not_found",
            _ => "io",
        },
        Error::Source { .. } => "corrupt_source",
        Error::Destination { .. } => "unreadable_destination",
        Error::Changed { .. } | Error::NotDurable { .. } => "io",
        Error::Missing { .. } => "incomplete",
        Error::Exists { .. } => "exists",
        Error::Refused { .. } => "refused_type",
        Error::Locked { .. } => "locked",
        Error::Written { .. } => "corrupt_written",
        Error::Stopped => "stopped",
    }
}
