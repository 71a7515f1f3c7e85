//! Errors of disks, partitions and volumes.

use std::io;

/// The result of anything that reads a disk.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault of a disk: what, where, and which rule it breaks. Offsets count bytes from the start of what is
/// read: the image file, the disk or the volume.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes that a structure claims are not there.
    #[error("{what} at {at:#x} needs {need} bytes, but only {have} are there")]
    Truncated {
        /// The structure.
        what: &'static str,
        /// Where it starts.
        at: u64,
        /// How many bytes it needs.
        need: u64,
        /// How many are there.
        have: u64,
    },
    /// A stored number breaks a rule of the format.
    #[error("{what} at {at:#x} is {value:#x}, {rule}")]
    Invalid {
        /// The number's name.
        what: &'static str,
        /// Where it is stored.
        at: u64,
        /// Its value.
        value: u64,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The medium cannot be read there.
    #[error("reading {len} bytes at {at:#x}")]
    Io {
        /// Where.
        at: u64,
        /// How many bytes.
        len: u64,
        /// The error of the system.
        source: io::Error,
    },
    /// It is sound as far as it was read, but cannot be captured.
    #[error("{0}")]
    Refused(String),
}

#[cfg(unix)]
impl Error {
    /// Makes an [`Error::Io`] of the system's error.
    pub(crate) fn reading(at: u64, len: u64) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { at, len, source }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io { source, .. } => source,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
