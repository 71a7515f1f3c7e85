use super::super::super::testing::lzx::{Codes, Writer, expand, main_symbols, undo_calls};
use super::super::super::testing::{Item, Random, flips, hex, literals};
use super::*;
use Item::{Literal, Match, Repeat};
use proptest::prelude::*;
use std::cell::RefCell;

const CHUNK: usize = 32768;

/// Decodes `src` into so many bytes of a resource with chunks of 32 KiB.
fn decode(src: &[u8], len: usize) -> Result<Vec<u8>, CodecError> {
    decode_of(src, len, CHUNK)
}

fn decode_of(src: &[u8], len: usize, chunk_size: usize) -> Result<Vec<u8>, CodecError> {
    thread_local! {
        // One for many chunks, as readers have it.
        static DECODER: RefCell<Decoder> = RefCell::default();
    }
    let mut dst = vec![0xAA; len];
    DECODER.with_borrow_mut(|decoder| decoder.decode(src, &mut dst, chunk_size as u32))?;
    Ok(dst)
}

/// The output of the items of all blocks.
fn expand_all(blocks: &[&[Item]]) -> Vec<u8> {
    let (mut out, mut repeats) = (Vec::new(), [1; 3]);
    blocks.iter().for_each(|items| expand(&mut out, items, &mut repeats));
    undo_calls(&mut out);
    out
}

/// A chunk of blocks of literals and matches, every other one with an aligned offset code if
/// `aligned`.
fn encode(blocks: &[&[Item]], chunk_size: usize, aligned: bool, seed: u64) -> Vec<u8> {
    let (mut writer, mut random) = (Writer::new(chunk_size), Random(seed));
    for (index, items) in blocks.iter().enumerate() {
        let codes = Codes::for_items(items, chunk_size, aligned && index % 2 == 0, &mut random);
        writer.block(items, &codes, &mut random);
    }
    writer.finish()
}

/// Holds the blocks against what decoding them makes, with and without aligned offset codes.
#[track_caller]
fn assert_decodes(blocks: &[&[Item]], chunk_size: usize) {
    let want = expand_all(blocks);
    for aligned in [false, true] {
        let src = encode(blocks, chunk_size, aligned, 7);
        assert!(decode_of(&src, want.len(), chunk_size).unwrap() == want, "aligned: {aligned}");
    }
}

#[test]
fn decodes_what_another_encoder_made() {
    let text = "122000c20000000003000130da073efbf5fb000000000000010008011767fb3e80ed000000000000110015\
                08fb3ef3ef961b0080";
    let zeros = "3e2000800000000000000101ff07ffff00e00000000000004204cf19fbbe00e400000000000011003e08effb13f5c037";
    for (src, want) in [(text, b"abc".repeat(100)), (zeros, vec![0; 1000])] {
        assert_eq!(decode(&hex(src), want.len()).unwrap(), want);
    }
}

#[test]
fn copies_uncompressed_blocks() {
    let want: Vec<u8> = (0x41..=0x73).collect();
    let src = [hex("03600030010000000100000001000000"), want.clone(), vec![0]].concat();
    assert_eq!(decode(&src, want.len()).unwrap(), want);
    assert_eq!(decode(&src[..src.len() - 1], want.len()).unwrap(), want, "the pad byte holds nothing");
    assert_eq!(decode(&src[..src.len() - 2], want.len()), Err(CodecError::InputEnds { at: 0 }));
}

/// The padding before the bytes has 1 to 16 bits, 16 where a word is just complete; the words after
/// them continue at even offsets whatever the size.
#[test]
fn uncompressed_blocks_between_others() {
    let mut borders = 0;
    for literals_before in 1..40 {
        let (mut writer, mut random) = (Writer::new(CHUNK), Random(literals_before));
        let first = [literals(b"abcdefg"), vec![Literal(b'a'); literals_before as usize]].concat();
        let codes = Codes::for_items(&first, CHUNK, false, &mut random);
        writer.block(&first, &codes, &mut random);
        borders += usize::from(writer.bits_in_word() == 12); // four bits of the header are left, and 16 for the size
        writer.stored(b"odd", [2, 3, 5]);
        writer.stored(b"again", [3, 2, 4]);
        writer.stored(b"even", [5, 4, 3]);
        // The lengths of the block before the uncompressed ones still count.
        let last = [Repeat { index: 2, length: 4 }, Repeat { index: 1, length: 9 }, Literal(b'!')];
        let codes = Codes::for_items(&last, CHUNK, true, &mut random);
        writer.block(&last, &codes, &mut random);

        let (mut want, mut repeats) = (Vec::new(), [1; 3]);
        expand(&mut want, &first, &mut repeats);
        want.extend(b"oddagaineven");
        expand(&mut want, &last, &mut [5, 4, 3]);
        assert_eq!(decode(&writer.finish(), want.len()).unwrap(), want, "{literals_before}");
    }
    assert!(borders > 0, "the case of a word border is among them");
}

#[test]
fn repeat_offsets_trade_places() {
    let start = literals(b"0123456789abcdef");
    let queue = [3, 5, 7].map(|offset| Match { offset, length: 2 });
    for uses in [[2, 1, 0], [2, 2, 1], [1, 2, 1], [0, 1, 2], [1, 1, 1], [2, 0, 2]] {
        for length in [2, 3, 8, 9, 40] {
            let items = [&start[..], &queue, &uses.map(|index| Repeat { index, length })].concat();
            assert_decodes(&[&items], CHUNK);
        }
    }
    // At first all three are 1.
    assert_decodes(&[&[Literal(b'x'), Repeat { index: 2, length: 5 }, Repeat { index: 1, length: 2 }]], CHUNK);
    // They live on in the next block.
    assert_decodes(&[&[&start[..], &queue].concat(), &[Repeat { index: 1, length: 3 }]], CHUNK);
}

#[test]
fn lengths_around_their_borders() {
    for length in [2, 3, 7, 8, 9, 10, 16, 17, 31, 32, 33, 64, 65, 256, 257] {
        for offset in [1, 2, 3, 7, 8, 9, 15, 16, 17, 20] {
            let items = [literals(b"ABCDEFGHIJKLMNOPQRST"), vec![Match { offset, length }, Literal(b'!')]].concat();
            assert_decodes(&[&items], CHUNK);
        }
    }
}

/// Every slot of every window, with its first and last offset.
#[test]
fn offsets_in_every_slot() {
    for order in 15_usize..=21 {
        let size = 1_usize << order;
        let slots = (main_symbols(size) - 256) / 8;
        let mut items = literals(&(0..3000_u32).map(|i| ((i * i) >> 5) as u8).collect::<Vec<_>>());
        let mut at = items.len();
        while at < size - 600 {
            items.push(Match { offset: 2999, length: 257 });
            at += 257;
        }
        let mut first = 1;
        for slot in 3..slots {
            let offsets = if slot < 36 { 1 << (slot / 2 - 1) } else { 1 << 17 };
            for offset in [first, first + offsets - 1] {
                if offset <= at {
                    items.push(Match { offset, length: 2 });
                    at += 2;
                }
            }
            first += offsets;
        }
        items.extend(vec![Literal(b'.'); size - 3 - at]);
        items.extend([Match { offset: size - 3, length: 2 }, Literal(b'!')]);
        assert_eq!(first, size - 2, "slots of a window of 2 to the {order} end with the longest offset");
        assert_decodes(&[&items], size);
    }
}

#[test]
fn sizes_from_one_byte_to_the_largest() {
    for (chunk_size, len) in [(CHUNK, 1), (CHUNK, 2), (CHUNK, 10), (CHUNK, 11), (CHUNK, CHUNK - 1), (CHUNK, CHUNK)]
        .into_iter()
        .chain([(1 << 16, 100), (1 << 21, 17), (1 << 21, 70_000), (1 << 21, 1 << 21), (1 << 12, 1 << 12)])
    {
        let items = Random(len as u64).items(len, 3, 2..=257);
        assert_decodes(&[&items], chunk_size);
    }
    let src = encode(&[&literals(b"ab")], CHUNK, false, 1);
    assert_eq!(decode_of(&src, 0, CHUNK), Ok(vec![]));
    assert_eq!(decode_of(&src, CHUNK + 1, CHUNK), Err(CodecError::ChunkSize { size: CHUNK + 1, most: CHUNK }));
    let most = 1 << 21;
    assert_eq!(decode_of(&src, 2, most + 1), Err(CodecError::ChunkSize { size: most + 1, most }));
}

/// One bit may stand for the size 32768, and sizes have eight bits more where chunks are larger
/// than that.
#[test]
fn sizes_of_blocks() {
    for chunk_size in [CHUNK, 1 << 16] {
        let items = Random(3).items(CHUNK, 3, 2..=257);
        let want = expand_all(&[&items]);
        let mut random = Random(4);
        let codes = Codes::for_items(&items, chunk_size, false, &mut random);
        let mut writer = Writer::new(chunk_size);
        writer.bits(0b0011, 4);
        writer.codes(&codes, &mut random);
        writer.items(&items, &codes);
        assert!(decode_of(&writer.finish(), CHUNK, chunk_size).unwrap() == want);
        assert_decodes(&[&items], chunk_size);
    }
    let items = Random(3).items(65536, 3, 2..=257);
    assert_decodes(&[&items], 65536);
}

#[test]
fn an_aligned_code_of_three_bits_each_is_like_none() {
    let items = Random(9).items(5000, 3, 2..=257);
    let mut random = Random(9);
    let mut codes = Codes::for_items(&items, CHUNK, true, &mut random);
    codes.aligned = Some(vec![3; 8]);
    let mut writer = Writer::new(CHUNK);
    writer.block(&items, &codes, &mut random);
    assert!(decode(&writer.finish(), 5000).unwrap() == expand_all(&[&items]));
}

/// Operands are undone at and around all the borders of the filter's rules, also where a block ends
/// inside of them.
#[test]
fn call_operands() {
    let n = 300_i32;
    let at = |call: i32, operand: i32| {
        let mut chunk = vec![0x90; n as usize];
        chunk[call as usize] = 0xE8;
        chunk[call as usize + 1..][..4].copy_from_slice(&operand.to_le_bytes());
        chunk
    };
    let operand = |chunk: &[u8], call: i32| i32::from_le_bytes(chunk[call as usize + 1..][..4].try_into().unwrap());
    let cases = [
        (0, 1234, 1234), // at 0 nothing changes
        (100, 0, -100),
        (100, 99, -1),
        (100, 11_999_999, 11_999_899),
        (100, 12_000_000, 12_000_000), // beyond the file
        (100, -1, 11_999_999),
        (100, -100, 11_999_900),
        (100, -101, -101),
        (100, i32::MIN, i32::MIN),
        (n - 11, 500, 500 - (n - 11)), // the last place where a call is one
        (n - 10, 500, 500),
    ];
    for (call, stored, want) in cases {
        let chunk = at(call, stored);
        for split in [0, call as usize + 1, call as usize + 3] {
            let (first, second) = chunk.split_at(split);
            let blocks = [literals(first), literals(second)];
            let blocks: Vec<_> = blocks.iter().map(Vec::as_slice).filter(|items| !items.is_empty()).collect();
            let out = decode(&encode(&blocks, CHUNK, false, 1), n as usize).unwrap();
            assert_eq!(operand(&out, call), want, "{stored} at {call}, blocks of {split} bytes and more");
        }
        let mut writer = Writer::new(CHUNK);
        writer.stored(&chunk, [1; 3]);
        let out = decode(&writer.finish(), n as usize).unwrap();
        assert_eq!(operand(&out, call), want, "{stored} at {call}, uncompressed");
    }
    // A call code inside an operand is not a call, and the first byte after the operand can be one.
    let mut writer = Writer::new(CHUNK);
    let code = [&[0x90, 0xE8, 0xE8, 0, 0, 0, 0xE8, 7, 0, 0, 0][..], &[0x90; 20]].concat();
    writer.stored(&code, [1; 3]);
    let out = decode(&writer.finish(), code.len()).unwrap();
    assert_eq!((operand(&out, 1), operand(&out, 6)), (0xE8 - 1, 7 - 6));
    // Ten bytes are too few.
    let mut writer = Writer::new(CHUNK);
    writer.stored(&[0, 0xE8, 9, 0, 0, 0, 0, 0, 0, 0], [1; 3]);
    assert_eq!(decode(&writer.finish(), 10).unwrap()[2], 9);
}

/// The byte that begins a call may come only from a match with what stands in an operand before it.
#[test]
fn calls_that_matches_make() {
    let items = [literals(&[0x90, 0xE8, 1, 2, 3, 0, 0x91]), vec![Match { offset: 6, length: 60 }, Literal(1)]].concat();
    assert_decodes(&[&items], CHUNK);
}

/// Writes a block whose codes are given, and then these bits.
fn block_with(codes: &Codes, bits: &str) -> Vec<u8> {
    let mut writer = Writer::new(CHUNK);
    writer.header(if codes.aligned.is_some() { 2 } else { 1 }, 50);
    writer.codes(codes, &mut Random(3));
    bits.bytes().for_each(|bit| writer.bits((bit - b'0').into(), 1));
    let mut src = writer.finish();
    src.extend([0; 40]);
    src
}

fn code(symbols: usize, lengths: &[(usize, u8)]) -> Vec<u8> {
    let mut all = vec![0; symbols];
    lengths.iter().for_each(|&(symbol, length)| all[symbol] = length);
    all
}

#[test]
fn says_which_rule_is_broken() {
    let incomplete = |code| CodecError::IncompleteCode { code, at: 0 };
    let codes = |main: &[(usize, u8)], length: &[(usize, u8)], aligned: Option<&[(usize, u8)]>| Codes {
        main: code(496, main),
        length: code(249, length),
        aligned: aligned.map(|lengths| code(8, lengths)),
    };
    let (a, two) = ((usize::from(b'a'), 1), [(0, 1), (1, 1)]);
    let far = 256 + 8 * 9; // slot 9: offsets from 22
    let cases = [
        ("main code over-subscribed", codes(&[a, (1, 1), (2, 1)], &two, None), "", incomplete("main code")),
        ("main code of one", codes(&[a], &two, None), "0", incomplete("main code")),
        ("main code incomplete", codes(&[a, (1, 2)], &two, None), "0", incomplete("main code")),
        ("length code of one", codes(&[a, (1, 1)], &[(3, 1)], None), "0", incomplete("length code")),
        ("aligned code of one", codes(&[a, (1, 1)], &two, Some(&[(3, 1)])), "", incomplete("aligned offset code")),
        ("no main symbols", codes(&[], &two, None), "0", CodecError::EmptyCode { code: "main code", at: 0 }),
        (
            "no length symbols, but a length",
            codes(&[a, (256 + 7, 1)], &[], None),
            "01",
            CodecError::EmptyCode { code: "length code", at: 1 },
        ),
        (
            "no aligned symbols, but an offset",
            codes(&[a, (far, 1)], &[], Some(&[])),
            &["0".repeat(30), "1".to_owned()].concat(),
            CodecError::EmptyCode { code: "aligned offset code", at: 30 },
        ),
        ("match at once", codes(&[a, (256, 1)], &two, None), "1", CodecError::Offset { at: 0, offset: 1 }),
        ("match too far back", codes(&[a, (far, 1)], &two, None), "001000", CodecError::Offset { at: 2, offset: 22 }),
        (
            "match past the block",
            codes(&[a, (256, 1)], &two, None),
            &["0".repeat(49), "1".to_owned()].concat(),
            CodecError::PastEnd { end: 50 },
        ),
    ];
    for (name, codes, bits, want) in cases {
        assert_eq!(decode(&block_with(&codes, bits), 50), Err(want), "{name}");
    }
}

#[test]
fn blocks_of_a_wrong_kind_or_size() {
    let header = |kind, size, len| {
        let mut writer = Writer::new(CHUNK);
        writer.header(kind, size);
        decode(&[writer.finish(), vec![0; 200]].concat(), len)
    };
    for kind in [0, 4, 5, 6, 7] {
        assert_eq!(header(kind, 50, 50), Err(CodecError::BlockType { at: 0, kind: kind as u8 }));
    }
    for size in [0, 51] {
        assert_eq!(header(1, size, 50), Err(CodecError::BlockSize { at: 0, size, room: 50 }));
    }
    let mut writer = Writer::new(CHUNK);
    writer.stored(b"abc", [1, 0, 1]);
    assert_eq!(decode(&writer.finish(), 3), Err(CodecError::Offset { at: 0, offset: 0 }));
    // Repeat offsets beyond the start matter only when they are used.
    let items = [Literal(b'd'), Literal(b'e'), Repeat { index: 1, length: 2 }];
    let stored_then = |index, error| {
        let (mut writer, mut random) = (Writer::new(CHUNK), Random(1));
        writer.stored(b"abc", [99, 1, u32::MAX]);
        let items = [items[0], items[1], Repeat { index, length: 2 }];
        writer.block(&items, &Codes::for_items(&items, CHUNK, false, &mut random), &mut random);
        assert_eq!(decode(&writer.finish(), 7), error);
    };
    stored_then(1, Ok(b"abcdeee".to_vec()));
    stored_then(0, Err(CodecError::Offset { at: 5, offset: 99 }));
    stored_then(2, Err(CodecError::Offset { at: 5, offset: u32::MAX as usize }));
}

#[test]
fn runs_of_code_lengths_stay_inside_their_part() {
    // A pre-code in which 0, 17, 18 and 19 have two bits each.
    let pre = code(20, &[(0, 2), (17, 2), (18, 2), (19, 2)]);
    let part = |symbols: &[(u32, u8)]| {
        let mut writer = Writer::new(CHUNK);
        writer.header(1, 50);
        pre.iter().for_each(|&length| writer.bits(length.into(), 4));
        symbols.iter().for_each(|&(value, count)| writer.bits(value, count));
        decode(&[writer.finish(), vec![0xFF; 400]].concat(), 50).unwrap_err()
    };
    let run = CodecError::LengthRun { at: 0 };
    let zeros_51 = [(0b10, 2), (31, 5)]; // 51 zeros
    let five = zeros_51.repeat(5); // 255 of 256
    assert_eq!(part(&[&five[..], &[(0b01, 2), (0, 4)]].concat()), run, "four zeros where one has room");
    assert_eq!(part(&[&five[..], &[(0b11, 2), (0, 1), (0b00, 2)]].concat()), run, "four times a length");
    assert_eq!(part(&zeros_51.repeat(6)), run);
    for symbol in [0b01, 0b10, 0b11] {
        assert_eq!(part(&[(0b11, 2), (0, 1), (symbol, 2)]), run, "a run of a run");
    }
    // One zero fills the part, and the next one's pre-code of all ones is over-subscribed.
    let next = CodecError::IncompleteCode { code: "pre-code", at: 0 };
    assert_eq!(part(&[&five[..], &[(0b00, 2)], &[(u32::MAX, 32); 3]].concat()), next);
}

#[test]
fn input_that_ends_early_is_an_error_and_more_than_needed_is_not() {
    for seed in 1..25 {
        let mut random = Random(seed);
        let blocks = [300, 1 + 40 * seed as usize, 77].map(|len| random.items(len, 3, 2..=257));
        // Each block can reach back only to its own start here, which is allowed.
        let blocks: Vec<_> = blocks.iter().map(Vec::as_slice).collect();
        let mut src = encode(&blocks, CHUNK, seed % 2 == 0, seed);
        let want = expand_all(&blocks);
        for len in 0..src.len() {
            let error = decode(&src[..len], want.len()).unwrap_err();
            assert!(matches!(error, CodecError::InputEnds { .. }), "{len} of {} bytes: {error}", src.len());
        }
        assert!(decode(&src, want.len()).unwrap() == want);
        // Quirk: old versions of wimlib (about 1.6) wrote a word of zeros after their chunks.
        for more in [1, 2, 100] {
            src.resize(src.len() + more, if more == 2 { 0 } else { 0xC5 });
            assert!(decode(&src, want.len()).unwrap() == want, "{more} bytes more");
        }
    }
}

#[test]
fn any_bit_may_be_wrong() {
    let items = Random(5).items(900, 3, 2..=257);
    let mut decoder = Decoder::default();
    let mut dst = vec![0; 900];
    for aligned in [false, true] {
        let src = encode(&[&items], CHUNK, aligned, 5);
        let decode = |flipped: Vec<u8>| decoder.decode(&flipped, &mut dst, CHUNK as u32);
        let failures = flips(&src).map(decode).filter(Result::is_err).count();
        assert!(failures > 500, "{failures}");
        decoder.decode(&src, &mut dst, CHUNK as u32).unwrap();
        assert!(dst == expand_all(&[&items]), "a decoder forgets what went wrong");
    }
}

proptest! {
    #[test]
    fn decodes_whatever_is_written(seed: u64, sizes in prop::collection::vec(1_usize..3000, 1..5), order in 15_usize..=21) {
        let mut random = Random(seed);
        let blocks: Vec<_> = sizes.iter().map(|&size| random.items(size, 3, 2..=257)).collect();
        let blocks: Vec<_> = blocks.iter().map(Vec::as_slice).collect();
        let src = encode(&blocks, 1 << order, true, seed);
        let want = expand_all(&blocks);
        prop_assert!(decode_of(&src, want.len(), 1 << order).unwrap() == want);
    }

    #[test]
    fn undoes_calls_as_the_plain_filter_does(seed: u64, len in 0_usize..700) {
        let mut random = Random(seed);
        let mut chunk: Vec<u8> = (0..len).map(|_| [0xE8, 0, 0xFF, random.below(256) as u8][random.below(4)]).collect();
        let mut want = chunk.clone();
        undo_calls(&mut want);
        call_filter::undo(&mut chunk);
        prop_assert_eq!(chunk, want);
    }

    #[test]
    fn never_panics(seed: u64, src: Vec<u8>, len in 0_usize..3000, order in 15_usize..=21) {
        let _ = decode_of(&src, len, 1 << order);
        // Valid codes lead further than random ones.
        let mut random = Random(seed);
        let symbols = random.items(600, 3, 2..=257);
        let codes = Codes::for_items(&symbols, 1 << order, seed % 2 == 0, &mut random);
        let mut writer = Writer::new(1 << order);
        writer.header(if codes.aligned.is_some() { 2 } else { 1 }, len);
        writer.codes(&codes, &mut random);
        let _ = decode_of(&[writer.finish(), src].concat(), len, 1 << order);
    }
}
