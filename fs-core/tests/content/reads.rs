//! Blobs read back: whole and in ranges, cached and not, by one thread and by several.

use std::thread;

use crate::fixture::{Fixture, blob_of, checked, contents, strict, text};
use fs_core::{Error, Release, StreamError, Verify};
use proptest::prelude::*;
use testkit::{Packing, naive_window};

fn packing() -> impl Strategy<Value = Packing> {
    prop::sample::select(vec![
        Packing::Stored,
        Packing::Xpress(4096),
        Packing::Xpress(32768),
        Packing::Lzx(32768),
        Packing::Lzx(65536),
        Packing::Lzms(32768),
        Packing::Lzms(131_072),
    ])
}

fn file_content() -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(vec!["text", "exe", "random", "zeros"]), 0..200_000_usize, any::<u32>()).prop_map(
        |(kind, len, seed)| {
            let mut bytes = testkit::content::of_kind(kind, len);
            let mark = len.min(4);
            bytes[..mark].copy_from_slice(&seed.to_le_bytes()[..mark]);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn reads_are_windows_of_the_whole(
        packing in packing(),
        integrity in prop::sample::select(vec![None, Some(4096), Some(1 << 20)]),
        files in prop::collection::vec(file_content(), 1..4),
        windows in prop::collection::vec((0..4_usize, 0..220_000_u64, 0..220_000_usize), 1..12),
        cache in prop::sample::select(vec![0_u64, 100_000, 1 << 30]),
        verify in prop::sample::select(vec![Verify::Strict, Verify::Blocks, Verify::Off]),
    ) {
        let fixture = Fixture::new(packing, integrity, files);
        let contents = contents(cache, verify);
        for (file, offset, len) in windows {
            let data = &fixture.files[file % fixture.files.len()];
            if data.is_empty() {
                continue; // a blob of no bytes is never stored
            }
            let mut buf = vec![0xAA; len];
            let filled = contents.read_at(&blob_of(&fixture.archive, data), offset, &mut buf).unwrap();
            prop_assert!(buf[..filled] == *naive_window(data, offset, len));
        }
    }
}

#[test]
fn files_of_sizes_around_chunks() {
    for packing in Packing::USUAL {
        for integrity in [None, Some(10 << 20)] {
            let chunk = 32768;
            let sizes = [1, 2, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1, 9 * chunk + 5];
            let files = sizes.iter().enumerate().map(|(seed, &size)| text(seed + 1, size)).collect();
            let fixture = Fixture::new(packing, integrity, files);
            let contents = strict();
            for (file, data) in fixture.files.iter().enumerate() {
                let blob = fixture.blob(file);
                for offset in [0, 1, data.len() / 2, data.len() - 1, data.len(), data.len() + 1] {
                    for len in [1, chunk, data.len(), data.len() + 1] {
                        let mut buf = vec![0xAA; len];
                        let filled = contents.read_at(blob, offset as u64, &mut buf).unwrap();
                        let want = naive_window(data, offset as u64, len);
                        assert!(buf[..filled] == *want, "{packing:?} {}: {len} from {offset}", data.len());
                    }
                }
                assert!(contents.read_whole(blob, u64::MAX).unwrap() == *data);
                let over = contents.read_whole(blob, data.len() as u64 - 1);
                assert!(matches!(over, Err(Error::TooLarge { .. })));
            }
        }
    }
}

#[test]
fn what_is_cached_is_not_read_again() {
    for packing in [Packing::Lzx(32768), Packing::Xpress(4096)] {
        for integrity in [None, Some(4096)] {
            let fixture = Fixture::new(packing, integrity, vec![text(1, 10_000), text(2, 200_000)]);
            let contents = strict();
            for file in 0..2 {
                fixture.reads(&contents, file).unwrap();
                assert!(fixture.disk.bytes_read() > 0);
                fixture.reads(&contents, file).unwrap();
                assert_eq!(fixture.disk.bytes_read(), 0, "{packing:?} file {file}");
            }
        }
    }
}

#[test]
fn first_readers_of_a_blob_share_one_decoding() {
    let fixture = Fixture::new(Packing::Lzx(32768), None, vec![text(1, 2_000_000)]);
    let contents = strict();
    thread::scope(|scope| {
        for reader in 0..8_u64 {
            let (contents, fixture) = (&contents, &fixture);
            scope.spawn(move || {
                let mut buf = vec![0; 4096];
                let offset = reader * 200_001;
                contents.read_at(fixture.blob(0), offset, &mut buf).unwrap();
                assert!(buf == *naive_window(&fixture.files[0], offset, 4096));
            });
        }
    });
    // Whoever comes late for the pass finds the chunks in the cache. The table may be read by each.
    let stored = fixture.place(0).range.len() as u64;
    assert!(fixture.disk.bytes_read() < stored + stored / 4, "more was read than one pass needs");
}

#[test]
fn a_large_blob_with_check_blocks_is_not_read_whole() {
    let files = vec![testkit::content::random(100_000), [text(1, 40_000), text(2, 4_000_000)].concat()];
    for packing in [Packing::Stored, Packing::Xpress(32768)] {
        let fixture = Fixture::new(packing, Some(16384), files.clone());
        let contents = checked(Verify::Blocks);
        let mut buf = vec![0; 4096];
        // The first read pays for the blob table and the header's proof.
        contents.read_at(fixture.blob(1), 0, &mut buf).unwrap();
        fixture.disk.bytes_read();
        contents.read_at(fixture.blob(1), 2_000_000, &mut buf).unwrap();
        assert!(buf == *naive_window(&fixture.files[1], 2_000_000, 4096));
        let read = fixture.disk.bytes_read();
        assert!((1..150_000).contains(&read), "{packing:?}: {read} bytes read for 4096");
    }
}

#[test]
fn streams_hand_out_everything_in_order() {
    for packing in [Packing::Stored, Packing::Xpress(4096), Packing::Lzx(32768), Packing::Lzms(131_072)] {
        let fixture = Fixture::new(packing, None, vec![text(1, 5), text(2, 32769), text(3, 1_500_000)]);
        for (cache, verify) in [(64 << 20, Verify::Strict), (1000, Verify::Strict), (1000, Verify::Off)] {
            let contents = contents(cache, verify);
            for release in [Release::Verified, Release::AtOnce] {
                for (file, data) in fixture.files.iter().enumerate() {
                    let (all, ended) = fixture.stream(&contents, file, release);
                    ended.unwrap();
                    assert!(all == *data, "{packing:?} {cache} {release:?} file {file}");
                }
            }
        }
    }
}

#[test]
fn a_sink_that_refuses_ends_the_stream() {
    let fixture = Fixture::new(Packing::Xpress(4096), None, vec![text(1, 1_000_000)]);
    for (cache, release) in [(64 << 20, Release::Verified), (0, Release::Verified), (0, Release::AtOnce)] {
        let contents = contents(cache, Verify::Strict);
        let mut taken = 0;
        let result = contents.stream(fixture.blob(0), release, &mut |bytes| {
            taken += bytes.len();
            if taken > 300_000 { Err("full") } else { Ok(()) }
        });
        assert!(matches!(result, Err(StreamError::Sink("full"))), "{result:?}");
        assert!(taken < 400_000);
        fixture.reads(&contents, 0).expect("the blob is not to blame");
    }
}
