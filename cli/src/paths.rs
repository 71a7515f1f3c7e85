//! From a path that the user wrote to a place in the store.

use anyhow::anyhow;
use fs_core::{Attr, Chain, Error, Filesystem, Kind, Level};

use crate::outcome::Outcome;

/// How many links one path may lead over; the kernel's own limit.
const MAX_LINKS: u32 = 40;

/// A place in the store.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its attributes.
    pub(crate) attr: Attr,
    /// Its real path from the root without a leading `/`; empty for the root.
    pub(crate) path: Vec<u8>,
}

/// Finds what `path` names, from the root of SOURCE. Links on the way are followed, and with `follow` one at its end.
/// Where nothing is found, backslashes are taken for slashes.
///
/// # Errors
/// There is nothing of that name, or what leads there cannot be read.
pub(crate) fn find(fs: &Filesystem, path: &[u8], follow: bool) -> fs_core::Result<Place> {
    let found = walk(fs, path, follow).or_else(|error| {
        let slashed: Vec<u8> = path.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
        if path == slashed { Err(error) } else { walk(fs, &slashed, follow).map_err(|_| error) }
    });
    found.map_err(|error| error.with_path(path))
}

/// As [`find`]; `None`, and a line in the `outcome`, if something in the store is bad on the way.
///
/// # Errors
/// There is nothing of that name, in the words of [`explain`].
pub(crate) fn find_or_report(
    fs: &Filesystem,
    path: &[u8],
    follow: bool,
    outcome: &mut Outcome,
) -> anyhow::Result<Option<Place>> {
    match find(fs, path, follow) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.is_damage() => {
            outcome.report(&error);
            Ok(None)
        }
        Err(error) => Err(explain(fs, error)),
    }
}

/// The error of [`find`] with the next step, where there is one.
pub(crate) fn explain(fs: &Filesystem, error: Error) -> anyhow::Error {
    if !matches!(error.root_cause(), Error::NotFound) {
        return error.into();
    }
    let text = Chain(&error);
    if fs.level(fs.root()) == Level::Image {
        anyhow!("{text}; `wimstore ls` shows what is there")
    } else {
        anyhow!("{text}; `wimstore ls` shows what paths begin with, or choose an image with --image")
    }
}

fn walk(fs: &Filesystem, path: &[u8], follow: bool) -> fs_core::Result<Place> {
    let root = fs.attr(fs.root())?;
    // What was passed, from the root, with names; what is still to come, the next one last.
    let mut passed: Vec<(Vec<u8>, Attr)> = Vec::new();
    let mut to_come = components(path);
    let follow = follow || path.ends_with(b"/");
    let mut links = 0;
    while let Some(name) = to_come.pop() {
        if name == b".." {
            passed.pop();
            continue;
        }
        let here = passed.last().map_or(&root, |(_, attr)| attr);
        let attr = fs.lookup(here.ino, &name)?;
        if attr.kind == Kind::Symlink && (follow || !to_come.is_empty()) {
            links += 1;
            if links > MAX_LINKS {
                return Err(Error::NotFound);
            }
            to_come.extend(components(&fs.read_link(attr.ino)?));
        } else {
            passed.push((name, attr));
        }
    }
    let attr = passed.last().map_or(root, |(_, attr)| *attr);
    let names: Vec<Vec<u8>> = passed.into_iter().map(|(name, _)| name).collect();
    Ok(Place { attr, path: names.join(&b'/') })
}

/// The names of a path, last one first.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&b| b == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.rev().map(<[u8]>::to_vec).collect()
}

/// `folder/name`, or just `name` where the folder is the root.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
