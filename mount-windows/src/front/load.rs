//! Finds WinFsp's DLL where its installer has put it.

use std::ptr::null_mut;

use winfsp::FspInit;

use super::Error;

pub(super) const LOCAL_MACHINE: usize = 0x8000_0002;
const STRING: u32 = 0x2;
const IN_32_BIT_VIEW: u32 = 0x0002_0000;
/// Searches the DLL's own folder for the libraries that it needs.
const WITH_ITS_FOLDER: u32 = 0x8;

#[link(name = "advapi32", kind = "raw-dylib")]
unsafe extern "system" {
    fn RegGetValueW(
        key: usize,
        path: *const u16,
        name: *const u16,
        flags: u32,
        kind: *mut u32,
        data: *mut u16,
        bytes: *mut u32,
    ) -> i32;
}

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn LoadLibraryExW(path: *const u16, reserved: usize, flags: u32) -> usize;
}

/// Text for Windows' calls, terminated by a zero.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Loads WinFsp's DLL.
///
/// # Errors
/// [`Error::NoWinFsp`].
pub(super) fn load() -> Result<FspInit, Error> {
    if let Some(mut path) = install_folder() {
        path.extend(wide(r"\bin\winfsp-x64.dll"));
        // SAFETY: the path ends in a zero. WinFsp is responsible for its DLL's initialisation.
        unsafe { LoadLibraryExW(path.as_ptr(), 0, WITH_ITS_FOLDER) };
    }
    winfsp::winfsp_init().map_err(|_| Error::NoWinFsp)
}

/// The folder of WinFsp, as its installer wrote it to the registry.
fn install_folder() -> Option<Vec<u16>> {
    let mut folder = [0_u16; 512];
    let mut bytes = size_of_val(&folder) as u32;
    let (path, name) = (wide(r"SOFTWARE\WinFsp"), wide("InstallDir"));
    let (kind, flags) = (null_mut(), STRING | IN_32_BIT_VIEW);
    // SAFETY: the texts end in zeros; `folder` has `bytes` bytes, which the call respects.
    let status = unsafe {
        RegGetValueW(LOCAL_MACHINE, path.as_ptr(), name.as_ptr(), flags, kind, folder.as_mut_ptr(), &raw mut bytes)
    };
    let mut folder: Vec<u16> = folder.iter().copied().take_while(|&unit| unit != 0).collect();
    while folder.last() == Some(&u16::from(b'\\')) {
        folder.pop();
    }
    (status == 0 && !folder.is_empty()).then_some(folder)
}
