//! How far a long job is, and stopping it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// Watches a job, and may stop it.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Is given the uncompressed bytes that were done since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Set to stop the job: it removes what it wrote, and fails with [`Error::Stopped`].
    pub stop: &'a AtomicBool,
}

/// Never set.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Control<'_> {
    /// Watches nothing.
    pub const NONE: Control<'static> = Control { progress: &|_| (), stop: &NEVER };

    /// Reports bytes.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub(crate) fn advance(&self, bytes: u64) -> Result<()> {
        (self.progress)(bytes);
        if self.stop.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
    }
}
