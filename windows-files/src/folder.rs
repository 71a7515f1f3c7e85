//! Opens and creates files and folders in an open folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::Foundation::{OBJ_CASE_INSENSITIVE, UNICODE_STRING};
use windows_sys::Win32::Storage::FileSystem as win32;

use crate::call::{check, name_of, outcome};
use crate::security::Which;

/// Access rights of a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access(u32);

impl Access {
    /// Reading attributes and, of a folder, opening its entries.
    pub const LOOK: Self = Self(win32::FILE_TRAVERSE | win32::FILE_READ_ATTRIBUTES | win32::SYNCHRONIZE);
    /// Writing data, attributes and streams of a file, and deleting it.
    pub const WRITE: Self = Self(
        // Compressing requires reading as well.
        win32::FILE_GENERIC_WRITE | win32::FILE_READ_DATA | win32::FILE_READ_ATTRIBUTES | win32::DELETE,
    );
    /// Writing attributes, and making or removing names.
    pub const CHANGE: Self =
        Self(win32::FILE_WRITE_ATTRIBUTES | win32::FILE_READ_ATTRIBUTES | win32::DELETE | win32::SYNCHRONIZE);

    /// Setting a security descriptor, in addition to [`Access::WRITE`].
    pub fn to_set(which: Which) -> Self {
        const ACCESS_SYSTEM_SECURITY: u32 = 0x0100_0000;
        let (owner, audit) =
            (if which.owner { win32::WRITE_OWNER } else { 0 }, if which.audit { ACCESS_SYSTEM_SECURITY } else { 0 });
        Self(win32::WRITE_DAC | owner | audit)
    }
}

impl std::ops::BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The kind of object to open or create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// Nothing is created: the object of the name is opened, a link itself.
    Nothing,
    /// A new file; the name must not exist.
    File,
    /// A new folder; the name must not exist.
    Folder,
}

/// Opens or creates `name` in `folder`; a link there is opened itself. Names are compared without
/// regard to case.
///
/// # Errors
/// The name does not exist, or must not exist and does, or the system refuses.
pub fn open(folder: &File, name: &[u16], access: Access, make: Make) -> io::Result<File> {
    let (disposition, kind) = match make {
        Make::Nothing => (nt::FILE_OPEN, 0),
        Make::File => (nt::FILE_CREATE, nt::FILE_NON_DIRECTORY_FILE),
        Make::Folder => (nt::FILE_CREATE, nt::FILE_DIRECTORY_FILE),
    };
    let options = nt::FILE_OPEN_REPARSE_POINT | nt::FILE_OPEN_FOR_BACKUP_INTENT | nt::FILE_SYNCHRONOUS_IO_NONALERT;
    let share = win32::FILE_SHARE_READ | win32::FILE_SHARE_WRITE | win32::FILE_SHARE_DELETE;
    let name = name_of(name)?;
    let attributes = attributes_of(folder, &name);
    let (mut handle, mut status) = (null_mut(), outcome());
    // SAFETY: `attributes` and the name that it points to live until the call returns; it writes a
    // handle and its outcome.
    check(unsafe {
        nt::NtCreateFile(
            &raw mut handle,
            access.0,
            &raw const attributes,
            &raw mut status,
            null(),
            win32::FILE_ATTRIBUTE_NORMAL,
            share,
            disposition,
            options | kind,
            null(),
            0,
        )
    })?;
    // SAFETY: the call succeeded, so the handle is open, and this is its only owner.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) }.into())
}

fn attributes_of(folder: &File, name: &UNICODE_STRING) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: folder.as_raw_handle(),
        ObjectName: name,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: null(),
        SecurityQualityOfService: null(),
    }
}

/// Opens the folder at `path`; links on the way and at the end are followed.
///
/// # Errors
/// It cannot be opened, or is not a folder.
pub fn open_folder(path: &Path, access: Access) -> io::Result<File> {
    let folder = OpenOptions::new()
        .access_mode((Access::LOOK | access).0)
        .custom_flags(win32::FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(folder)
}

/// Creates a file, or a stream of a file or folder, at `path`.
///
/// # Errors
/// It exists, or cannot be created.
pub fn make_file_at(path: &Path, access: Access) -> io::Result<File> {
    OpenOptions::new().write(true).access_mode(access.0).create_new(true).open(path)
}
