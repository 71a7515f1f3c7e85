use std::cell::RefCell;
use std::collections::HashMap;

use super::super::matches::steps;
use super::super::testing::Random;
use super::super::{lzms, lzx, xpress};
use super::*;
use crate::BlobHash;
use proptest::prelude::*;

const LEVELS: [Level; 3] = [Level::Fast, Level::Default, Level::Max];
const CODECS: [(Compression, std::ops::RangeInclusive<u32>); 3] =
    [(Compression::Xpress, 12..=16), (Compression::Lzx, 15..=21), (Compression::Lzms, 15..=18)];

/// Encodes a chunk, checks that decoding the result restores it, and returns the result.
fn round_trip(compression: Compression, level: Level, chunk_size: u32, chunk: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        // One for many chunks, as writers have it: nothing may be left of the chunk before.
        static ENCODERS: RefCell<HashMap<(Compression, Level, u32), Encoder>> = RefCell::default();
        static DECODERS: RefCell<(xpress::Decoder, lzx::Decoder, lzms::Decoder)> = RefCell::default();
    }
    let mut encoded = vec![0xAA; chunk.len()];
    let size = ENCODERS.with_borrow_mut(|encoders| {
        let encoder = encoders
            .entry((compression, level, chunk_size))
            .or_insert_with(|| Encoder::new(compression, level, chunk_size).unwrap());
        encoder.encode(chunk, &mut encoded)
    })?;
    assert!(size < chunk.len(), "{size} of {} bytes", chunk.len());
    encoded.truncate(size);
    let mut decoded = vec![0xAA; chunk.len()];
    let name = || format!("{compression} {level:?}, {} bytes in chunks of {chunk_size}", chunk.len());
    DECODERS
        .with_borrow_mut(|(xpress, lzx, lzms)| match compression {
            Compression::Xpress => xpress.decode(&encoded, &mut decoded),
            Compression::Lzx => lzx.decode(&encoded, &mut decoded, chunk_size),
            _ => lzms.decode(&encoded, &mut decoded),
        })
        .unwrap_or_else(|error| panic!("{}: {error}", name()));
    assert!(decoded == chunk, "{}: other bytes", name());
    Some(encoded)
}

/// Round trips at every level.
fn round_trips(compression: Compression, chunk_size: u32, chunk: &[u8]) {
    for level in LEVELS {
        round_trip(compression, level, chunk_size, chunk);
    }
}

/// Data of the kinds that encoders meet: `len` bytes of runs, copies with gaps, calls, tables of
/// numbers, words and noise.
fn structured(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut data = Vec::with_capacity(len + 1000);
    while data.len() < len {
        let most = [4, 40, 400][random.below(3)];
        let count = 1 + random.below(most);
        match random.below(7) {
            0 => data.extend(vec![random.below(256) as u8; count]),
            1 if !data.is_empty() => {
                let from = random.below(data.len());
                for index in 0..count {
                    let gap = random.below(30) == 0;
                    data.push(if gap { random.below(256) as u8 } else { data[from + index] });
                }
            }
            2 => {
                for _ in 0..count / 8 {
                    data.push(0xE8);
                    data.extend((random.below(2000) as i32 - 1000).to_le_bytes());
                    data.extend(vec![0x90; random.below(4)]);
                }
            }
            3 => (0..count as u32 / 4).for_each(|index| data.extend((index * 12 + 0x1000).to_le_bytes())),
            4 => (0..count).for_each(|_| data.extend([b"the ", b"this", b"with"][random.below(3)])),
            5 => (0..count).for_each(|_| data.push(b'a' + random.below(6) as u8)),
            _ => (0..count / 4).for_each(|_| data.push(random.below(256) as u8)),
        }
    }
    data.truncate(len);
    data
}

/// Data on which searches could take long: what repeats, and what nearly does.
fn worst(len: usize) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("zeros".to_owned(), vec![0; len])];
    for period in [2, 3, 4, 5, 7, 16, 63, 255, 256, 257, 300] {
        let noise = structured(period, 11);
        all.push((format!("period {period}"), (0..len).map(|at| noise[at % period]).collect()));
    }
    all.push(("one byte in 8 KiB differs".into(), (0..len).map(|at| u8::from(at % 8192 == 8191)).collect()));
    all.push(("runs of growing length".into(), (0..len).map(|at| u8::from((at as u32).is_power_of_two())).collect()));
    all.push(("de Bruijn".into(), de_bruijn(len)));
    all.push(("noise".into(), {
        let mut random = Random(5);
        (0..len).map(|_| random.below(256) as u8).collect()
    }));
    all.push(("noise of two".into(), {
        let mut random = Random(5);
        (0..len).map(|_| random.below(2) as u8).collect()
    }));
    all
}

/// The start of a sequence in which every four digits to base 16 occur once: each next one is the
/// largest that leads to no four digits that were there.
fn de_bruijn(len: usize) -> Vec<u8> {
    let mut seen = vec![false; 1 << 16];
    let mut last = 0_usize;
    let next = |_| {
        let next = (0..16).rev().map(|digit| (last << 4 | digit) & 0xFFFF).find(|&next| !seen[next]).unwrap_or(0);
        seen[next] = true;
        last = next;
        (next & 15) as u8
    };
    (0..len).map(next).collect()
}

#[test]
fn every_size_comes_back() {
    let data = structured(33_000, 1);
    for (compression, orders) in CODECS {
        let order = *orders.start().max(&15);
        for size in (1..600).chain(32_760..=32_768) {
            round_trips(compression, 1 << order, &data[..size]);
            round_trips(compression, 1 << order, &vec![7; size]);
        }
    }
}

#[test]
fn every_chunk_size_comes_back() {
    for (compression, orders) in CODECS {
        for order in orders {
            for size in [1 << order, (1 << order) - 1, 3 << (order - 2), 40_000.min(1 << order)] {
                round_trips(compression, 1 << order, &structured(size, u64::from(order)));
            }
        }
    }
}

#[test]
fn what_is_hard_to_search_comes_back() {
    for (name, data) in worst(1 << 15) {
        for (compression, _) in CODECS {
            for level in LEVELS {
                let size = round_trip(compression, level, 1 << 15, &data).map_or(data.len(), |encoded| encoded.len());
                let most = if name.starts_with("noise") || name == "de Bruijn" { data.len() } else { 900 };
                assert!(size <= most, "{name}, {compression} {level:?}: {size} bytes");
            }
        }
    }
    for (_, data) in worst(1 << 16) {
        round_trips(Compression::Xpress, 1 << 16, &data);
        round_trips(Compression::Lzx, 1 << 16, &data);
    }
}

#[test]
fn noise_and_nothing_stay_as_they_are() {
    let mut random = Random(3);
    let noise: Vec<u8> = (0..32_768).map(|_| random.below(256) as u8).collect();
    for (compression, _) in CODECS {
        for level in LEVELS {
            for chunk in [&noise[..], &noise[..100], b"1", b""] {
                assert_eq!(round_trip(compression, level, 1 << 15, chunk), None);
            }
        }
    }
}

#[test]
fn a_result_that_does_not_fit_is_none() {
    let chunk = structured(32_768, 2);
    for (compression, _) in CODECS {
        for level in LEVELS {
            let want = round_trip(compression, level, 1 << 15, &chunk).unwrap();
            let mut encoder = Encoder::new(compression, level, 1 << 15).unwrap();
            for room in [0, 1, 255, want.len() - 200, want.len() - 1] {
                assert_eq!(encoder.encode(&chunk, &mut vec![0; room]), None, "{compression} {level:?} in {room}");
            }
            let mut dst = vec![0; want.len() + 10];
            assert_eq!(encoder.encode(&chunk, &mut dst), Some(want.len()));
            assert_eq!(dst[..want.len()], want);
        }
    }
}

#[test]
fn higher_levels_make_smaller_chunks() {
    let data = structured(1 << 15, 4);
    for (compression, _) in CODECS {
        let sizes = LEVELS.map(|level| round_trip(compression, level, 1 << 15, &data).unwrap().len());
        assert!(sizes.is_sorted_by(|a, b| a > b), "{compression}: {sizes:?}");
    }
}

#[test]
fn chunk_sizes_are_checked() {
    let most = |compression, size| Encoder::new(compression, Level::Fast, size).err();
    let chunk_size = |size, most| Some(CodecError::ChunkSize { size, most });
    for size in [0, 4095, 4097, 1 << 17] {
        assert_eq!(most(Compression::Xpress, size), chunk_size(size as usize, 1 << 16));
    }
    for size in [1 << 14, 40_000, 1 << 22] {
        assert_eq!(most(Compression::Lzx, size), chunk_size(size as usize, 1 << 21));
    }
}

#[test]
fn levels_have_wimlibs_numbers() {
    let levels = [0, 1, 34, 35, 79, 80, 100, 101].map(Level::from_number);
    let [fast, default, max] = LEVELS.map(Some);
    assert_eq!(levels, [None, fast, fast, default, default, max, max, None]);
}

/// No data takes more than a few times as many steps as usual data; they are counted, since time
/// depends on what else the machine does.
#[test]
fn no_data_takes_long_to_search() {
    for (compression, chunk_size) in [(Compression::Xpress, 1 << 16), (Compression::Lzx, 1 << 15)] {
        for level in LEVELS {
            let steps_for = |data: &[u8]| {
                steps::take();
                round_trip(compression, level, chunk_size, data);
                steps::take()
            };
            let usual = (0..4).map(|seed| steps_for(&structured(chunk_size as usize, seed))).max().unwrap();
            for (name, data) in worst(chunk_size as usize) {
                let steps = steps_for(&data);
                assert!(steps <= 4 * usual, "{name}, {compression} {level:?}: {steps} steps, {usual} are usual");
            }
        }
    }
}

/// The bytes that each codec and level makes: a change is intended, or a fault.
#[test]
fn the_bytes_are_those_of_every_machine() {
    let golden = [
        (Compression::Xpress, Level::Fast, "2e407829637bff497a3708412a84a56e6ce114bf"),
        (Compression::Xpress, Level::Default, "237c524800ff2ce54c37d55d4b16b09088dd0da6"),
        (Compression::Xpress, Level::Max, "62a101f94c070c88d371b51255ab5f1c0db6aa2b"),
        (Compression::Lzx, Level::Fast, "2e4bd9291bbea2bd083f626c628996f8c85d2e85"),
        (Compression::Lzx, Level::Default, "91dc2feb819c02f66dc76ebd0f07fb226e674c33"),
        (Compression::Lzx, Level::Max, "c299ff4a92289eec053cd2a570a327ba1abc8679"),
    ];
    let hashes = golden.map(|(compression, level, _)| {
        let chunks = (0..20).map(|seed| structured(32_768 - 100 * seed as usize, seed));
        let encoded: Vec<u8> =
            chunks.filter_map(|chunk| round_trip(compression, level, 1 << 15, &chunk)).flatten().collect();
        (compression, level, BlobHash::of(&encoded).to_string())
    });
    assert_eq!(hashes, golden.map(|(compression, level, hash)| (compression, level, hash.to_owned())));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn structured_data_comes_back(len in 1_usize..70_000, seed in any::<u64>(), order in 12_u32..=17) {
        let data = structured(len, seed);
        for (compression, orders) in CODECS {
            let order = order.clamp(*orders.start(), *orders.end());
            for chunk in data.chunks(1 << order) {
                round_trips(compression, 1 << order, chunk);
            }
        }
    }
}
