use proptest::prelude::*;
use testkit::lzms::{Item, encode, expand, write, x86};

use super::super::CodecError;
use super::super::testing::{Random, flips, hex};
use super::Decoder;
use super::slots::{LENGTH_SLOTS, LENGTHS, OFFSETS};
use super::x86_filter::X86Filter;

fn decode(src: &[u8], len: usize) -> Result<Vec<u8>, CodecError> {
    let mut dst = vec![0xAA; len];
    Decoder::default().decode(src, &mut dst).map(|()| dst)
}

/// The output of a chunk of these items.
fn content_of(items: &[Item]) -> Vec<u8> {
    let mut content = expand(items);
    x86::undo(&mut content);
    content
}

#[track_caller]
fn assert_decodes(items: &[Item]) {
    let want = content_of(items);
    assert!(decode(&write(items, want.len()), want.len()).unwrap() == want, "{} items", items.len());
}

fn literals(bytes: &[u8]) -> Vec<Item> {
    bytes.iter().map(|&byte| Item::Literal(byte)).collect()
}

/// Items of all kinds that make exactly `len` bytes, some of which look like code.
fn random_items(random: &mut Random, len: usize) -> Vec<Item> {
    const CODE: [u8; 12] = [0x48, 0x8B, 0x05, 0x4C, 0x8D, 0xE8, 0xE9, 0xF0, 0x83, 0xFF, 0x15, 0];
    // Four literals, so that every offset of the first queues can be used.
    let mut items = literals(&[7, 5, 0x48, 0x8B, 0x0D][..len.min(5)]);
    let mut at = items.len();
    while at < len {
        let spread = [2, 8, 30, 3000][random.below(4)];
        let length = (1 + random.below(spread)).min(len - at) as u32;
        let nearest = [at, at, at.min(10), at.min(40)][random.below(4)];
        let item = match random.below(8) {
            0 => repeat(random, &items, length, false),
            1 => repeat(random, &items, length, true),
            2 | 3 => Item::Match { offset: 1 + random.below(nearest) as u32, length },
            4 => delta(random, at, length),
            _ => Item::Literal(if random.below(2) == 0 { CODE[random.below(12)] } else { random.below(256) as u8 }),
        };
        items.push(item);
        at += match item {
            Item::Literal(_) => 1,
            _ => length as usize,
        };
    }
    items
}

/// A repeat. All that can be repeated reaches back to the start at most, since no item before
/// reached further.
fn repeat(random: &mut Random, items: &[Item], length: u32, is_delta: bool) -> Item {
    let index = random.below(3);
    debug_assert!(items.len() >= 5);
    if is_delta { Item::RepeatDelta { index, length } } else { Item::Repeat { index, length } }
}

fn delta(random: &mut Random, at: usize, length: u32) -> Item {
    let most = (0..8).take_while(|power| 2 << power <= at).count();
    let power = random.below(most) as u32;
    Item::Delta { power, raw: 1 + random.below(((at >> power) - 1).min(900)) as u32, length }
}

#[test]
fn decodes_what_another_encoder_made() {
    let triples: Vec<u8> = (0..1024_u32).map(|i| (i * 3) as u8).collect();
    let cases = [
        ("ee64d0ff000000c01f636261", b"abc".repeat(100)),
        ("ff6bd0ff000000b0d3500000", vec![0; 1000]),
        ("3f65d0ff0000a41a0a060300", triples),
    ];
    for (src, want) in cases {
        assert_eq!(decode(&hex(src), want.len()).unwrap(), want);
    }
}

/// All sequences of a few kinds of items: an item never sees the offset of the item just before it.
#[test]
fn repeats_after_anything() {
    let kinds = [
        Item::Literal(9),
        Item::Match { offset: 5, length: 2 },
        Item::Delta { power: 1, raw: 2, length: 3 },
        Item::Repeat { index: 0, length: 1 },
        Item::Repeat { index: 1, length: 1 },
        Item::Repeat { index: 2, length: 1 },
        Item::RepeatDelta { index: 0, length: 1 },
        Item::RepeatDelta { index: 1, length: 1 },
        Item::RepeatDelta { index: 2, length: 1 },
    ];
    let start = literals(&[1, 20, 11, 94, 240, 133, 50, 77]);
    let mut decoder = Decoder::default();
    for sequence in 0..9_usize.pow(4) {
        let items = (0..4).map(|place| kinds[sequence / 9_usize.pow(place) % 9]);
        let items: Vec<_> = start.iter().copied().chain(items).collect();
        let want = content_of(&items);
        let mut dst = vec![0xAA; want.len()];
        decoder.decode(&write(&items, want.len()), &mut dst).unwrap();
        assert_eq!(dst, want, "{items:?}");
    }
}

/// The number of offset slots is that of the chunk, however short it is.
#[test]
fn chunks_of_every_small_size() {
    assert_eq!(decode(&write(&[], 0), 0).unwrap(), []);
    for len in 1..300 {
        assert_decodes(&random_items(&mut Random(len as u64), len));
        let far = len.saturating_sub(1).max(1) as u32;
        assert_decodes(&[literals(&[3; 1]), vec![Item::Match { offset: 1, length: far }]].concat());
        assert_decodes(&[literals(&vec![3; len]), vec![Item::Match { offset: len as u32, length: 1 }]].concat());
    }
}

/// Codes are rebuilt after just so many symbols, and the chunk may end there.
#[test]
fn codes_are_rebuilt_on_time() {
    let mut random = Random(1);
    for count in [511, 512, 513, 1023, 1024, 1025, 2048, 2049, 5000] {
        let bytes: Vec<u8> = (0..count).map(|_| random.below(4).pow(4) as u8).collect();
        assert_decodes(&literals(&bytes));
        let seven = literals(&[1, 2, 3, 4, 5, 6, 7]);
        let offsets = (0..count).map(|_| Item::Match { offset: 1 + random.below(7) as u32, length: 1 });
        assert_decodes(&seven.iter().copied().chain(offsets).collect::<Vec<_>>());
        let deltas = (0..count).map(|_| delta(&mut random, 7, 1));
        assert_decodes(&seven.iter().copied().chain(deltas).collect::<Vec<_>>());
    }
}

/// Every offset slot and every length slot at its first and last value, up to the longest match
/// there can be in 4 MiB.
#[test]
fn offsets_and_lengths_of_every_slot() {
    let size = 1 << 22;
    let mut items = literals(&[1, 2, 3, 5]);
    let mut at = items.len();
    for slot in 0..LENGTH_SLOTS {
        let (first, next) = (LENGTHS.base(slot), LENGTHS.base(slot + 1).min(200_000));
        for length in [first, next - 1] {
            items.push(Item::Match { offset: 4, length });
            items.push(Item::Literal(slot as u8));
            at += length as usize + 1;
        }
    }
    for slot in 0..OFFSETS.needed(size - 1) {
        let (first, next) = (OFFSETS.base(slot) as usize, OFFSETS.base(slot + 1) as usize);
        for offset in [first, (next - 1).min(size - 1)] {
            let missing = offset.saturating_sub(at);
            if missing > 0 {
                items.push(Item::Match { offset: 3, length: missing as u32 });
            }
            items.push(Item::Match { offset: offset as u32, length: 2 });
            at += missing + 2;
        }
    }
    let want = content_of(&items);
    let decoded = decode(&write(&items, want.len()), want.len()).unwrap();
    assert!(decoded == want && want.len() > size);
}

#[test]
fn differences_may_overlap_in_any_way() {
    for power in 0..8 {
        for raw in [1, 2, 3, 7] {
            let before = ((raw as usize + 1) << power) + 3;
            let start: Vec<u8> = (0..before).map(|i| (i * i + i / 3) as u8).collect();
            for length in [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 500] {
                assert_decodes(&[literals(&start), vec![Item::Delta { power, raw, length }]].concat());
            }
        }
    }
}

#[test]
fn says_which_rule_is_broken() {
    let start = literals(b"abcd");
    let cases = [
        ("match at once", vec![Item::Match { offset: 1, length: 2 }], CodecError::Offset { at: 0, offset: 1 }),
        ("repeat at once", vec![Item::Repeat { index: 2, length: 2 }], CodecError::Offset { at: 0, offset: 3 }),
        (
            "match too far back",
            [&start[..], &[Item::Match { offset: 5, length: 2 }]].concat(),
            CodecError::Offset { at: 4, offset: 5 },
        ),
        (
            "differences too far back",
            [&start[..], &[Item::Delta { power: 1, raw: 2, length: 2 }]].concat(),
            CodecError::Offset { at: 4, offset: 4 },
        ),
        (
            "differences without a byte to differ from",
            [&start[..], &[Item::Delta { power: 0, raw: 4, length: 2 }]].concat(),
            CodecError::Offset { at: 4, offset: 4 },
        ),
        (
            "match past the end",
            [&start[..], &[Item::Match { offset: 4, length: 47 }]].concat(),
            CodecError::PastEnd { end: 50 },
        ),
        (
            "differences past the end",
            [&start[..], &[Item::Delta { power: 0, raw: 1, length: 47 }]].concat(),
            CodecError::PastEnd { end: 50 },
        ),
        ("nothing behind the start", start.clone(), CodecError::InputEnds { at: 50 }),
    ];
    for (name, items, want) in cases {
        let error = decode(&write(&items, 50), 50).unwrap_err();
        match want {
            CodecError::InputEnds { .. } => assert!(matches!(error, CodecError::InputEnds { .. }), "{name}: {error}"),
            _ => assert_eq!(error, want, "{name}"),
        }
    }
    for size in [0, 1, 2, 3, 5, 7] {
        assert_eq!(decode(&vec![0; size], 50), Err(CodecError::InputSize { size }));
    }
    // A chunk of one byte has no offsets, but something in it may be one.
    let error = CodecError::EmptyCode { code: "offset code", at: 0 };
    let is_match = write(&[Item::Match { offset: 1, length: 1 }], 50);
    assert_eq!(decode(&is_match, 1), Err(error));
}

/// Bytes missing at either end are an error, or other bytes are read in their place; the format
/// allows no stronger statement.
#[test]
fn input_cut_anywhere() {
    for (name, data) in [("text", testkit::content::text(3000)), ("code", testkit::content::code(3000))] {
        let src = encode(&data);
        assert!(decode(&src, data.len()).unwrap() == data);
        let mut errors = 0;
        for len in 0..src.len() {
            for cut in [&src[..len], &src[src.len() - len..], &[&src[..len / 2], &src[src.len() - len / 2..]].concat()]
            {
                let decoded = decode(cut, data.len());
                assert!(decoded.as_ref() != Ok(&data), "{name}: {len} of {} bytes", src.len());
                errors += usize::from(decoded.is_err());
            }
        }
        assert!(errors > 2 * src.len(), "{name}: only {errors} errors");
    }
}

#[test]
fn any_bit_may_be_wrong() {
    let items = random_items(&mut Random(5), 900);
    let (src, want) = (write(&items, 900), content_of(&items));
    let (mut decoder, mut dst) = (Decoder::default(), vec![0; 900]);
    let (mut errors, mut same) = (0, 0);
    for flipped in flips(&src) {
        match decoder.decode(&flipped, &mut dst) {
            Ok(()) => same += usize::from(dst == want),
            Err(_) => errors += 1,
        }
    }
    // The word between the streams and the last bits of each mean nothing.
    assert!(errors > 100 && same < 64, "{errors} errors, {same} without effect");
    decoder.decode(&src, &mut dst).unwrap();
    assert!(dst == want, "a decoder forgets what went wrong");
}

#[test]
fn chunks_have_at_most_1_gib() {
    let size = (1 << 30) + 1;
    let error = CodecError::ChunkSize { size, most: 1 << 30 };
    assert_eq!(Decoder::default().decode(&[0; 8], &mut vec![0; size]), Err(error));
}

proptest! {
    #[test]
    fn decodes_whatever_is_written(seed: u64, len in 0_usize..20_000) {
        let items = random_items(&mut Random(seed), len);
        let want = content_of(&items);
        prop_assert!(decode(&write(&items, len), len).unwrap() == want);
    }

    #[test]
    fn undoes_the_filter_as_the_plain_one_does(seed: u64, len in 0_usize..3000) {
        const CODE: [&[u8]; 10] = [
            &[0x48, 0x8B, 0x05], &[0x48, 0x8B, 0x0D], &[0x4C, 0x8D, 0x3D], &[0x4C, 0x8B, 0x05], &[0x48, 0x8B, 0x15],
            &[0xF0, 0x83, 0x05], &[0xFF, 0x15], &[0xE8], &[0xE9], &[0, 0, 0, 0],
        ];
        let mut random = Random(seed);
        let mut chunk = Vec::new();
        while chunk.len() < len {
            chunk.extend(CODE[random.below(10)]);
            // Few targets, so that they are met again, and some bytes that begin instructions
            // inside of others.
            let target = [0, 7, 0x48, 0xE8, 0x1_0007][random.below(5)] as u32;
            let relative = target.wrapping_sub(if random.below(2) == 0 { chunk.len() as u32 } else { 0 });
            chunk.extend(relative.to_le_bytes());
            let spread = [2, 2, 600][random.below(3)];
            chunk.resize(chunk.len() + random.below(spread), 0x90);
        }
        chunk.truncate(len);
        let (mut want, mut filter) = (chunk.clone(), X86Filter::default());
        x86::undo(&mut want);
        filter.undo(&mut chunk.clone());
        filter.undo(&mut chunk);
        prop_assert!(chunk == want);
    }

    #[test]
    fn never_panics(src: Vec<u8>, seed: u64, len in 0_usize..5000) {
        let _ = decode(&src, len);
        // Input that begins correctly reaches more code than random bytes.
        let mut random = Random(seed);
        let mut sound = write(&random_items(&mut random, 600), len.max(600));
        for _ in 0..3 {
            let at = random.below(sound.len());
            sound[at] = random.below(256) as u8;
        }
        let _ = decode(&sound, len);
    }
}
