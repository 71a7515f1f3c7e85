//! Damage before and after opening: an error for what is damaged, never wrong bytes, and everything else stays readable.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fs_core::{Contents, Error, OpenArchive, Release, Verify, wim};
use testkit::content::Random;
use testkit::{Built, Packing, Wim, file, root};

use crate::fixture::{Fixture, blob_of, contents, strict, text};

/// Without and with an integrity table of blocks so small that a file has several, and so large that files share one.
const INTEGRITY: [Option<usize>; 3] = [None, Some(8192), Some(10 << 20)];

fn files() -> Vec<Vec<u8>> {
    vec![text(1, 20_000), text(2, 300_000), testkit::content::random(50_000), text(4, 32769), text(5, 1_000_000)]
}

/// The error of a blob that reads as damaged; panics if it can be read or fails otherwise.
fn damage(result: Result<(), Error>) -> String {
    let error = result.expect_err("a damaged blob must not be readable");
    assert!(error.is_damage());
    assert!(matches!(error, Error::Blob { .. }), "{error:?}");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

/// Reads a file in ranges: each of them must be right or fail. Returns how many failed.
fn failing_ranges(fixture: &Fixture, contents: &Contents, file: usize) -> usize {
    let mut buf = vec![0; 4096];
    let ranges = fixture.files[file].chunks(4096).enumerate();
    let failed =
        ranges.filter(|(index, want)| match contents.read_at(fixture.blob(file), *index as u64 * 4096, &mut buf) {
            Ok(filled) => {
                assert!(buf[..filled] == **want, "wrong bytes");
                false
            }
            Err(error) => {
                assert!(error.is_damage());
                true
            }
        });
    failed.count()
}

#[test]
fn one_flipped_bit_fails_its_blob_and_no_other() {
    for packing in [Packing::Stored, Packing::Xpress(32768), Packing::Lzx(32768)] {
        for integrity in INTEGRITY {
            let whole = Fixture::new(packing, integrity, files());
            for damaged in 0..whole.files.len() {
                let place = whole.place(damaged).range.clone();
                for offset in [place.start, place.start + place.len() / 2, place.end - 12] {
                    let mut built = whole.built.clone();
                    built.flip(offset, 3);
                    let fixture = Fixture::open(built, whole.files.clone());
                    let contents = strict();
                    for file in 0..fixture.files.len() {
                        let result = fixture.reads(&contents, file);
                        if file == damaged {
                            let message = damage(result);
                            let blob = wim::BlobHash::of(&fixture.files[file]);
                            assert!(message.contains("test.wim") && message.contains(&blob.to_string()), "{message}");
                            assert!(message.contains(&format!("{:#x}", place.start)), "{message}");
                        } else {
                            result.unwrap();
                            assert_eq!(failing_ranges(&fixture, &contents, file), 0);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn parts_of_a_damaged_file_are_right_or_fail() {
    // With small check blocks, what lies in sound ones is known to be right although the file as a whole is not.
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768)] {
        for integrity in INTEGRITY {
            let whole = Fixture::new(packing, integrity, vec![text(1, 1_000_000), text(2, 100_000)]);
            let mut built = whole.built.clone();
            built.flip(whole.place(0).range.end - 10, 0);
            let fixture = Fixture::open(built, whole.files);
            let contents = strict();
            let failed = failing_ranges(&fixture, &contents, 0);
            assert!(failed > 0, "{packing:?} {integrity:?}");
            assert_eq!(failing_ranges(&fixture, &contents, 1), 0, "{packing:?} {integrity:?}");
        }
    }
}

#[test]
fn a_damaged_chunk_table_fails_its_blob() {
    for integrity in INTEGRITY {
        let whole = Fixture::new(Packing::Xpress(32768), integrity, files());
        let table = whole.place(4).table.clone();
        for offset in [table.start, table.start + 3, table.end - 4] {
            let mut built = whole.built.clone();
            built.flip(offset, 4);
            let fixture = Fixture::open(built, whole.files.clone());
            let contents = strict();
            damage(fixture.reads(&contents, 4));
            (0..4).for_each(|file| fixture.reads(&contents, file).unwrap());
        }
    }
}

/// Flips each bit of an entry of the blob table in turn, as the archive was before opening: whatever it says then, no file
/// reads as another's bytes.
#[test]
fn a_damaged_blob_table_gives_no_wrong_bytes() {
    for packing in [Packing::Stored, Packing::Lzx(32768)] {
        for integrity in INTEGRITY {
            let whole = Fixture::new(packing, integrity, files());
            for (damaged, bit) in [1, 4].into_iter().flat_map(|file| (0..24 * 8).step_by(5).map(move |bit| (file, bit)))
            {
                let mut built = whole.built.clone();
                built.flip(whole.place(damaged).entry + bit / 8, bit as u32 % 8);
                let Ok(archive) = OpenArchive::from_source("test.wim", Arc::new(built.bytes)) else { continue };
                let archive = Arc::new(archive);
                let contents = strict();
                for (index, data) in whole.files.iter().enumerate() {
                    let Some(found) = archive.wim.blobs().find(&wim::BlobHash::of(data)) else { continue };
                    let blob = fs_core::BlobRef { archive: Arc::clone(&archive), index: found };
                    let mut buf = vec![0; 4096];
                    for offset in [0, data.len() / 2] {
                        match contents.read_at(&blob, offset as u64, &mut buf) {
                            // A size that is smaller than the truth makes the file end early, or its window shift: never.
                            Ok(filled) => assert!(data[offset..].starts_with(&buf[..filled]), "bit {bit} file {index}"),
                            Err(_) => assert_eq!(index, damaged, "bit {bit}"),
                        }
                    }
                }
            }
        }
    }
}

/// The integrity table does not cover the header: sound blocks must not make up for a wrong chunk size or compression there.
#[test]
fn a_damaged_header_gives_no_wrong_bytes() {
    for (packing, integrity) in [(Packing::Lzx(32768), Some(8192)), (Packing::Xpress(4096), Some(1 << 20))] {
        let whole = Fixture::new(packing, integrity, files());
        for bit in 0x10 * 8..0x18 * 8 {
            let mut built = whole.built.clone();
            built.flip(bit / 8, bit as u32 % 8);
            let Ok(archive) = OpenArchive::from_source("test.wim", Arc::new(built.bytes)) else { continue };
            let archive = Arc::new(archive);
            let contents = strict();
            for data in &whole.files {
                let mut buf = vec![0; 5000];
                for offset in [0, data.len() / 2] {
                    if let Ok(filled) = contents.read_at(&blob_of(&archive, data), offset as u64, &mut buf) {
                        assert!(data[offset..].starts_with(&buf[..filled]), "bit {bit}");
                    }
                }
            }
        }
    }
}

/// Chunks made so that they decode under a wrong chunk size too, to something else: not even then.
#[test]
fn a_wrong_chunk_size_that_decodes_gives_no_wrong_bytes() {
    // A raw chunk of 4 KiB, behind a chunk table of 00 10 00 00. Taken for one chunk of up to 8 KiB, table and chunk are an
    // XPRESS code of two symbols, 3 and 8, of one bit each, and bits enough for all of it.
    let mut raw = testkit::content::random(4096);
    raw[..252].fill(0);
    raw[0] = 1;
    let end = text(1, 4096);
    let chunks = [raw.clone(), testkit::xpress::encode(&end)];
    let data = [raw, end].concat();
    let crafted = testkit::Blob { hash: testkit::sha1(&data), packed: testkit::chunked(8192, &chunks) };
    let stored = testkit::content::random(200_000);
    let tree = root([file("crafted", data.as_slice()), file("stored", stored.as_slice())]);
    let wim = Wim { blobs: vec![crafted], integrity: Some(1 << 20), ..Wim::new(Packing::Xpress(4096), tree) };
    let sound = Fixture::open(wim.build(), vec![data.clone(), stored.clone()]);
    (0..2).for_each(|file| sound.reads(&strict(), file).unwrap());

    let mut built = sound.built;
    built.bytes[0x14..0x18].copy_from_slice(&8192_u32.to_le_bytes());
    let fixture = Fixture::open(built, vec![data, stored]);
    let mut bytes = vec![0; 8192];
    let unverified = contents(0, Verify::Off).read_at(fixture.blob(0), 0, &mut bytes);
    assert!(unverified.is_ok() && bytes.iter().all(|byte| [3, 8].contains(byte)), "the craft works: {unverified:?}");
    let contents = strict();
    assert_eq!(failing_ranges(&fixture, &contents, 1), 0); // large, so that the check blocks are hashed, which are sound
    damage(fixture.reads(&contents, 0));
}

/// Blocks that match now say nothing about tables that were read when they did not.
#[test]
fn a_blob_table_repaired_after_opening_gives_no_wrong_bytes() {
    let files = (0..4).map(|seed| text(seed, 100_000)).collect();
    let whole = Fixture::new(Packing::Stored, Some(8192), files);
    let mut built = whole.built.clone();
    for file in [0, 1] {
        let offset_field = whole.place(file).entry + 8;
        built.flip(offset_field + 1, 4); // the file seems to lie 4 KiB from where it is
    }
    let fixture = Fixture::open(built, whole.files);
    fixture.disk.write(|bytes| bytes.clone_from(&whole.built.bytes));
    let contents = strict();
    damage(fixture.reads(&contents, 0)); // by its own hash; this is when the change is noticed
    assert_eq!(failing_ranges(&fixture, &contents, 3), 0, "this one was never wrong");
    assert_eq!(failing_ranges(&fixture, &contents, 1), fixture.files[1].len().div_ceil(4096));
}

#[test]
fn a_file_repaired_while_it_is_read_is_read_again() {
    for packing in [Packing::Stored, Packing::Xpress(4096)] {
        for integrity in INTEGRITY {
            let whole = Fixture::new(packing, integrity, vec![text(1, 600_000)]);
            let mut built = whole.built.clone();
            let damaged = whole.place(0).range.start + 40;
            built.flip(damaged, 3);
            let fixture = Fixture::open(built, whole.files);
            let (mut was_read, mut is_repaired) = (false, false);
            fixture.disk.before_read(move |disk, offset, len| {
                // The read that takes in the damage goes through; the repair comes before the next.
                if was_read && !is_repaired {
                    disk.write(|bytes| bytes[damaged] ^= 1 << 3);
                    is_repaired = true;
                }
                was_read |= (offset..offset + len as u64).contains(&(damaged as u64));
                Ok(())
            });
            assert_eq!(failing_ranges(&fixture, &strict(), 0), 0, "{packing:?} {integrity:?}");
        }
    }
}

#[test]
fn a_wrong_integrity_table_keeps_nothing_from_being_read() {
    let whole = Fixture::new(Packing::Lzx(32768), Some(8192), files());
    for offset in whole.built.places.integrity.clone().step_by(17) {
        let mut built = whole.built.clone();
        built.flip(offset, 1);
        let fixture = Fixture::open(built, whole.files.clone());
        let contents = strict();
        (0..fixture.files.len()).for_each(|file| fixture.reads(&contents, file).unwrap());
    }
}

#[test]
fn a_blob_that_is_not_what_its_hash_says() {
    let liar = testkit::Blob { hash: testkit::sha1(&text(1, 90_000)), packed: testkit::stored(&text(9, 90_000)) };
    let tree = root([file("liar", text(1, 90_000)), file("honest", text(2, 90_000))]);
    for integrity in INTEGRITY {
        let built =
            Wim { blobs: vec![liar.clone()], integrity, ..Wim::new(Packing::Xpress(32768), tree.clone()) }.build();
        let fixture = Fixture::open(built, vec![text(1, 90_000), text(2, 90_000)]);
        let contents = strict();
        fixture.reads(&contents, 1).unwrap();
        if integrity.is_none() {
            let message = damage(fixture.reads(&contents, 0));
            assert!(message.contains("has changed: it now hashes to"), "{message}");
        }
        for release in [Release::Verified, Release::AtOnce] {
            let streamed = contents.stream(fixture.blob(0), release, &mut |_| Ok(()));
            assert!(streamed.is_err(), "{integrity:?} {release:?}");
        }
    }
}

#[test]
fn nothing_unverified_is_handed_to_a_strict_sink() {
    for cache in [64 << 20, 1000] {
        let whole = Fixture::new(Packing::Xpress(4096), None, vec![text(1, 1_000_000)]);
        let mut built = whole.built.clone();
        built.flip(whole.place(0).range.end - 5, 2);
        let fixture = Fixture::open(built, whole.files);
        let contents = contents(cache, Verify::Strict);
        let mut taken = 0;
        let streamed = contents.stream(fixture.blob(0), Release::Verified, &mut |bytes| {
            taken += bytes.len();
            Ok(())
        });
        damage(streamed);
        assert_eq!(taken, 0);
    }
}

#[test]
fn without_verification_bytes_come_as_they_decode() {
    let whole = Fixture::new(Packing::Stored, Some(8192), vec![text(1, 100_000)]);
    let mut built = whole.built.clone();
    built.flip(whole.place(0).range.start + 50_000, 0);
    let fixture = Fixture::open(built, whole.files);
    let mut bytes = vec![0; 100_000];
    contents(1 << 20, Verify::Off).read_at(fixture.blob(0), 0, &mut bytes).unwrap();
    assert_eq!(bytes.iter().zip(&fixture.files[0]).filter(|(got, want)| got != want).count(), 1);
}

#[test]
fn a_bad_blob_is_decoded_once_however_often_it_is_read() {
    for integrity in INTEGRITY {
        let whole = Fixture::new(Packing::Lzx(32768), integrity, vec![text(1, 1_000_000), text(2, 10_000)]);
        let mut built = whole.built.clone();
        built.flip(whole.place(0).chunks[0].end - 10, 2);
        built.flip(whole.place(1).range.end - 10, 2);
        let fixture = Fixture::open(built, whole.files);
        let contents = strict();
        for file in 0..2 {
            damage(fixture.reads(&contents, file));
            fixture.disk.bytes_read();
            for _ in 0..1000 {
                damage(fixture.reads(&contents, file));
            }
            assert_eq!(fixture.disk.bytes_read(), 0);
        }
    }
}

#[test]
fn damage_under_an_open_reader_is_noticed_and_its_repair_too() {
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768)] {
        for integrity in INTEGRITY {
            let fixture = Fixture::new(packing, integrity, files());
            let contents = contents(0, Verify::Strict); // nothing is cached, so every read is of the file
            (0..fixture.files.len()).for_each(|file| fixture.reads(&contents, file).unwrap());
            let ends = (0..fixture.files.len()).map(|file| (file, fixture.place(file).range.end - 12));
            let tables = (0..fixture.files.len()).map(|file| (file, fixture.place(file).table.clone()));
            let starts = tables.filter(|(_, table)| !table.is_empty()).map(|(file, table)| (file, table.start));
            for (damaged, offset) in ends.chain(starts) {
                fixture.flip(offset);
                for file in 0..fixture.files.len() {
                    match fixture.reads(&contents, file) {
                        Ok(()) => assert_ne!(file, damaged, "{packing:?} {integrity:?}"),
                        Err(error) => assert_eq!(file, damaged, "{packing:?} {integrity:?}: {error:?}"),
                    }
                }
                fixture.flip(offset);
                (0..fixture.files.len()).for_each(|file| fixture.reads(&contents, file).unwrap());
            }
        }
    }
}

#[test]
fn a_real_file_damaged_cut_and_repaired_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.wim");
    for integrity in INTEGRITY {
        let fixture = Fixture::new(Packing::Xpress(32768), integrity, files());
        fixture.built.save(&path);
        let archive = Arc::new(OpenArchive::open(&path).unwrap());
        let contents = contents(0, Verify::Strict);
        let read = |file: usize| {
            let mut bytes = vec![0; fixture.files[file].len()];
            contents.read_at(&blob_of(&archive, &fixture.files[file]), 0, &mut bytes)?;
            assert!(bytes == fixture.files[file], "wrong bytes of file {file}");
            Ok(())
        };
        let all_readable = || (0..fixture.files.len()).for_each(|file| read(file).unwrap());
        all_readable();

        // Time stamps tick slowly on some file systems: each change gets one of its own.
        let mut tick = SystemTime::now() + Duration::from_secs(10);
        let mut change = |work: &dyn Fn(&mut File)| {
            let mut file = File::options().write(true).open(&path).unwrap();
            work(&mut file);
            tick += Duration::from_secs(1);
            file.set_modified(tick).unwrap();
        };
        let place = fixture.place(1).range.clone();
        let damaged = fixture.built.bytes[place.end - 12] ^ 0x80;
        change(&|file| {
            file.seek(SeekFrom::Start(place.end as u64 - 12)).unwrap();
            file.write_all(&[damaged]).unwrap();
        });
        damage(read(1));
        (0..5).filter(|&file| file != 1).for_each(|file| read(file).unwrap());

        let cut = fixture.place(3).range.start as u64 + 1;
        change(&|file| file.set_len(cut).unwrap());
        damage(read(3));
        damage(read(4));
        read(0).unwrap();
        read(2).unwrap();

        change(&|file| {
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(&fixture.built.bytes).unwrap();
        });
        all_readable();

        // A file put in its place is another file: what is open stays what it was.
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"something else").unwrap();
        all_readable();
    }
}

#[test]
fn a_file_that_changes_between_being_verified_and_being_read() {
    // The change happens right before a read of the file, whichever it is: none may let it through.
    for packing in [Packing::Stored, Packing::Lzx(32768)] {
        for integrity in [None, Some(8192)] {
            for moment in 0..60 {
                let fixture = Fixture::new(packing, integrity, vec![text(1, 150_000), text(2, 20_000)]);
                let places = [fixture.place(0).range.clone(), fixture.place(1).range.clone()];
                let mut reads = 0;
                fixture.disk.before_read(move |disk, _, _| {
                    reads += 1;
                    if reads == moment {
                        disk.write(|bytes| places.iter().for_each(|place| bytes[place.end - 3] ^= 1));
                    }
                    Ok(())
                });
                let contents = contents(0, Verify::Strict);
                for file in [0, 1, 0, 1] {
                    failing_ranges(&fixture, &contents, file); // asserts that what is read is right
                }
            }
        }
    }
}

#[test]
fn a_file_that_never_holds_still_is_read_by_its_blobs_hashes() {
    // As while somebody appends an image: every look at the file finds it changed, but the blobs are what they were.
    for packing in [Packing::Stored, Packing::Lzx(32768)] {
        for integrity in INTEGRITY {
            let fixture = Fixture::new(packing, integrity, files());
            fixture.disk.before_read(|disk, _, _| {
                disk.write(|bytes| bytes.push(0));
                Ok(())
            });
            let contents = strict();
            for file in 0..fixture.files.len() {
                fixture.reads(&contents, file).unwrap();
                assert_eq!(failing_ranges(&fixture, &contents, file), 0);
            }
        }
    }
}

/// What cannot be held until its hash has matched needs a file that holds still; it does not come to endless hashing.
#[test]
fn a_blob_too_large_to_be_held_fails_while_its_file_changes() {
    for packing in [Packing::Stored, Packing::Xpress(4096)] {
        let fixture = Fixture::new(packing, None, vec![text(1, 600_000)]);
        let changes = Arc::new(AtomicBool::new(true));
        let still_changes = Arc::clone(&changes);
        fixture.disk.before_read(move |disk, _, _| {
            if still_changes.load(Ordering::SeqCst) {
                disk.write(|bytes| bytes.push(0));
            }
            Ok(())
        });
        let contents = contents(100_000, Verify::Strict);
        let mut buf = vec![0; 4096];
        let error = contents.read_at(fixture.blob(0), 8192, &mut buf).unwrap_err();
        assert!(error.is_damage());
        let (read, stored) = (fixture.disk.bytes_read(), fixture.place(0).range.len() as u64);
        assert!(read < 3 * stored, "{packing:?}: {read} bytes read for a blob of {stored}");
        changes.store(false, Ordering::SeqCst);
        assert_eq!(failing_ranges(&fixture, &contents, 0), 0);
    }
}

#[test]
fn a_medium_that_fails_for_a_while_is_tried_again() {
    for integrity in INTEGRITY {
        let fixture = Fixture::new(Packing::Xpress(4096), integrity, vec![text(1, 3000), text(2, 400_000)]);
        let broken = Arc::new(AtomicBool::new(true));
        let is_broken = Arc::clone(&broken);
        fixture.disk.before_read(move |_, _, _| {
            if is_broken.load(Ordering::SeqCst) { Err(io::Error::other("the cable is out")) } else { Ok(()) }
        });
        let contents = strict();
        for file in 0..2 {
            let error = damage(fixture.reads(&contents, file));
            assert!(error.contains("reading"), "{error}");
        }
        broken.store(false, Ordering::SeqCst);
        (0..2).for_each(|file| fixture.reads(&contents, file).unwrap());
    }
}

#[test]
fn an_unreadable_sector_costs_only_its_own_blob() {
    let fixture = Fixture::new(Packing::Lzx(32768), Some(10 << 20), files());
    let sector = fixture.place(4).range.start as u64 + 100;
    fixture.disk.before_read(move |_, offset, len| {
        if (offset..offset + len as u64).contains(&sector) { Err(io::Error::other("bad sector")) } else { Ok(()) }
    });
    let contents = strict();
    (0..4).for_each(|file| fixture.reads(&contents, file).unwrap());
    damage(fixture.reads(&contents, 4));
}

#[test]
fn readers_during_damage_and_repair_get_right_bytes_or_errors() {
    for integrity in [None, Some(8192)] {
        let fixture = Fixture::new(Packing::Xpress(4096), integrity, files());
        let contents = contents(100_000, Verify::Strict);
        let (done, good) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for seed in 0..4 {
                let (fixture, contents, done, good) = (&fixture, &contents, &done, &good);
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    let mut buf = vec![0; 20_000];
                    while !done.load(Ordering::SeqCst) {
                        let file = random.below(5) as usize;
                        let offset = random.below(fixture.files[file].len() as u64);
                        if let Ok(filled) = contents.read_at(fixture.blob(file), offset, &mut buf) {
                            let want = testkit::naive_window(&fixture.files[file], offset, buf.len());
                            assert!(buf[..filled] == *want, "wrong bytes of file {file}");
                            good.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            let mut random = Random::new(99);
            let start = Instant::now();
            while good.load(Ordering::SeqCst) < 300 && start.elapsed() < Duration::from_secs(60) {
                let place = &fixture.place(random.below(5) as usize).range;
                let offset = place.start + random.below(place.len() as u64) as usize;
                fixture.flip(offset);
                thread::sleep(Duration::from_millis(5));
                fixture.flip(offset);
                thread::sleep(Duration::from_millis(5));
            }
            done.store(true, Ordering::SeqCst);
        });
        assert!(good.into_inner() >= 300, "hardly anything could be read");
        (0..5).for_each(|file| fixture.reads(&contents, file).unwrap());
    }
}

/// Cut at many points, an archive that still opens gives right bytes or errors.
#[test]
fn a_file_cut_anywhere_while_it_is_open() {
    for packing in [Packing::Stored, Packing::Xpress(32768)] {
        let whole = Fixture::new(packing, Some(8192), vec![text(1, 20_000), text(2, 200_000), text(3, 40_000)]);
        let Built { bytes, .. } = &whole.built;
        for len in (0..bytes.len()).step_by(bytes.len() / 23) {
            let fixture = Fixture::open(whole.built.clone(), whole.files.clone());
            let contents = strict();
            fixture.disk.write(|bytes| bytes.truncate(len));
            for file in 0..3 {
                let result = fixture.reads(&contents, file);
                let there = fixture.place(file).range.end <= len;
                assert_eq!(result.is_ok(), there, "file {file} cut to {len}");
            }
        }
    }
}
