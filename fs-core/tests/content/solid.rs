//! Solid resources: chunks shared by many blobs are decoded once, each blob's bytes leave verified, and damage costs no more
//! than it must.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::fixture::{Fixture, checked, contents, damage, strict, text};
use fs_core::{ContentOptions, Contents, Error, Release, Verify};
use testkit::solid::Solid;
use testkit::{Packing, Wim, file, root};

/// A chunk, in bytes.
const CHUNK: usize = 65536;

/// An archive with the files in solid resources of XPRESS chunks.
/// Without and with an integrity table, and the ways to check bytes that differ there.
const KINDS: [(Option<usize>, Verify); 3] =
    [(None, Verify::Strict), (Some(4096), Verify::Strict), (Some(4096), Verify::Blocks)];

fn fixture(integrity: Option<usize>, files: Vec<Vec<u8>>) -> Fixture {
    with(Solid::new(Packing::Xpress(CHUNK)), integrity, files)
}

fn with(solid: Solid, integrity: Option<usize>, files: Vec<Vec<u8>>) -> Fixture {
    let entries: Vec<_> =
        files.iter().enumerate().map(|(index, data)| file(&format!("{index:04}"), data.as_slice())).collect();
    let wim = Wim { integrity, solid: Some(solid), ..Wim::new(Packing::Lzx(32768), root(entries)) };
    Fixture::open(wim.build(), files)
}

/// A hundred small files, a large one over several chunks, and a hundred more.
fn files() -> Vec<Vec<u8>> {
    let small = |seed| text(seed, 3000 + seed % 50);
    (0..100).map(small).chain([text(500, 3 * CHUNK + 100)]).chain((100..200).map(small)).collect()
}

/// Every file, some from the front and some from the back.
fn mixed(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| if at % 2 == 0 { at / 2 } else { count - 1 - at / 2 })
}

/// What is read to decode everything once: all but the header, which was read on opening.
fn stored(fixture: &Fixture) -> u64 {
    fixture.built.places.solid.iter().map(|place| place.range.len() as u64 - 16).sum()
}

#[test]
fn each_chunk_is_decoded_once_while_the_cache_holds_all() {
    for verify in [Verify::Strict, Verify::Off] {
        let fixture = fixture(None, files());
        let contents = contents(64 << 20, verify);
        for file in mixed(fixture.files.len()) {
            fixture.reads(&contents, file).unwrap();
        }
        assert_eq!(fixture.disk.bytes_read(), stored(&fixture), "{verify:?}: every stored byte once");
        for release in [Release::AtOnce, Release::Verified] {
            for file in mixed(fixture.files.len()) {
                let (bytes, ended) = fixture.stream(&contents, file, release);
                ended.unwrap();
                assert!(bytes == fixture.files[file], "{file}");
            }
        }
        assert_eq!(fixture.disk.bytes_read(), 0, "{verify:?}");
    }
}

#[test]
fn streams_in_order_decode_each_chunk_once_with_room_for_two() {
    for release in [Release::AtOnce, Release::Verified] {
        let fixture = fixture(None, (0..400).map(|seed| text(seed, 3000)).collect());
        let contents = contents(2 * CHUNK as u64 + 1000, Verify::Strict);
        for file in 0..fixture.files.len() {
            let (bytes, ended) = fixture.stream(&contents, file, release);
            ended.unwrap();
            assert!(bytes == fixture.files[file], "{file}");
        }
        assert_eq!(fixture.disk.bytes_read(), stored(&fixture), "{release:?}");
    }
}

#[test]
fn readers_at_once_share_the_decoding() {
    let fixture = fixture(None, files());
    let (contents, start) = (strict(), Barrier::new(8));
    thread::scope(|scope| {
        for reader in 0..8 {
            let (contents, start, fixture) = (&contents, &start, &fixture);
            scope.spawn(move || {
                start.wait();
                for file in (0..fixture.files.len()).cycle().skip(reader * 20).take(fixture.files.len()) {
                    fixture.reads(contents, file).unwrap();
                }
            });
        }
    });
    assert_eq!(fixture.disk.bytes_read(), stored(&fixture));
}

#[test]
fn a_chunk_larger_than_the_cache_is_kept_while_it_is_read() {
    let fixture = fixture(None, files());
    let contents = contents(CHUNK as u64 / 2, Verify::Strict);
    for file in 0..20 {
        let data = &fixture.files[file];
        for at in (0..data.len()).step_by(100) {
            let mut buf = vec![0; 100];
            let filled = contents.read_at(fixture.blob(file), at as u64, &mut buf).unwrap();
            assert!(buf[..filled] == data[at..data.len().min(at + 100)]);
        }
    }
    let place = &fixture.built.places.solid[0];
    let first = place.table.len() - 16 + place.chunks[0].len();
    assert_eq!(fixture.disk.bytes_read(), first as u64, "one chunk, once");
}

#[test]
fn chunks_above_the_limit_are_refused() {
    let limited = |max_chunk_bytes| Contents::new(&ContentOptions { max_chunk_bytes, ..ContentOptions::default() });
    let own = |size| Fixture::new(Packing::Lzms(CHUNK), None, vec![text(7, size)]);
    for (what, fixture) in [("solid", fixture(None, files())), ("one", own(CHUNK)), ("three", own(3 * CHUNK))] {
        let error = fixture.reads(&limited(CHUNK as u64 - 1), 0).unwrap_err();
        assert!(error.is_damage());
        let said = fs_core::Chain(&error).to_string();
        let rule = "chunk of the resource at 0xd0 has 65536 bytes";
        assert!(said.contains(rule), "{what}: {said}");
        assert_eq!(fixture.disk.bytes_read(), 0, "{what}: nothing was decoded");
        fixture.reads(&limited(CHUNK as u64), 0).unwrap();
    }
}

#[test]
fn a_flipped_bit_costs_the_blobs_that_it_is_in() {
    for (integrity, verify) in KINDS {
        // Raw chunks: the bit is in one blob.
        let fixture = with(Solid::new(Packing::Stored), integrity, files());
        let place = fixture.place(0).clone();
        let victim = 7;
        let at: usize = fixture.files[..victim].iter().map(Vec::len).sum();
        fixture.flip(place.chunks[0].start + at + 10);
        let contents = checked(verify);
        for file in mixed(fixture.files.len()) {
            assert_eq!(fixture.reads(&contents, file).is_err(), file == victim, "{integrity:?} {file}");
        }
    }
}

/// A table that was written over damage vouches for no blob, however large.
#[test]
fn a_table_over_damage_vouches_for_nothing_in_strict() {
    let large = text(1, 3 * CHUNK);
    let whole = with(Solid::new(Packing::Stored), Some(4096), vec![text(2, 5000), large]);
    let mut built = whole.built.clone();
    let last = whole.place(0).chunks.last().unwrap().clone();
    built.flip(last.end - 10, 3);
    built.renew_integrity();
    let fixture = Fixture::open(built, whole.files);
    let contents = strict();
    let mut bytes = vec![0; 100];
    let start = contents.read_at(fixture.blob(1), 0, &mut bytes).map(drop);
    damage(start);
    damage(fixture.reads(&contents, 1));
    fixture.reads(&contents, 0).unwrap();
}

#[test]
fn a_chunk_that_does_not_decode_costs_its_blobs_one_decoding() {
    for (integrity, verify) in KINDS {
        let fixture = fixture(integrity, files());
        let place = fixture.place(0).clone();
        fixture.disk.write(|bytes| bytes[place.chunks[0].clone()].fill(0xFF));
        let contents = checked(verify);
        let failed = AtomicUsize::new(0);
        for _ in 0..5 {
            for file in 0..fixture.files.len() {
                if let Err(error) = fixture.reads(&contents, file) {
                    failed.fetch_add(1, Ordering::SeqCst);
                    let Error::Blob { blob, .. } = &error else { panic!("{error:?}") };
                    assert_eq!(*blob, fixture.blob(file).blob().hash, "the error is said of the blob that was read");
                }
            }
        }
        let in_first = CHUNK.div_ceil(3025);
        assert!((5 * (in_first - 2)..=5 * (in_first + 2)).contains(&failed.into_inner()));
        assert!(fixture.disk.bytes_read() < 2 * stored(&fixture) + 100_000, "{integrity:?}");
    }
}

#[test]
fn a_file_that_changes_is_verified_anew() {
    let fixture = with(Solid::new(Packing::Stored), None, files());
    let contents = strict();
    fixture.reads(&contents, 0).unwrap();
    let chunk = fixture.place(0).chunks[0].clone();
    fixture.flip(chunk.start);
    fixture.flip(chunk.start + fixture.files[0].len());
    fixture.reads(&contents, 0).expect("it matched, and is in the cache");
    // A chunk that is not cached shows that the file has changed.
    fixture.reads(&contents, 199).unwrap();
    assert!(fixture.reads(&contents, 0).is_err(), "the file no longer has it");
    assert!(fixture.reads(&contents, 1).is_err());
    fixture.reads(&contents, 2).unwrap();
    fixture.flip(chunk.start);
    fixture.flip(chunk.start + fixture.files[0].len());
    fixture.reads(&contents, 100).unwrap(); // shows that it has changed again
    for file in 0..fixture.files.len() {
        fixture.reads(&contents, file).expect("everything is repaired");
    }
}

#[test]
fn a_file_that_never_holds_still_is_read_by_each_blobs_hash() {
    let fixture = fixture(None, files());
    let contents = strict();
    fixture.disk.before_read(|disk, _, _| {
        disk.write(|bytes| bytes.push(0)); // somebody appends
        Ok(())
    });
    for file in [0, 100, 150] {
        fixture.reads(&contents, file).unwrap();
        for release in [Release::AtOnce, Release::Verified] {
            let (bytes, ended) = fixture.stream(&contents, file, release);
            ended.unwrap();
            assert!(bytes == fixture.files[file], "{release:?} {file}");
        }
    }
}

#[test]
fn a_stream_that_is_released_at_once_hands_out_nothing_twice() {
    // The file changes at every read, and what one of the reads gets is damaged.
    for moment in 0..12 {
        let fixture = fixture(None, vec![text(1, 4 * CHUNK)]);
        let end = fixture.place(0).range.end;
        let mut reads = 0;
        fixture.disk.before_read(move |disk, _, _| {
            disk.write(|bytes| {
                bytes.push(0);
                if reads == moment || reads == moment + 1 {
                    bytes[..end].iter_mut().skip(end / 2).for_each(|byte| *byte ^= 0xFF);
                }
            });
            reads += 1;
            Ok(())
        });
        let (bytes, ended) = fixture.stream(&strict(), 0, Release::AtOnce);
        assert!(ended.is_err() || bytes == fixture.files[0], "{moment}: {} bytes", bytes.len());
    }
}

#[test]
fn two_resources_and_every_compression_read_back() {
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(65536)] {
        for resources in [1, 3] {
            for (integrity, verify) in KINDS {
                let fixture = with(Solid { packing, resources }, integrity, files());
                let contents = checked(verify);
                for file in mixed(fixture.files.len()) {
                    fixture.reads(&contents, file).unwrap_or_else(|error| panic!("{packing:?} {file}: {error}"));
                }
            }
        }
    }
}
