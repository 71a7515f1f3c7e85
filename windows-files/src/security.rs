//! Security descriptors of files on Windows.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use access::{Control, Descriptor};
use windows_sys::Wdk::Storage::FileSystem::{NtQuerySecurityObject, NtSetSecurityObject};
use windows_sys::Win32::Foundation::STATUS_BUFFER_TOO_SMALL;
use windows_sys::Win32::Security as win32;
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, READ_CONTROL};

use crate::call::check;

/// Which parts of a descriptor are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which {
    /// Owner and group; requires [`Privilege::Restore`](crate::Privilege::Restore) unless they are
    /// the user's own.
    pub owner: bool,
    /// The SACL; requires [`Privilege::Security`](crate::Privilege::Security).
    pub audit: bool,
}

/// The self-relative descriptor of the file or folder at `path`: owner, group and DACL.
///
/// # Errors
/// Reading it is not permitted, or the file system has no descriptors.
pub fn security_descriptor(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().access_mode(READ_CONTROL).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)?;
    let wanted =
        win32::OWNER_SECURITY_INFORMATION | win32::GROUP_SECURITY_INFORMATION | win32::DACL_SECURITY_INFORMATION;
    let mut room: Vec<u32> = vec![0; 64];
    loop {
        let (mut needed, bytes) = (0, size_of_val(&room[..]) as u32);
        // SAFETY: `room` is aligned for a descriptor and has `bytes` bytes; the call writes no
        // more, and one number.
        let status = unsafe {
            NtQuerySecurityObject(file.as_raw_handle(), wanted, room.as_mut_ptr().cast(), bytes, &raw mut needed)
        };
        if status == STATUS_BUFFER_TOO_SMALL && needed > bytes {
            room.resize(needed.div_ceil(4) as usize, 0);
            continue;
        }
        check(status)?;
        let bytes: Vec<u8> = room.iter().flat_map(|word| word.to_le_bytes()).collect();
        let size = Descriptor::parse(&bytes).ok_or(io::ErrorKind::InvalidData)?.size();
        return Ok(bytes[..size].to_vec());
    }
}

/// Sets the DACL of an open file or folder from a self-relative descriptor, and those of its other
/// parts that are wanted and present.
///
/// # Errors
/// It is not a valid descriptor, or the system refuses.
pub fn set_security_descriptor(file: &File, descriptor: &[u8], which: Which) -> io::Result<()> {
    let parts = Descriptor::parse(descriptor).ok_or(io::ErrorKind::InvalidData)?;
    let inheritance = if parts.control.has(Control::DACL_PROTECTED) {
        win32::PROTECTED_DACL_SECURITY_INFORMATION
    } else {
        win32::UNPROTECTED_DACL_SECURITY_INFORMATION
    };
    let mut set = 0;
    for (wanted, bit) in [
        (which.owner && parts.owner.is_some(), win32::OWNER_SECURITY_INFORMATION),
        (which.owner && parts.group.is_some(), win32::GROUP_SECURITY_INFORMATION),
        (which.audit && parts.sacl.is_some(), win32::SACL_SECURITY_INFORMATION),
        (parts.has_dacl(), win32::DACL_SECURITY_INFORMATION | inheritance),
    ] {
        set |= if wanted { bit } else { 0 };
    }
    let aligned: Vec<u32> = descriptor
        .chunks(4)
        .map(|bytes| u32::from_le_bytes(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))))
        .collect();
    // SAFETY: `aligned` is a self-relative descriptor, and `Descriptor` has checked that all its parts
    // lie inside it. It is only read.
    check(unsafe { NtSetSecurityObject(file.as_raw_handle(), set, aligned.as_ptr().cast_mut().cast()) })
}
