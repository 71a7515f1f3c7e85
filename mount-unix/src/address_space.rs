//! Whether the threads of a mount fit into the address space that this process may have.

use std::fs;
use std::io;

use rustix::process::{Resource, getrlimit};

use crate::error::{Error, Result};

/// The address space that a thread of the session takes: 16 MiB are fuser's buffer for a request, 2 its stack. What glibc
/// reserves for a thread that allocates is not counted: where memory is limited, it does without.
const THREAD_BYTES: u64 = 20 << 20;

/// What all else of a mount takes, such as threads that open archives and watch the store.
const REST: u64 = 32 << 20;

/// Whether so many threads fit into the address space that this process may have: one that does not would abort the process
/// later, and leave a dead mount.
///
/// # Errors
/// [`Error::Memory`]; or the system does not say what is in use.
pub(crate) fn check(threads: usize) -> Result<()> {
    let Some(limit) = getrlimit(Resource::As).current else { return Ok(()) };
    let have = limit.saturating_sub(in_use().map_err(Error::Session)?);
    let need = threads as u64 * THREAD_BYTES + REST;
    if need > have { Err(Error::Memory { need, have }) } else { Ok(()) }
}

/// The address space of this process, in bytes.
fn in_use() -> io::Result<u64> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.ok_or(io::ErrorKind::InvalidData)? * rustix::param::page_size() as u64)
}
