//! Decoding chunks that wimlib made of files of this system: text, programs, and a mixture.
//!
//! All chunks of a kind are decoded one after the other, so that tables and branch predictors meet
//! new data each time.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::{Bencher, counter::BytesCount};
use wim::Archive;
use wim::codec::{lzms, lzx, xpress};

/// The usual chunk of XPRESS and LZX.
const CHUNK: usize = 32768;
/// The usual chunks of LZMS: of plain resources, and of solid ones.
const PLAIN_LZMS: usize = 128 << 10;
const SOLID_LZMS: usize = 64 << 20;
/// Bytes of each kind that are compressed.
const SIZE: usize = 6 << 20;

fn main() {
    divan::main();
}

/// A compressed chunk and what it decodes to.
struct Chunk {
    src: Vec<u8>,
    want: Vec<u8>,
}

/// The contents of files under a folder, in their order, up to some bytes in all.
fn contents(folder: &Path, part_of_name: &str, limit: usize, all: &mut Vec<u8>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a directory entry").path()).collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| !path.is_symlink()) {
        if all.len() >= limit {
            return all.truncate(limit);
        }
        if path.is_dir() {
            contents(&path, part_of_name, limit, all);
        } else if path.to_string_lossy().contains(part_of_name) {
            all.extend(fs::read(path).unwrap_or_default());
        }
    }
}

/// Data of a kind.
fn data(kind: &str) -> Vec<u8> {
    let mut data = Vec::new();
    let (folders, limit): (&[(&str, &str)], usize) = match kind {
        "text" => (&[("/usr/include", ".h")], SIZE),
        "programs" => (&[("/usr/bin", ""), ("/usr/lib", ".so")], SIZE / 2),
        "mixed" => (&[("/usr/share", ""), ("/usr/lib", ""), ("/etc", "")], SIZE / 3),
        _ => panic!("no such kind: {kind}"),
    };
    for (index, (folder, part_of_name)) in folders.iter().enumerate() {
        contents(Path::new(folder), part_of_name, limit * (index + 1), &mut data);
    }
    assert!(data.len() >= SIZE / 2, "too few files for {kind}: {} bytes", data.len());
    data
}

/// The chunks that wimlib makes of `data`; those that it leaves raw are left out.
fn chunks(compression: &str, chunk_size: usize, data: &[u8]) -> Vec<Chunk> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, path) = (folder.path().join("source"), folder.path().join("a.wim"));
    fs::create_dir(&source).expect("a folder for the file");
    fs::write(source.join("file"), data).expect("the file");
    let options = [format!("--compress={compression}"), format!("--chunk-size={chunk_size}")];
    testkit::capture(&source, &path, &[&options[0], &options[1]]);
    let archive = Archive::open(Arc::new(fs::read(&path).expect("the archive"))).expect("an archive");
    let blob = archive.blobs().iter().next().expect("one blob");
    let resource = archive.resource(blob).expect("its resource");
    let chunk = |(chunk, want): (u64, &[u8])| {
        let place = resource.chunk_place(chunk);
        let mut src = vec![0; (place.end - place.start) as usize];
        archive.source().read_at(place.start, &mut src).expect("a chunk");
        Chunk { src, want: want.to_vec() }
    };
    (0..).zip(data.chunks(chunk_size)).map(chunk).filter(|chunk| chunk.src.len() < chunk.want.len()).collect()
}

fn bench(
    bencher: Bencher<'_, '_>,
    compression: &str,
    chunk_size: usize,
    kind: &str,
    mut decode: impl FnMut(&[u8], &mut [u8]),
) {
    let data = data(kind);
    let chunks = chunks(compression, chunk_size, &data);
    let mut dst = vec![0; chunk_size.min(data.len())];
    let mut size = 0;
    for Chunk { src, want } in &chunks {
        decode(src, &mut dst[..want.len()]);
        assert!(dst[..want.len()] == *want, "a wrong result has no speed");
        size += want.len();
    }
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        for Chunk { src, want } in &chunks {
            decode(black_box(src), black_box(&mut dst[..want.len()]));
        }
    });
}

#[divan::bench(args = ["text", "programs", "mixed"])]
fn lzx_32k(bencher: Bencher<'_, '_>, kind: &str) {
    let mut decoder = lzx::Decoder::default();
    bench(bencher, "LZX", CHUNK, kind, |src, dst| decoder.decode(src, dst, CHUNK as u32).expect("a sound chunk"));
}

#[divan::bench(args = ["text", "programs", "mixed"])]
fn xpress_32k(bencher: Bencher<'_, '_>, kind: &str) {
    let mut decoder = xpress::Decoder::default();
    bench(bencher, "XPRESS", CHUNK, kind, |src, dst| decoder.decode(src, dst).expect("a sound chunk"));
}

#[divan::bench(args = ["text", "programs", "mixed"], consts = [PLAIN_LZMS, SOLID_LZMS])]
fn lzms<const CHUNK_SIZE: usize>(bencher: Bencher<'_, '_>, kind: &str) {
    let mut decoder = lzms::Decoder::default();
    bench(bencher, "LZMS", CHUNK_SIZE, kind, |src, dst| decoder.decode(src, dst).expect("a sound chunk"));
}
