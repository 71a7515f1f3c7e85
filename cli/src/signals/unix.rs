//! Stops on the signals of Unix.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Lets signals that ask the program to end put their number into `stop`.
///
/// # Errors
/// The system takes no handler.
pub(crate) fn stop_on_signals(stop: &Arc<AtomicUsize>) -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
        signal_hook::flag::register_usize(signal, Arc::clone(stop), usize::try_from(signal)?)?;
    }
    Ok(())
}

/// Ends the program as the signal would have, now that incomplete files are removed.
///
/// # Errors
/// There is no such signal.
pub(crate) fn end_by(signal: usize) -> anyhow::Result<()> {
    Ok(signal_hook::low_level::emulate_default_handler(i32::try_from(signal)?)?)
}

/// Whether the parent process set the signal to be ignored, as `nohup` does. Known on Linux only.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_some_and(|bits| bits >> (signal - 1) & 1 == 1)
}
