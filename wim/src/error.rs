//! Errors of the format: which rule an archive breaks, and where.

use std::io;

use crate::{BlobHash, CodecError};

/// The result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault of an archive: what, where, and which rule it breaks.
///
/// Offsets count bytes from the first byte of the archive, or, for what lies inside a resource
/// ("metadata", "dentry", "security data"), from the first byte of that resource's uncompressed
/// data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The magic bytes are another format's.
    #[error("not a WIM archive")]
    NotWim,
    /// The writer never came to the end, or the end was cut off: the header names neither a blob
    /// table nor XML data.
    #[error("incomplete archive: it has neither a blob table nor XML data")]
    Incomplete,
    /// A sound archive, but of a kind that this version does not read.
    #[error("unsupported {what}: {value}")]
    Unsupported {
        /// The thing that is not supported, as "version" or "compression".
        what: &'static str,
        /// Which one it is.
        value: String,
    },
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
    /// Something is well formed, but larger than this crate is willing to hold in memory.
    #[error("{what} at {at:#x} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The thing.
        what: &'static str,
        /// Where it starts.
        at: u64,
        /// Its size in bytes.
        size: u64,
        /// The largest accepted size in bytes.
        limit: u64,
    },
    /// A compressed chunk does not decode.
    #[error("chunk {chunk} of the resource at {at:#x} does not decode")]
    Chunk {
        /// Index of the chunk in its resource.
        chunk: u64,
        /// Where the resource starts.
        at: u64,
        /// The codec's rule that it breaks.
        source: CodecError,
    },
    /// Bytes are there, but they are not the ones that were written.
    #[error("blob {expected} has changed: it now hashes to {actual}")]
    Hash {
        /// The hash in the blob table.
        expected: BlobHash,
        /// The hash of the bytes read.
        actual: BlobHash,
    },
    /// There is no image with this index.
    #[error("there is no image {number}: the archive has {count}")]
    NoImage {
        /// The image asked for, counting from 1.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// The source could not be read.
    #[error("reading {len} bytes at {at:#x}")]
    Io {
        /// Where the reading began.
        at: u64,
        /// How many bytes were wanted.
        len: u64,
        /// The error of the source.
        source: io::Error,
    },
}

impl Error {
    /// An [`Error::Unsupported`] about `what`.
    pub(crate) fn unsupported(what: &'static str, value: impl Into<String>) -> Self {
        Self::Unsupported { what, value: value.into() }
    }
}
