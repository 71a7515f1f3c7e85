//! Archives that are damaged, cut, repaired or replaced while they are open.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fs_core::{OpenArchive, Verify};
use testkit::content::Random;
use testkit::{Built, Packing};

use crate::fixture::{
    Fixture, INTEGRITY, SMALL_BLOCKS, WAYS, blob_of, checked, contents, damage, failing_ranges, files, text,
};

#[test]
fn damage_under_an_open_reader_is_noticed_and_its_repair_too() {
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(131_072)] {
        for (integrity, verify) in INTEGRITY {
            let fixture = Fixture::new(packing, integrity, files());
            let contents = contents(0, verify); // nothing is cached, so every read is of the file
            (0..fixture.files.len()).for_each(|file| fixture.reads(&contents, file).unwrap());
            let ends = (0..fixture.files.len()).map(|file| (file, fixture.place(file).range.end - 12));
            let tables = (0..fixture.files.len()).map(|file| (file, fixture.place(file).table.clone()));
            let starts = tables.filter(|(_, table)| !table.is_empty()).map(|(file, table)| (file, table.start));
            for (damaged, offset) in ends.chain(starts) {
                fixture.flip(offset);
                for file in 0..fixture.files.len() {
                    match fixture.reads(&contents, file) {
                        Ok(()) => assert_ne!(file, damaged, "{packing:?} {integrity:?} {verify:?}"),
                        Err(error) => assert_eq!(file, damaged, "{packing:?} {integrity:?} {verify:?}: {error:?}"),
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
    for (integrity, verify) in INTEGRITY {
        let fixture = Fixture::new(Packing::Xpress(32768), integrity, files());
        fixture.built.save(&path);
        let archive = Arc::new(OpenArchive::open(&path).unwrap());
        let contents = contents(0, verify);
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
        fs::rename(&path, folder.path().join("old.wim")).unwrap(); // on Windows a removed file keeps its name while open
        fs::write(&path, b"something else").unwrap();
        all_readable();
    }
}

#[test]
fn a_file_that_changes_between_being_verified_and_being_read() {
    // The change happens right before a read of the file, whichever it is: none may let it through.
    for packing in [Packing::Stored, Packing::Lzx(32768)] {
        for (integrity, verify) in SMALL_BLOCKS {
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
                let contents = contents(0, verify);
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
        for (integrity, verify) in INTEGRITY {
            let fixture = Fixture::new(packing, integrity, files());
            fixture.disk.before_read(|disk, _, _| {
                disk.write(|bytes| bytes.push(0));
                Ok(())
            });
            let contents = checked(verify);
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
    for (integrity, verify) in INTEGRITY {
        let fixture = Fixture::new(Packing::Xpress(4096), integrity, vec![text(1, 3000), text(2, 400_000)]);
        let broken = Arc::new(AtomicBool::new(true));
        let is_broken = Arc::clone(&broken);
        fixture.disk.before_read(move |_, _, _| {
            if is_broken.load(Ordering::SeqCst) { Err(io::Error::other("the cable is out")) } else { Ok(()) }
        });
        let contents = checked(verify);
        for file in 0..2 {
            let error = damage(fixture.reads(&contents, file));
            assert!(error.contains("reading"), "{error}");
        }
        broken.store(false, Ordering::SeqCst);
        (0..2).for_each(|file| fixture.reads(&contents, file).unwrap());
    }
}

#[test]
fn readers_during_damage_and_repair_get_right_bytes_or_errors() {
    for (integrity, verify) in SMALL_BLOCKS {
        let fixture = Fixture::new(Packing::Xpress(4096), integrity, files());
        let contents = contents(100_000, verify);
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
            while good.load(Ordering::SeqCst) < 300 && start.elapsed() < testkit::PATIENCE {
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
            fixture.disk.write(|bytes| bytes.truncate(len));
            for verify in WAYS {
                let contents = checked(verify);
                for file in 0..3 {
                    let result = fixture.reads(&contents, file);
                    let there = fixture.place(file).range.end <= len;
                    assert_eq!(result.is_ok(), there, "file {file} cut to {len}");
                }
            }
        }
    }
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
    for verify in WAYS {
        let contents = checked(verify);
        damage(fixture.reads(&contents, 0)); // by its own hash; this is when the change is noticed
        assert_eq!(failing_ranges(&fixture, &contents, 3), 0, "this one was never wrong");
        assert_eq!(failing_ranges(&fixture, &contents, 1), fixture.files[1].len().div_ceil(4096));
    }
}

#[test]
fn a_file_repaired_while_it_is_read_is_read_again() {
    for packing in [Packing::Stored, Packing::Xpress(4096)] {
        for (integrity, verify) in INTEGRITY {
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
            assert_eq!(failing_ranges(&fixture, &checked(verify), 0), 0, "{packing:?} {integrity:?} {verify:?}");
        }
    }
}
