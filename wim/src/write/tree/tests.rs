//! Trees written and read back, and what cannot be written.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{CaseSensitivity, ExtendedAttribute, Metadata, NodeId};

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn directory() -> File {
    File { attributes: Attributes::DIRECTORY, ..File::default() }
}

fn hash(number: u8) -> BlobHash {
    BlobHash([number; 20])
}

/// A file with everything that a plain file can have; `seed` chooses.
fn plain(seed: u64) -> File {
    let bit = |place: u32| seed >> place & 1 == 1;
    let streams = (0..seed >> 8 & 3).map(|number| (units(&format!("stream {number}")), hash(number as u8)));
    File {
        attributes: if bit(0) { Attributes::ARCHIVE } else { Attributes::NORMAL },
        security: bit(1).then(|| vec![(seed >> 12) as u8; 20 + (seed >> 12) as usize % 7]),
        created: FileTime(seed),
        accessed: FileTime(seed >> 1),
        written: FileTime(seed >> 2),
        data: if bit(2) { hash(200) } else { BlobHash::ZERO },
        streams: streams.collect(),
        object_id: bit(3).then(|| vec![seed as u8; 16 + 16 * (seed as usize >> 20 & 3)]),
        attributes_extended: (0..seed >> 10 & 3)
            .map(|number| OwnedAttribute {
                name: format!("user.{number}").into_bytes(),
                value: vec![number as u8; number as usize * 5],
                flags: 0x80 * u8::from(bit(4)),
            })
            .collect(),
        unix: bit(5).then_some(UnixData { uid: 1, gid: seed as u32, mode: 0o100_644, rdev: 0 }),
        ..File::default()
    }
}

fn link_file(seed: u64) -> File {
    let head = ReparseHead { tag: 0xA000_000C, reserved: 0, flags: (seed & 1) as u16 };
    let extra = if seed & 2 == 0 { Attributes(0) } else { Attributes::DIRECTORY };
    let attributes = Attributes(Attributes::REPARSE_POINT.0 | extra.0);
    let is_directory = attributes.contains(Attributes::DIRECTORY);
    let data = if seed & 4 == 0 || is_directory { BlobHash::ZERO } else { hash(7) };
    let streams = if seed & 8 == 0 { Vec::new() } else { vec![(units("s"), hash(9))] };
    File { attributes, reparse: Some((head, hash(6))), data, streams, ..File::default() }
}

/// One step in building a tree: a file of some kind with a name in one of the directories so far, and
/// perhaps a second name in another.
type Step = (u8, u64, usize, String, Option<(usize, String)>);

fn step() -> impl Strategy<Value = Step> {
    let name = "[a-zA-Zäß€😀 .~]{1,12}[a-z]";
    (0..4_u8, any::<u64>(), any::<usize>(), name, proptest::option::of((any::<usize>(), name)))
}

/// Builds a tree by steps whose names are free.
fn build(steps: &[Step]) -> Tree {
    let mut tree = Tree::new(directory());
    let mut directories = vec![Tree::ROOT];
    let mut taken = std::collections::HashSet::new();
    for (kind, seed, place, name, second) in steps {
        let parent = directories[place % directories.len()];
        if !taken.insert((parent, name.clone())) {
            continue;
        }
        let file = match kind {
            0 => directory(),
            1 => link_file(*seed),
            _ => plain(*seed),
        };
        let can_have_two = !file.attributes.contains(Attributes::DIRECTORY) && file.reparse.is_none();
        let is_directory = file.attributes.is_directory();
        let id = tree.add(file);
        tree.link(parent, &units(name), &[], id).unwrap();
        if is_directory {
            directories.push(id);
        }
        if let Some((place, name)) = second.as_ref().filter(|_| can_have_two) {
            let parent = directories[place % directories.len()];
            if taken.insert((parent, name.clone())) {
                tree.link(parent, &units(name), &units("SHORT~1"), id).unwrap();
            }
        }
    }
    tree
}

/// Compares a directory of the tree with what was read, and all below it.
fn compare(tree: &Tree, directory: FileId, metadata: &Metadata, node: NodeId) {
    let links = tree.children(directory).unwrap();
    let nodes: Vec<NodeId> = metadata.children(node).map(NodeId).collect();
    assert_eq!(nodes.len(), links.len());
    for link in links {
        let found = metadata.lookup(node, &link.name, CaseSensitivity::Sensitive).expect("the name");
        let (file, dentry) = (tree.file(link.file), metadata.dentry(found));
        assert_eq!(dentry.attributes(), file.attributes);
        assert_eq!(dentry.short_name().units().collect::<Vec<_>>(), link.short_name);
        let times = (dentry.created(), dentry.accessed(), dentry.written());
        assert_eq!(times, (file.created, file.accessed, file.written));
        let descriptor = dentry.security_id().map(|id| metadata.security_descriptor(id).unwrap().to_vec());
        assert_eq!(descriptor, file.security);
        assert_eq!(dentry.reparse(), file.reparse.map(|(head, _)| head));
        assert_eq!(dentry.object_id().map(<[u8]>::to_vec), file.object_id);
        assert_eq!(dentry.unix_data(), file.unix);
        let owned = |a: ExtendedAttribute<'_>| OwnedAttribute {
            name: a.name.to_vec(),
            value: a.value.to_vec(),
            flags: a.flags,
        };
        assert_eq!(dentry.extended_attributes().map(owned).collect::<Vec<_>>(), file.attributes_extended);
        let streams = dentry.streams();
        assert_eq!(streams.unnamed.unwrap_or_default(), file.data);
        assert_eq!(streams.reparse, file.reparse.map(|(_, hash)| hash));
        let named = streams.named().map(|stream| (stream.name.units().collect(), stream.hash.unwrap_or_default()));
        assert_eq!(named.collect::<Vec<(Vec<u16>, BlobHash)>>(), file.streams);
        if file.attributes.is_directory() {
            compare(tree, link.file, metadata, found);
        } else {
            assert_eq!(metadata.link_count(metadata.inode(found)), tree.name_count(link.file));
        }
    }
}

proptest! {
    #[test]
    fn trees_are_read_as_they_were_written(steps in vec(step(), 0..60)) {
        let tree = build(&steps);
        let bytes = tree.to_bytes().unwrap();
        prop_assert_eq!(bytes.len() % 8, 0);
        let metadata = Metadata::parse(bytes.clone()).unwrap();
        prop_assert!(metadata.warnings().is_empty(), "{:?}", metadata.warnings());
        compare(&tree, Tree::ROOT, &metadata, NodeId::ROOT);
        let descriptors: Vec<&[u8]> = metadata.security_descriptors().collect();
        let distinct: std::collections::HashSet<_> = descriptors.iter().collect();
        prop_assert_eq!(distinct.len(), descriptors.len());
        prop_assert_eq!(tree.to_bytes().unwrap(), bytes);
    }
}

#[test]
fn a_tree_without_files_is_a_root() {
    let bytes = Tree::new(directory()).to_bytes().unwrap();
    assert_eq!(bytes.len(), 8 + 104 + 8 + 8, "security data, root, and two ends of lists");
    let metadata = Metadata::parse(bytes).unwrap();
    assert_eq!((metadata.node_count(), metadata.warnings().len()), (1, 0));
}

#[test]
fn entries_are_in_the_order_of_ntfs() {
    let mut tree = Tree::new(directory());
    for name in ["b", "a", "_", "B", "Z", "ä"] {
        let file = tree.add(File::default());
        tree.link(Tree::ROOT, &units(name), &[], file).unwrap();
    }
    let names: Vec<String> = tree.children(Tree::ROOT).unwrap().iter().map(|link| text(&link.name)).collect();
    assert_eq!(names, ["a", "B", "b", "Z", "_", "ä"]);
}

#[test]
fn names_that_cannot_be_stored_are_refused() {
    let long = "x".repeat(256);
    let cases = [
        ("", "it is empty"),
        (".", "it means a directory"),
        ("..", "it means a directory"),
        ("a/b", "it has a NUL or a slash"),
        ("a\0b", "it has a NUL or a slash"),
        (&long[..], "it is longer than NTFS allows"),
    ];
    for (name, rule) in cases {
        let mut tree = Tree::new(directory());
        let file = tree.add(File::default());
        let error = tree.link(Tree::ROOT, &units(name), &[], file).unwrap_err();
        assert_eq!(error, TreeError::Name { name: name.into(), rule }, "{name}");
    }
}

#[test]
fn trees_that_cannot_be_stored_are_refused() {
    type Make = fn(&mut Tree) -> Result<(), TreeError>;
    let cases: &[(&str, Make)] = &[
        ("its directory has it twice", |tree| {
            for _ in 0..2 {
                let file = tree.add(File::default());
                tree.link(Tree::ROOT, &units("name"), &[], file)?;
            }
            Ok(())
        }),
        ("a directory has one name", |tree| {
            let file = tree.add(directory());
            tree.link(Tree::ROOT, &units("one"), &[], file)?;
            tree.link(Tree::ROOT, &units("two"), &[], file)
        }),
        ("what holds it is no directory", |tree| {
            let file = tree.add(File::default());
            tree.link(file, &units("name"), &[], file)
        }),
        ("a directory has no data", |tree| {
            let file = tree.add(File { data: hash(1), ..directory() });
            tree.link(Tree::ROOT, &units("name"), &[], file)
        }),
        ("a reparse point has a tag", |tree| {
            let file = tree.add(File { attributes: Attributes::REPARSE_POINT, ..File::default() });
            tree.link(Tree::ROOT, &units("name"), &[], file)
        }),
        ("a stream's name is empty", |tree| {
            let file = tree.add(File { streams: vec![(Vec::new(), hash(1))], ..File::default() });
            tree.link(Tree::ROOT, &units("name"), &[], file)
        }),
        ("an object id has 16 to 64 bytes", |tree| {
            let file = tree.add(File { object_id: Some(vec![0; 15]), ..File::default() });
            tree.link(Tree::ROOT, &units("name"), &[], file)
        }),
        ("at most 255 bytes of name", |tree| {
            let attribute = OwnedAttribute { name: vec![b'x'; 256], value: Vec::new(), flags: 0 };
            let file = tree.add(File { attributes_extended: vec![attribute], ..File::default() });
            tree.link(Tree::ROOT, &units("name"), &[], file)
        }),
    ];
    for (rule, make) in cases {
        let mut tree = Tree::new(directory());
        let error = make(&mut tree).and_then(|()| tree.to_bytes().map(drop)).expect_err(rule);
        assert!(error.to_string().contains(rule), "{rule}: {error}");
    }
}
