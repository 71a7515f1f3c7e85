//! Privileges that an administrator's process has, but must enable.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_NO_SUCH_PRIVILEGE, ERROR_NOT_ALL_ASSIGNED, GetLastError, LUID};
use windows_sys::Win32::Security as win32;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// A privilege that restoring files can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Creating symbolic links.
    CreateSymbolicLink,
    /// Writing against DACLs, and setting any owner.
    Restore,
    /// Reading and writing SACLs.
    Security,
}

impl Privilege {
    /// Its name in Windows.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateSymbolicLink => "SeCreateSymbolicLinkPrivilege",
            Self::Restore => "SeRestorePrivilege",
            Self::Security => "SeSecurityPrivilege",
        }
    }
}

/// Enables a privilege for this process; false if its user does not have it, or the system does not
/// know it.
///
/// # Errors
/// The system refuses for another reason.
pub fn enable(privilege: Privilege) -> io::Result<bool> {
    let name: Vec<u16> = privilege.name().encode_utf16().chain([0]).collect();
    let mut luid = LUID { LowPart: 0, HighPart: 0 };
    // SAFETY: the name ends in a zero; the call writes one number.
    if let Err(error) = done(unsafe { win32::LookupPrivilegeValueW(null(), name.as_ptr(), &raw mut luid) }) {
        let is_unknown = error.raw_os_error() == Some(ERROR_NO_SUCH_PRIVILEGE.cast_signed());
        return if is_unknown { Ok(false) } else { Err(error) };
    }
    let wanted = win32::LUID_AND_ATTRIBUTES { Luid: luid, Attributes: win32::SE_PRIVILEGE_ENABLED };
    let state = win32::TOKEN_PRIVILEGES { PrivilegeCount: 1, Privileges: [wanted] };
    let token = own_token()?;
    // SAFETY: `state` has the one privilege that it counts; the previous state is not requested.
    done(unsafe {
        win32::AdjustTokenPrivileges(token.as_raw_handle(), 0, &raw const state, 0, null_mut(), null_mut())
    })?;
    // SAFETY: returns a number.
    Ok(unsafe { GetLastError() } != ERROR_NOT_ALL_ASSIGNED)
}

fn own_token() -> io::Result<OwnedHandle> {
    let mut token = null_mut();
    // SAFETY: the call writes one handle.
    done(unsafe { OpenProcessToken(GetCurrentProcess(), win32::TOKEN_ADJUST_PRIVILEGES, &raw mut token) })?;
    // SAFETY: the call succeeded, so the handle is open, and this is its only owner.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
