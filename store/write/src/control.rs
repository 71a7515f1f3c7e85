//! How far a long job is, and stopping it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{CopyPlan, Error, Result};

/// Watches a job, and may stop it.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Is given what will be written, before it is.
    pub plan: &'a (dyn Fn(&CopyPlan) + Sync),
    /// Is given the uncompressed bytes that were done since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Not 0 to stop the job: it removes what it wrote, and fails with [`Error::Stopped`].
    pub stop: &'a AtomicUsize,
}

/// Never set.
static NEVER: AtomicUsize = AtomicUsize::new(0);

impl Control<'_> {
    /// Watches nothing.
    pub const NONE: Control<'static> = Control { plan: &|_| (), progress: &|_| (), stop: &NEVER };

    /// Reports bytes.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub(crate) fn advance(&self, bytes: u64) -> Result<()> {
        (self.progress)(bytes);
        if self.stop.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Error::Stopped) }
    }
}
