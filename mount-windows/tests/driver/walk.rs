//! Compares everything that a drive shows with the filesystem.

use std::ops::ControlFlow;

use fs_core::{Filesystem, Ino, Kind, LinkTargets, ReparsePoint, wim};
use mount_windows::{DriveOptions, Security, ntstatus};
use testkit::content::Random;

use crate::descriptor;
use crate::fsd::{self, Units, units};

/// The longest path that WinFsp's driver passes on, in UTF-16 units.
pub(crate) const MAX_PATH: usize = 1024;

/// Streams of a file that are opened one by one.
const STREAMS: usize = 100;

/// Buffers for listings: an entry or a few, a page, and as much as WinFsp asks for.
const BUFFERS: [u32; 3] = [600, 4096, 65536];

/// A buffer size for an entry of any name, in bytes.
const ANY_ENTRY: u32 = 616;

/// Number of random offsets at which contents are read, in addition to their ends.
const PLACES: usize = 3;

/// Walks all paths of the mounted drive from the root, and returns their number.
pub(crate) fn compare(fs: &Filesystem, options: DriveOptions) -> usize {
    let (mut count, mut todo) = (0, vec![(fs.root(), Units::new())]);
    while let Some((ino, path)) = todo.pop() {
        count += 1;
        let shown = if path.is_empty() { units(r"\") } else { path.clone() };
        let Some(open) = open(fs, ino, &shown) else { continue };
        let text = text(&shown);
        assert_eq!(open.name, shown, "{text}");
        attributes(fs, ino, &open.info, options, &text);
        attributes(fs, ino, &open.info(), options, &text);
        security(fs, ino, &open, options, &text);
        streams(fs, ino, &open, &shown);
        link(fs, ino, &open, options, &shown);
        if fs.attr(ino).unwrap().kind == Kind::Directory {
            todo.extend(children(fs, ino, &open, &path, options));
        } else {
            content(fs, ino, &open, &text);
        }
    }
    count
}

/// A path for messages.
pub(crate) fn text(path: &[u16]) -> String {
    String::from_utf16_lossy(path)
}

/// Opens a path, links themselves too; `None` where the filesystem cannot answer for it either.
fn open(fs: &Filesystem, ino: Ino, path: &Units) -> Option<fsd::Open> {
    let result = open_itself(path);
    let path = text(path);
    match (result, fs.attr(ino)) {
        (Ok(open), Ok(_)) => Some(open),
        (Err(reply), Err(error)) => {
            assert_eq!(reply.status(), ntstatus(&error).0, "{path}");
            None
        }
        (Ok(_), Err(error)) => panic!("{path}: opened, but {error}"),
        (Err(reply), Ok(_)) => panic!("{path}: {:#x}", reply.status()),
    }
}

/// Opens what is there, not what a link leads to, also where the image's own descriptors forbid
/// reading.
pub(crate) fn open_itself(path: &Units) -> Result<fsd::Open, fsd::Reply> {
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    const READ_ATTRIBUTES: u32 = 0x0012_0080;
    let result = fsd::create(path, 1, OPEN_REPARSE_POINT, fsd::READ);
    result.or_else(|_| fsd::create_as(path, 1, OPEN_REPARSE_POINT, READ_ATTRIBUTES, false))
}

fn attributes(fs: &Filesystem, ino: Ino, info: &winfsp_sys::FSP_FSCTL_FILE_INFO, options: DriveOptions, path: &str) {
    let facts = fs.facts(ino).unwrap();
    let attr = facts.attr;
    let windows = facts.windows(options.links);
    let want = if windows.attributes == 0 { 0x80 } else { windows.attributes };
    assert_eq!((info.FileAttributes, info.ReparseTag), (want, windows.reparse_tag), "{path}");
    let size = if windows.reparse_tag != 0 && attr.kind == Kind::Symlink { 0 } else { attr.size };
    assert_eq!((info.FileSize, info.AllocationSize), (size, size.next_multiple_of(4096)), "{path}");
    let times = [info.CreationTime, info.LastAccessTime, info.LastWriteTime, info.ChangeTime];
    assert_eq!(times, [attr.created.0, attr.accessed.0, attr.modified.0, attr.changed.0], "{path}");
    assert_eq!(info.IndexNumber, ino.0, "{path}");
}

/// The descriptor is the uniform one, or has owner, group and access list of the stored one.
fn security(fs: &Filesystem, ino: Ino, open: &fsd::Open, options: DriveOptions, path: &str) {
    let facts = fs.stored_facts(ino).unwrap();
    let stored = match options.security {
        Security::Uniform => None,
        Security::Image => facts.security_descriptor(),
    };
    let want = stored.and_then(descriptor::parts).filter(descriptor::Parts::fit);
    assert_eq!(descriptor::parts(&open.security()), Some(want.unwrap_or(descriptor::UNIFORM)), "{path}");
}

fn streams(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &Units) {
    let mut want: Vec<(Units, u64)> = Vec::new();
    if open.info.FileAttributes & 0x10 == 0 {
        want.push((Units::new(), open.info.FileSize));
    }
    let Ok(streams) = fs.streams(ino) else { return };
    want.extend(streams.iter().filter_map(|s| Some((shown(&s.name)?, s.size))));
    // WinFsp's limit.
    let got = open.streams();
    let told = text(path);
    assert!(want.starts_with(&got) && (got.len() == want.len() || got.len() > STREAMS), "{told}: {got:?}");
    for stream in streams.iter().take(STREAMS) {
        let Some(name) = shown(&stream.name) else { continue };
        let upper: Units = name.iter().map(|&unit| wim::upcase(unit)).collect();
        let named = [path, &units(":")[..], &upper].concat();
        let Ok(opened) = fsd::create_as(&named, 1, 0x0020_0000, fsd::READ, false) else { panic!("{}", text(&named)) };
        assert_eq!(opened.name, [path, &units(":")[..], &name].concat(), "{told}");
        assert_eq!((opened.info.IndexNumber, opened.info.FileSize), (ino.0, stream.size), "{told}");
        content(fs, stream.ino, &opened, &told);
    }
}

fn link(fs: &Filesystem, ino: Ino, open: &fsd::Open, options: DriveOptions, path: &Units) {
    let (got, path) = (open.reparse(path), text(path));
    match fs.reparse_point(ino, options.links) {
        Ok(None) => assert_eq!(got, Err(0xC000_0275), "{path}"),
        Ok(Some(ReparsePoint::Stored(want))) => assert_eq!(got, Ok(want), "{path}"),
        Ok(Some(ReparsePoint::Link(target))) => {
            assert_eq!(options.links, LinkTargets::Inside);
            let target = String::from_utf8(target).unwrap().replace('/', "\\");
            assert_eq!(fsd::symlink_target(&got.unwrap()), target, "{path}");
        }
        Err(error) => assert_eq!(got, Err(ntstatus(&error).0), "{path}"),
    }
}

/// Reads an object at its start, at and after its end, and at random offsets.
fn content(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &str) {
    let size = fs.attr(ino).map_or(0, |attr| attr.size);
    let mut random = Random::new(ino.0);
    let ends = [(0, 4096), (size.saturating_sub(5), 10), (size, 10), (size + 9, 10)];
    let mut place = || (random.below(size + 1), 1 + random.below(70_000) as u32);
    for (offset, len) in ends.into_iter().chain(std::iter::repeat_with(&mut place).take(PLACES)) {
        let mut buf = vec![0; len as usize];
        let want = match fs.read_at(ino, offset, &mut buf) {
            Ok(0) => Err(0xC000_0011),
            Ok(filled) => Ok(buf[..filled].to_vec()),
            Err(error) => Err(ntstatus(&error).0),
        };
        assert!(open.read(offset, len) == want, "{path}: {len} bytes at {offset}");
    }
}

/// The entries of a directory, which are the same at every size of buffer.
fn children(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &Units, options: DriveOptions) -> Vec<(Ino, Units)> {
    let told = text(path);
    let mut want: Vec<(Units, Ino)> = Vec::new();
    let listed = fs.read_dir(ino, if ino == fs.root() { 2 } else { 0 }, &mut |entry| {
        want.extend(shown(entry.name).map(|name| (name, entry.ino)));
        ControlFlow::Continue(())
    });
    if let Err(error) = listed {
        assert_eq!(open.list_status(), ntstatus(&error).0, "{told}");
        return Vec::new();
    }
    without_second_ones(fs, ino, &mut want);
    for buffer in BUFFERS {
        let names = listed_by(open, buffer, &want);
        assert!(names.iter().eq(want.iter().map(|(name, _)| name)), "{told} by {buffer}: {names:?}");
    }
    for (name, info) in open.list_with_info(65536) {
        let (_, child) = want.iter().find(|(wanted, _)| *wanted == name).unwrap();
        if fs.attr(*child).is_ok() && name != units("..") {
            attributes(fs, *child, &info, options, &format!("{told}\\{}", text(&name)));
        }
    }
    want.retain(|(name, _)| *name != units(".") && *name != units(".."));
    want.retain(|(name, _)| path.len() + name.len() < MAX_PATH);
    if let Some((name, _)) = want.last() {
        assert_eq!(open.find(name), std::slice::from_ref(name), "{told}");
    }
    assert!(open.find("there is no such name").is_empty());
    want.into_iter().map(|(name, child)| (child, [path, &units(r"\")[..], &name].concat())).collect()
}

/// Leaves out names of which there is another one that Windows is shown the same way, and finds by
/// it.
fn without_second_ones(fs: &Filesystem, directory: Ino, names: &mut Vec<(Units, Ino)>) {
    let found = |name: &Units| {
        let back = |&unit: &u16| {
            if (0xF001..0xF080).contains(&unit) && is_refused(unit - 0xF000) { unit - 0xF000 } else { unit }
        };
        let meant = wim::wtf8_from_utf16(name.iter().map(back));
        fs.place_behind(directory, &meant).is_ok().then(|| fs.lookup(directory, &meant).ok().map(|attr| attr.ino))
    };
    names.retain(|(name, ino)| found(name).is_none_or(|first| first.is_none_or(|first| first == *ino)));
}

/// The names in a directory by a buffer of this size, or by a larger one where a name does not fit:
/// then none is given.
fn listed_by(open: &fsd::Open, buffer: u32, want: &[(Units, Ino)]) -> Vec<Units> {
    let fits = |name: &Units| (104 + 2 * name.len()).next_multiple_of(8) <= buffer as usize;
    let names = |entries: fsd::Entries| entries.into_iter().map(|(name, _)| name).collect();
    let Some(too_long) = want.iter().position(|(name, _)| !fits(name)) else {
        return names(open.list_with_info(buffer));
    };
    let before = too_long.checked_sub(1).map(|at| &want[at].0);
    let (entries, is_all) = open.list_once(before, buffer);
    assert!(entries.is_empty() && !is_all, "an entry that does not fit");
    names(open.list_with_info(ANY_ENTRY))
}

fn is_refused(unit: u16) -> bool {
    (1..0x20).contains(&unit) || br#""*:<>?|\"#.iter().any(|&byte| unit == u16::from(byte))
}

/// A name as Windows shows it, by our rules; `None` for one that is too long.
pub(crate) fn shown(name: &[u8]) -> Option<Units> {
    let units = wim::utf16_from_wtf8(name).unwrap();
    let stand_in = |unit: u16| if is_refused(unit) { 0xF000 + unit } else { unit };
    (units.len() <= 255).then(|| units.into_iter().map(stand_in).collect())
}
