//! Compares everything that a drive shows with what the filesystem says.

use std::ops::ControlFlow;

use fs_core::{Filesystem, Ino, Kind, LinkTargets, ReparsePoint, wim};
use mount_windows::{DriveOptions, ntstatus};

use crate::fsd;

/// The longest path that WinFsp's driver hands on, in UTF-16 units.
const MAX_PATH: usize = 1024;

/// Streams of a file that are opened one by one.
const STREAMS: usize = 100;

/// Buffers for listings: one entry or a few, a page, and as much as WinFsp asks for.
const BUFFERS: [u32; 3] = [650, 4096, 65536];

/// Walks all paths of the mounted drive from the root, and returns how many there are.
pub(crate) fn compare(fs: &Filesystem, options: DriveOptions) -> usize {
    let (mut count, mut todo) = (0, vec![(fs.root(), String::new())]);
    while let Some((ino, path)) = todo.pop() {
        count += 1;
        let shown = if path.is_empty() { r"\" } else { &path };
        let Some(open) = open(fs, ino, shown) else { continue };
        assert_eq!(open.name, shown);
        attributes(fs, ino, &open.info, options, shown);
        attributes(fs, ino, &open.info(), options, shown);
        streams(fs, ino, &open, shown);
        link(fs, ino, &open, options, shown);
        if fs.attr(ino).unwrap().kind == Kind::Directory {
            todo.extend(children(fs, ino, &open, &path, options));
        } else {
            content(fs, ino, &open, shown);
        }
    }
    count
}

/// Opens a path by its upper case, links themselves too; `None` where the filesystem cannot answer for it either.
fn open(fs: &Filesystem, ino: Ino, path: &str) -> Option<fsd::Open> {
    const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    const READ_ATTRIBUTES: u32 = 0x0012_0080;
    let result = fsd::create(path, 1, OPEN_REPARSE_POINT, fsd::READ);
    // The image's own descriptors may forbid reading.
    let result = result.or_else(|_| fsd::create_as(path, 1, OPEN_REPARSE_POINT, READ_ATTRIBUTES, false));
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

fn attributes(fs: &Filesystem, ino: Ino, info: &winfsp_sys::FSP_FSCTL_FILE_INFO, options: DriveOptions, path: &str) {
    let (attr, windows) = (fs.attr(ino).unwrap(), fs.windows_attr(ino, options.links).unwrap());
    let want = if windows.attributes == 0 { 0x80 } else { windows.attributes };
    assert_eq!((info.FileAttributes, info.ReparseTag), (want, windows.reparse_tag), "{path}");
    let size = if windows.reparse_tag != 0 && attr.kind == Kind::Symlink { 0 } else { attr.size };
    assert_eq!((info.FileSize, info.AllocationSize), (size, size.next_multiple_of(4096)), "{path}");
    let times = [info.CreationTime, info.LastAccessTime, info.LastWriteTime, info.ChangeTime];
    assert_eq!(times, [attr.created.0, attr.accessed.0, attr.modified.0, attr.changed.0], "{path}");
    assert_eq!(info.IndexNumber, ino.0, "{path}");
}

fn streams(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &str) {
    let mut want: Vec<(String, u64)> = Vec::new();
    if open.info.FileAttributes & 0x10 == 0 {
        want.push((String::new(), open.info.FileSize));
    }
    let Ok(streams) = fs.streams(ino) else { return };
    want.extend(streams.iter().filter_map(|s| Some((shown(&s.name)?, s.size))));
    // WinFsp has room for so many.
    let got = open.streams();
    assert!(want.starts_with(&got) && (got.len() == want.len() || got.len() > STREAMS), "{path}: {got:?}");
    for stream in streams.iter().take(STREAMS) {
        let Some(name) = shown(&stream.name) else { continue };
        let opened = fsd::create_as(&format!("{path}:{}", name.to_uppercase()), 1, 0x0020_0000, fsd::READ, false);
        let Ok(opened) = opened else { panic!("{path}:{name}") };
        content(fs, stream.ino, &opened, path);
    }
}

fn link(fs: &Filesystem, ino: Ino, open: &fsd::Open, options: DriveOptions, path: &str) {
    let got = open.reparse(path);
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

/// Reads an object at the start, the end, across them, and at some places between.
fn content(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &str) {
    let size = fs.attr(ino).map_or(0, |attr| attr.size);
    let middle = size / 2 + size % 7;
    for (offset, len) in [(0, 4096), (middle, 70_000), (size.saturating_sub(5), 10), (size, 10), (size + 9, 10)] {
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
fn children(fs: &Filesystem, ino: Ino, open: &fsd::Open, path: &str, options: DriveOptions) -> Vec<(Ino, String)> {
    let mut want: Vec<(String, Ino)> = Vec::new();
    let listed = fs.read_dir(ino, if ino == fs.root() { 2 } else { 0 }, &mut |entry| {
        want.extend(shown(entry.name).map(|name| (name, entry.ino)));
        ControlFlow::Continue(())
    });
    if let Err(error) = listed {
        assert_eq!(open.list_status(), ntstatus(&error).0, "{path}");
        return Vec::new();
    }
    for buffer in BUFFERS {
        let names = open.list(buffer);
        assert!(names.iter().eq(want.iter().map(|(name, _)| name)), "{path} by {buffer}: {names:?}");
    }
    for (name, info) in open.list_with_info(65536) {
        let (_, child) = want.iter().find(|(wanted, _)| *wanted == name).unwrap();
        if fs.attr(*child).is_ok() && name != ".." {
            attributes(fs, *child, &info, options, &format!("{path}\\{name}"));
        }
    }
    // By a name with a lone surrogate, which is no text, nothing is opened here.
    let is_openable = |name: &str| !name.contains('\u{fffd}') && path.len() + name.len() < MAX_PATH;
    want.retain(|(name, _)| name != "." && name != ".." && is_openable(name));
    if let Some((name, _)) = want.last() {
        assert_eq!(open.find(name), std::slice::from_ref(name), "{path}");
    }
    assert!(open.find("there is no such name").is_empty());
    want.into_iter().map(|(name, child)| (child, format!("{path}\\{name}"))).collect()
}

/// A name as Windows shows it, by our rules; `None` for one that is too long.
fn shown(name: &[u8]) -> Option<String> {
    let units = wim::utf16_from_wtf8(name).unwrap();
    let text = String::from_utf16_lossy(&units);
    let stand_in = |c: char| {
        if "\"*:<>?|\\".contains(c) || (1..0x20).contains(&(c as u32)) {
            char::from_u32(0xF000 + c as u32).unwrap()
        } else {
            c
        }
    };
    (units.len() <= 255).then(|| text.chars().map(stand_in).collect())
}
