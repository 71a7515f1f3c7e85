//! A store as a mount sees it: every question about every name.

use std::convert::Infallible;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use fs_core::check::{CheckOptions, Event};
use fs_core::wim::BlobHash;
use fs_core::{
    Attr, ContentOptions, Engine, EngineOptions, Filesystem, FolderSource, Ino, Kind, LinkTargets, Options, Release,
    StreamInterface,
};
use tempfile::{NamedTempFile, TempPath};

/// The most bytes of a file that are read, and of an archive's data that are checked.
const MAX_BYTES: u64 = 4 << 20;

/// Names that are asked about in one run: a small archive may have a hundred thousand streams.
const MAX_NAMES: usize = 2000;

/// A file with these bytes, which goes away with its path.
fn saved(bytes: &[u8]) -> TempPath {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    file.into_temp_path()
}

/// Opens an archive as a mount does, walks it, reads everything, and checks it. The first four
/// bytes are the length of the archive; another one, which supplies data, follows it.
pub(crate) fn store(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk() else { return };
    let (archive, reference) = rest.split_at(rest.len().min(u32::from_le_bytes(*length) as usize));
    let (archive, reference) = (saved(archive), saved(reference));
    let references = [reference.to_path_buf()];
    let options = |references: &[PathBuf]| Options {
        references: references.to_vec(),
        streams: StreamInterface::Windows,
        ignore_case: true,
        unix_data: true,
        efs_raw: true,
        ..Options::default()
    };
    let content =
        ContentOptions { cache_bytes: MAX_BYTES, max_chunk_bytes: MAX_BYTES, threads: 1, ..ContentOptions::default() };
    let engine = Arc::new(Engine::new(&EngineOptions { content, ..EngineOptions::default() }));
    let open = |references: &[PathBuf]| {
        let source = FolderSource::find(&archive, false)?;
        Filesystem::new(Box::new(source), Arc::clone(&engine), options(references))
    };
    // A reference that does not open is refused, as the user named it.
    if let Ok(fs) = open(&references).or_else(|_| open(&[])) {
        walk(&fs);
        check(&fs);
    }
}

/// An input of the target `store`.
pub fn store_input(archive: &[u8], reference: &[u8]) -> Vec<u8> {
    [&(archive.len() as u32).to_le_bytes(), archive, reference].concat()
}

fn walk(fs: &Filesystem) {
    let mut waiting = vec![fs.root()];
    let mut left = MAX_NAMES;
    while let Some(directory) = waiting.pop() {
        let mut names = Vec::new();
        let listed = fs.read_dir(directory, 2, &mut |entry| {
            names.push((entry.name.to_vec(), entry.ino, entry.kind));
            left = left.saturating_sub(1);
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(listed.is_ok() || names.is_empty(), "a directory is listed or it is not");
        for (name, ino, kind) in names {
            let Ok(attr) = fs.attr(ino) else { continue };
            assert_eq!((attr.ino, attr.kind), (ino, kind), "attributes are those of the listing");
            assert!(fs.lookup(directory, &name).is_ok_and(|found| found.kind == kind), "what is listed is found");
            match kind {
                Kind::Directory => waiting.push(ino),
                Kind::Symlink => link(fs, ino),
                _ => file(fs, &attr),
            }
            attributes(fs, ino);
            let streams = fs.streams(ino).unwrap_or_default();
            streams.iter().take(left).filter_map(|stream| fs.attr(stream.ino).ok()).for_each(|attr| file(fs, &attr));
        }
    }
}

/// All bytes of a file come as its hash says, and the same in pieces.
fn file(fs: &Filesystem, attr: &Attr) {
    if attr.size > MAX_BYTES {
        return;
    }
    let mut all = Vec::new();
    let streamed = fs.stream(attr.ino, Release::Verified, &mut |bytes| {
        all.extend_from_slice(bytes);
        Ok::<_, Infallible>(())
    });
    let mut buf = vec![0; all.len() / 3 + 1];
    let read = fs.read_at(attr.ino, all.len() as u64 / 2, &mut buf);
    if streamed.is_err() {
        return;
    }
    assert_eq!(all.len() as u64, attr.size, "a file that can be read is as long as it says");
    let read = read.expect("what can be read whole can be read in pieces");
    assert_eq!(buf[..read], all[all.len() / 2..][..read], "a piece is a window of the whole");
    if let Ok(hash) = fs.xattr(attr.ino, b"user.wim.sha1") {
        assert_eq!(BlobHash::of(&all).to_string().as_bytes(), hash, "bytes have the hash that they were shown for");
    }
}

/// A target climbs no higher than the link lies deep.
fn link(fs: &Filesystem, ino: Ino) {
    let Ok(target) = fs.read_link(ino) else { return };
    assert!(!target.starts_with(b"/"), "a target is relative");
    // Names above the link, without the directory of its image.
    let depth = fs.path(ino).iter().filter(|&&byte| byte == b'/').count() - 1;
    let ups = target.split(|&byte| byte == b'/').filter(|name| *name == b"..").count();
    assert!(ups <= depth, "a target stays in the image");
}

fn attributes(fs: &Filesystem, ino: Ino) {
    for name in fs.xattr_names(ino).unwrap_or_default() {
        drop(fs.xattr(ino, &name));
    }
    for name in ["acl", "attrib", "times", "crtime", "dos_name", "object_id", "ea", "reparse_data"] {
        drop(fs.xattr(ino, format!("system.ntfs_{name}").as_bytes()));
    }
    for targets in [LinkTargets::Inside, LinkTargets::AsStored] {
        drop(fs.reparse_point(ino, targets));
    }
    if let Ok(facts) = fs.stored_facts(ino) {
        let shown = [LinkTargets::Inside, LinkTargets::AsStored].map(|targets| facts.windows(targets));
        std::hint::black_box((shown, facts.times(), facts.sha1(), facts.security_descriptor(), facts.solid_place()));
    }
}

/// What `info` and `verify` ask.
fn check(fs: &Filesystem) {
    let options = CheckOptions { max_chunk_bytes: MAX_BYTES, ..CheckOptions::default() };
    for archive in fs.inventory().groups.iter().flat_map(|group| &group.archives) {
        let Ok(open) = archive.open() else { continue };
        archive.images().iter().for_each(|image| drop(image.survey(&open)));
        drop(fs.missing_parts(&open));
        let _ = archive.check(&open, &options, |event| match event {
            Event::Progress { of, .. } if of > MAX_BYTES => Err(()),
            _ => Ok(()),
        });
    }
}
