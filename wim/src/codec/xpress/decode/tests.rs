use super::super::super::testing::xpress::{Writer, expand, symbol, write};
use super::super::super::testing::{Item, Random, flips, literals};
use super::*;
use Item::Match;
use proptest::prelude::*;
use std::cell::RefCell;

/// Decodes `src` into so many bytes.
fn decode(src: &[u8], len: usize) -> Result<Vec<u8>, CodecError> {
    thread_local! {
        // One for many chunks, as readers have it.
        static DECODER: RefCell<Decoder> = RefCell::default();
    }
    let mut dst = vec![0xAA; len];
    DECODER.with_borrow_mut(|decoder| decoder.decode(src, &mut dst))?;
    Ok(dst)
}

/// The items under a code that has all their symbols, as the seed would have it.
fn encode(items: &[Item], seed: u64) -> (Vec<u8>, usize) {
    let used: Vec<_> = items.iter().map(|&item| symbol(item).0).collect();
    write(items, &Random(seed).code(&used, SYMBOLS, 15))
}

#[track_caller]
fn assert_decodes(items: &[Item]) {
    let (src, _) = encode(items, 1);
    assert!(decode(&src, expand(items).len()).unwrap() == expand(items));
}

#[test]
fn decodes_the_documented_stream() {
    let mut src = [0; 256].to_vec();
    (src[0x30], src[0x31], src[0x80], src[0x87]) = (0x20, 0x02, 0x02, 0x20);
    src.extend([0xe0, 0x1c, 0x00, 0x00, 0x05, 0xff, 0x2c, 0x01]);
    let want = [&b"ab"[..], &[b'b'; 23], b"a", &[b'a'; 303]].concat();
    assert_eq!(decode(&src, 329).unwrap(), want);
}

#[test]
fn lengths_around_their_borders() {
    for length in [3, 16, 17, 18, 19, 272, 273, 274, 1000, 65534] {
        let items = [literals(b"xy"), vec![Match { offset: 2, length }]].concat();
        assert_decodes(&items);
    }
    // A length that would fit in one byte may have two.
    let mut lengths = [0; SYMBOLS];
    (lengths[0x61], lengths[256 + 15]) = (1, 1);
    let (_, table_len) = write(&[], &lengths);
    for value in [0_u16, 3, 14, 15, 269] {
        let (table, mut writer) = (write(&[], &lengths).0[..table_len].to_vec(), Writer::default());
        writer.bits(0b01, 2);
        writer.bytes(&[255, value.to_le_bytes()[0], value.to_le_bytes()[1]]);
        let src = [table, writer.finish().0].concat();
        let len = 1 + usize::from(value) + 3;
        assert_eq!(decode(&src, len).unwrap(), vec![b'a'; len], "{value}");
    }
}

/// The bytes of a length stand where the reader is that has taken one word more than it needs.
#[test]
fn length_bytes_at_every_place_in_a_word() {
    for before in 1..80 {
        let mut items = vec![Item::Literal(7); before];
        for length in [18, 300, 18, 40_000] {
            items.extend([Item::Literal(8), Match { offset: 1, length }]);
        }
        // Codewords of one bit for the 7s let the match begin at each bit.
        let mut lengths = [0; SYMBOLS];
        (lengths[7], lengths[8], lengths[256 + 15]) = (1, 2, 2);
        let (src, _) = write(&items, &lengths);
        assert!(decode(&src, expand(&items).len()).unwrap() == expand(&items), "{before} literals");
    }
    let mut writer = Writer::default();
    writer.bits(0, 16);
    assert_eq!(writer.bit_count() % 16, 0, "the case of a multiple of 16 bits is among them");
}

#[test]
fn offsets_at_every_power_of_two() {
    let start = literals(&(0..40_000_u32).map(|i| ((i * i) >> 7) as u8).collect::<Vec<_>>());
    for offset in (0..16).flat_map(|bits| [1 << bits, (2 << bits) - 1, (1 << bits) + (1 << bits) / 3]) {
        for length in [3, 9, 16, 17, 18, 25, 60] {
            if offset <= start.len() {
                assert_decodes(&[&start[..], &[Match { offset, length }], &literals(b"end")].concat());
            }
        }
    }
    let far = [literals(b"a"), vec![Match { offset: 1, length: 65534 }], vec![Item::Literal(b'b')]].concat();
    assert_decodes(&far);
}

/// The end mark is an ordinary match where there is room for it.
#[test]
fn symbol_256_inside_the_data() {
    assert_decodes(&[literals(b"ab"), vec![Match { offset: 1, length: 3 }; 3], literals(b"c")].concat());
}

#[test]
fn sizes_from_one_byte_to_the_largest() {
    for len in [1, 2, 3, 15, 16, 17, 33, 4095, 4096, 65535, 65536] {
        let items = Random(len as u64).items(len, 0, 3..=70);
        assert_eq!(expand(&items).len(), len);
        assert_decodes(&items);
    }
    let (src, _) = encode(&literals(b"ab"), 1);
    let error = CodecError::ChunkSize { size: 65537, most: 65536 };
    assert_eq!(decode(&src, 65537), Err(error));
    assert_eq!(decode(&src, 0), Ok(vec![]));
}

#[test]
fn says_which_rule_is_broken() {
    let code = |lengths: &[(usize, u8)]| {
        let mut all = [0; SYMBOLS];
        lengths.iter().for_each(|&(symbol, length)| all[symbol] = length);
        all
    };
    let incomplete = CodecError::IncompleteCode { code: "code", at: 0 };
    let (a, far, long) = ((usize::from(b'a'), 1), (256 + 16, 2), (256, 2));
    let cases = [
        ("over-subscribed", code(&[(1, 1), (2, 1), (3, 15)]), "", incomplete),
        ("one symbol alone", code(&[(1, 1)]), "0", incomplete),
        ("code space left over", code(&[(1, 1), (2, 2), (3, 3)]), "0", incomplete),
        ("no symbols", code(&[]), "0", CodecError::EmptyCode { code: "code", at: 0 }),
        ("match at once", code(&[a, far, long]), "10", CodecError::Offset { at: 0, offset: 1 }),
        ("match too far back", code(&[a, far, long]), "0111", CodecError::Offset { at: 1, offset: 3 }),
        ("match past the end", code(&[a, far, long]), "010", CodecError::PastEnd { end: 3 }),
    ];
    for (name, lengths, bits, want) in cases {
        let (table, mut writer) = (write(&[], &lengths).0, Writer::default());
        bits.bytes().for_each(|bit| writer.bits((bit - b'0').into(), 1));
        let src = [&table[..256], &writer.finish().0].concat();
        assert_eq!(decode(&src, 3), Err(want), "{name}");
    }
    assert_eq!(decode(&[0; 255], 1), Err(CodecError::InputEnds { at: 0 }));
}

#[test]
fn input_that_ends_early_is_an_error_and_more_than_needed_is_not() {
    for seed in 1..40 {
        let items = Random(seed).items(40 + 50 * seed as usize % 700, 0, 3..=400);
        let (mut src, needed) = encode(&items, seed);
        let want = expand(&items);
        for len in 0..needed {
            let error = decode(&src[..len], want.len()).unwrap_err();
            assert!(matches!(error, CodecError::InputEnds { .. }), "{len} of {needed} bytes: {error}");
        }
        for len in needed..=src.len() {
            assert!(decode(&src[..len], want.len()).unwrap() == want, "{len} of {needed} bytes");
        }
        for more in [1, 2, 100] {
            src.resize(src.len() + more, 0xC5);
            assert!(decode(&src, want.len()).unwrap() == want, "{more} bytes more");
        }
    }
}

#[test]
fn any_bit_may_be_wrong() {
    let items = Random(5).items(900, 0, 3..=300);
    let (src, _) = encode(&items, 5);
    let mut decoder = Decoder::default();
    let mut dst = vec![0; 900];
    let failures = flips(&src).filter(|flipped| decoder.decode(flipped, &mut dst).is_err()).count();
    assert!(failures > 100, "{failures}");
    decoder.decode(&src, &mut dst).unwrap();
    assert!(dst == expand(&items), "a decoder forgets what went wrong");
}

proptest! {
    #[test]
    fn decodes_whatever_is_written(seed: u64, len in 1_usize..5000, longest in 3_usize..2000) {
        let items = Random(seed).items(len, 0, 3..=longest);
        let (src, _) = encode(&items, seed);
        prop_assert!(decode(&src, len).unwrap() == expand(&items));
    }

    #[test]
    fn never_panics(src: Vec<u8>, lengths_from in 0_u64..9, len in 0_usize..3000) {
        // Complete codes lead further than random ones.
        let used: Vec<_> = (0..SYMBOLS).step_by(1 + lengths_from as usize).collect();
        let (table, _) = write(&[], &Random(lengths_from).code(&used, SYMBOLS, 15));
        let _ = decode(&[&table[..256], &src].concat(), len);
        let _ = decode(&src, len);
    }
}
