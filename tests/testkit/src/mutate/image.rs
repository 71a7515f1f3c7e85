//! Changes of an image as values, so that its metadata is laid out anew around them: names, kinds,
//! links, streams.

use super::specimen::Specimen;
use super::value::{one_in, pick};
use crate::bytes::{sha1, units, utf16};
use crate::content::{self, Random};
use crate::dentry::{Children, Data, Dentry, Stream};
use crate::image::Image;
use crate::{flag, offset, reparse};

/// Names that are no names, or not everywhere; as UTF-16 units.
const NAMES: [&str; 14] = [
    ".",
    "..",
    "",
    "a/b",
    "nul\0name",
    "a:b",
    r"back\slash",
    "...",
    "CON",
    "new\nline",
    "\u{f02f}",
    "DOCS",
    "docs",
    "é",
];

/// Stream names that could be taken for something else.
const STREAMS: [&str; 9] = ["wim.sha1", "wim.index", "Zone", "", "ZONE", "a/b", "a:b", "$DATA", "system.ntfs_acl"];

/// Changes an image of which the tree is known.
pub(super) fn change(draft: &mut Specimen, random: &mut Random) -> Option<String> {
    let number = random.below(draft.trees.len().max(1) as u64) as usize;
    let mut image = draft.trees.get(number)?.image.clone()?;
    let paths = paths(image.root.as_ref()?);
    let what = match random.below(8) {
        0 => change_lists(&mut image, &paths, random),
        1 => change_siblings(&mut image, &paths, random),
        _ => {
            let (one, other): (&Vec<usize>, &Vec<usize>) = (pick(random, &paths), pick(random, &paths));
            let other = dentry(&mut image, other).clone();
            change_dentry(dentry(&mut image, one), &other, random)
        }
    };
    for data in image.dentries().into_iter().flat_map(Dentry::contents) {
        let Data::Bytes(bytes) = data else { continue };
        let is_known = draft.rows.iter().any(|row| row[offset::BLOB_HASH..] == sha1(bytes));
        if !bytes.is_empty() && !is_known {
            draft.add_blob(bytes);
        }
    }
    draft.trees[number].put(image.metadata().bytes);
    draft.trees[number].image = Some(image);
    Some(format!("image {number}: {what}"))
}

/// Ways from the root to every dentry in lists of their own.
fn paths(root: &Dentry) -> Vec<Vec<usize>> {
    let mut paths = vec![Vec::new()];
    let mut to_come = vec![(root, Vec::new())];
    while let Some((dentry, path)) = to_come.pop() {
        let Children::List(children) = &dentry.children else { continue };
        for (index, child) in children.iter().enumerate() {
            let path = [&path[..], &[index]].concat();
            paths.push(path.clone());
            to_come.push((child, path));
        }
    }
    paths
}

/// The dentry at the end of a way, or the last one on it whose children are in a list of their own.
fn dentry<'a>(image: &'a mut Image, path: &[usize]) -> &'a mut Dentry {
    let mut here = image.root.as_mut().expect("images of specimens have roots");
    for &index in path {
        match &here.children {
            Children::List(children) if index < children.len() => {}
            _ => break,
        }
        let Children::List(children) = &mut here.children else { unreachable!("it was one just now") };
        here = &mut children[index];
    }
    here
}

/// Changes where children of directories are.
fn change_lists(image: &mut Image, paths: &[Vec<usize>], random: &mut Random) -> String {
    let [one, other] = [0; 2].map(|_: usize| pick(random, paths));
    match random.below(3) {
        0 => {
            let children = dentry(image, other).children.clone();
            dentry(image, one).children = children;
            format!("{one:?} has children as {other:?}")
        }
        1 => {
            if let Children::List(children) = dentry(image, one).children.clone() {
                image.lists.push(children);
                let shared = Children::Shared(image.lists.len() - 1);
                dentry(image, one).children = shared.clone();
                dentry(image, other).children = shared;
            }
            format!("{one:?} and {other:?} share their children")
        }
        _ => {
            let places: Vec<usize> = image.metadata().dentries.iter().map(|place| place.at).collect();
            let at = *pick(random, &places) as u64;
            dentry(image, one).children = Children::At(at);
            format!("children of {one:?} are at {at:#x}")
        }
    }
}

/// Adds or removes an entry of a directory.
fn change_siblings(image: &mut Image, paths: &[Vec<usize>], random: &mut Random) -> String {
    let path = pick(random, paths);
    let copy = dentry(image, path).clone();
    let parent = dentry(image, path.split_last().map_or(&[], |(_, parent)| parent));
    let Children::List(children) = &mut parent.children else { return "no siblings".to_owned() };
    let at = random.below(children.len() as u64 + 1) as usize;
    match random.below(3) {
        0 => {
            children.insert(at, copy);
            format!("{path:?} twice")
        }
        1 if !children.is_empty() => {
            children.remove(at.min(children.len() - 1));
            format!("an entry next to {path:?} removed")
        }
        _ => {
            children.insert(at, copy.raw_name(&utf16("one more")));
            format!("{path:?} once more under another name")
        }
    }
}

/// Changes one thing of a dentry, perhaps to what it is in another.
fn change_dentry(dentry: &mut Dentry, other: &Dentry, random: &mut Random) -> String {
    let name: Vec<u16> = dentry.name.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let name = String::from_utf16_lossy(&name);
    let what = match random.below(14) {
        0 | 1 => {
            dentry.name = change_name(other, random);
            "name"
        }
        2 => {
            dentry.data = other.data.clone();
            "content of another"
        }
        3 => {
            dentry.data = if one_in(random, 2) { Data::Empty } else { Data::Hash([random.below(256) as u8; 20]) };
            "content missing"
        }
        4 => {
            dentry.attributes ^= 1 << random.below(20);
            "attribute"
        }
        5 => {
            let links = [0, 1, 2, other.union, u64::MAX];
            dentry.union = *pick(random, &links);
            "link id"
        }
        6 => change_streams(dentry, other, random),
        7 => {
            *dentry = change_reparse(dentry.clone(), random);
            "reparse point"
        }
        8 => {
            *dentry = change_items(dentry.clone(), random);
            "tagged item"
        }
        9 => {
            dentry.short_name = if one_in(random, 2) { other.name.clone() } else { utf16("SHORT~1") };
            "short name"
        }
        10 => {
            dentry.security = *pick(random, &[0, 1, 2, u32::MAX, u32::MAX - 1]);
            "security id"
        }
        11 => {
            let times = [0, 1, other.written, u64::MAX, i64::MAX as u64, 116_444_736_000_000_000 - 1];
            let [created, accessed, written] = [0; 3].map(|_: u64| *pick(random, &times));
            *dentry = dentry.clone().times(created, accessed, written);
            "times"
        }
        12 => {
            dentry.stream_count = Some(*pick(random, &[0, 1, 2, 3, 100]));
            "stream count"
        }
        _ => {
            dentry.length = Some(dentry.true_length().wrapping_add_signed(*pick(random, &[-8, 8, 16, -1, 1, 1 << 40])));
            "length"
        }
    };
    format!("{what} of {name:?}")
}

fn change_name(other: &Dentry, random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => other.name.clone(),
        1 => units(&[0xD800 + random.below(2048) as u16, u16::from(b'x')]),
        2 => utf16(&pick(random, &["n", "é", "🦀"]).repeat(1 + random.below(600) as usize)),
        3 => [&other.name[..], &[0x41]].concat(), // half a unit
        _ => utf16(pick::<&str>(random, &NAMES)),
    }
}

fn change_streams(dentry: &mut Dentry, other: &Dentry, random: &mut Random) -> &'static str {
    match random.below(5) {
        0 => {
            dentry.streams.clone_from(&other.streams);
            "streams of another"
        }
        1 => {
            dentry.streams.push(Stream { name: Vec::new(), data: other.data.clone(), length: None });
            "unnamed stream"
        }
        2 if !dentry.streams.is_empty() => {
            dentry.streams[0].length = Some(*pick(random, &[0, 8, 37, 38, 40, 1 << 33]));
            "stream's length"
        }
        3 if !dentry.streams.is_empty() => {
            dentry.streams.extend(dentry.streams.last().cloned());
            "stream twice"
        }
        _ => {
            let name = *pick(random, &STREAMS);
            let stream = Stream { name: utf16(name), data: content::text(1 + name.len() * 37).into(), length: None };
            dentry.streams.push(stream);
            "one more stream"
        }
    }
}

fn change_reparse(dentry: Dentry, random: &mut Random) -> Dentry {
    const TARGETS: [&str; 8] =
        ["", "docs", r"..\..\..\..\etc", r"\??\C:\", r"\??\C:\docs\..\..\x", r"C:\docs", "a/b", r"docs\\text"];
    let target = *pick(random, &TARGETS);
    match random.below(6) {
        0 => dentry.reparse(reparse::JUNCTION, reparse::junction(target, target)),
        1 => {
            let mut data = reparse::symlink(target, "", true);
            let at = random.below(data.len() as u64) as usize;
            data[at] ^= 1 << random.below(8);
            dentry.reparse(reparse::SYMLINK, data)
        }
        2 => dentry.reparse(reparse::WOF, [1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        3 => dentry.reparse(0x8000_7FFF, "unknown"),
        4 => Dentry { attributes: dentry.attributes ^ flag::REPARSE_POINT, ..dentry },
        _ => dentry.reparse(reparse::SYMLINK, reparse::symlink(target, target, one_in(random, 2))),
    }
}

fn change_items(dentry: Dentry, random: &mut Random) -> Dentry {
    match random.below(4) {
        0 => dentry.object_id(&vec![1; random.below(40) as usize]),
        1 => dentry.unix(0, 0, *pick(random, &[0o020_666, 0o010_644, 0o060_600, 0o120_777, 0o104_755, 0o170_000]), 259),
        2 => dentry.tagged(*pick(random, &[1, 2, 3, 0x337D_D873, 0x337D_D874]), &vec![2; random.below(80) as usize]),
        _ => {
            let cut = random.below(dentry.tagged.len() as u64 + 1) as usize;
            Dentry { tagged: dentry.tagged[..cut].to_vec(), ..dentry }
        }
    }
}
