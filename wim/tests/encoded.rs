//! What the LZMS encoder writes, byte for byte: the same on every machine, and changes are seen.
#![expect(clippy::unwrap_used, reason = "a test")]

use testkit::{content, hex, sha1};
use wim::{Compression, Encoder, Level};

const LEVELS: [Level; 3] = [Level::Fast, Level::Default, Level::Max];

fn hash(level: Level, chunk_size: u32, chunk: &[u8]) -> String {
    let mut dst = vec![0; chunk.len()];
    let size = Encoder::new(Compression::Lzms, level, chunk_size).unwrap().encode(chunk, &mut dst).unwrap();
    hex(&sha1(&dst[..size]))[..12].to_owned()
}

/// Text, code and a table of numbers.
fn mixed(len: usize) -> Vec<u8> {
    let numbers: Vec<u8> = (0..len as u32 / 4).flat_map(u32::to_le_bytes).collect();
    [content::text(len), content::code(len), numbers].concat()
}

#[test]
fn results_are_known() {
    let cases = [
        (1 << 15, content::text(1 << 15), ["07844f1de3b2", "31ed457b5716", "17a15152a871"]),
        (1 << 17, mixed(40_000), ["918d32b36cdc", "c53bcaa8da95", "69c19be4e93a"]),
        (1 << 21, mixed(600_000), ["bcd72a4a0c0f", "3b0852d2c1da", "67e21e8bf725"]),
    ];
    let results = cases.map(|(chunk_size, chunk, want)| (LEVELS.map(|level| hash(level, chunk_size, &chunk)), want));
    for (result, want) in &results {
        assert_eq!(result, want, "{results:?}");
    }
}
