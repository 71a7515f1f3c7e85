//! Faults of dentries, lists, streams and links. What lies before the fault in its directory, and
//! all else, stays.

use super::Outcome::{Opens, Warns};
use super::metadata::beside_a_sound_one;
use super::{Fault, Tree, absent, between, content, good, row, shows, unreadable};
use crate::bytes::{Bytes, TIME};
use crate::dentry::{Children, Data, Dentry, Stream, dir, file};
use crate::image::{Image, Metadata};
use crate::wim::Built;
use crate::{flag, offset, reparse, root};

const TWO: Tree = shows(&["two"]);
const CUT: &[Tree] = &[absent(&["before", "behind", "d/before"], &["d/victim"]), TWO];
const NO_VICTIM: &[Tree] = &[absent(&["before", "behind", "d/before", "d/behind"], &["d/victim/x"]), TWO];
const ONE_VICTIM: &[Tree] = &[absent(&["before", "behind", "d/before", "d/behind"], &["d/victim/x/x"]), TWO];
const ALL_THERE: &[Tree] = &[shows(&["before", "behind", "d/before", "d/victim", "d/behind"]), TWO];
const VICTIM_LOST: &[Tree] = &[unreadable(&["before", "behind", "d/before", "d/behind"], &["d/victim"]), TWO];
const LIST_ENDS: &str = "the list ends before it; what came before stays";
const NO_CHILDREN: &str = "listed without children";

pub(super) const ROWS: &[Fault] = &[
    row("dentry_length_small", dentry_length_small, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("dentry_length_beyond", dentry_length_beyond, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("dentry_length_wraps", dentry_length_wraps, LIST_ENDS, Warns(CUT)).wimlib(0),
    row("dentry_name_beyond", dentry_name_beyond, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("dentry_name_odd", dentry_name_odd, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("list_without_end", list_without_end, "what was listed stays", Warns(CUT)).wimlib(21),
    row("streams_beyond", streams_beyond, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("stream_length_small", stream_length_small, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("stream_length_wraps", stream_length_wraps, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("stream_name_beyond", stream_name_beyond, LIST_ENDS, Warns(CUT)).wimlib(21),
    row("streams_65535", streams_65535, "readable in linear time", Opens(ALL_THERE)).wimlib(0),
    row("cyclic", cyclic, "listed once: its child has no children", Warns(ONE_VICTIM)).wimlib(21),
    row("cyclic_to_root", cyclic_to_root, NO_CHILDREN, Warns(NO_VICTIM)).wimlib(21),
    row("dag", dag, "linear time: each byte is a dentry once", Warns(&[shows(&["before", "behind"]), TWO])),
    row("lists_shared", lists_shared, "one of the two has the children", Warns(&[shows(&["before", "behind"]), TWO]))
        .wimlib(0),
    row("lists_overlap", lists_overlap, "each byte is a dentry once", Warns(&[shows(&["before", "behind"]), TWO]))
        .wimlib(0),
    row("deep", deep, "no stack runs over; what is too deep is left out", Warns(&[shows(&["before", "behind"]), TWO]))
        .wimlib(21),
    row("subdir_beyond", subdir_beyond, NO_CHILDREN, Warns(NO_VICTIM)).wimlib(21),
    row("subdir_wraps", subdir_wraps, NO_CHILDREN, Warns(NO_VICTIM)).wimlib(21),
    row("subdir_misaligned", subdir_misaligned, NO_CHILDREN, Warns(NO_VICTIM)).wimlib(55),
    row("subdir_in_security", subdir_in_security, NO_CHILDREN, Warns(NO_VICTIM)).wimlib(0),
    row("subdir_zero", subdir_zero, "an empty directory", Opens(NO_VICTIM)).wimlib(0),
    row("file_with_children", file_with_children, "a file; the children are ignored", Warns(ALL_THERE)).wimlib(0),
    row("links_differ", links_differ, "two files, not one", Opens(&[shows(&["before", "a", "b", "behind"]), TWO]))
        .wimlib(0),
    row("links_of_directories", links_of_directories, "two directories", Opens(&[shows(&["a/in-a", "b/in-b"]), TWO]))
        .wimlib(0),
    row("reparse_name_beyond", reparse_name_beyond, "a file; its raw data can be had", Opens(NO_VICTIM)).wimlib(0),
    row("reparse_short", reparse_short, "a file; its raw data can be had", Opens(NO_VICTIM)).wimlib(0),
    row("reparse_huge", reparse_huge, "a file; its data is no link's", Opens(NO_VICTIM)).wimlib(0),
    row("reparse_missing", reparse_missing, "listed; reading the link fails", Opens(NO_VICTIM)).wimlib(55),
    row("reparse_odd", reparse_odd, "listed; reading the link fails", Opens(NO_VICTIM)).wimlib(0),
    row("reparse_elsewhere", reparse_elsewhere, "listed; reading says where its data is", Opens(VICTIM_LOST)).wimlib(0),
    row("xattrs_100000", xattrs_100000, "listed in linear time, as many as fit", Opens(ALL_THERE)).wimlib(0),
    row("tagged_beyond", tagged_beyond, "the item is ignored", Opens(ALL_THERE)).wimlib(0),
    row("times_garbage", times_garbage, "clamped", Opens(ALL_THERE)).wimlib(0),
    row("data_of_nobody", data_of_nobody, "listed; reading says that its data is missing", Opens(VICTIM_LOST))
        .wimlib(55),
];

/// A directory `d` with this entry between two neighbours, itself between two; then a sound image.
fn image(victim: Dentry) -> Image {
    Image::new("one", between([dir("d", [good("before"), victim, good("behind")])]))
}

fn with(victim: Dentry) -> Built {
    beside_a_sound_one(image(victim))
}

fn tampered(victim: Dentry, change: impl FnOnce(&mut Metadata)) -> Built {
    beside_a_sound_one(image(victim).tamper(change))
}

fn victim_dir(children: Children) -> Dentry {
    Dentry { children, ..dir("victim", []) }
}

/// A dentry of 48 bytes.
pub fn dentry_length_small() -> Built {
    with(Dentry { length: Some(48), ..good("victim") })
}

/// A dentry that ends behind the resource.
pub fn dentry_length_beyond() -> Built {
    with(Dentry { length: Some(1 << 20), ..good("victim") })
}

/// A dentry of 2^64 − 1 bytes, which is 0 when rounded up.
pub fn dentry_length_wraps() -> Built {
    with(Dentry { length: Some(u64::MAX), ..good("victim") })
}

/// A name longer than its dentry.
pub fn dentry_name_beyond() -> Built {
    tampered(good("victim"), |metadata| {
        let at = metadata.at("d/victim") + offset::DENTRY_NAME_LENGTH;
        metadata.bytes.poke_u16(at, 1000);
    })
}

/// A name of 11 bytes.
pub fn dentry_name_odd() -> Built {
    tampered(good("victim"), |metadata| {
        let at = metadata.at("d/victim") + offset::DENTRY_NAME_LENGTH;
        metadata.bytes.poke_u16(at, 11);
    })
}

/// The resource ends where the victim starts: neither it nor an end mark is there.
pub fn list_without_end() -> Built {
    tampered(good("victim"), |metadata| {
        let at = metadata.at("d/victim");
        metadata.bytes.truncate(at);
    })
}

/// 1000 stream entries, of which none is there.
pub fn streams_beyond() -> Built {
    with(Dentry { stream_count: Some(1000), ..good("victim") })
}

fn with_stream(length: u64) -> Built {
    let stream = Stream { length: Some(length), data: content("victim").into(), ..Stream::default() };
    with(Dentry { data: Data::Empty, streams: vec![stream], ..good("victim") })
}

/// A stream entry of 16 bytes.
pub fn stream_length_small() -> Built {
    with_stream(16)
}

/// A stream entry of 2^64 − 1 bytes.
pub fn stream_length_wraps() -> Built {
    with_stream(u64::MAX)
}

/// A stream name longer than its entry.
pub fn stream_name_beyond() -> Built {
    tampered(good("victim").stream("s", "s"), |metadata| {
        let at = metadata.streams_at("d/victim") + offset::STREAM_NAME_LENGTH;
        metadata.bytes.poke_u16(at, 1000);
    })
}

/// As many streams as can be counted.
pub fn streams_65535() -> Built {
    let mut victim = good("victim");
    victim.streams = vec![Stream { data: std::mem::take(&mut victim.data), ..Stream::default() }];
    let named = |number: usize| Stream { name: crate::utf16(&format!("s{number}")), ..Stream::default() };
    victim.streams.extend((1..65535).map(named));
    with(victim)
}

/// A directory that is its own child.
pub fn cyclic() -> Built {
    let image = image(victim_dir(Children::Shared(0)));
    beside_a_sound_one(Image { lists: vec![vec![Dentry { children: Children::Shared(0), ..dir("x", []) }]], ..image })
}

/// A directory whose children are the root's.
pub fn cyclic_to_root() -> Built {
    tampered(dir("victim", []), |metadata| {
        let (root, victim) = (metadata.at(""), metadata.at("d/victim"));
        let list = metadata.bytes[root + offset::DENTRY_SUBDIR..][..8].to_vec();
        metadata.bytes.poke(victim + offset::DENTRY_SUBDIR, &list);
    })
}

/// 60 lists of two directories, both of which have the next list for children: 2^60 paths in 15 KB.
pub fn dag() -> Built {
    let lists = (1..=60).map(|next| {
        let children = if next < 60 { Children::Shared(next) } else { Children::None };
        ["a", "b"].map(|name| Dentry { children: children.clone(), ..dir(name, []) }).to_vec()
    });
    let image = Image::new("one", between([victim_dir(Children::Shared(0))]));
    beside_a_sound_one(Image { lists: lists.collect(), ..image })
}

/// Two directories with the same list.
pub fn lists_shared() -> Built {
    let directories = ["a", "b"].map(|name| Dentry { children: Children::Shared(0), ..dir(name, []) });
    let image = Image::new("one", between(directories));
    beside_a_sound_one(Image { lists: vec![vec![good("shared")]], ..image })
}

/// A directory whose list starts at the second entry of another's.
pub fn lists_overlap() -> Built {
    let first = dir("a", [good("one"), good("two")]);
    let image = Image::new("one", between([first, dir("b", [])]));
    beside_a_sound_one(image.tamper(|metadata| {
        let (second, b) = (metadata.at("a/two") as u64, metadata.at("b"));
        metadata.bytes.poke_u64(b + offset::DENTRY_SUBDIR, second);
    }))
}

/// 100,000 directories, each in the one before.
pub fn deep() -> Built {
    let level = |next: usize| {
        let children = if next < 100_000 { Children::Shared(next) } else { Children::List(Vec::new()) };
        vec![Dentry { children, ..dir("d", []) }]
    };
    let image = Image::new("one", between([victim_dir(Children::Shared(0))]));
    beside_a_sound_one(Image { lists: (1..=100_000).map(level).collect(), ..image })
}

/// A list behind the end of the resource.
pub fn subdir_beyond() -> Built {
    with(victim_dir(Children::At(1 << 40)))
}

/// A list at 2^64 − 8.
pub fn subdir_wraps() -> Built {
    with(victim_dir(Children::At(u64::MAX - 7)))
}

/// A list at an offset that is no multiple of 8, where a dentry could be read.
pub fn subdir_misaligned() -> Built {
    let mut list = vec![0; 4];
    list.extend(good("x").bytes());
    list.extend([0; 8]);
    tampered(victim_dir(Children::None), |metadata| {
        let at = metadata.bytes.len() as u64 + 4;
        let victim = metadata.at("d/victim");
        metadata.bytes.poke_u64(victim + offset::DENTRY_SUBDIR, at);
        metadata.bytes.extend(list);
    })
}

/// A list inside the security data.
pub fn subdir_in_security() -> Built {
    let image = image(victim_dir(Children::At(24)));
    let descriptor = [good("x").bytes(), vec![0; 8]].concat();
    beside_a_sound_one(image.descriptor(&[0; 8]).descriptor(&descriptor))
}

/// A directory without a list of its own, not even an empty one.
pub fn subdir_zero() -> Built {
    with(victim_dir(Children::None))
}

/// A file with a list of children.
pub fn file_with_children() -> Built {
    with(Dentry { children: Children::List(vec![good("x")]), ..good("victim") })
}

/// One hard-link group for two files of different data, as Windows 7 has it.
pub fn links_differ() -> Built {
    beside_a_sound_one(Image::new("one", between([good("a").link(5), good("b").link(5)])))
}

/// One hard-link group for two directories.
pub fn links_of_directories() -> Built {
    let directories = [dir("a", [good("in-a")]).link(5), dir("b", [good("in-b")]).link(5)];
    beside_a_sound_one(Image::new("one", root(directories)))
}

/// A symbolic link whose names lie behind its data.
pub fn reparse_name_beyond() -> Built {
    let mut data = reparse::symlink("target", "target", true);
    data.poke_u16(2, 1000);
    with(file("victim", "").reparse(reparse::SYMLINK, data))
}

/// A symbolic link of three bytes.
pub fn reparse_short() -> Built {
    with(file("victim", "").reparse(reparse::SYMLINK, "abc"))
}

/// A symbolic link of 100,000 bytes; 16 KiB are allowed.
pub fn reparse_huge() -> Built {
    with(file("victim", "").reparse(reparse::SYMLINK, content("text")))
}

/// A symbolic link whose data is missing.
pub fn reparse_missing() -> Built {
    with(file("victim", "").reparse(reparse::SYMLINK, Data::Hash([7; 20])))
}

/// A symbolic link whose name begins and ends in the middle of a unit.
pub fn reparse_odd() -> Built {
    let mut data = reparse::symlink("target", "target", true);
    data.poke_u16(0, 1);
    data.poke_u16(2, 5);
    with(file("victim", "").reparse(reparse::SYMLINK, data))
}

/// A file compressed by WOF, captured as if its pointer were all of it.
pub fn reparse_elsewhere() -> Built {
    with(file("victim", "").reparse(reparse::WOF, "pointer"))
}

/// A file with a hundred thousand extended attributes of Linux.
pub fn xattrs_100000() -> Built {
    let mut attributes = Vec::new();
    for number in 0..100_000 {
        let name = format!("user.{number}");
        attributes.u16(1);
        attributes.extend([name.len() as u8, 0]);
        attributes.extend([name.as_bytes(), b"\0x"].concat());
    }
    with(good("victim").tagged(2, &attributes))
}

/// A tagged item longer than its dentry.
pub fn tagged_beyond() -> Built {
    let mut victim = good("victim").tagged(0x337D_D873, &[0; 16]);
    victim.tagged.poke_u32(4, u32::MAX);
    with(victim)
}

/// Times of 2^64 − 1, 0 and 2^63.
pub fn times_garbage() -> Built {
    with(good("victim").times(u64::MAX, 0, 1 << 63))
}

/// A file with a hash that no entry has, and sound times.
pub fn data_of_nobody() -> Built {
    with(Dentry { data: Data::Hash([7; 20]), attributes: flag::ARCHIVE, written: TIME, ..good("victim") })
}
