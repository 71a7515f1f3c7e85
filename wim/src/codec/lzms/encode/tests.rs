use testkit::content;
use testkit::lzms::x86;

use super::super::Decoder;
use super::*;

const LEVELS: [Level; 3] = [Level::Fast, Level::Default, Level::Max];

fn encode(level: Level, chunk_size: usize, chunk: &[u8]) -> Vec<u8> {
    let mut dst = vec![0xAA; chunk.len()];
    let size = Encoder::new(level, chunk_size).encode(chunk, &mut dst).unwrap();
    dst.truncate(size);
    let mut decoded = vec![0xAA; chunk.len()];
    Decoder::default().decode(&dst, &mut decoded).unwrap();
    assert!(decoded == chunk, "{level:?}");
    dst
}

/// What another encoder makes of them is the shortest there is.
#[test]
fn simple_chunks_are_as_short_as_possible() {
    for level in LEVELS {
        assert_eq!(testkit::hex(&encode(level, 1 << 15, &b"abc".repeat(100))), "ee64d0ff000000c01f636261");
        assert!(encode(level, 1 << 15, &[0; 1000]).len() <= 12);
        let triples: Vec<u8> = (0..1024_u32).map(|at| (at * 3) as u8).collect();
        assert!(encode(level, 1 << 15, &triples).len() <= 14);
    }
}

/// Matches of differences are found at every distance of bytes that is tried.
#[test]
fn tables_of_numbers_become_short() {
    for width in [1, 2, 4, 8, 16, 32] {
        let table: Vec<u8> =
            (0..60_000 / width).flat_map(|row| (0..width).map(move |at| (row * (at + 3)) as u8)).collect();
        for level in LEVELS {
            let size = encode(level, 1 << 16, &table).len();
            assert!(size < table.len() / 30, "{width} bytes, {level:?}: {size}");
        }
    }
}

#[test]
fn the_filter_is_the_plain_one() {
    let code = content::code(40_000);
    let mut filter = X86Filter::default();
    for len in [0, 17, 18, 19, 100, 4096, 40_000] {
        let (mut want, mut got) = (code[..len].to_vec(), code[..len].to_vec());
        x86::apply(&mut want);
        filter.apply(&mut got);
        assert!(got == want, "{len} bytes");
    }
}

/// A chunk's end is found from far away, in each way that large chunks are searched.
#[test]
fn large_chunks_repeat_what_is_far_away() {
    let mut chunk = content::random(3 << 20);
    chunk.extend_from_within(100..200_100);
    for level in LEVELS {
        let size = encode(level, 1 << 22, &chunk).len();
        assert!(size < (3 << 20) + 60_000, "{level:?}: {size}");
    }
}
