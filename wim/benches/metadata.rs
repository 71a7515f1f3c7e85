//! Parsing the metadata of an image of 100,000 entries, and looking names up in it.

use std::hint::black_box;

use divan::{Bencher, counter::ItemsCount};
use testkit::content::Random;
use testkit::{Dentry, Image, dir, file, root};
use wim::{CaseSensitivity, Metadata, NodeId};

const ENTRIES: usize = 100_000;

fn main() {
    divan::main();
}

/// Files with names as a system folder has them, in the order of names.
fn files(count: usize, random: &mut Random) -> Vec<Dentry> {
    let name = |number| format!("component-{:04}-{number:06}.dll", random.below(10_000));
    let mut names: Vec<String> = (0..count).map(name).collect();
    names.sort();
    names.into_iter().map(|name| file(&name, testkit::Data::Hash([7; 20])).security(0)).collect()
}

/// 2,000 folders of 49 files; those of two folders are links of each other if `linked`.
fn folders(random: &mut Random, linked: bool) -> Vec<Dentry> {
    let folder = |number: usize| {
        let mut files = files(49, random);
        for (file, index) in files.iter_mut().zip(1..).filter(|_| linked) {
            file.union = (number / 2 * 49 + index) as u64;
        }
        dir(&format!("folder-{number:05}"), files)
    };
    (0..ENTRIES / 50).map(folder).collect()
}

/// The metadata of an image of some shape.
fn metadata(shape: &str) -> Vec<u8> {
    let mut random = Random::new(11);
    let entries = match shape {
        "folders" => folders(&mut random, false),
        "links" => folders(&mut random, true),
        "one folder" => files(ENTRIES, &mut random),
        "one folder, unsorted" => {
            let mut files = files(ENTRIES, &mut random);
            (1..files.len()).rev().for_each(|last| files.swap(last, random.below(last as u64 + 1) as usize));
            files
        }
        _ => panic!("no such shape: {shape}"),
    };
    Image::new("bench", root(entries)).descriptor(&[0; 80]).metadata().bytes
}

#[divan::bench(args = ["folders", "links", "one folder", "one folder, unsorted"])]
fn parse(bencher: Bencher<'_, '_>, shape: &str) {
    let bytes = metadata(shape);
    let tree = Metadata::parse(bytes.clone()).expect("sound metadata");
    assert_eq!(tree.node_count() as usize, ENTRIES + 1);
    assert!(tree.warnings().is_empty());
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .with_inputs(|| bytes.clone())
        .bench_local_values(|bytes| Metadata::parse(black_box(bytes)));
}

#[divan::bench(args = ["folders", "one folder"])]
fn lookup(bencher: Bencher<'_, '_>, shape: &str) {
    let tree = Metadata::parse(metadata(shape)).expect("sound metadata");
    let names: Vec<(NodeId, Vec<u16>)> = (1..tree.node_count())
        .map(|node| (tree.parent(NodeId(node)), tree.dentry(NodeId(node)).name().units().collect()))
        .collect();
    bencher.counter(ItemsCount::new(names.len())).bench_local(|| {
        for (directory, name) in &names {
            black_box(tree.lookup(*directory, black_box(name), CaseSensitivity::Sensitive));
        }
    });
}
