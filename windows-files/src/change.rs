//! Changes of an open file or folder: attributes and times, names, a reparse point.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::System::Ioctl::{FSCTL_SET_COMPRESSION, FSCTL_SET_REPARSE_POINT, FSCTL_SET_SPARSE};

use crate::call::{check, name_of, outcome};

/// Times and attributes. Times count 100 ns since 1601. A time or attributes of 0 leave the present
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Basic {
    /// Creation time.
    pub created: u64,
    /// Time of the last access.
    pub accessed: u64,
    /// Time of the last write of data.
    pub written: u64,
    /// Time of the last change of data or attributes.
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

/// Marks the file to be deleted when it is closed, or takes the mark back.
///
/// # Errors
/// It was not opened for deletion, is read-only, or is a folder that is not empty.
pub fn remove(file: &File, wanted: bool) -> io::Result<()> {
    let information = nt::FILE_DISPOSITION_INFORMATION { DeleteFile: wanted };
    let bytes = size_of_val(&information);
    // SAFETY: the pointer is to a whole structure of this class.
    unsafe { set(file, (&raw const information).cast(), bytes, nt::FileDispositionInformation) }
}

/// Renames the file to `name` in `folder`; with `replace` it replaces a file of that name.
///
/// # Errors
/// The name belongs to a folder, to a read-only file or, without `replace`, to any file.
pub fn rename(file: &File, folder: &File, name: &[u16], replace: bool) -> io::Result<()> {
    set_name(file, folder, name, replace, nt::FileRenameInformation)
}

/// Makes a hard link to the file, `name` in `folder`.
///
/// # Errors
/// The name exists, or the file system has no hard links.
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
    // SAFETY: `room` is aligned for the structure, and large enough for it with the name after its
    // head.
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
/// The file system has no reparse points, the buffer is not one, or it is a symbolic link and the
/// privilege to create links is missing.
pub fn set_reparse_point(file: &File, buffer: &[u8]) -> io::Result<()> {
    control(file, FSCTL_SET_REPARSE_POINT, buffer)
}

/// Makes the file sparse, so that holes use no space.
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
    // SAFETY: the call reads `len` bytes of `input`, writes its outcome, and gets no output buffer.
    // The handle is a synchronous one, so that nothing is still running when the call returns.
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
