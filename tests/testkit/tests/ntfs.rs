//! The NTFS fixture has what it says: wimlib sees it in the archive it captures.
#![cfg(unix)] // the programs asked are

use testkit::mounts::{is_mounted, wimlib_mount};
use testkit::ntfs::Volume;
use testkit::{content, hex, ntfs, sha1, wimlib};

#[test]
fn the_capture_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::fixture(folder.path());
    let archive = folder.path().join("volume.wim");
    volume.capture(&archive, &["VOLUME", "--compress=xpress", "--check"]);
    let archive = archive.to_str().unwrap();
    wimlib(["verify", archive]);
    let listing = wimlib(["dir", archive, "1", "--detailed"]);
    let wanted = [
        "LONGFI~1.TXT",
        "0xa000000c",
        "0xa0000003",
        "0x80007fff",
        &hex(&ntfs::DESCRIPTOR),
        "Ünïcode-文件",
        &hex(&sha1(&content::code(200_000))),
        &hex(&sha1(b"a stream of a folder")),
        "101112131415161718191a1b1c1d1e1f",
    ];
    for text in wanted {
        assert!(listing.to_lowercase().contains(&text.to_lowercase()), "{text}");
    }
}

#[test]
fn the_peer_mounts_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::fixture(folder.path());
    let archive = folder.path().join("volume.wim");
    volume.capture(&archive, &["VOLUME", "--compress=lzx"]);
    let mounted = wimlib_mount(&archive, 1, &folder.path().join("mount"), &[]);
    assert_eq!(std::fs::read(mounted.path().join("big.bin")).unwrap(), content::code(300_001));
    let path = mounted.path().to_owned();
    drop(mounted);
    assert!(!is_mounted(&path));
}

#[test]
fn a_panic_unmounts() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::new(&folder.path().join("v.ntfs"), 16 << 20);
    let at = folder.path().join("v");
    let result = std::panic::catch_unwind(|| {
        let mounted = volume.mount(&at);
        assert!(is_mounted(mounted.path()));
        panic!("as a test does that fails");
    });
    assert!(result.is_err());
    assert!(!is_mounted(&at.canonicalize().unwrap()));
}
