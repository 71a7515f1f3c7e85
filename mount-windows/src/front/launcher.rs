//! Registers the program with WinFsp's launcher, which starts programs for `net use` as the
//! registry describes them.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::ptr::{null, null_mut};

use super::load::{LOCAL_MACHINE, wide};

const SERVICES: &str = r"SOFTWARE\WinFsp\Services";
/// Everyone may start, stop and query it.
const SECURITY: &str = "D:P(A;;RPWPLC;;;WD)";

const SET_VALUES: u32 = 0x0002;
/// The registry key that WinFsp reads.
const IN_32_BIT_VIEW: u32 = 0x0200;
const TEXT: u32 = 1;
const NUMBER: u32 = 4;
const FILE_NOT_FOUND: i32 = 2;

#[link(name = "advapi32", kind = "raw-dylib")]
unsafe extern "system" {
    fn RegCreateKeyExW(
        key: usize,
        path: *const u16,
        reserved: u32,
        class: *const u16,
        options: u32,
        access: u32,
        security: *const u8,
        made: *mut usize,
        disposition: *mut u32,
    ) -> i32;
    fn RegSetValueExW(key: usize, name: *const u16, reserved: u32, kind: u32, data: *const u8, bytes: u32) -> i32;
    fn RegDeleteKeyExW(key: usize, path: *const u16, access: u32, reserved: u32) -> i32;
    fn RegCloseKey(key: usize) -> i32;
}

/// Lets the launcher start `executable` with `command_line` for `net use DRIVE \\name\share`; in it
/// `%1` stands for `\name\share` and `%2` for the drive. Replaces a registration of the same name.
///
/// # Errors
/// Writing to the registry requires an administrator.
pub fn register(name: &str, executable: &OsStr, command_line: &str) -> io::Result<()> {
    let key = Key::create(&format!(r"{SERVICES}\{name}"))?;
    key.set_text("Executable", &executable.encode_wide().chain([0]).collect::<Vec<_>>())?;
    key.set_text("CommandLine", &wide(command_line))?;
    key.set_text("Security", &wide(SECURITY))?;
    key.set("JobControl", NUMBER, &1_u32.to_le_bytes()) // it is ended by Ctrl-Break
}

/// Removes the registration of the name; false if there is none.
///
/// # Errors
/// As [`register`].
pub fn unregister(name: &str) -> io::Result<bool> {
    let path = wide(&format!(r"{SERVICES}\{name}"));
    // SAFETY: the path ends in a zero.
    let status = unsafe { RegDeleteKeyExW(LOCAL_MACHINE, path.as_ptr(), IN_32_BIT_VIEW, 0) };
    if status == FILE_NOT_FOUND { Ok(false) } else { done(status).map(|()| true) }
}

/// An open key of the registry.
struct Key(usize);

impl Key {
    fn create(path: &str) -> io::Result<Self> {
        let (path, access) = (wide(path), SET_VALUES | IN_32_BIT_VIEW);
        let mut key = 0;
        // SAFETY: the path ends in a zero; the call writes a key, which this function owns if it
        // succeeds.
        let status = unsafe {
            RegCreateKeyExW(LOCAL_MACHINE, path.as_ptr(), 0, null(), 0, access, null(), &raw mut key, null_mut())
        };
        done(status).map(|()| Self(key))
    }

    /// Sets a text, which ends in a zero.
    fn set_text(&self, name: &str, text: &[u16]) -> io::Result<()> {
        let bytes: Vec<u8> = text.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        self.set(name, TEXT, &bytes)
    }

    fn set(&self, name: &str, kind: u32, data: &[u8]) -> io::Result<()> {
        let bytes = u32::try_from(data.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the key is open, the name ends in a zero, and `data` has so many bytes.
        done(unsafe { RegSetValueExW(self.0, wide(name).as_ptr(), 0, kind, data.as_ptr(), bytes) })
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: this is the only owner of the key, and it is not used after this.
        unsafe { RegCloseKey(self.0) };
    }
}

fn done(status: i32) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
}
