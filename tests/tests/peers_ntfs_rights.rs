//! A store on an NTFS volume: the descriptors that ntfs-3g shows decide who may see its archives,
//! also while it is mounted.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use testkit::mounts::set_xattr;
use testkit::ntfs::{DESCRIPTOR, Volume};
use testkit::{Image, Packing, Wim, file, root};
use wimstore_tests::{Mount, answer, eventually};

/// As [`DESCRIPTOR`], which lets everyone read, with this kind of entry and these rights.
fn descriptor(kind: u8, rights: u32) -> Vec<u8> {
    let mut descriptor = DESCRIPTOR.to_vec();
    descriptor[60] = kind;
    descriptor[64..68].copy_from_slice(&rights.to_le_bytes());
    descriptor
}

fn set(path: &Path, descriptor: &[u8]) {
    set_xattr(path, "system.ntfs_acl", descriptor);
}

#[test]
fn descriptors_of_the_volume_decide() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::new(&folder.path().join("volume.ntfs"), 16 << 20).mount(&folder.path().join("volume"));
    let group = volume.path().join("Images/Sales");
    fs::create_dir_all(&group).unwrap();
    set(&group, &DESCRIPTOR);
    let kinds = [("all", 0, 0x0012_00A9), ("denied", 1, 0x0012_00A9), ("write", 0, 0x0012_0116), ("later", 1, 1)];
    for (name, kind, rights) in kinds {
        let path = group.join(format!("{name}.wim"));
        Wim::of(Packing::Stored, [Image::new(name, root([file("x", name)]))]).build().save(&path);
        set(&path, &descriptor(kind, rights));
    }
    let store = volume.path().to_str().unwrap();
    let said = answer(&["access", store, "--json", "--sids", "S-1-5-21-1-2-3-1000,S-1-1-0"]);
    let found: Vec<_> = said
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            ["path", "access", "source", "sddl"].map(|field| record[field].as_str().unwrap().to_owned())
        })
        .collect();
    let want = [
        ["Sales", "listed", "ntfs", "O:BAG:BAD:(A;;0x1200a9;;;WD)"],
        ["Sales/all.wim", "readable", "ntfs", "O:BAG:BAD:(A;;0x1200a9;;;WD)"],
        ["Sales/denied.wim", "hidden", "ntfs", "O:BAG:BAD:(D;;0x1200a9;;;WD)"],
        ["Sales/later.wim", "hidden", "ntfs", "O:BAG:BAD:(D;;CC;;;WD)"],
        ["Sales/write.wim", "hidden", "ntfs", "O:BAG:BAD:(A;;FW;;;WD)"],
    ];
    assert_eq!(found, want.map(|row| row.map(String::from)));

    let users = folder.path().join("users.toml");
    fs::write(&users, "version = 1\ndomain = \"S-1-5-21-1-2-3\"\n[[user]]\nname = \"bob\"\nrid = 1002\n").unwrap();
    fs::set_permissions(&users, Permissions::from_mode(0o600)).unwrap();
    let options = ["--as".as_ref(), "bob".as_ref(), "--users".as_ref(), users.as_os_str()];
    let mount = Mount::new(volume.path(), &options as &[&OsStr]);
    let shown = |name: &str| mount.path().join("Sales").join(name).exists();
    assert!(shown("all") && !shown("denied") && !shown("write") && !shown("later"));
    set(&group.join("later.wim"), &DESCRIPTOR);
    assert!(eventually(|| shown("later")), "a right that was granted");
    set(&group.join("all.wim"), &descriptor(1, 1));
    assert!(eventually(|| !shown("all")), "a right that was withdrawn");
}
