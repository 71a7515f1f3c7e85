//! Names and statuses, as all calls take and return them.

use std::io;

use windows_sys::Win32::Foundation::{NTSTATUS, RtlNtStatusToDosError, UNICODE_STRING};
use windows_sys::Win32::System::IO::{IO_STATUS_BLOCK, IO_STATUS_BLOCK_0};

/// The error for a status, in the numbers that std knows.
pub(crate) fn check(status: NTSTATUS) -> io::Result<()> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: takes and returns a number.
    let code = unsafe { RtlNtStatusToDosError(status) };
    Err(io::Error::from_raw_os_error(code.cast_signed()))
}

/// A name as calls take it. It points into `name`, which has to outlive it.
///
/// # Errors
/// It is no component of a path, or too long.
pub(crate) fn name_of(name: &[u16]) -> io::Result<UNICODE_STRING> {
    let is_path = name.is_empty() || name.contains(&u16::from(b'\\')) || name.contains(&0);
    let bytes = u16::try_from(size_of_val(name)).ok().filter(|_| !is_path).ok_or(io::ErrorKind::InvalidFilename)?;
    Ok(UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: name.as_ptr().cast_mut() })
}

/// Where a call writes its outcome, which its status repeats.
pub(crate) fn outcome() -> IO_STATUS_BLOCK {
    IO_STATUS_BLOCK { Anonymous: IO_STATUS_BLOCK_0 { Status: 0 }, Information: 0 }
}
