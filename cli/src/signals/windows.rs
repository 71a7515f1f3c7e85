//! Stops on the events of a Windows console.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// `STATUS_CONTROL_C_EXIT`, the exit code of programs that Ctrl-C ends.
const ENDED_BY_CTRL_C: u32 = 0xC000_013A;

/// Lets Ctrl-C, Ctrl-Break and the end of the console put 1 into `stop`.
///
/// # Errors
/// Never on Windows.
pub(crate) fn stop_on_signals(stop: &Arc<AtomicUsize>) -> anyhow::Result<()> {
    let stop = Arc::clone(stop);
    // Ends with the program.
    thread::spawn(move || {
        if windows_files::wait_for_ctrl_c().is_ok() {
            stop.store(1, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// Ends the program as Ctrl-C would have, now that incomplete files are removed.
///
/// # Errors
/// Never: it does not return.
pub(crate) fn end_by(_: usize) -> anyhow::Result<()> {
    std::process::exit(ENDED_BY_CTRL_C.cast_signed())
}
