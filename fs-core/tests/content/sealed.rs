//! Integrity tables written over damage, of archives whose files change or are solid; and what a
//! reader who does not accept tables reads of a large blob.

use fs_core::{Contents, Release, Verify};
use testkit::solid::Solid;
use testkit::{Packing, Wim, content, file, root};

use crate::fixture::{Fixture, contents, damage, failing_ranges, strict};

/// Files of a [`sealed`] archive.
const SOUND: usize = 0;
const LARGE: usize = 1;
const SMALL: usize = 2;

/// Check blocks that hold a part of a file, and one that holds the archive.
const BLOCKS: [usize; 2] = [65536, 10 << 20];

/// Random bytes that are different for each `seed`; packed, they are raw chunks.
fn random(seed: u8, len: usize) -> Vec<u8> {
    let mut bytes = content::random(len);
    bytes[0] = seed;
    bytes
}

/// A sound file, a damaged one of many chunks, and a damaged one of a single chunk, under a table
/// that was written after the damage.
fn sealed(packing: Packing, solid: bool, block: usize) -> Fixture {
    let files = vec![random(1, 600_000), random(2, 500_000), random(3, 20_000)];
    let tree = root(files.iter().zip(["a", "b", "c"]).map(|(data, name)| file(name, data)).collect::<Vec<_>>());
    let wim = Wim { integrity: Some(block), ..Wim::new(packing, tree) };
    let wim = Wim { solid: solid.then(|| Solid::new(packing)), ..wim };
    let mut built = wim.build();
    let range = |file: usize| {
        let before: usize = files[..file].iter().map(Vec::len).sum();
        let chunk = |at: usize| built.places.solid[0].chunks[at / 32768].start + at % 32768;
        if solid { chunk(before + 5000) } else { built.resource(&files[file]).range.end - 5000 }
    };
    let damaged = [LARGE, SMALL].map(range);
    damaged.iter().for_each(|&at| built.flip(at, 3));
    built.renew_integrity();
    Fixture::open(built, files)
}

/// The archive in every form, and what to call it.
fn forms() -> impl Iterator<Item = (Fixture, String)> {
    let own = [Packing::Stored, Packing::Xpress(32768), Packing::Lzx(32768), Packing::Lzms(32768)];
    let forms = own.map(|packing| (packing, false)).into_iter().chain([(Packing::Stored, true)]);
    forms.flat_map(|(packing, solid)| {
        BLOCKS.map(|block| (sealed(packing, solid, block), format!("{packing:?} solid {solid} {block}")))
    })
}

/// Every read of a damaged file fails, whole or in part.
fn assert_unreadable(fixture: &Fixture, contents: &Contents, what: &str) {
    for file in [LARGE, SMALL] {
        let size = fixture.files[file].len();
        assert_eq!(failing_ranges(fixture, contents, file), size.div_ceil(4096), "{what}: file {file}");
        damage(fixture.reads(contents, file));
    }
}

#[test]
fn no_byte_of_a_damaged_blob_is_read() {
    for (fixture, what) in forms() {
        assert_unreadable(&fixture, &strict(), &what);
        // After a sound file, when the blocks that the others lie in would be known to match.
        for cache in [64 << 20, 0] {
            let contents = contents(cache, Verify::Strict);
            fixture.reads(&contents, SOUND).unwrap();
            assert_unreadable(&fixture, &contents, &what);
            fixture.reads(&contents, SOUND).unwrap();
        }
    }
}

#[test]
fn no_byte_of_a_damaged_blob_is_streamed() {
    for (fixture, what) in forms() {
        for cache in [64 << 20, 0] {
            let contents = contents(cache, Verify::Strict);
            fixture.reads(&contents, SOUND).unwrap();
            for (file, release) in [LARGE, SMALL]
                .into_iter()
                .flat_map(|file| [Release::Verified, Release::AtOnce].map(|release| (file, release)))
            {
                let (bytes, ended) = fixture.stream(&contents, file, release);
                damage(ended);
                let taken = bytes.len();
                assert!(taken == 0 || release == Release::AtOnce, "{what}: {taken} bytes of file {file}");
            }
        }
    }
}

#[test]
fn no_byte_of_a_damaged_blob_is_read_while_the_file_changes() {
    for (fixture, what) in forms() {
        fixture.disk.before_read(|disk, _, _| {
            disk.write(|bytes| bytes.push(0));
            Ok(())
        });
        let contents = strict();
        fixture.reads(&contents, SOUND).unwrap();
        for (file, offset) in [(LARGE, 0), (LARGE, 300_000), (SMALL, 0), (SMALL, 10_000)] {
            let read = contents.read_at(fixture.blob(file), offset, &mut [0; 4096]);
            assert!(read.is_err(), "{what}: file {file}");
        }
    }
}

/// A blob that is too large to be held is decoded once to be hashed, and then only where it is read.
#[test]
fn a_blob_larger_than_the_cache_is_hashed_once() {
    for packing in [Packing::Stored, Packing::Xpress(32768), Packing::Lzx(32768)] {
        let fixture = Fixture::new(packing, Some(65536), vec![random(1, 2_000_000)]);
        let contents = contents(200_000, Verify::Strict);
        let mut buf = vec![0; 4096];
        let mut random = content::Random::new(5);
        for round in 0..50 {
            let offset = random.below(1_900_000);
            contents.read_at(fixture.blob(0), offset, &mut buf).unwrap();
            assert!(buf == *testkit::naive_window(&fixture.files[0], offset, 4096));
            let (read, stored) = (fixture.disk.bytes_read(), fixture.place(0).range.len() as u64);
            let most = if round == 0 { stored + 100_000 } else { 100_000 };
            assert!(read < most, "{packing:?}: {read} bytes read in round {round}");
        }
    }
}
