//! Failures: as they are reported, and as they arise.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use fs_core::Error;

/// Something was not extracted, or not completely.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store cannot supply a file.
    #[error(transparent)]
    Store(#[from] Error),
    /// The destination cannot take a file.
    #[error("{}", path.display())]
    Destination {
        /// The path in the destination.
        path: PathBuf,
        /// The refusal of the system.
        source: io::Error,
    },
    /// The path in the destination is taken.
    #[error("{}: is there already", .0.display())]
    Exists(PathBuf),
    /// To the system, two names of a directory are the same: the second is left out.
    #[error("{}: is left out: to the system it has the same name as {}", path.display(), first.display())]
    SameName {
        /// The path of the second in the destination.
        path: PathBuf,
        /// The name of the first.
        first: OsString,
    },
    /// A hard link to a file that was not extracted, for a reason that was reported for that file.
    #[error("{}: is a hard link to {}, which was not extracted", path.display(), first.display())]
    LinkTarget {
        /// The path of the link in the destination.
        path: PathBuf,
        /// The path of the file in the destination.
        first: PathBuf,
    },
    /// A part of all security descriptors is not restored.
    #[error("{parts} stay as they are without {privilege}, which administrators have")]
    Privilege {
        /// The part, in the plural.
        parts: &'static str,
        /// The privilege of Windows that the user does not have.
        privilege: &'static str,
    },
}

/// Why one step failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The store cannot supply the data.
    Store(Error),
    /// The destination cannot take it.
    Destination(io::Error),
    /// The file at this path, of which it is another name, was not made.
    NotMade(PathBuf),
    /// The extraction was stopped.
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

/// The first error of steps that were all taken.
pub(crate) fn first_error<E>(results: impl IntoIterator<Item = Result<(), E>>) -> Result<(), E> {
    results.into_iter().fold(Ok(()), Result::and)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_are_taken_and_the_first_error_is_kept() {
        let mut taken = Vec::new();
        let steps = [Ok(()), Err("first"), Ok(()), Err("second")];
        let done = first_error(steps.into_iter().enumerate().map(|(step, result)| {
            taken.push(step);
            result
        }));
        assert_eq!((done, taken), (Err("first"), vec![0, 1, 2, 3]));
    }
}
