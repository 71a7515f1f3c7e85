//! Damage that is there when an archive is opened: an error for what is damaged, never wrong bytes, and all else stays readable.

use std::io;
use std::sync::Arc;

use fs_core::{OpenArchive, Release, Verify, wim};
use testkit::{Packing, Wim, file, root};

use crate::fixture::{
    Fixture, INTEGRITY, WAYS, blob_of, checked, contents, damage, failing_ranges, files, strict, text,
};

#[test]
fn one_flipped_bit_fails_its_blob_and_no_other() {
    for packing in Packing::USUAL {
        for (integrity, verify) in INTEGRITY {
            let whole = Fixture::new(packing, integrity, files());
            for damaged in 0..whole.files.len() {
                let place = whole.place(damaged).range.clone();
                for offset in [place.start, place.start + place.len() / 2, place.end - 12] {
                    let mut built = whole.built.clone();
                    built.flip(offset, 3);
                    let fixture = Fixture::open(built, whole.files.clone());
                    let contents = checked(verify);
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
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(131_072)] {
        for (integrity, verify) in INTEGRITY {
            let whole = Fixture::new(packing, integrity, vec![text(1, 1_000_000), text(2, 100_000)]);
            let mut built = whole.built.clone();
            built.flip(whole.place(0).range.end - 10, 0);
            let fixture = Fixture::open(built, whole.files);
            let contents = checked(verify);
            let failed = failing_ranges(&fixture, &contents, 0);
            assert!(failed > 0, "{packing:?} {integrity:?} {verify:?}");
            assert_eq!(failing_ranges(&fixture, &contents, 1), 0, "{packing:?} {integrity:?} {verify:?}");
        }
    }
}

#[test]
fn a_damaged_chunk_table_fails_its_blob() {
    for (integrity, verify) in INTEGRITY {
        let whole = Fixture::new(Packing::Xpress(32768), integrity, files());
        let table = whole.place(4).table.clone();
        for offset in [table.start, table.start + 3, table.end - 4] {
            let mut built = whole.built.clone();
            built.flip(offset, 4);
            let fixture = Fixture::open(built, whole.files.clone());
            let contents = checked(verify);
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
        for (integrity, verify) in INTEGRITY {
            let whole = Fixture::new(packing, integrity, files());
            for (damaged, bit) in [1, 4].into_iter().flat_map(|file| (0..24 * 8).step_by(5).map(move |bit| (file, bit)))
            {
                let mut built = whole.built.clone();
                built.flip(whole.place(damaged).entry + bit / 8, bit as u32 % 8);
                let Ok(archive) = OpenArchive::from_source("test.wim", Arc::new(built.bytes)) else { continue };
                let archive = Arc::new(archive);
                let contents = checked(verify);
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
        for (bit, verify) in (0x10 * 8..0x18 * 8).flat_map(|bit| WAYS.map(|verify| (bit, verify))) {
            let mut built = whole.built.clone();
            built.flip(bit / 8, bit as u32 % 8);
            let Ok(archive) = OpenArchive::from_source("test.wim", Arc::new(built.bytes)) else { continue };
            let archive = Arc::new(archive);
            let contents = checked(verify);
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
    for verify in WAYS {
        let contents = checked(verify);
        assert_eq!(failing_ranges(&fixture, &contents, 1), 0); // large, so that sound check blocks are hashed
        damage(fixture.reads(&contents, 0));
    }
}

#[test]
fn a_wrong_integrity_table_keeps_nothing_from_being_read() {
    let whole = Fixture::new(Packing::Lzx(32768), Some(8192), files());
    for offset in whole.built.places.integrity.clone().step_by(17) {
        let mut built = whole.built.clone();
        built.flip(offset, 1);
        let fixture = Fixture::open(built, whole.files.clone());
        for verify in WAYS {
            let contents = checked(verify);
            (0..fixture.files.len()).for_each(|file| fixture.reads(&contents, file).unwrap());
        }
    }
}

#[test]
fn a_blob_that_is_not_what_its_hash_says() {
    let liar = testkit::Blob { hash: testkit::sha1(&text(1, 90_000)), packed: testkit::stored(&text(9, 90_000)) };
    let tree = root([file("liar", text(1, 90_000)), file("honest", text(2, 90_000))]);
    for (integrity, verify) in INTEGRITY {
        let built =
            Wim { blobs: vec![liar.clone()], integrity, ..Wim::new(Packing::Xpress(32768), tree.clone()) }.build();
        let fixture = Fixture::open(built, vec![text(1, 90_000), text(2, 90_000)]);
        let contents = checked(verify);
        fixture.reads(&contents, 1).unwrap();
        if verify == Verify::Strict {
            let message = damage(fixture.reads(&contents, 0));
            assert!(message.contains("has changed: it now hashes to"), "{message}");
        }
        for release in [Release::Verified, Release::AtOnce] {
            let (_, ended) = fixture.stream(&contents, 0, release);
            assert!(ended.is_err(), "{integrity:?} {verify:?} {release:?}");
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
        let (bytes, ended) = fixture.stream(&contents, 0, Release::Verified);
        damage(ended);
        assert!(bytes.is_empty());
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
    for (integrity, verify) in INTEGRITY {
        let whole = Fixture::new(Packing::Lzx(32768), integrity, vec![text(1, 1_000_000), text(2, 10_000)]);
        let mut built = whole.built.clone();
        built.flip(whole.place(0).chunks[0].end - 10, 2);
        built.flip(whole.place(1).range.end - 10, 2);
        let fixture = Fixture::open(built, whole.files);
        let contents = checked(verify);
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
fn an_unreadable_sector_costs_only_its_own_blob() {
    let fixture = Fixture::new(Packing::Lzx(32768), Some(10 << 20), files());
    let sector = fixture.place(4).range.start as u64 + 100;
    fixture.disk.before_read(move |_, offset, len| {
        if (offset..offset + len as u64).contains(&sector) { Err(io::Error::other("bad sector")) } else { Ok(()) }
    });
    for verify in WAYS {
        let contents = checked(verify);
        (0..4).for_each(|file| fixture.reads(&contents, file).unwrap());
        damage(fixture.reads(&contents, 4));
    }
}

/// Archives whose integrity table was written over damage: the table says that they are as they were
/// when it was written, which is damaged.
#[test]
fn a_table_over_damage_vouches_for_nothing_in_strict() {
    for packing in Packing::USUAL {
        for block in [8192, 10 << 20] {
            let (fixture, damaged) = written_over_damage(packing, block);
            for cache in [64 << 20, 100_000, 0] {
                let contents = contents(cache, Verify::Strict);
                for file in 0..fixture.files.len() {
                    if damaged.contains(&file) {
                        // Parts before the whole, since a whole file is hashed as it is read.
                        let failing = failing_ranges(&fixture, &contents, file);
                        assert_eq!(failing, fixture.files[file].len().div_ceil(4096), "{packing:?} {file}");
                        damage(fixture.reads(&contents, file));
                        for release in [Release::Verified, Release::AtOnce] {
                            damage(fixture.stream(&contents, file, release).1);
                        }
                    } else {
                        fixture.reads(&contents, file).unwrap();
                    }
                }
                // Whatever the reads of other files made known, the answers stay.
                damaged.iter().for_each(|&file| _ = damage(fixture.reads(&contents, file)));
            }
        }
    }
}

/// The limit of [`Verify::Blocks`], as its documentation has it.
#[test]
fn blocks_serve_the_damage_that_their_table_covers() {
    let (fixture, damaged) = written_over_damage(Packing::Stored, 8192);
    let contents = contents(64 << 20, Verify::Blocks);
    let mut bytes = vec![0; 4096];
    let large = *damaged.last().unwrap();
    let offset = fixture.files[large].len() as u64 - 4096;
    assert_eq!(contents.read_at(fixture.blob(large), offset, &mut bytes).unwrap(), 4096);
    assert_ne!(bytes, fixture.files[large][offset as usize..]);
}

/// Files of one chunk and of several, of which some have a flipped bit that the integrity table covers.
fn written_over_damage(packing: Packing, block: usize) -> (Fixture, [usize; 2]) {
    let random = testkit::content::random;
    let files = vec![text(1, 20_000), [&random(20_000)[..], b"x"].concat(), text(3, 300_000), random(1_500_000)];
    let whole = Fixture::new(packing, Some(block), files);
    let mut built = whole.built.clone();
    let damaged = [1, 3];
    for file in damaged {
        built.flip(whole.place(file).range.end - 12, 3);
    }
    built.renew_integrity();
    (Fixture::open(built, whole.files), damaged)
}
