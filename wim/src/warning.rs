//! What is wrong with an archive and was put up with.

/// Something wrong that did not keep the rest from being used. Offsets as in [`Error`](crate::Error).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A writer is at work on the archive, or crashed.
    #[error("the archive was being written to: its writer is at work or crashed")]
    WriteInProgress,
}
