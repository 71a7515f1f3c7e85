//! What an open file or folder is given: attributes and times, names, a reparse point.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::System::Ioctl::{FSCTL_SET_COMPRESSION, FSCTL_SET_REPARSE_POINT, FSCTL_SET_SPARSE};

use crate::call::{check, name_of, outcome};

/// Times and attributes. Times count 100 ns since 1601; 0 leaves what is there, and so do attributes of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Basic {
    /// When it was made.
    pub created: u64,
    /// When it was last read.
    pub accessed: u64,
    /// When its data was last written.
    pub written: u64,
    /// When anything of it was last changed.
    pub changed: u64,
    /// `FILE_ATTRIBUTE_*`.
    pub attributes: u32,
}

/// Sets times and attributes.
///
/// # Errors
/// The system refuses.
pub fn set_basic(file: &File, basic: Basic) -> io::Result<()> {
    let information = nt::FILE_BASIC_INFORMATION {
        CreationTime: basic.created.cast_signed(),
        LastAccessTime: basic.accessed.cast_signed(),
        LastWriteTime: basic.written.cast_signed(),
        ChangeTime: basic.changed.cast_signed(),
        FileAttributes: basic.attributes,
    };
    let bytes = size_of_val(&information);
    // SAFETY: the pointer is to a whole structure of this class.
    unsafe { set(file, (&raw const information).cast(), bytes, nt::FileBasicInformation) }
}

/// Lets the file disappear when it is closed, or no longer.
///
/// # Errors
/// It was not opened for it, is read-only, or a folder with something in it.
pub fn remove(file: &File, wanted: bool) -> io::Result<()> {
    let information = nt::FILE_DISPOSITION_INFORMATION { DeleteFile: wanted };
    let bytes = size_of_val(&information);
    // SAFETY: the pointer is to a whole structure of this class.
    unsafe { set(file, (&raw const information).cast(), bytes, nt::FileDispositionInformation) }
}

/// Renames the file to `name` in `folder`, with `replace` in the place of a file that has the name.
///
/// # Errors
/// The name is taken, by a folder, by a file that is read-only, or by any without `replace`.
pub fn rename(file: &File, folder: &File, name: &[u16], replace: bool) -> io::Result<()> {
    set_name(file, folder, name, replace, nt::FileRenameInformation)
}

/// Gives the file one more name, `name` in `folder`.
///
/// # Errors
/// The name is taken, or the file system knows no such names.
pub fn link(file: &File, folder: &File, name: &[u16]) -> io::Result<()> {
    set_name(file, folder, name, false, nt::FileLinkInformation)
}

fn set_name(
    file: &File,
    folder: &File,
    name: &[u16],
    replace: bool,
    class: nt::FILE_INFORMATION_CLASS,
) -> io::Result<()> {
    // Both classes have the same structure, which ends with the name.
    type Information = nt::FILE_RENAME_INFORMATION;
    let checked = name_of(name)?;
    let head = std::mem::offset_of!(Information, FileName);
    let bytes = (head + usize::from(checked.Length)).max(size_of::<Information>());
    let mut room = vec![0_u64; bytes.div_ceil(8)];
    let information = room.as_mut_ptr().cast::<Information>();
    // SAFETY: `room` is aligned for the structure, and has room for it with the name behind its head.
    unsafe {
        (*information).Anonymous.ReplaceIfExists = replace;
        (*information).RootDirectory = folder.as_raw_handle();
        (*information).FileNameLength = checked.Length.into();
        (&raw mut (*information).FileName).cast::<u16>().copy_from_nonoverlapping(name.as_ptr(), name.len());
        set(file, information.cast(), bytes, class)
    }
}

/// # Safety
/// At `information` are `bytes` bytes of what the class wants.
unsafe fn set(
    file: &File,
    information: *const c_void,
    bytes: usize,
    class: nt::FILE_INFORMATION_CLASS,
) -> io::Result<()> {
    let mut status = outcome();
    let handle = file.as_raw_handle();
    // SAFETY: as promised; the call writes its outcome and keeps nothing.
    check(unsafe { nt::NtSetInformationFile(handle, &raw mut status, information, bytes as u32, class) })
}

/// Makes a file or empty folder a reparse point, by a whole `REPARSE_DATA_BUFFER`.
///
/// # Errors
/// The file system has none, the buffer is none, or it is a symbolic link and the right to make one is missing.
pub fn set_reparse_point(file: &File, buffer: &[u8]) -> io::Result<()> {
    control(file, FSCTL_SET_REPARSE_POINT, buffer)
}

/// Lets holes in the file take no room.
///
/// # Errors
/// The file system cannot.
pub fn make_sparse(file: &File) -> io::Result<()> {
    control(file, FSCTL_SET_SPARSE, &[1])
}

/// Stores the file, or what will be in the folder, compressed.
///
/// # Errors
/// The file system cannot.
pub fn compress(file: &File) -> io::Result<()> {
    const DEFAULT_FORMAT: u16 = 1;
    control(file, FSCTL_SET_COMPRESSION, &DEFAULT_FORMAT.to_le_bytes())
}

fn control(file: &File, code: u32, input: &[u8]) -> io::Result<()> {
    let mut status = outcome();
    let len = u32::try_from(input.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let (event, context, output) = (null_mut(), null(), null_mut());
    // SAFETY: the call reads `len` bytes of `input`, writes its outcome, and has no room for an answer. The handle is a
    // synchronous one, so that nothing goes on behind the call.
    check(unsafe {
        nt::NtFsControlFile(
            file.as_raw_handle(),
            event,
            None,
            context,
            &raw mut status,
            code,
            input.as_ptr().cast(),
            len,
            output,
            0,
        )
    })
}
