//! Sound archives, cut and changed everywhere: never a panic, and never a file with other bytes
//! than it had.

use crate::reading::{look_at, open, walk};
use testkit::content::Random;
use testkit::{Image, Packing, Wim, content, dir, file, reparse, root};
use wim::{BlobTable, Header, IntegrityTable, Metadata, XmlData};

/// An archive with something of everything: two images, streams, links, descriptors, tagged items.
fn archive(packing: Packing, text: usize) -> Wim {
    let tree = root([
        dir("dir", [file("linked", "linked data").link(3), file("other", "linked data").link(3)]),
        file("text", content::text(text)),
        file("streams", "data").stream("ads", "stream").short("STREAM~1").security(0),
        file("unix", "u").unix(1, 2, 0o100_644, 0).object_id(&[9; 16]),
        file("sym", "").reparse(reparse::SYMLINK, reparse::symlink("text", "text", true)),
    ]);
    let images = [Image::new("one", tree).descriptor(&[1; 20]), Image::new("two", root([file("two", "two")]))];
    Wim::of(packing, images)
}

/// The same with the data in a solid resource.
fn solid(packing: Packing, text: usize) -> Wim {
    archive(packing, text).solid(Packing::Xpress(4096))
}

/// All names of files with data there, in both images, the link's among them.
const FILES: usize = 7;

/// Opens what became of an archive and returns how many files can be read; each must be as it was.
fn readable(bytes: &[u8], sound: &[(usize, Vec<u8>, Vec<u8>)], what: &str) -> usize {
    let Ok(archive) = open(bytes) else { return 0 };
    let files = walk(&archive);
    for (image, path, data) in &files {
        // Where an image's entry is lost, the next one takes its number.
        let known = sound.iter().any(|(_, known, content)| (known, content) == (path, data));
        assert!(known, "{what}: image {image}: {} has other bytes", String::from_utf8_lossy(path));
    }
    files.len()
}

/// Cuts an archive at these lengths; its tables come first, so that much of it can still be read.
fn cut(packing: Packing, text: usize, step: usize) {
    cut_what(&archive(packing, text), &format!("{packing:?}"), step);
}

fn cut_what(archive: &Wim, what: &str, step: usize) {
    let bytes = archive.build().tables_first().bytes;
    let sound = walk(&open(&bytes).expect("a sound archive"));
    assert_eq!(sound.len(), FILES);
    let lengths = (0..bytes.len()).step_by(step);
    let counts = lengths.map(|length| readable(&bytes[..length], &sound, &format!("{what} cut at {length}")));
    let counts: Vec<usize> = counts.collect();
    assert!(counts.contains(&(FILES - 1)), "the second image's tree comes last: {counts:?}");
    assert!(counts.is_sorted(), "a longer piece holds no less: {counts:?}");
}

#[test]
fn cut_anywhere() {
    Packing::USUAL.iter().for_each(|packing| cut(*packing, 3000, 1));
}

#[test]
fn a_larger_one_cut_at_many_points() {
    Packing::USUAL.iter().for_each(|packing| cut(*packing, 150_000, 97));
}

#[test]
fn a_solid_one_cut_anywhere() {
    cut_what(&solid(Packing::Xpress(32768), 30_000), "solid", 13);
}

#[test]
fn cut_where_the_tables_are() {
    for packing in Packing::USUAL {
        let built = Wim { boot_index: 1, ..archive(packing, 3000).integrity(1000) }.build();
        let sound = walk(&open(&built.bytes).expect("a sound archive"));
        for length in 0..built.bytes.len() {
            let count = readable(&built.bytes[..length], &sound, &format!("{packing:?} cut at {length}"));
            assert!(length < built.places.blob_table.end || count == 0 || count == FILES);
        }
    }
}

#[test]
fn every_bit_flipped() {
    let all = Packing::USUAL.map(|packing| (packing, archive(packing, 1500)));
    let solid = [(Packing::Xpress(32768), solid(Packing::Xpress(32768), 1500))];
    for (packing, archive) in all.into_iter().chain(solid) {
        let mut bytes = Wim { boot_index: 1, ..archive.integrity(1000) }.build().bytes;
        let sound = walk(&open(&bytes).expect("a sound archive"));
        let mut counts = [0; FILES + 1];
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                counts[readable(&bytes, &sound, &format!("{packing:?}: bit {bit} of {at:#x}"))] += 1;
                bytes[at] ^= 1 << bit;
            }
        }
        let flips: usize = counts.iter().sum();
        assert!(counts[FILES] + counts[FILES - 1] > flips / 4, "most flips cost one file or none: {counts:?}");
    }
}

/// Bytes changed at a few places each time, to values that tend to break rules.
fn mutations(bytes: &[u8], count: u64, mut each: impl FnMut(Vec<u8>)) {
    const VALUES: [u64; 8] = [0, 1, 7, 0x7F, 0xFF, 0xFFFF, 0xFFFF_FFFF, u64::MAX];
    let mut random = Random::new(bytes.len() as u64);
    for _ in 0..count {
        let mut changed = bytes.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(changed.len() as u64) as usize;
            let value = if random.below(2) == 0 { VALUES[random.below(8) as usize] } else { random.below(1 << 50) };
            let width = [1, 2, 4, 8][random.below(4) as usize].min(changed.len() - at);
            changed[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        if random.below(8) == 0 {
            changed.truncate(random.below(changed.len() as u64) as usize);
        }
        each(changed);
    }
}

#[test]
fn parsers_stand_any_bytes() {
    let built = archive(Packing::Stored, 100).integrity(1000).build();
    let tree = &built.places.trees[0].bytes;
    mutations(tree, 50_000, |bytes| {
        if let Ok(tree) = Metadata::parse(bytes) {
            look_at(&tree);
        }
    });
    let part = |range: &std::ops::Range<usize>| built.bytes[range.clone()].to_vec();
    mutations(&part(&(0..208)), 20_000, |bytes| {
        let _ = Header::parse(&bytes);
    });
    mutations(&part(&built.places.blob_table), 20_000, |bytes| {
        let table = BlobTable::parse(&bytes, 1, false).unwrap();
        assert!(table.len() + table.metadata().len() <= bytes.len() / 50);
    });
    mutations(&part(&built.places.xml), 20_000, |bytes| {
        let _ = XmlData::parse(&bytes);
    });
    mutations(&part(&built.places.integrity), 20_000, |bytes| {
        let covered = 208..built.places.blob_table.end as u64;
        let _ = IntegrityTable::parse(&bytes, 0, covered);
    });
}
