//! `wimstore capture` of NTFS volumes that nothing has mounted: as wimlib captures them, from image files,
//! from partitions, and refused where an image would not be what the volume is.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use testkit::{content, flag, mounts, ntfs, tool, wimlib};
use wimstore_tests::{Look, Mount, answer, assert_same, say, walk};

const NTFS: Look<'_> = Look {
    accessed: true,
    owner: false,
    xattrs: true,
    asked: &[
        "system.ntfs_acl",
        "system.ntfs_attrib",
        "system.ntfs_times",
        "system.ntfs_reparse_data",
        "system.ntfs_dos_name",
        "system.ntfs_object_id",
    ],
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The volume of the other tests, and in addition files that NTFS compresses.
fn volume(folder: &Path) -> ntfs::Volume {
    let volume = ntfs::fixture(folder);
    let at = folder.join("volume");
    let mounted = volume.mount_compressing(&at);
    let compressed = mounted.path().join("compressed");
    fs::create_dir(&compressed).unwrap();
    mounts::set_xattr(&compressed, "system.ntfs_attrib", &(flag::DIRECTORY | 0x800).to_le_bytes());
    fs::write(compressed.join("text"), content::text(300_000)).unwrap();
    fs::write(compressed.join("random"), content::random(200_000)).unwrap();
    let mixed = [content::text(100_000), content::random(100_000), vec![0; 150_000], content::code(70_001)].concat();
    fs::write(compressed.join("mixed"), mixed).unwrap();
    fs::write(compressed.join("small"), "small").unwrap();
    drop(mounted);
    volume
}

/// wimlib's list of an image with everything that does not depend on the order of writing.
fn listed(archive: &Path) -> String {
    let all = wimlib(["dir", text(archive), "1", "--detailed"]);
    let other = ["Offset in WIM", "Compressed size", "Flags", "Link Group ID", "Security ID"];
    let is_kept = |line: &&str| !other.iter().any(|start| line.starts_with(start));
    all.lines().filter(is_kept).map(|line| format!("{line}\n")).collect()
}

/// A disk with a partition of its own for the volume, in an MBR.
fn disk(folder: &Path, volume: &ntfs::Volume) -> PathBuf {
    let path = folder.join("disk.img");
    let bytes = fs::read(&volume.path).unwrap();
    let start = 1 << 20;
    let mut table = [0; 512];
    let sectors = |bytes: usize| (bytes as u32 / 512).to_le_bytes();
    table[446 + 16 + 4] = 7;
    table[446 + 16 + 8..][..4].copy_from_slice(&sectors(start));
    table[446 + 16 + 12..][..4].copy_from_slice(&sectors(bytes.len()));
    table[510..].copy_from_slice(b"\x55\xAA");
    let file = File::create(&path).unwrap();
    file.write_all_at(&table, 0).unwrap();
    file.write_all_at(&bytes, start as u64).unwrap();
    path
}

#[test]
fn volumes_are_captured_as_by_wimlib() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(folder.path());
    let [ours, theirs] = ["ours.wim", "theirs.wim"].map(|name| folder.path().join(name));
    let before = fs::read(&volume.path).unwrap();
    volume.capture(&theirs, &[]);
    answer(&["capture", text(&volume.path), text(&ours), "volume", "--check"]);
    assert!(fs::read(&volume.path).unwrap() == before, "the volume is not written to");
    wimlib(["verify", text(&ours)]);
    tool("7zip", "7zz", ["t", text(&ours)]);
    assert!(answer(&["verify", text(&ours)]).contains(": nothing is bad, 0 warnings"));
    let (our_list, their_list) = (listed(&ours), listed(&theirs));
    let different = our_list.lines().zip(their_list.lines()).find(|(ours, theirs)| ours != theirs);
    assert_eq!(different, None);
    assert_eq!(our_list.lines().count(), their_list.lines().count());
    let [ours, theirs] = [&ours, &theirs].map(|archive| {
        let mount = Mount::new(archive, &["--image", "1"]);
        walk(mount.path(), &NTFS)
    });
    assert!(theirs.len() > 300, "the fixture has files");
    assert_same("as wimlib captures the volume", &ours, &theirs);
}

#[test]
fn partitions_of_disks_in_files_are_captured() {
    let folder = tempfile::tempdir().unwrap();
    let volume = volume(folder.path());
    let disk = disk(folder.path(), &volume);
    let whole = folder.path().join("whole.wim");
    answer(&["capture", text(&volume.path), text(&whole), "volume"]);
    let want = listed(&whole);
    let [fixed, dynamic] = ["fixed", "dynamic"].map(|kind| {
        let vhd = folder.path().join(kind);
        let options = format!("subformat={kind},force_size=on");
        tool("qemu-utils", "qemu-img", ["convert", "-f", "raw", "-O", "vpc", "-o", &options, text(&disk), text(&vhd)]);
        vhd
    });
    for source in [&disk, &fixed, &dynamic] {
        for partition in ["", "#2"] {
            let archive = folder.path().join("part.wim");
            let source = format!("{}{partition}", text(source));
            answer(&["capture", &source, text(&archive), "volume", "--overwrite"]);
            assert!(listed(&archive) == want, "{source}");
        }
    }
    let said = say(&["capture", &format!("{}#1", text(&disk)), text(&folder.path().join("no.wim")), "volume"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("no partition 1; it has: #2 NTFS, 64 MiB"), "{said:?}");
}

/// Sets the dirty flag of a volume of mkntfs, in `$MFT` and in its copy.
fn set_dirty(volume: &File) {
    let mut boot = [0; 512];
    volume.read_exact_at(&mut boot, 0).unwrap();
    let cluster = u64::from(boot[13]) * 512;
    for field in [0x30, 0x38] {
        let first = u64::from_le_bytes(boot[field..][..8].try_into().unwrap());
        let at = first * cluster + 3 * 1024;
        let mut record = [0; 1024];
        volume.read_exact_at(&mut record, at).unwrap();
        let word = |at: usize| u32::from_le_bytes(record[at..][..4].try_into().unwrap()) as usize;
        let mut attribute = usize::from(record[0x14]);
        while word(attribute) != 0x70 {
            attribute += word(attribute + 4);
        }
        let flags = attribute + usize::from(record[attribute + 0x14]) + 10;
        volume.write_all_at(&[record[flags] | 1], at + flags as u64).unwrap();
    }
}

#[test]
fn volumes_that_must_not_be_captured_are_refused() {
    type Damage = fn(&File);
    let cases: &[(Damage, &str)] = &[
        (set_dirty, "marked as dirty: start Windows and shut it down"),
        (|volume| volume.write_all_at(b"-FVE-FS-", 3).unwrap(), "encrypted by BitLocker"),
        (|volume| volume.write_all_at(b"ReFS\0\0\0\0", 3).unwrap(), "a ReFS volume"),
        (|volume| volume.write_all_at(&[0; 512], 0).unwrap(), "holds no NTFS volume"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    for (damage, why) in cases {
        let volume = ntfs::Volume::new(&folder.path().join("damaged"), 16 << 20);
        damage(&File::options().read(true).write(true).open(&volume.path).unwrap());
        let said = say(&["capture", text(&volume.path), text(&archive), "volume"]);
        assert_eq!(said.code, 2);
        assert!(said.err.contains(why), "{why}: {said:?}");
        assert!(!archive.exists(), "{why}");
    }
    let volume = ntfs::Volume::new(&folder.path().join("damaged"), 16 << 20);
    let mounted = volume.mount(&folder.path().join("volume"));
    fs::write(mounted.path().join("hiberfil.sys"), "HIBR and all memory").unwrap();
    drop(mounted);
    let said = say(&["capture", text(&volume.path), text(&archive), "volume"]);
    assert!(said.code == 2 && said.err.contains("Windows hibernates there"), "{said:?}");
    set_dirty(&File::options().read(true).write(true).open(&volume.path).unwrap());
    answer(&["capture", text(&volume.path), text(&archive), "volume", "--allow-unclean"]);
}

#[test]
fn what_cannot_be_captured_is_named_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let volume = ntfs::Volume::new(&folder.path().join("volume.ntfs"), 16 << 20);
    let mounted = volume.mount(&folder.path().join("volume"));
    let set_tag = |name: &str, tag: u32, data: &[u8]| {
        let buffer = [&tag.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), &[0, 0], data].concat();
        mounts::set_xattr(&mounted.path().join(name), "system.ntfs_reparse_data", &buffer);
    };
    fs::create_dir_all(mounted.path().join("OneDrive")).unwrap();
    fs::write(mounted.path().join("OneDrive/inside"), "kept").unwrap();
    fs::write(mounted.path().join("dedup"), "").unwrap();
    set_tag("OneDrive", 0x9000_701A, b"cloud");
    set_tag("dedup", 0x8000_0013, b"elsewhere");
    drop(mounted);
    let archive = folder.path().join("a.wim");
    let said = say(&["capture", text(&volume.path), text(&archive), "volume"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("/dedup: deduplicated: its data is elsewhere"), "{said:?}");
    assert!(!archive.exists());

    let list = folder.path().join("exclude.ini");
    fs::write(&list, "[ExclusionList]\n\\dedup\n").unwrap();
    answer(&["capture", text(&volume.path), text(&archive), "volume", "--config", text(&list)]);
    let mount = Mount::new(&archive, &["--image", "1"]);
    let inside = fs::read(mount.path().join("OneDrive/inside")).unwrap();
    assert_eq!(inside, b"kept", "children of a folder whose tag is not that of a link");
    let names: Vec<_> = fs::read_dir(mount.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [OsStr::new("OneDrive")]);
}
