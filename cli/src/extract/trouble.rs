//! Why something was not made.

use std::io;
use std::path::PathBuf;

use fs_core::Error;

/// Why something was not made.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The store cannot give it.
    Store(Error),
    /// The destination cannot take it.
    Destination(io::Error),
    /// It is one more name of the file with this path, which was not made either, for a reason that is told there.
    NotMade(PathBuf),
    /// We were told to stop.
    Stopped,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Destination(error)
    }
}
