//! Checking archives whole.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

use fs_core::check::{CheckOptions, Checked, Event, Finding, check};
use fs_core::wim::BlobHash;
use fs_core::{OpenArchive, wim};
use testkit::{Packing, Wim, dir, file, root};

use crate::fixture::{Fixture, text};

/// Findings as short lines, and how much was checked; asserts that progress adds up.
fn checked(archive: &OpenArchive, threads: usize) -> (Vec<String>, Checked) {
    let (mut lines, mut progress) = (Vec::new(), (0, 0));
    let Ok(summary) = check::<Infallible>(archive, &CheckOptions { threads, ..CheckOptions::default() }, |event| {
        match event {
            Event::Progress { done, of } => progress = (done, of),
            Event::Found(finding) => lines.push(line(&finding)),
        }
        Ok(())
    });
    assert_eq!(progress.0, progress.1);
    (lines, summary)
}

fn line(finding: &Finding) -> String {
    match finding {
        Finding::BadBlock { offset, len, .. } => format!("block {offset} {len}"),
        Finding::BadIntegrityTable { .. } => "integrity table".to_owned(),
        Finding::BadMetadata { image, .. } => format!("metadata {image}"),
        Finding::BadBlob { blob, offset, .. } => format!("blob {blob} {offset}"),
        other => format!("{other:?}"),
    }
}

fn files() -> Vec<Vec<u8>> {
    let large = [text(3, 5_000_000), text(4, 40_000)].concat();
    vec![text(1, 20_000), text(2, 300_000), large, testkit::content::random(50_000), text(5, 1)]
}

#[test]
fn a_sound_archive_has_no_findings() {
    for packing in
        [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzx(2 << 20), Packing::Lzms(32768)]
    {
        for integrity in [None, Some(65536)] {
            let fixture = Fixture::new(packing, integrity, files());
            for threads in [1, 4] {
                let (findings, summary) = checked(&fixture.archive, threads);
                assert_eq!(findings, Vec::<String>::new(), "{packing:?} {integrity:?}");
                assert_eq!((summary.archives, summary.images, summary.blobs), (1, 1, 5));
                assert_eq!(summary.blocks > 0, integrity.is_some());
                let metadata = fixture.archive.wim.blobs().metadata()[0].size();
                assert_eq!(summary.bytes, metadata + fixture.files.iter().map(|data| data.len() as u64).sum::<u64>());
            }
        }
    }
}

#[test]
fn each_byte_is_read_once_for_its_block_and_once_for_its_blob() {
    for (integrity, times) in [(None, 1), (Some(65536), 2)] {
        let fixture = Fixture::new(Packing::Xpress(32768), integrity, files());
        checked(&fixture.archive, 3);
        let (read, size) = (fixture.disk.bytes_read(), fixture.built.bytes.len() as u64);
        assert!(read <= size * times + 2000, "{read} bytes read of a file of {size}");
    }
}

#[test]
fn damage_is_named_where_it_is() {
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(131_072)] {
        for integrity in [None, Some(65536)] {
            let whole = Fixture::new(packing, integrity, files());
            for damaged in 0..whole.files.len() {
                let place = whole.place(damaged).range.clone();
                let offset = place.start + place.len() / 2;
                let mut built = whole.built.clone();
                built.flip(offset, 5);
                let fixture = Fixture::open(built, whole.files.clone());
                let mut want = Vec::new();
                if let Ok(Some(table)) = fixture.archive.wim.integrity() {
                    let offset = offset as u64;
                    let block = table.block_range(table.blocks_of(offset..offset + 1).unwrap().start);
                    want.push(format!("block {} {}", block.start, block.end - block.start));
                }
                want.push(format!("blob {} {}", BlobHash::of(&fixture.files[damaged]), place.start));
                want.sort();
                for threads in [1, 3] {
                    let (mut findings, summary) = checked(&fixture.archive, threads);
                    findings.sort();
                    assert_eq!(findings, want, "{packing:?} file {damaged}");
                    assert_eq!(summary.blobs, 5, "the others are checked all the same");
                }
            }
        }
    }
}

#[test]
fn damaged_metadata_and_tables_are_named() {
    let tree = |seed| root([dir("folder", [file("a", text(seed, 5000))])]);
    let images = [testkit::Image::new("one", tree(1)), testkit::Image::new("two", tree(2))];
    let whole = Wim { integrity: Some(1 << 20), ..Wim::of(Packing::Lzx(32768), images) }.build();
    let findings = |built: testkit::Built| {
        let archive = OpenArchive::from_source("test.wim", Arc::new(built.bytes)).unwrap();
        checked(&archive, 2).0
    };
    assert_eq!(findings(whole.clone()), Vec::<String>::new());

    let mut built = whole.clone();
    built.flip(whole.places.metadata[1].range.start + 20, 0);
    let found = findings(built);
    assert_eq!(found[0], "metadata 2");
    assert!(found[1].starts_with("block 208 "), "{found:?}");
    assert_eq!(found.len(), 2);

    let mut built = whole.clone();
    built.flip(whole.places.integrity.start, 0);
    assert_eq!(findings(built), ["integrity table"]);

    let mut built = whole.clone();
    built.flip(whole.places.integrity.end - 1, 0);
    let len = whole.places.blob_table.end - 208;
    assert_eq!(findings(built), [format!("block 208 {len}")]);
}

#[test]
fn a_table_of_absurd_sizes_is_checked_at_once() {
    let mut built = Fixture::new(Packing::Xpress(32768), None, vec![text(1, 100_000), text(2, 100_000)]).built;
    let entry = built.places.resources[0].entry;
    built.bytes[entry + 16..entry + 24].copy_from_slice(&(1_u64 << 60).to_le_bytes()); // its uncompressed size
    let archive = OpenArchive::from_source("test.wim", Arc::new(built.bytes)).unwrap();
    let worker = thread::spawn(move || checked(&archive, 2).0);
    assert!(testkit::eventually(|| worker.is_finished()), "still at it");
    let findings = worker.join().unwrap();
    assert!(findings.len() == 1 && findings[0].starts_with("blob "), "{findings:?}");
}

#[test]
fn findings_are_damage_and_warnings_are_not() {
    let damage = Finding::BadIntegrityTable { error: wim::Error::NotWim.to_string() };
    let warning = Finding::Warning { image: None, warning: "odd".into() };
    assert!(damage.is_damage() && !warning.is_damage());
}

/// The same files in a solid resource, whose chunks some blobs share and others cross.
fn solid(packing: Packing, integrity: Option<usize>) -> Fixture {
    let entries: Vec<_> = (0..).zip(files()).map(|(index, data): (u32, _)| file(&index.to_string(), data)).collect();
    let wim = Wim { integrity, ..Wim::new(Packing::Lzx(32768), root(entries)).solid(packing) };
    Fixture::open(wim.build(), files())
}

#[test]
fn solid_resources_are_decoded_once() {
    for (packing, integrity) in [(Packing::Xpress(65536), None), (Packing::Lzx(1 << 20), Some(65536))] {
        let fixture = solid(packing, integrity);
        for threads in [1, 4] {
            let (findings, summary) = checked(&fixture.archive, threads);
            assert_eq!((findings, summary.blobs), (Vec::new(), 5), "{packing:?}");
            let times = 1 + u64::from(integrity.is_some());
            let (read, size) = (fixture.disk.bytes_read(), fixture.built.bytes.len() as u64);
            assert!(read <= size * times + 2000, "{read} bytes read of a file of {size}");
        }
    }
}

#[test]
fn damage_in_solid_resources_is_named() {
    let whole = solid(Packing::Stored, None);
    let chunks = whole.built.places.solid[0].chunks.clone();
    let mut start = 0;
    for damaged in 0..whole.files.len() {
        // The first byte, one in the middle, the last: chunks are raw, so that a bit is one blob's.
        let len = whole.files[damaged].len();
        for at in [start, start + len / 2, start + len - 1] {
            let mut built = whole.built.clone();
            built.flip(chunks[at / 32768].start + at % 32768, 5);
            let fixture = Fixture::open(built, whole.files.clone());
            let (findings, summary) = checked(&fixture.archive, 3);
            assert_eq!(findings, [format!("blob {} 208", BlobHash::of(&whole.files[damaged]))], "{at}");
            assert_eq!(summary.blobs, 5);
        }
        start += len;
    }
}

#[test]
fn a_solid_chunk_that_does_not_decode_costs_the_blobs_in_it() {
    let mut built = solid(Packing::Xpress(65536), None).built;
    let chunk = built.places.solid[0].chunks[3].clone();
    built.bytes[chunk].fill(0xFF);
    let fixture = Fixture::open(built, files());
    let (findings, _) = checked(&fixture.archive, 3);
    assert_eq!(findings, [format!("blob {} 208", BlobHash::of(&files()[1]))], "bytes 196608 to 262143 are file 1's");
}

#[test]
fn chunks_above_the_limit_are_findings() {
    let options = CheckOptions { max_chunk_bytes: 65535, ..CheckOptions::default() };
    let own = Fixture::new(Packing::Lzms(65536), None, files());
    // In a solid resource all files share the chunks; of the others only two fill one.
    for (what, fixture, count) in [("solid", solid(Packing::Xpress(65536), None), 5), ("own", own, 2)] {
        let mut found = Vec::new();
        let Ok(_) = check::<Infallible>(&fixture.archive, &options, |event| {
            if let Event::Found(Finding::BadBlob { error, .. }) = event {
                found.push(error.to_string());
            }
            Ok(())
        });
        assert_eq!(found.len(), count, "{what}: {found:?}");
        assert!(found.iter().all(|error| error.contains("chunk of the resource")), "{what}: {found:?}");
    }
}

/// Ten thousand rows for data that is not there: findings come before the last of them is checked.
#[test]
fn findings_are_not_held_back() {
    let blob =
        |number: u32| testkit::Blob { hash: testkit::sha1(&number.to_le_bytes()), packed: testkit::stored(b"x") };
    let wim = Wim { blobs: (0..10_000).map(blob).collect(), ..Wim::new(Packing::Stored, root([file("f", "sound")])) };
    let archive = OpenArchive::from_source("test.wim", Arc::new(wim.build().bytes)).unwrap();
    let (mut found, mut first) = (0, None);
    let Ok(_) = check::<Infallible>(&archive, &CheckOptions::default(), |event| {
        match event {
            Event::Found(_) => found += 1,
            Event::Progress { done, of } if found > 0 => _ = first.get_or_insert((done, of)),
            Event::Progress { .. } => {}
        }
        Ok(())
    });
    assert_eq!(found, 10_000);
    assert!(first.is_some_and(|(done, of)| done < of), "{first:?}");
}
