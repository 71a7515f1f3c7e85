//! Compares what a drive shows with what the mount on Linux showed of the same archive: see
//! `testkit::seen`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use fs_core::{LinkTargets, wim};
use mount_windows::{DriveOptions, Security};
use testkit::seen::Seen;
use testkit::{hex, sha1};

use crate::descriptor;
use crate::fsd::{self, Open, Units, units};
use crate::walk::{MAX_PATH, open_itself, shown, text};

/// The attributes that a drive shows as stored.
const SHOWN: u32 = 0x0001 | 0x0002 | 0x0004 | 0x0020 | 0x0100 | 0x0200 | 0x0800 | 0x2000 | 0x4000;

/// Reparse tags of data storage.
const STORAGE: [u32; 2] = [0x8000_0013, 0x8000_0017];

const NOT_A_REPARSE_POINT: u32 = 0xC000_0275;

/// Compares everything recorded, and returns the number of paths that Windows can have.
pub(crate) fn compare(seen: &[Seen], options: DriveOptions) -> usize {
    let all: HashSet<&[u8]> = seen.iter().map(|one| &*one.path).collect();
    let mut streams: HashMap<&[u8], Vec<&Seen>> = HashMap::new();
    for stream in seen.iter().filter(|one| one.kind == 's') {
        let colon = stream.path.iter().rposition(|&byte| byte == b':').unwrap();
        streams.entry(&stream.path[..colon]).or_default().push(stream);
    }
    let mut count = 0;
    for one in seen.iter().filter(|one| one.kind != 's' && !is_second(one, &all)) {
        let Some(path) = path_of(&one.path).filter(|path| path.len() < MAX_PATH) else { continue };
        count += 1;
        let told = text(&path);
        let open = open_itself(&path).unwrap_or_else(|reply| panic!("{told}: {:#x}", reply.status()));
        facts(one, &open, &told);
        security(one, &open, options.security, &told);
        reparse(one, &open, &path, options.links);
        named_streams(streams.get(&*one.path).map_or(&[], Vec::as_slice), &open, &path);
        if one.kind == 'f' {
            content(&one.content, &open, &told);
        }
    }
    count
}

/// The archives of a folder with the records of them.
///
/// # Panics
/// There are none, or one has no record.
pub(crate) fn archives(folder: &Path) -> Vec<(std::path::PathBuf, Vec<Seen>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let archives = paths.filter(|path| path.extension().is_some_and(|extension| extension != "seen"));
    let mut archives: Vec<_> = archives.map(|path| (path.clone(), testkit::seen::load(&path))).collect();
    archives.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(archives.len() > 10 && archives.iter().all(|(_, seen)| seen.len() > 10), "{archives:?}");
    archives
}

/// The path by which Windows has it; `None` if a name is too long.
fn path_of(path: &[u8]) -> Option<Units> {
    let names: Option<Vec<Units>> = path.split(|&byte| byte == b'/').map(shown).collect();
    Some([units(r"\"), names?.join(&u16::from(b'\\'))].concat())
}

/// Whether Windows finds another name by this one: the one with the characters that this one has
/// stand-ins of.
fn is_second(one: &Seen, all: &HashSet<&[u8]>) -> bool {
    one.path.windows(3).any(|bytes| bytes == "\u{f03a}".as_bytes()) && {
        let text = String::from_utf8_lossy(&one.path).replace('\u{f03a}', ":");
        all.contains(text.as_bytes())
    }
}

fn facts(one: &Seen, open: &Open, path: &str) {
    let info = open.info;
    let kind = match info.FileAttributes {
        attributes if attributes & 0x400 != 0 && one.kind == 'l' => 'l',
        attributes if attributes & 0x10 != 0 => 'd',
        _ => 'f',
    };
    assert_eq!((kind, info.IndexNumber, info.LastWriteTime), (one.kind, one.ino, one.written), "{path}");
    if one.kind == 'f' {
        assert_eq!(info.FileSize, one.size, "{path}");
    }
    // The attributes of an image's directory come from the XML data, so that listing a group does
    // not read its images.
    let [Some(attributes), Some(times), ..] = &one.windows else { return };
    if times[8..16] == one.written.to_le_bytes() {
        let stored = u32::from_le_bytes(attributes[..].try_into().unwrap());
        assert_eq!(info.FileAttributes & SHOWN, stored & SHOWN, "{path}");
        let shown = [info.CreationTime, info.LastWriteTime, info.LastAccessTime, info.ChangeTime];
        assert_eq!(hex(&shown.map(u64::to_le_bytes).concat()), hex(times), "{path}");
    }
}

fn security(one: &Seen, open: &Open, security: Security, path: &str) {
    let stored = one.windows[2].as_deref().filter(|_| security == Security::Image);
    let want = stored.and_then(descriptor::parts).filter(descriptor::Parts::fit);
    assert_eq!(descriptor::parts(&open.security()), Some(want.unwrap_or(descriptor::UNIFORM)), "{path}");
}

fn reparse(one: &Seen, open: &Open, path: &Units, links: LinkTargets) {
    let (got, told) = (open.reparse(path), text(path));
    let stored =
        one.windows[3].as_ref().filter(|stored| !STORAGE.iter().any(|tag| stored.starts_with(&tag.to_le_bytes())));
    match stored {
        None => assert_eq!(got, Err(NOT_A_REPARSE_POINT), "{told}"),
        Some(error) if error.starts_with(b"error ") => assert_eq!(got, Err(status_of(error)), "{told}"),
        Some(_) if one.kind == 'l' && links == LinkTargets::Inside => link(one, got, path),
        Some(stored) => assert_eq!(got.as_ref(), Ok(stored), "{told}"),
    }
}

/// A link leads where it leads on Linux, or cannot be read there either.
fn link(one: &Seen, got: Result<Vec<u8>, u32>, path: &Units) {
    let told = text(path);
    if one.content.starts_with(b"error ") {
        return assert_eq!(got, Err(status_of(&one.content)), "{told}");
    }
    let target = fsd::symlink_target(&got.unwrap());
    let wanted = path_of(&one.content).unwrap().split_off(1);
    assert_eq!(from_root(path, &units(&target)), from_root(path, &wanted), "{told}: {target}");
}

/// Where a relative target leads, by its text: names from the root, in upper case.
fn from_root(link: &Units, target: &Units) -> Vec<Units> {
    let split = |path: &Units| path.split(|&unit| unit == u16::from(b'\\')).map(<[u16]>::to_vec).collect::<Vec<_>>();
    let mut names = split(link);
    names.pop();
    for name in split(target) {
        match &*String::from_utf16_lossy(&name) {
            ".." => drop(names.pop()),
            "" | "." => {}
            _ => names.push(name),
        }
    }
    let upper = |name: Units| name.into_iter().map(wim::upcase).collect::<Units>();
    names.into_iter().filter(|name| !name.is_empty()).map(upper).collect()
}

fn named_streams(streams: &[&Seen], open: &Open, path: &Units) {
    let told = text(path);
    let name = |stream: &Seen| shown(stream.path.rsplit(|&byte| byte == b':').next().unwrap()).unwrap();
    let mut wanted: Vec<Units> = streams.iter().map(|stream| name(stream)).collect();
    let listed = open.streams().into_iter().map(|(name, _)| name).filter(|name| !name.is_empty());
    let mut listed: Vec<Units> = listed.collect();
    wanted.sort();
    listed.sort();
    assert_eq!(listed, wanted, "{told}");
    for stream in streams.iter().filter(|stream| !stream.content.is_empty()) {
        let named = [path, &units(":")[..], &name(stream)].concat();
        let open = fsd::create_as(&named, 1, 0x0020_0000, fsd::READ, false).ok().unwrap();
        if !stream.content.starts_with(b"error ") {
            assert_eq!(open.info.FileSize, stream.size, "{}", text(&named));
        }
        content(&stream.content, &open, &text(&named));
    }
}

/// A whole content, or the status that reading it ends with.
fn content(wanted: &[u8], open: &Open, path: &str) {
    const AT_ONCE: u32 = 1 << 20;
    let mut bytes = Vec::new();
    let read = loop {
        match open.read(bytes.len() as u64, AT_ONCE) {
            Ok(more) => bytes.extend(more),
            Err(0xC000_0011) => break Ok(hex(&sha1(&bytes))), // the end
            Err(status) => break Err(status),
        }
    };
    let wanted = match wanted.starts_with(b"error ") {
        true => Err(status_of(wanted)),
        false => Ok(String::from_utf8(wanted.to_vec()).unwrap()),
    };
    assert_eq!(read, wanted, "{path}");
}

/// The status that corresponds to an error number of Linux.
fn status_of(error: &[u8]) -> u32 {
    match error {
        b"error 5" => 0xC000_003E,  // EIO: the data is wrong
        b"error 13" => 0xC000_0022, // EACCES: encrypted
        b"error 22" => 0xC000_003E, // EINVAL: a link that names no target
        other => panic!("no mount answers with {}", String::from_utf8_lossy(other)),
    }
}
