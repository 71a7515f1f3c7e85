use std::collections::BTreeMap;

use proptest::prelude::*;
use testkit::{Children, Dentry as Entry, Image, Stream, dir, file, flag, root};

use super::*;
use crate::{BlobHash, EntryProblem};

fn parse(image: &Image) -> Metadata {
    Metadata::parse(image.metadata().bytes).unwrap()
}

fn tree(entries: impl Into<Vec<Entry>>) -> Metadata {
    parse(&Image::new("test", root(entries)))
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// The node at a path of exact names.
fn at(tree: &Metadata, path: &str) -> NodeId {
    path.split('/').fold(NodeId::ROOT, |directory, name| {
        let node = tree.lookup(directory, &utf16(name), CaseSensitivity::Sensitive);
        node.unwrap_or_else(|| panic!("{name} of {path} is not there"))
    })
}

/// Every path in the order of nodes.
fn paths(tree: &Metadata) -> Vec<String> {
    (0..tree.node_count()).map(|node| String::from_utf8(tree.path(NodeId(node))).unwrap()).collect()
}

fn warnings(tree: &Metadata) -> Vec<String> {
    tree.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn children_are_consecutive_and_sorted() {
    let tree = tree([file("b", "1"), dir("A", [file("z", "2"), file("Y", "3")]), file("a", "4"), dir("c", [])]);
    assert_eq!(paths(&tree), ["", "A", "a", "b", "c", "A/Y", "A/z"]);
    assert_eq!((tree.children(NodeId::ROOT), tree.children(NodeId(1))), (1..5, 5..7));
    assert!(tree.children(NodeId(4)).is_empty() && tree.children(NodeId(2)).is_empty());
    assert_eq!((tree.parent(NodeId(6)), tree.parent(NodeId::ROOT)), (NodeId(1), NodeId::ROOT));
    assert_eq!(warnings(&tree), [""; 0]);
}

#[test]
fn the_smallest_image_has_a_root() {
    let tree = tree([]);
    assert_eq!((tree.node_count(), tree.inode_count(), tree.link_count(InodeId(0))), (1, 1, 2));
    assert!(tree.dentry(NodeId::ROOT).is_directory() && tree.dentry(NodeId::ROOT).name().is_empty());
}

#[test]
fn an_image_without_a_root_is_empty() {
    for bytes in [vec![0; 16], vec![0; 17], [[0; 8], [8, 0, 0, 0, 0, 0, 0, 0]].concat()] {
        let tree = Metadata::parse(bytes).unwrap();
        assert_eq!(tree.node_count(), 1);
        assert!(tree.dentry(NodeId::ROOT).is_directory());
        assert_eq!(tree.dentry(NodeId::ROOT).security_id(), None);
        assert_eq!(warnings(&tree), ["the image has no root directory at 0x8, and is shown empty"]);
    }
}

#[test]
fn lookup_finds_names() {
    let tree = tree(["ab", "AB", "a", "ä", "Ä", "b"].map(|name| file(name, name)));
    let find = |name: &str, case| {
        let node = tree.lookup(NodeId::ROOT, &utf16(name), case)?;
        Some(tree.dentry(node).name().to_string())
    };
    let cases: &[(&str, Option<&str>, Option<&str>)] = &[
        ("ab", Some("ab"), Some("ab")),
        ("AB", Some("AB"), Some("AB")),
        ("Ab", None, Some("AB")),
        ("A", None, Some("a")),
        ("ä", Some("ä"), Some("ä")),
        ("B", None, Some("b")),
        ("", None, None),
        ("abc", None, None),
        ("c", None, None),
    ];
    for (name, sensitive, insensitive) in cases {
        assert_eq!(find(name, CaseSensitivity::Sensitive).as_deref(), *sensitive, "{name}");
        assert_eq!(find(name, CaseSensitivity::Insensitive).as_deref(), *insensitive, "{name}");
    }
    assert_eq!(tree.lookup(at(&tree, "a"), &utf16("a"), CaseSensitivity::Insensitive), None, "in a file");
}

#[test]
fn names_are_looked_up_as_they_are_shown() {
    let stored = [0x61u16, 0x2F, 0, 0xD800];
    let name: Vec<u8> = stored.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let tree = tree([file("", "data").raw_name(&name)]);
    let shown = [0x61, 0xF02F, 0xF000, 0xD800];
    assert_eq!(tree.lookup(NodeId::ROOT, &shown, CaseSensitivity::Sensitive), Some(NodeId(1)));
    assert_eq!(tree.lookup(NodeId::ROOT, &stored, CaseSensitivity::Insensitive), None);
    assert_eq!(tree.path(NodeId(1)), b"a\xEF\x80\xAF\xEF\x80\x80\xED\xA0\x80");
    assert!(warnings(&tree)[0].ends_with("has `/` or NUL in its name, shown as U+F02F and U+F000"));
}

#[test]
fn names_that_cannot_be_shown_are_left_out() {
    let long = |units: usize| "\u{20AC}".repeat(units);
    let cases: &[(String, Option<&str>)] = &[
        (".".into(), Some("is left out: it is named `.` or `..`")),
        ("..".into(), Some("is left out: it is named `.` or `..`")),
        ("...".into(), None),
        (String::new(), Some("is left out: it has no name")),
        (long(341), None),
        (long(342), Some("is left out: its name has 342 units, more than 1024 bytes")),
        ("a".repeat(1024), None),
        ("a".repeat(1025), Some("is left out: its name has 1025 units, more than 1024 bytes")),
        ("same".into(), Some("is left out: an entry before it has the same name")),
    ];
    for (name, want) in cases {
        let tree = tree([file("same", "1"), file(name, "2"), file("zz", "3")]);
        assert_eq!(tree.node_count(), if want.is_some() { 3 } else { 4 }, "{name}");
        assert_eq!(tree.dentry(at(&tree, "same")).main_hash(), BlobHash::of(b"1"), "the first of two counts");
        at(&tree, "zz");
        let warnings = warnings(&tree);
        assert_eq!(warnings.len(), usize::from(want.is_some()), "{warnings:?}");
        assert!(want.is_none_or(|want| warnings[0].ends_with(want)), "{warnings:?}");
    }
}

#[test]
fn links_share_an_inode_if_their_data_agrees() {
    let tree = tree([
        file("a", "data").link(7),
        file("b", "other").link(7),
        dir("c", [file("d", "data").link(7), file("e", "other").link(7), file("f", "data").link(8)]),
        file("g", "data"),
        file("h", "data").link(7).attributes(flag::REPARSE_POINT),
        dir("i", []).link(7),
    ]);
    let names = |path: &str| {
        let inode = tree.inode(at(&tree, path));
        let names: Vec<_> = tree.nodes_of(inode).map(|node| String::from_utf8(tree.path(node)).unwrap()).collect();
        assert_eq!(tree.path(tree.first_node(inode)), names[0].as_bytes());
        assert!(tree.dentry(at(&tree, path)).is_directory() || tree.link_count(inode) == names.len() as u32);
        names.join(" ")
    };
    let cases =
        [("a", "a c/d"), ("c/d", "a c/d"), ("c/e", "b c/e"), ("c/f", "c/f"), ("g", "g"), ("h", "h"), ("i", "i")];
    for (path, want) in cases {
        assert_eq!(names(path), want);
    }
    assert_eq!(tree.inode_count(), tree.node_count() - 2);
    let inodes: Vec<u32> = (0..tree.node_count()).map(|node| tree.inode(NodeId(node)).0).collect();
    assert_eq!(inodes, [0, 1, 2, 3, 4, 5, 6, 1, 2, 7]);
}

#[test]
fn empty_files_can_be_links() {
    let tree = tree([file("a", "").link(7), file("b", "").link(7), file("c", "x").link(7)]);
    assert_eq!(tree.inode(at(&tree, "a")), tree.inode(at(&tree, "b")));
    assert_ne!(tree.inode(at(&tree, "a")), tree.inode(at(&tree, "c")));
}

#[test]
fn directories_count_the_directories_in_them() {
    let junction = dir("junction", []).reparse(0xA000_0003, "x");
    let tree = tree([dir("a", [dir("b", []), dir("c", []), file("d", "")]), junction]);
    let links = |path: &str| tree.link_count(tree.inode(at(&tree, path)));
    assert_eq!((tree.link_count(InodeId(0)), links("a"), links("a/b"), links("junction")), (3, 4, 2, 1));
}

#[test]
fn everything_in_an_entry_can_be_had() {
    let ids: Vec<u8> = (0..64).collect();
    let entry = file("name", "data")
        .short("NAME~1")
        .attributes(0x8000_0021)
        .security(1)
        .times(1, 2, 3)
        .unix(1000, 100, 0o100_644, 5)
        .object_id(&ids)
        .tagged(2, b"\x03\0\x06\0user.a\0xyz\x01\0\x02\0EA\0v")
        .tagged(0x337D_D874, b"\x06\0\0\0\x01\0\0\0user.bw\0")
        .tagged(99, b"?")
        .stream("one", "1")
        .stream("two", "");
    let image = Image::new("test", root([entry, file("next", "")])).descriptor(b"first").descriptor(b"second");
    let tree = parse(&image);
    assert_eq!(warnings(&tree), [""; 0]);
    let dentry = tree.dentry(at(&tree, "name"));
    assert_eq!((dentry.name().to_string().as_str(), dentry.short_name().to_string().as_str()), ("name", "NAME~1"));
    assert_eq!(dentry.attributes(), Attributes(0x8000_0021));
    assert_eq!(tree.security_descriptor(dentry.security_id().unwrap()), Some(&b"second"[..]));
    assert_eq!((dentry.created().0, dentry.accessed().0, dentry.written().0), (1, 2, 3));
    assert_eq!(dentry.unix_data(), Some(UnixData { uid: 1000, gid: 100, mode: 0o100_644, rdev: 5 }));
    assert_eq!(dentry.object_id(), Some(&ids[..]));
    assert_eq!(dentry.extended_attributes().map(|ea| ea.name).collect::<Vec<_>>(), [&b"user.a"[..], b"EA"]);
    let xattrs: Vec<_> = dentry.linux_xattrs().map(|xattr| (xattr.name, xattr.value)).collect();
    assert_eq!(xattrs, [(&b"user.b"[..], &b"w"[..]), (b"user.a", b"xyz")]);
    assert_eq!(dentry.tagged_items().map(|item| item.tag).collect::<Vec<_>>(), [0x337D_D873, 1, 2, 0x337D_D874, 99]);
    let streams = dentry.streams();
    assert_eq!(streams.unnamed, Some(BlobHash::of(b"data")));
    let named: Vec<_> = streams.named().map(|stream| (stream.index, stream.name.to_string(), stream.hash)).collect();
    assert_eq!(named, [(1, "one".into(), Some(BlobHash::of(b"1"))), (2, "two".into(), None)]);
    assert_eq!((dentry.hard_link_id(), dentry.reparse()), (None, None));
    at(&tree, "next");
}

#[test]
fn reparse_points_have_a_head_and_no_link_id() {
    let link = Entry { union: 0x0001_0002_A000_000C, ..file("link", "target").attributes(0x420) };
    let tree = tree([link]);
    let dentry = tree.dentry(NodeId(1));
    assert_eq!(dentry.reparse(), Some(ReparseHead { tag: 0xA000_000C, reserved: 2, flags: 1 }));
    assert_eq!(dentry.hard_link_id(), None);
    assert_eq!(dentry.streams().reparse, Some(BlobHash::of(b"target")));
}

#[test]
fn security_ids_without_a_descriptor_are_none() {
    let image = Image::new("test", root([file("a", "").security(2), file("b", "").security(1)]));
    let tree = parse(&image.descriptor(b"one").descriptor(b""));
    assert_eq!(tree.dentry(NodeId(1)).security_id(), None);
    assert_eq!(tree.security_descriptor(tree.dentry(NodeId(2)).security_id().unwrap()), None, "an empty slot");
    assert_eq!(tree.security_descriptors().collect::<Vec<_>>(), [&b"one"[..], b""]);
    assert!(warnings(&tree)[0].ends_with("has security id 2, which no descriptor has"));
    assert_eq!(warnings(&tree).len(), 1);
}

#[test]
fn warnings_name_the_directory() {
    let tree = tree([dir("d", [dir("e", [file(".", "")])])]);
    let [Warning::Entry { at: place, directory, problem: EntryProblem::NameDots }] = tree.warnings() else {
        panic!("{:?}", tree.warnings());
    };
    assert_eq!(tree.path(*directory), b"d/e");
    assert!(*place > 0);
}

#[test]
fn a_bad_name_costs_one_entry() {
    let image = Image::new("test", root([file("a", ""), file("bb", "").stream("s", "1"), file("c", "")]));
    type Fault = (fn(&testkit::Metadata) -> usize, u8);
    let faults: [Fault; 3] = [
        (|metadata| metadata.at("bb") + testkit::offset::DENTRY_NAME_LENGTH, 3),
        (|metadata| metadata.at("bb") + testkit::offset::DENTRY_SHORT_LENGTH, 200),
        (|metadata| metadata.streams_at("bb") + 40 + testkit::offset::STREAM_NAME_LENGTH, 1),
    ];
    for (place, value) in faults {
        let tree = parse(&image.clone().tamper(|metadata| {
            let at = place(metadata);
            metadata.bytes[at] = value;
        }));
        assert_eq!(paths(&tree), ["", "a", "c"], "{:?}", warnings(&tree));
        assert_eq!(warnings(&tree).len(), 1);
    }
}

/// Work must not grow faster than the bytes, whatever they are: each of these is quadratic when
/// done without thought.
#[test]
fn hostile_lists_take_linear_time() {
    // Many directories whose lists begin inside one entry with very many streams.
    let mut big = file("big", "");
    big.streams = vec![Stream::default(); 65535];
    let image =
        Image::new("test", root([big, dir("many", (0..30_000).map(|n| dir(&n.to_string(), [])).collect::<Vec<_>>())]));
    let image = image.tamper(|metadata| {
        let streams = metadata.streams_at("big") as u64;
        for place in metadata.dentries.clone().iter().filter(|place| place.name.parse::<u64>().is_ok()) {
            let list = streams + 40 * (place.at as u64 % 60_000);
            metadata.bytes[place.at + testkit::offset::DENTRY_SUBDIR..][..8].copy_from_slice(&list.to_le_bytes());
        }
    });
    let (tree, time) = testkit::processor_time(|| parse(&image));
    assert_eq!(tree.node_count(), 30_003);
    assert!(matches!(tree.warnings().last(), Some(Warning::More { .. })));
    assert!(time.as_secs() < 5, "took {time:?}");
}

#[test]
fn deep_trees_are_cut_with_a_warning() {
    let lists = (0..20_000).map(|next| vec![Entry { children: Children::Shared(next + 1), ..dir("d", []) }]);
    let lists = lists.chain([Vec::new()]).collect();
    let image = Image { lists, ..Image::new("test", Entry { children: Children::Shared(0), ..root([]) }) };
    let tree = parse(&image);
    assert_eq!(tree.node_count(), 16384 + 1);
    assert_eq!(tree.path(NodeId(16384)).len(), 16384 * 2 - 1);
    assert!(warnings(&tree)[0].ends_with("is nested too deep: its children are left out"));
}

#[test]
fn index_arrays_are_small() {
    let files: Vec<_> = (0..1000).map(|number| file(&format!("file {number}"), "")).collect();
    let image = Image::new("test", root(files));
    let mut bytes = image.metadata().bytes;
    bytes.shrink_to_fit();
    let len = bytes.capacity();
    let tree = Metadata::parse(bytes).unwrap();
    let beside = tree.memory_size() - len;
    assert!(beside <= 40 * 1001 + 100, "{beside} bytes beside {len}");
}

#[test]
fn more_than_a_gibibyte_is_refused() {
    let error = Metadata::parse(vec![0; (1 << 30) + 1]).unwrap_err();
    assert_eq!(error.to_string(), "metadata at 0x0 has 1073741825 bytes, more than the limit of 1073741824");
}

/// A tree as maps: a directory's entries, or a file's content.
#[derive(Debug, Clone, PartialEq)]
enum Model {
    File(String),
    Directory(BTreeMap<String, Self>),
}

fn model() -> impl Strategy<Value = Model> {
    let file = "[ab]{0,3}".prop_map(Model::File);
    file.prop_recursive(4, 60, 8, |inner| {
        prop::collection::btree_map("[aAbBé_]{1,3}", inner, 0..8).prop_map(Model::Directory)
    })
}

impl Model {
    fn entry(&self, name: &str) -> Entry {
        match self {
            Self::File(data) => file(name, data),
            Self::Directory(entries) => {
                dir(name, entries.iter().map(|(name, model)| model.entry(name)).collect::<Vec<_>>())
            }
        }
    }

    fn of(tree: &Metadata, node: NodeId) -> Self {
        let dentry = tree.dentry(node);
        if !dentry.is_directory() {
            // Contents are so short that a hash identifies them.
            let letters = ["", "a", "b"];
            let texts =
                letters.iter().flat_map(|x| letters.iter().flat_map(move |y| letters.map(|z| format!("{x}{y}{z}"))));
            let hash = dentry.streams().unnamed.unwrap_or(BlobHash::of(b""));
            return Self::File(texts.into_iter().find(|text| BlobHash::of(text.as_bytes()) == hash).unwrap());
        }
        let entry = |child| (tree.dentry(NodeId(child)).name().to_string(), Self::of(tree, NodeId(child)));
        Self::Directory(tree.children(node).map(entry).collect())
    }
}

proptest! {
    #[test]
    fn trees_come_back_as_they_were(entries in prop::collection::btree_map("[aAbBé_]{1,3}", model(), 0..8)) {
        let model = Model::Directory(entries);
        let tree = parse(&Image::new("test", model.entry("")));
        prop_assert_eq!(Model::of(&tree, NodeId::ROOT), model);
        for node in (1..tree.node_count()).map(NodeId) {
            let units: Vec<u16> = tree.dentry(node).name().shown_units().collect();
            prop_assert_eq!(tree.lookup(tree.parent(node), &units, CaseSensitivity::Sensitive), Some(node));
        }
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), total in 0..64u32) {
        let mut bytes = bytes;
        if bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&u64::from(total).to_le_bytes());
        }
        let _ = Metadata::parse(bytes);
    }
}
