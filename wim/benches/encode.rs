//! Encoding chunks of testkit's text, code and noise, and of what is hard to search.

use std::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use testkit::content;
use wim::codec::{lzx, xpress};
use wim::{Compression, Encoder, Level};

/// The usual chunk of XPRESS and LZX.
const CHUNK: usize = 32768;
/// Bytes of each kind.
const SIZE: usize = 1 << 20;
const KINDS: [&str; 5] = ["text", "exe", "random", "zeros", "period 300"];

fn main() {
    divan::main();
}

fn data(kind: &str) -> Vec<u8> {
    match kind {
        "period 300" => content::random(300).into_iter().cycle().take(SIZE).collect(),
        _ => content::of_kind(kind, SIZE),
    }
}

fn bench(
    bencher: Bencher<'_, '_>,
    (compression, level): (Compression, Level),
    kind: &str,
    mut decode: impl FnMut(&[u8], &mut [u8]),
) {
    let data = data(kind);
    let mut encoder = Encoder::new(compression, level, CHUNK as u32).expect("a usual size");
    let (mut encoded, mut decoded) = (vec![0; CHUNK], vec![0; CHUNK]);
    for chunk in data.chunks(CHUNK) {
        if let Some(size) = encoder.encode(chunk, &mut encoded) {
            decode(&encoded[..size], &mut decoded);
            assert!(decoded == chunk, "a wrong result has no speed");
        }
    }
    bencher.counter(BytesCount::new(data.len())).bench_local(|| {
        for chunk in data.chunks(CHUNK) {
            black_box(encoder.encode(black_box(chunk), &mut encoded));
        }
    });
}

fn bench_xpress(bencher: Bencher<'_, '_>, level: Level, kind: &str) {
    let mut decoder = xpress::Decoder::default();
    let decode = |src: &[u8], dst: &mut [u8]| decoder.decode(src, dst).expect("a sound chunk");
    bench(bencher, (Compression::Xpress, level), kind, decode);
}

fn bench_lzx(bencher: Bencher<'_, '_>, level: Level, kind: &str) {
    let mut decoder = lzx::Decoder::default();
    let decode = |src: &[u8], dst: &mut [u8]| decoder.decode(src, dst, CHUNK as u32).expect("a sound chunk");
    bench(bencher, (Compression::Lzx, level), kind, decode);
}

#[divan::bench(args = KINDS)]
fn xpress_fast(bencher: Bencher<'_, '_>, kind: &str) {
    bench_xpress(bencher, Level::Fast, kind);
}

#[divan::bench(args = KINDS)]
fn xpress_default(bencher: Bencher<'_, '_>, kind: &str) {
    bench_xpress(bencher, Level::Default, kind);
}

#[divan::bench(args = KINDS)]
fn xpress_max(bencher: Bencher<'_, '_>, kind: &str) {
    bench_xpress(bencher, Level::Max, kind);
}

#[divan::bench(args = KINDS)]
fn lzx_fast(bencher: Bencher<'_, '_>, kind: &str) {
    bench_lzx(bencher, Level::Fast, kind);
}

#[divan::bench(args = KINDS)]
fn lzx_default(bencher: Bencher<'_, '_>, kind: &str) {
    bench_lzx(bencher, Level::Default, kind);
}

#[divan::bench(args = KINDS)]
fn lzx_max(bencher: Bencher<'_, '_>, kind: &str) {
    bench_lzx(bencher, Level::Max, kind);
}
