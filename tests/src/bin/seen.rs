//! Makes archives in the folder given, by wimlib and by ourselves, mounts each, and writes down
//! what the mount shows, for tests on other platforms to compare: see `testkit::seen`.
#![expect(clippy::unwrap_used, reason = "part of a test")]

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::seen::{self, Seen};
use testkit::{Packing, Wim, hex, ntfs, sha1, trees};
use wimstore_tests::{Mount, Source, content, run};

/// Random trees, each packed another way.
const TREES: u64 = 8;

/// An error number of Linux.
const ENAMETOOLONG: i32 = 36;

/// Seconds from 1601 to 1970.
const TO_1970: i64 = 11_644_473_600;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    peers(&folder);
    ours(&folder);
    let archives: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // All files are there before anything is seen, since a mount shows when something last came
    // into the folder.
    archives.iter().for_each(|archive| seen::save(archive, &[]));
    for archive in archives {
        seen::save(&archive, &look(&archive));
    }
}

/// Real files as wimlib captures them, and an NTFS volume with all that NTFS has.
fn peers(folder: &Path) {
    let source = Source::new();
    let kinds: [(&str, &[&str]); 5] = [
        ("none.wim", &["--compress=none", "--check"]),
        ("xpress.wim", &["--compress=xpress"]),
        ("lzx.wim", &["--compress=lzx"]),
        ("pipable.wim", &["--compress=lzx", "--pipable"]),
        ("solid.esd", &["--solid"]),
    ];
    for (name, options) in kinds {
        testkit::capture(&source.root, &folder.join(name), &[&["NAME"], options].concat());
    }
    let work = tempfile::tempdir().unwrap();
    ntfs::fixture(work.path()).capture(&folder.join("ntfs.wim"), &["VOLUME"]);
}

/// Random trees; one that lacks some of its data; and several in one archive.
fn ours(folder: &Path) {
    let packings = [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(131_072)];
    let wim = |seed: u64| Wim::of(packings[seed as usize % packings.len()], [trees::random(seed)]);
    for seed in 0..TREES {
        wim(seed).build().save(&folder.join(format!("random-{seed}.wim")));
    }
    let mut damaged = wim(TREES);
    let image = damaged.images[0].clone();
    let hashes = image.dentries().into_iter().flat_map(|dentry| dentry.contents()).map(|data| data.hash());
    damaged.without = hashes.step_by(3).collect();
    damaged.build().save(&folder.join("damaged.wim"));
    let several = [0, 1].map(trees::random);
    Wim::of(Packing::Xpress(32768), several).build().save(&folder.join("several.wim"));
}

/// What a mount shows of an archive, or of its image if it has only one. Extended attributes end at
/// 64 KiB and 255 bytes of name, so streams are listed by the program and read as `file:stream`.
fn look(archive: &Path) -> Vec<Seen> {
    let image: &[&str] = if archive.ends_with("several.wim") { &[] } else { &["--image", "1"] };
    let mount = Mount::new(archive, &[image, &["-o", "streams_interface=windows"]].concat());
    let listed = streams_listed(archive, image);
    let (mut seen, mut to_come) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(path) = to_come.pop() {
        let here = mount.path().join(&path);
        let one = one(&here, &path);
        if one.kind == 'd' {
            let names = fs::read_dir(&here).unwrap().map(|entry| path.join(entry.unwrap().file_name()));
            to_come.extend(names);
        }
        for (name, size) in listed.get(&one.path).into_iter().flatten() {
            seen.push(stream(&here, name, *size, &one));
        }
        seen.push(one);
    }
    seen
}

/// The names and sizes of the named streams of each path that has some, as `ls` lists them.
fn streams_listed(archive: &Path, image: &[&str]) -> HashMap<Vec<u8>, Vec<(String, u64)>> {
    let mut arguments = [OsStr::new("ls"), OsStr::new("-R"), OsStr::new("--json"), archive.as_os_str()].to_vec();
    arguments.extend(image.iter().map(OsStr::new));
    let output = String::from_utf8(run(arguments).stdout).unwrap();
    let entries = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter_map(|entry| Some((path_of(&entry), streams_of(&entry)?))).collect()
}

/// The exact path of an entry that `ls --json` lists, without the leading slash.
fn path_of(entry: &Value) -> Vec<u8> {
    let path = match entry["path_hex"].as_str() {
        Some(digits) => seen::unhex(digits).unwrap(),
        None => entry["path"].as_str().unwrap().as_bytes().to_vec(),
    };
    path.strip_prefix(b"/").unwrap().to_vec()
}

fn streams_of(entry: &Value) -> Option<Vec<(String, u64)>> {
    let stream = |stream: &Value| (stream["name"].as_str().unwrap().to_owned(), stream["size"].as_u64().unwrap());
    Some(entry.get("streams")?.as_array().unwrap().iter().map(stream).collect())
}

fn one(here: &Path, path: &Path) -> Seen {
    let metadata = fs::symlink_metadata(here).unwrap();
    let (kind, content) = match metadata.file_type() {
        kind if kind.is_dir() => ('d', Vec::new()),
        kind if kind.is_symlink() => ('l', told(fs::read_link(here).map(|target| target.into_os_string().into_vec()))),
        _ => ('f', told(content(here).map(String::into_bytes))),
    };
    let path = path.as_os_str().as_bytes().to_vec();
    let windows = seen::WINDOWS.map(|name| xattr::get(here, name).transpose().map(told));
    Seen { path, kind, content, windows, ..seen_of(&metadata) }
}

/// A named stream. One that cannot be opened on Linux has no content: that of a link, of an image's
/// directory, of a name that has a colon, or of one that is too long together with the stream's.
fn stream(here: &Path, name: &str, size: u64, file: &Seen) -> Seen {
    let content = fs::read(OsStr::from_bytes(&[here.as_os_str().as_bytes(), b":", name.as_bytes()].concat()));
    let content = match content {
        Err(error) if error.raw_os_error() == Some(ENAMETOOLONG) => Vec::new(),
        Err(_) if file.path.contains(&b':') || file.kind == 'l' => Vec::new(),
        Err(_) if file.kind == 'd' && !file.path.contains(&b'/') => Vec::new(),
        content => told(content.map(|content| hex(&sha1(&content)).into_bytes())),
    };
    let path = [&file.path, &b":"[..], name.as_bytes()].concat();
    Seen { path, kind: 's', size, content, ..Seen::default() }
}

fn seen_of(metadata: &fs::Metadata) -> Seen {
    let written = (metadata.mtime() + TO_1970) * 10_000_000 + metadata.mtime_nsec() / 100;
    Seen { ino: metadata.ino(), size: metadata.size(), written: written.cast_unsigned(), ..Seen::default() }
}

/// A content, or why it cannot be had.
fn told(content: io::Result<Vec<u8>>) -> Vec<u8> {
    content.unwrap_or_else(|error| format!("error {}", error.raw_os_error().unwrap()).into_bytes())
}
