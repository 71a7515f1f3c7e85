//! Everything set on a file can be read back, as far as the file system keeps it: under Wine it
//! keeps no creation times, streams or reparse points, and of a security descriptor only what fits
//! into a mode.
#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::windows::fs::MetadataExt;
use std::path::Path;

use windows_files::{
    Access, Basic, Make, Privilege, Which, enable, link, make_sparse, open, open_folder, remove, rename,
    security_descriptor, set_basic, set_reparse_point, set_security_descriptor,
};

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn folder(path: &Path) -> File {
    open_folder(path, Access::LOOK).unwrap()
}

fn make(folder: &File, name: &str) -> io::Result<File> {
    open(folder, &units(name), Access::WRITE, Make::File)
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn names_are_components_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (here, long) = (folder(dir.path()), "n".repeat(255));
    for name in ["plain.txt", "CON", "nul.txt", "ends in. ", "a:b".replace(':', "\u{f03a}").as_str(), &long] {
        make(&here, name).unwrap_or_else(|error| panic!("{name}: {error}")).write_all(b"x").unwrap();
        assert_eq!(names(dir.path()), [name]);
        remove(&open(&here, &units(name), Access::CHANGE, Make::Nothing).unwrap(), true).unwrap();
        assert_eq!(names(dir.path()), [""; 0], "{name}");
    }
    for name in ["", "..", "a\\b", "\\", "a\0b", "..\\up"] {
        assert!(make(&here, name).is_err(), "{name:?}");
    }
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_name_is_free_or_taken() {
    let dir = tempfile::tempdir().unwrap();
    let here = folder(dir.path());
    drop(make(&here, "f").unwrap());
    let kind = |result: io::Result<File>| result.unwrap_err().kind();
    assert_eq!(kind(make(&here, "F")), io::ErrorKind::AlreadyExists, "in any case");
    assert_eq!(kind(open(&here, &units("f"), Access::LOOK, Make::Folder)), io::ErrorKind::AlreadyExists);
    assert_eq!(kind(open(&here, &units("g"), Access::LOOK, Make::Nothing)), io::ErrorKind::NotFound);
    assert_eq!(open_folder(&dir.path().join("f"), Access::LOOK).unwrap_err().kind(), io::ErrorKind::NotADirectory);
}

#[test]
fn folders_may_be_deeper_than_paths_may_be_long() {
    let dir = tempfile::tempdir().unwrap();
    let mut here = folder(dir.path());
    let name = "d".repeat(50);
    let mut path = dir.path().canonicalize().unwrap(); // one that may be long
    for _ in 0..10 {
        here = open(&here, &units(&name), Access::LOOK, Make::Folder).unwrap();
        path.push(&name);
    }
    make(&here, "deep").unwrap().write_all(b"down").unwrap();
    assert_eq!(fs::read(path.join("deep")).unwrap(), b"down");
}

#[test]
fn attributes_and_times_are_set() {
    let dir = tempfile::tempdir().unwrap();
    let file = make(&folder(dir.path()), "f").unwrap();
    let time = 132_500_000_000_000_001;
    let basic = Basic { created: time, accessed: time + 1, written: time + 2, changed: time + 3, attributes: 0x27 };
    set_basic(&file, basic).unwrap();
    let found = file.metadata().unwrap();
    assert_eq!(found.file_attributes(), 0x27);
    assert_eq!((found.last_access_time(), found.last_write_time()), (time + 1, time + 2));
    assert_eq!(remove(&file, true).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "it is read-only");
    set_basic(&file, Basic { attributes: 0x80, ..Basic::default() }).unwrap();
    assert_eq!(file.metadata().unwrap().last_write_time(), time + 2, "what is 0 stays");
    remove(&file, true).unwrap();
}

#[test]
fn names_are_given_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let here = folder(dir.path());
    let sub = open(&here, &units("sub"), Access::LOOK, Make::Folder).unwrap();
    let mut file = make(&here, "f").unwrap();
    file.write_all(b"new").unwrap();
    link(&file, &sub, &units("g")).unwrap();
    assert_eq!(fs::read(dir.path().join("sub/g")).unwrap(), b"new");
    assert_eq!(link(&file, &sub, &units("g")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);

    fs::write(dir.path().join("old"), b"old").unwrap();
    assert_eq!(rename(&file, &here, &units("old"), false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    rename(&file, &here, &units("old"), true).unwrap();
    assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"new");
    assert_eq!(names(dir.path()), ["old", "sub"]);
}

#[test]
fn a_security_descriptor_is_read_and_set() {
    let dir = tempfile::tempdir().unwrap();
    let which = Which { owner: enable(Privilege::Restore).unwrap(), audit: false };
    let file = open(&folder(dir.path()), &units("f"), Access::WRITE | Access::to_set(which), Make::File).unwrap();
    let path = dir.path().join("f");
    let before = security_descriptor(&path).unwrap();
    set_security_descriptor(&file, &before, which).unwrap();
    // Everyone may read, and no one write.
    let mut list = vec![2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0x89, 0, 0x12, 0];
    list.extend([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let head = [&[1, 0, 4, 0x90][..], &[0; 12], &20_u32.to_le_bytes()].concat();
    set_security_descriptor(&file, &[head, list].concat(), which).unwrap();
    let after = security_descriptor(&path).unwrap();
    let full_rights = |bytes: &[u8]| bytes.windows(4).filter(|mask| *mask == [0xff, 1, 0x1f, 0]).count();
    assert!(full_rights(&after) < full_rights(&before), "{before:?} {after:?}");

    let refused = set_security_descriptor(&file, &before[..before.len() - 1], which).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn what_the_file_system_cannot_do_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = make(&folder(dir.path()), "f").unwrap();
    make_sparse(&file).unwrap();
    assert!(set_reparse_point(&file, b"no buffer").is_err());
}
