//! Archives with one fault each in a group with a sound one: what can be read is right, what cannot says why, and the
//! neighbours never notice.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::Instant;

use fs_core::check::{CheckOptions, Event, Finding};
use fs_core::{Chain, Error, Filesystem, ImageChoice, Ino, Kind, Options};
use testkit::content::Random;
use testkit::faults::{self, Fault, Outcome, Tree};
use testkit::{Image, PATIENCE, Packing, Wim, file, root};

#[test]
fn every_fault_has_its_outcome() {
    let mut wrong = Vec::new();
    for fault in faults::all() {
        let start = Instant::now();
        let outcome = catch_unwind(|| in_a_group(fault)).unwrap_or_else(|_| Err("panicked".to_owned()));
        if let Err(what) = outcome {
            wrong.push(format!("{}: {what} (must be: {})", fault.name, fault.must));
        }
        if start.elapsed() > PATIENCE {
            wrong.push(format!("{}: took {:?}", fault.name, start.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

/// Puts the archive into a group and holds against its outcome what the group, the archive and a check of it show.
fn in_a_group(fault: &Fault) -> Result<(), String> {
    let group = tempfile::tempdir().unwrap();
    let archive = group.path().join("fault.wim");
    (fault.build)().save(&archive);
    let sound = Image::new("sound", root([file("file", "of a sound archive")]));
    Wim::of(Packing::Xpress(32768), [sound]).build().save(&group.path().join("sound.wim"));

    let fs = Filesystem::open(group.path(), Options::default()).map_err(|error| said(&error))?;
    let shown = list(&fs, fs.root(), 3).map_err(|error| said(&error))?;
    let neighbour = read(&fs, "sound/file").map_err(|error| format!("the neighbour: {}", said(&error)))?;
    (neighbour == b"of a sound archive").then_some(()).ok_or("the neighbour has other bytes")?;
    let Some(images) = fault.outcome.images() else {
        return refused(&fs, &archive, &shown);
    };
    if shown.len() != images.len() + 1 {
        return Err(format!("the group shows {shown:?}"));
    }
    for (index, tree) in images.iter().enumerate() {
        image(&archive, index, *tree).map_err(|what| format!("image {}: {what}", index + 1))?;
    }
    checked(&fs, fault)
}

fn refused(fs: &Filesystem, archive: &Path, shown: &[String]) -> Result<(), String> {
    let error = Filesystem::open(archive, Options::default()).err().ok_or("opens")?;
    says(&error, "fault.wim")?;
    if shown != ["sound"] {
        return Err(format!("the group shows {shown:?}"));
    }
    let problems = fs.problems();
    let told = problems.iter().find(|problem| problem.path == archive).ok_or("is no problem of the group's")?;
    says(&told.error, "fault.wim")
}

/// The image alone, as the root.
fn image(archive: &Path, index: usize, want: Tree) -> Result<(), String> {
    let number = ImageChoice::Number(u32::try_from(index + 1).unwrap());
    let fs = Filesystem::open(archive, Options { image: Some(number), ..Options::default() });
    let fs = fs.map_err(|error| said(&error))?;
    let root = list(&fs, fs.root(), 1);
    let (intact, unreadable, absent) = match (root, want) {
        (Err(error), Tree::Fails) => return damage(&error, "fault.wim"),
        (Ok(names), Tree::Fails) => return Err(format!("shows {names:?}")),
        (Err(error), Tree::Shows { .. }) => return Err(said(&error)),
        (Ok(_), Tree::Shows { intact, unreadable, absent }) => (intact, unreadable, absent),
    };
    for path in intact {
        let data = read(&fs, path).map_err(|error| format!("{path}: {}", said(&error)))?;
        if data != faults::content(path) {
            return Err(format!("{path} has other bytes"));
        }
    }
    for path in unreadable {
        listed_but_unreadable(&fs, path).map_err(|what| format!("{path}: {what}"))?;
    }
    for path in absent {
        not_there(&fs, path)?;
    }
    every_directory_lists(&fs)
}

/// The file is there, with attributes; reading it says what is wrong, in which archive, and of which blob.
fn listed_but_unreadable(fs: &Filesystem, path: &str) -> Result<(), String> {
    let ino = fs.resolve(path.as_bytes()).map_err(|error| said(&error))?;
    let attr = fs.attr(ino).map_err(|error| said(&error))?;
    if attr.kind != Kind::File {
        return Err(format!("is a {:?}", attr.kind));
    }
    if attr.size == 0 || attr.size > 1 << 30 {
        return Err(format!("has {} bytes, for which readers make room", attr.size));
    }
    let (want, mut random) = (faults::content(path), Random::new(7));
    for _ in 0..20 {
        let (offset, mut buf) = (random.below(want.len() as u64), vec![0xAA; 5000]);
        match fs.read_at(ino, offset, &mut buf) {
            Ok(len) if buf[..len] != *testkit::naive_window(&want, offset, buf.len()) => {
                return Err(format!("wrong bytes at {offset}"));
            }
            Ok(_) | Err(_) => {}
        }
    }
    let mut all = vec![0; want.len() + 1];
    let error = fs.read_at(ino, 0, &mut all).err().ok_or("can be read")?;
    damage(&error, path)?;
    match error.root_cause() {
        Error::DataMissing { hash } => says(&error, &hash.to_string()),
        Error::DataElsewhere { keeper } => says(&error, keeper),
        Error::Blob { blob, at, .. } => {
            says(&error, &blob.to_string()).and(says(&error, &format!("{at:#x}"))).and(says(&error, "fault.wim"))
        }
        other => Err(format!("is told as {other:?}")),
    }
}

/// Neither is the name listed nor does it lead anywhere; `.` leads to the directory itself.
fn not_there(fs: &Filesystem, path: &str) -> Result<(), String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let listed = fs.resolve(directory.as_bytes()).and_then(|ino| list_pages(fs, ino, 1000));
    let own = usize::from(name == "." || name == ".."); // the directory's and its parent's, which every directory has
    let times = listed.iter().flatten().filter(|listed| *listed == name).count();
    if times > own || (name != "." && fs.resolve(path.as_bytes()).is_ok()) {
        Err(format!("{path} is there"))
    } else {
        Ok(())
    }
}

/// Every directory, found by listing, at most 1000 of them: each name can be looked up.
fn every_directory_lists(fs: &Filesystem) -> Result<(), String> {
    let mut waiting = vec![fs.root()];
    for _ in 0..1000 {
        let Some(directory) = waiting.pop() else { break };
        let names = list(fs, directory, 7).map_err(|error| said(&error))?;
        for name in names {
            let attr = fs.lookup(directory, name.as_bytes()).map_err(|error| format!("{name}: {}", said(&error)))?;
            let listed = fs.xattr_names(attr.ino).map_err(|error| format!("{name}: {}", said(&error)))?;
            if listed.iter().map(|name| name.len() + 1).sum::<usize>() > 64 << 10 {
                return Err(format!("{name} has more names of attributes than can be listed"));
            }
            if attr.kind == Kind::Directory {
                waiting.push(attr.ino);
            }
        }
    }
    Ok(())
}

/// `verify` finds what reading finds, and nothing where nothing is wrong.
fn checked(fs: &Filesystem, fault: &Fault) -> Result<(), String> {
    let options = CheckOptions { threads: 2, ..CheckOptions::default() };
    let mut found = Vec::new();
    for archive in fs.inventory().groups.iter().flat_map(|group| &group.archives) {
        let open = archive.open().map_err(|error| said(&error))?;
        let Ok(_) = archive.check::<Infallible>(&open, &options, |event| {
            if let Event::Found(finding) = event {
                found.push(finding);
            }
            Ok(())
        });
    }
    let images = fault.outcome.images().unwrap_or_default();
    let lost = images.iter().any(|tree| match tree {
        Tree::Fails => true,
        Tree::Shows { unreadable, .. } => !unreadable.is_empty(),
    });
    if lost && !found.iter().any(Finding::is_damage) {
        return Err(format!("verify finds {found:?}"));
    }
    match fault.outcome {
        Outcome::Warns(_) if found.is_empty() => Err("verify finds nothing".to_owned()),
        _ => Ok(()),
    }
}

#[test]
fn a_reference_supplies_what_cannot_lie_in_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, reference) = (folder.path().join("fault.wim"), folder.path().join("reference.wim"));
    Wim::new(Packing::Lzx(32768), root([file("victim", "victim")])).build().save(&reference);
    for build in [faults::blob_beyond_end, faults::blob_sizes_differ, faults::blob_missing] {
        build().save(&archive);
        let image = Some(ImageChoice::Number(1));
        let fs = Filesystem::open(&archive, Options { image: image.clone(), ..Options::default() }).unwrap();
        assert!(read(&fs, "victim").unwrap_err().is_damage());
        let references = vec![reference.clone()];
        let fs = Filesystem::open(&archive, Options { image, references, ..Options::default() }).unwrap();
        assert_eq!(read(&fs, "victim").unwrap(), b"victim");
    }
}

#[test]
fn links_that_cannot_be_read_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("fault.wim");
    for (fault, text) in [
        (faults::reparse_name_beyond as fn() -> testkit::Built, "fault.wim"),
        (faults::reparse_short, "fault.wim"),
        (faults::reparse_huge, "target of a link"),
        (faults::reparse_missing, "no archive supplies"),
    ] {
        fault().save(&archive);
        let options = Options { image: Some(ImageChoice::Number(1)), ..Options::default() };
        let fs = Filesystem::open(&archive, options).unwrap();
        let ino = fs.resolve(b"d/victim").unwrap();
        assert_eq!(fs.attr(ino).unwrap().kind, Kind::Symlink);
        let error = fs.read_link(ino).unwrap_err();
        damage(&error, text).and(says(&error, "d/victim")).unwrap();
    }
}

#[test]
fn an_image_that_cannot_be_read_tells_where_it_comes_from() {
    let group = tempfile::tempdir().unwrap();
    faults::flip_in_metadata().save(&group.path().join("fault.wim"));
    let fs = Filesystem::open(group.path(), Options::default()).unwrap();
    let image = fs.resolve(b"one").unwrap();
    assert_eq!(fs.xattr(image, b"user.wim.file").unwrap(), b"fault.wim");
    assert_eq!(fs.xattr(image, b"user.wim.index").unwrap(), b"1");
    let error = fs.xattr(image, b"system.ntfs_acl").unwrap_err();
    damage(&error, "one: ").and(says(&error, "fault.wim")).unwrap();
    let error = list(&fs, image, 10).unwrap_err();
    damage(&error, "one: ").unwrap();
    assert_eq!(fs.path(image), b"one");
}

fn said(error: &Error) -> String {
    Chain(error).to_string()
}

fn says(error: &Error, text: &str) -> Result<(), String> {
    if said(error).contains(text) { Ok(()) } else { Err(format!("does not say {text}: {}", said(error))) }
}

fn damage(error: &Error, text: &str) -> Result<(), String> {
    if error.is_damage() { says(error, text) } else { Err(format!("is not told as damage: {error:?}")) }
}

/// Names in a directory but `.` and `..`, as far as they are text, read in pages of `page` entries.
fn list(fs: &Filesystem, ino: Ino, page: usize) -> Result<Vec<String>, Error> {
    let mut names = list_pages(fs, ino, page)?;
    names.retain(|name| name != "." && name != "..");
    Ok(names)
}

fn list_pages(fs: &Filesystem, ino: Ino, page: usize) -> Result<Vec<String>, Error> {
    let (mut names, mut after) = (Vec::new(), 0);
    loop {
        let (mut left, before) = (page, after);
        fs.read_dir(ino, after, &mut |entry| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            (left, after) = (left - 1, entry.next);
            names.extend(std::str::from_utf8(entry.name).map(str::to_owned));
            ControlFlow::Continue(())
        })?;
        if after == before {
            return Ok(names);
        }
    }
}

fn read(fs: &Filesystem, path: &str) -> Result<Vec<u8>, Error> {
    let ino = fs.resolve(path.as_bytes())?;
    let mut buf = vec![0; usize::try_from(fs.attr(ino)?.size).unwrap() + 1];
    let len = fs.read_at(ino, 0, &mut buf)?;
    buf.truncate(len);
    Ok(buf)
}
