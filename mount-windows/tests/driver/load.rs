//! WinFsp's DLL is found where its installer says that it is; without it the error names where to
//! get it.

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use mount_windows::DriveOptions;
use testkit::{file, root};

use crate::{fsd, open, save};

type Raw = *mut c_void;

const DLL: &str = "winfsp-x64.dll";

#[link(name = "advapi32", kind = "raw-dylib")]
unsafe extern "system" {
    fn RegSetKeyValueW(key: Raw, sub: *const u16, name: *const u16, ty: u32, data: *const c_void, n: u32) -> i32;
    fn RegDeleteKeyValueW(key: Raw, sub: *const u16, name: *const u16) -> i32;
}

/// The installer's entry in the registry of 32-bit programs; removed when dropped.
struct InstallDir;

impl InstallDir {
    const MACHINE: Raw = 0x8000_0002_usize as Raw;
    const KEY: &str = r"SOFTWARE\WOW6432Node\WinFsp";

    fn set(folder: &Path) -> Self {
        let [key, name, value] = [Self::KEY, "InstallDir", folder.to_str().unwrap()].map(zero_ended);
        let len = 2 * value.len() as u32;
        let done =
            unsafe { RegSetKeyValueW(Self::MACHINE, key.as_ptr(), name.as_ptr(), 1, value.as_ptr().cast(), len) };
        assert_eq!(done, 0);
        Self
    }
}

impl Drop for InstallDir {
    fn drop(&mut self) {
        let [key, name] = [Self::KEY, "InstallDir"].map(zero_ended);
        assert_eq!(unsafe { RegDeleteKeyValueW(Self::MACHINE, key.as_ptr(), name.as_ptr()) }, 0);
    }
}

fn zero_ended(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The folder of the DLL that these tests use.
fn dll() -> PathBuf {
    let places = env::var_os("PATH").unwrap();
    let found = env::split_paths(&places).map(|folder| folder.join(DLL)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{DLL} is not in {places:?}"))
}

/// Why a process that does not find the DLL in `PATH` cannot mount.
fn complaint() -> String {
    let test = "load::child_without_a_path_to_the_dll";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("PATH", r"C:\windows\system32");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.split_once("complaint: ")).unwrap_or_else(|| panic!("{said}")).1.to_owned()
}

#[test]
fn winfsp_is_found_where_its_installer_put_it() {
    let _driver = fsd::driver();
    let said = complaint();
    assert!(said.contains("WinFsp is not installed") && said.contains("https://winfsp.dev/rel/"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    fs::copy(dll(), folder.path().join("bin").join(DLL)).unwrap();
    let _install_dir = InstallDir::set(folder.path());
    // There is the DLL, and no driver.
    let said = complaint();
    assert!(said.contains("WinFsp makes no volume"), "{said}");
}

#[test]
#[ignore = "the test above runs it, in a process of its own"]
fn child_without_a_path_to_the_dll() {
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), root([file("f", "x")])), Some(1));
    let error = mount_windows::mount(fs, "R:".as_ref(), DriveOptions::default()).err().expect("there is no driver");
    println!("\ncomplaint: {error}");
}
