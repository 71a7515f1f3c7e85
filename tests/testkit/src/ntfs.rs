//! An NTFS volume with everything that an image can keep of one, captured by wimlib straight from
//! the volume.

use crate::bytes::{Bytes, TIME};
use crate::mounts::{Mounted, ntfs_3g, set_xattr};
use crate::run::{capture, need, run};
use crate::{content, flag, reparse};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Owner and group Administrators, and a DACL that lets everyone read: self-relative, 80 bytes.
pub const DESCRIPTOR: [u8; 80] = *b"\x01\0\x04\x80\x14\0\0\0\x24\0\0\0\0\0\0\0\x34\0\0\0\
    \x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0\
    \x02\0\x1C\0\x01\0\0\0\0\0\x14\0\xA9\0\x12\0\x01\x01\0\0\0\0\0\x01\0\0\0\0";

/// An NTFS volume in a file.
#[derive(Clone, Debug)]
pub struct Volume {
    /// The file.
    pub path: PathBuf,
}

impl Volume {
    /// Makes an empty volume in a new sparse file of so many bytes.
    pub fn new(path: &Path, size: u64) -> Self {
        let file = File::create(path).expect("a file for the volume");
        file.set_len(size).expect("a sparse file");
        run(Command::new(need("mkntfs", "ntfs-3g")).args(["-F", "-Q", "-q", "-L", "VOLUME"]).arg(path));
        Self { path: path.to_owned() }
    }

    /// Mounts it read-write with named streams as extended attributes (`user.NAME`).
    pub fn mount(&self, at: &Path) -> Mounted {
        ntfs_3g(&self.path, at, "streams_interface=xattr")
    }

    /// Mounts it read-only, so that looking at it changes no time, with named streams as extended
    /// attributes.
    pub fn mount_read_only(&self, at: &Path) -> Mounted {
        ntfs_3g(&self.path, at, "ro,streams_interface=xattr")
    }

    /// Mounts it read-write with named streams as `file:NAME`.
    pub fn mount_with_colons(&self, at: &Path) -> Mounted {
        ntfs_3g(&self.path, at, "streams_interface=windows")
    }

    /// Mounts it read-write so that files in folders with the attribute are compressed.
    pub fn mount_compressing(&self, at: &Path) -> Mounted {
        ntfs_3g(&self.path, at, "streams_interface=xattr,compression")
    }

    /// Captures it with wimlib; it must not be mounted.
    pub fn capture(&self, archive: &Path, options: &[&str]) {
        capture(&self.path, archive, options);
    }
}

/// A volume of 64 MiB in `folder`, unmounted, that holds:
///
/// | name | what is special |
/// |---|---|
/// | `plain.txt` | all four times end in digits below a microsecond: see [`TIMES`] |
/// | `empty` | no data, yet a named stream `only` |
/// | `streams.txt` | data, `small` and `größe` as named streams, and `large` of 200,000 bytes |
/// | `LongFileName.txt` | short name `LONGFI~1.TXT` |
/// | `hidden.sys` | read-only, hidden and system |
/// | `secured` | a folder with [`DESCRIPTOR`]; `secured/inside` and `secured/deep/file` have it too |
/// | `id.bin` | object id, 16 bytes from 0x10 up |
/// | `one`, `links/two`, `links/three` | hard links |
/// | `symlink` | symbolic link, relative, to `links\two` |
/// | `absolute` | symbolic link to `C:\secured` |
/// | `junction` | junction to `C:\links` |
/// | `unknown` | reparse point with a tag of nobody's, on a file without data |
/// | `dirstream` | a folder with a named stream `note` |
/// | `sparse.bin` | 1 MiB, its end alone written |
/// | `big.bin` | 300,001 bytes like code |
/// | `many` | 300 files: the index has several blocks |
/// | `Ünïcode-文件` | not ASCII |
pub fn fixture(folder: &Path) -> Volume {
    let volume = Volume::new(&folder.join("volume.ntfs"), 64 << 20);
    let at = folder.join("volume");
    let mounted = volume.mount_with_colons(&at);
    files(mounted.path());
    drop(mounted);
    let mounted = volume.mount(&at);
    attributes(mounted.path());
    reparse_points(mounted.path());
    times(mounted.path());
    drop(mounted);
    fs::remove_dir(at).expect("nothing is mounted there any more");
    volume
}

/// Creation, last write, last access and change of `plain.txt`, as FILETIME.
pub const TIMES: [u64; 4] = [TIME + 1, TIME + 10_000_002, TIME + 20_000_003, TIME + 30_000_004];

fn write(root: &Path, name: &str, data: impl AsRef<[u8]>) {
    fs::write(root.join(name), data).unwrap_or_else(|error| panic!("writing {name} to the volume: {error}"));
}

fn make_dir(root: &Path, name: &str) {
    fs::create_dir_all(root.join(name)).unwrap_or_else(|error| panic!("making {name} on the volume: {error}"));
}

/// Files made through the filesystem interface, with streams as `file:name`.
fn files(root: &Path) {
    for name in ["secured/deep", "links", "dirstream", "many", "junction"] {
        make_dir(root, name);
    }
    write(root, "plain.txt", "plain text\r\n");
    write(root, "empty", "");
    write(root, "empty:only", "the only stream");
    write(root, "streams.txt", content::text(5000));
    write(root, "streams.txt:small", "a small stream");
    write(root, "streams.txt:größe", content::text(9000));
    write(root, "streams.txt:large", content::code(200_000));
    for name in ["LongFileName.txt", "hidden.sys", "secured/inside", "secured/deep/file", "id.bin", "one"] {
        write(root, name, format!("this is {name}"));
    }
    for link in ["links/two", "links/three"] {
        fs::hard_link(root.join("one"), root.join(link)).expect("NTFS has hard links");
    }
    for name in ["symlink", "absolute", "unknown"] {
        write(root, name, "");
    }
    let mut sparse = File::create(root.join("sparse.bin")).expect("a new file");
    sparse.seek(SeekFrom::Start((1 << 20) - 3)).and_then(|_| sparse.write_all(b"end")).expect("a sparse file");
    write(root, "big.bin", content::code(300_001));
    for number in 0..300 {
        write(root, &format!("many/file-{number:03}.txt"), format!("file {number}"));
    }
    write(root, "Ünïcode-文件", "unicode");
}

/// Metadata set by ntfs-3g's extended attributes.
fn attributes(root: &Path) {
    set_xattr(&root.join("dirstream"), "user.note", b"a stream of a folder");
    set_xattr(&root.join("LongFileName.txt"), "system.ntfs_dos_name", b"LONGFI~1.TXT");
    let hidden = flag::READONLY | flag::HIDDEN | flag::SYSTEM;
    set_xattr(&root.join("hidden.sys"), "system.ntfs_attrib", &hidden.to_le_bytes());
    for name in ["secured", "secured/inside", "secured/deep", "secured/deep/file"] {
        set_xattr(&root.join(name), "system.ntfs_acl", &DESCRIPTOR);
    }
    let id: Vec<u8> = (0x10..0x20).collect();
    set_xattr(&root.join("id.bin"), "system.ntfs_object_id", &id);
}

fn reparse_points(root: &Path) {
    let points = [
        ("symlink", reparse::SYMLINK, reparse::symlink(r"links\two", r"links\two", true)),
        ("absolute", reparse::SYMLINK, reparse::symlink(r"\??\C:\secured", r"C:\secured", false)),
        ("junction", reparse::JUNCTION, reparse::junction(r"\??\C:\links", r"C:\links")),
        ("unknown", 0x8000_7FFF, b"nobody knows this tag".to_vec()),
    ];
    for (name, tag, data) in points {
        let mut buffer = Vec::new();
        buffer.u32(tag);
        buffer.u16(data.len() as u16);
        buffer.u16(0);
        buffer.extend(data);
        set_xattr(&root.join(name), "system.ntfs_reparse_data", &buffer);
    }
}

fn times(root: &Path) {
    let bytes: Vec<u8> = TIMES.iter().flat_map(|time| time.to_le_bytes()).collect();
    set_xattr(&root.join("plain.txt"), "system.ntfs_times", &bytes);
}
