//! Archives that testkit wrote: sound ones read back, hostile ones cost no more than their size,
//! damaged ones do not lie.

mod damaged;
mod faults;
mod reading;
mod says;

use std::time::Duration;

use crate::reading::{find, open, read_file};
use testkit::{Dentry, Image, Packing, Wim, dir, file, processor_time, root};
use wim::{Archive, Metadata};

/// Whether anything at all says that something is wrong, without reading data.
fn warned(archive: &Archive) -> bool {
    let trees = || (0..archive.image_count()).filter_map(|index| archive.metadata(index).ok());
    archive.warnings().next().is_some()
        || archive.integrity().is_err()
        || archive.blobs().iter().chain(archive.blobs().metadata()).any(|blob| archive.check_blob(blob).is_err())
        || trees().any(|tree| !tree.warnings().is_empty())
}

/// Directories of two names for each list: without care 2^levels paths.
fn dag(levels: usize) -> Vec<u8> {
    let lists = (1..=levels).map(|next| {
        let children = if next < levels { testkit::Children::Shared(next) } else { testkit::Children::None };
        ["a", "b"].map(|name| Dentry { children: children.clone(), ..dir(name, []) }).to_vec()
    });
    let image = Image { lists: lists.collect(), ..Image::new("dag", root([])) };
    let root = Dentry { children: testkit::Children::Shared(0), ..root([]) };
    Image { root: Some(root), ..image }.metadata().bytes
}

#[test]
fn nodes_are_no_more_than_bytes_allow() {
    for bytes in [dag(20), dag(2000), dag(20_000)] {
        let size = bytes.len();
        let tree = Metadata::parse(bytes).expect("a directory graph is shown as far as it is a tree");
        assert!(tree.node_count() as usize <= size / 104, "{} nodes of {size} bytes", tree.node_count());
        let warnings = 1001 * size_of::<wim::Warning>();
        assert!(tree.memory_size() <= size + 40 * tree.node_count() as usize + warnings + 65536);
    }
}

#[test]
fn time_grows_with_size_alone() {
    let time = |levels| {
        let bytes = dag(levels);
        let once = |_| {
            let bytes = bytes.clone();
            processor_time(|| Metadata::parse(bytes).expect("as above")).1
        };
        (0..5).map(once).min().expect("five times")
    };
    let (small, large) = (time(2_000), time(40_000));
    assert!(large < small * 20 * 8 + Duration::from_millis(20), "20 times the bytes took {large:?} after {small:?}");
}

#[test]
fn every_packing_reads_back() {
    for packing in Packing::all() {
        let chunk = packing.chunk_size().max(4096);
        let sizes = [0, 1, 2, 30, 300, chunk - 1, chunk, chunk + 1, 2 * chunk + chunk / 3];
        let kinds = &["exe", "text", "zeros", "random"][..if chunk > 65536 { 1 } else { 4 }];
        let of = |kind: &&str, size| (format!("{kind}-{size}"), testkit::content::of_kind(kind, size));
        let files: Vec<_> = kinds.iter().flat_map(|kind| sizes.map(|size| of(kind, size))).collect();
        let tree = root(files.iter().map(|(name, data)| file(name, data)).collect::<Vec<_>>());
        let built = Wim { gap: 7, ..Wim::new(packing, tree).integrity(4096) }.build();
        let archive = open(&built.bytes).expect("a sound archive");
        let tree = archive.metadata(0).expect("a sound image");
        assert!(!warned(&archive), "{packing:?}");
        for (name, data) in files {
            let node = find(&tree, &name).expect("the file");
            assert!(read_file(&archive, &tree, node).as_ref() == Ok(&data), "{packing:?}: {name}");
        }
    }
}
