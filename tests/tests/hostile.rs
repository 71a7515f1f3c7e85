//! Archives that attack, mounted in one store with a sound one: nothing hangs, leaks or lies, and
//! every neighbour stays readable.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use serde_json::Value;
use testkit::faults::{self, Fault, Tree};
use testkit::{Packing, Store, Wim, file, root};
use wimstore_tests::{Mount, say};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// A store of one group for each fault, named for it, and one with a sound archive.
fn store(folder: &Path) -> Store {
    let store = Store::new(folder);
    for fault in faults::all() {
        store.add(fault.name, "fault.wim", &(fault.build)());
    }
    store.add("sound", "sound.wim", &Wim::new(Packing::Lzx(32768), root([file("file", "sound")])).build());
    store
}

/// The directories of images, by group and number, as `info` tells them.
fn images(store: &Path) -> BTreeMap<(String, u64), String> {
    let said = say(&["info".as_ref(), "--json".as_ref(), store.as_os_str()]);
    assert_eq!(said.code, 1, "something is bad: {}", said.err);
    let objects = said.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let images = objects.filter(|object| object["type"] == "image");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    images
        .map(|image| ((text(&image["group"]), image["number"].as_u64().expect("a number")), text(&image["directory"])))
        .collect()
}

#[test]
fn a_mount_of_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let (source, log) = (folder.path().join("store"), folder.path().join("log"));
    let store = store(&source);
    let directories = images(store.path());
    let mount = Mount::new(store.path(), &["--log-file".as_ref(), log.as_os_str()]);
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), faults::all().count() + 1);
    let mut wrong = Vec::new();
    for fault in faults::all() {
        let group = mount.path().join(fault.name);
        let shown = fault.outcome.images().unwrap_or_default();
        let listed = fs::read_dir(&group).map_or(usize::MAX, Iterator::count);
        if listed != shown.len() {
            wrong.push(format!("{}: {listed} images", fault.name));
        }
        for (number, tree) in (1..).zip(shown) {
            let outcome = match directories.get(&(fault.name.to_owned(), number)) {
                Some(directory) => check_image(&group.join(directory), *tree),
                None => Err("has no directory".to_owned()),
            };
            wrong.extend(outcome.err().map(|what| format!("{}: image {number}: {what}", fault.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fs::read(mount.path().join("sound/testkit/file")).unwrap(), b"sound");
    drop(mount);
    let log = fs::read_to_string(log).unwrap();
    for Fault { name, .. } in faults::all().filter(|fault| fault.outcome.images().is_none()) {
        assert!(log.contains(&format!("Images/{name}/fault.wim")), "{name} was left out, and the log should say so");
    }
}

fn check_image(image: &Path, want: Tree) -> Result<(), String> {
    let listed = fs::read_dir(image).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let (intact, unreadable, absent) = match (listed, want) {
        (Err(error), Tree::Fails) if error.raw_os_error() == Some(EIO) => return Ok(()),
        (listed, Tree::Fails) => return Err(format!("{listed:?} instead of EIO")),
        (Err(error), Tree::Shows { .. }) => return Err(error.to_string()),
        (Ok(_), Tree::Shows { intact, unreadable, absent }) => (intact, unreadable, absent),
    };
    for path in intact {
        let data = fs::read(image.join(path)).map_err(|error| format!("{path}: {error}"))?;
        if data != faults::content(path) {
            return Err(format!("{path} has other bytes"));
        }
    }
    for path in unreadable {
        let metadata = fs::symlink_metadata(image.join(path)).map_err(|error| format!("{path}: {error}"))?;
        match fs::read(image.join(path)) {
            Err(error) if error.raw_os_error() == Some(EIO) && metadata.is_file() => {}
            other => return Err(format!("{path}: {other:?}")),
        }
    }
    for path in absent {
        not_there(image, path)?;
    }
    every_entry_answers(image)
}

fn not_there(image: &Path, path: &str) -> Result<(), String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let listed = fs::read_dir(image.join(directory)).into_iter().flatten().flatten();
    if listed.into_iter().any(|entry| entry.file_name() == *name) {
        return Err(format!("{path} is listed"));
    }
    if path.split('/').any(|name| name == "." || name == "..") {
        return Ok(()); // the kernel goes there by itself
    }
    match fs::symlink_metadata(image.join(path)) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(error) if error.raw_os_error() == Some(EIO) && image.join(directory).is_symlink() => Ok(()), // a bad link
        other => Err(format!("{path}: {other:?}")),
    }
}

/// Every name that is listed, at most 100 directories deep, can be asked about, and nothing but
/// files, folders and links is among them.
fn every_entry_answers(root: &Path) -> Result<(), String> {
    let mut waiting = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let entries = fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let kind = fs::symlink_metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.file_type();
            if kind.is_dir() && depth < 100 {
                waiting.push((path, depth + 1));
            } else if kind.is_symlink() {
                stays_inside(root, &path)?;
            } else if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket() {
                return Err(format!("{} is a {kind:?}", path.display()));
            }
        }
    }
    Ok(())
}

/// A link's target is relative and does not climb above the image. One that cannot be read is
/// `EIO`.
fn stays_inside(root: &Path, link: &Path) -> Result<(), String> {
    let target = match fs::read_link(link) {
        Ok(target) => target,
        Err(error) if error.raw_os_error() == Some(EIO) => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", link.display())),
    };
    let mut depth = link.strip_prefix(root).expect("found below it").components().count() as i64 - 1;
    for component in target.components() {
        depth += match component {
            std::path::Component::Normal(_) => 1,
            std::path::Component::ParentDir => -1,
            std::path::Component::CurDir => 0,
            _ => i64::MIN / 2,
        };
        if depth < 0 {
            return Err(format!("{} leads out, to {}", link.display(), target.display()));
        }
    }
    Ok(())
}
