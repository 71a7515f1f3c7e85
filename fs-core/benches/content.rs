//! What reading a blob costs: from the cache, and for the first time, decoded and verified.

use std::convert::Infallible;
use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use fs_core::wim::BlobHash;
use fs_core::{BlobRef, ContentOptions, Contents, OpenArchive, Release, Verify};
use testkit::{Packing, Wim, file, root};

const SIZE: usize = 8 << 20;

fn main() {
    divan::main();
}

/// A blob of text and code that lies in memory, and what it holds.
fn blob(packing: &str, integrity: Option<usize>) -> (BlobRef, Vec<u8>) {
    let packing = match packing {
        "stored" => Packing::Stored,
        "xpress" => Packing::Xpress(32768),
        "lzx" => Packing::Lzx(32768),
        other => panic!("no such packing: {other}"),
    };
    let mut data: Vec<u8> = testkit::content::text(SIZE / 2);
    data.extend(testkit::content::code(SIZE / 2));
    let built = Wim { integrity, ..Wim::new(packing, root([file("data", data.as_slice())])) }.build();
    let archive = OpenArchive::from_source("bench.wim", Arc::new(built.bytes)).expect("the archive is sound");
    let index = archive.wim.blobs().find(&BlobHash::of(&data)).expect("the blob is in it");
    (BlobRef { archive: Arc::new(archive), index }, data)
}

fn contents(threads: usize, verify: Verify) -> Contents {
    Contents::new(&ContentOptions { threads, verify, ..ContentOptions::default() })
}

/// Reads of so many bytes, at changing offsets, of what is in the cache.
#[divan::bench(args = [4 << 10, 1 << 20])]
fn cached(bencher: Bencher, len: usize) {
    let (blob, data) = blob("xpress", None);
    let contents = contents(1, Verify::Strict);
    let mut buf = vec![0; len];
    let mut offset = 0;
    let mut read = || {
        offset = (offset + 1_234_567) % (SIZE - len);
        assert_eq!(contents.read_at(black_box(&blob), offset as u64, &mut buf).expect("it reads"), len);
        offset
    };
    let offset = read();
    assert!(contents.read_whole(&blob, SIZE as u64).expect("it reads") == data, "from {offset}");
    bencher.counter(BytesCount::new(len)).bench_local(read);
}

/// The first read of a large blob, to its end: decoded and hashed by this many threads.
#[divan::bench(args = ["stored", "xpress", "lzx"], consts = [1, 2])]
fn first_read<const THREADS: usize>(bencher: Bencher, packing: &str) {
    let (blob, data) = blob(packing, None);
    let read = |contents: Contents| contents.read_whole(&blob, SIZE as u64).expect("it reads");
    assert!(read(contents(THREADS, Verify::Strict)) == data);
    bencher.counter(BytesCount::new(SIZE)).with_inputs(|| contents(THREADS, Verify::Strict)).bench_local_values(read);
}

/// The same by one thread, not verified: the difference is what verification costs.
#[divan::bench(args = ["stored", "xpress", "lzx"])]
fn first_read_unverified(bencher: Bencher, packing: &str) {
    let (blob, data) = blob(packing, None);
    let read = |contents: Contents| contents.read_whole(&blob, SIZE as u64).expect("it reads");
    assert!(read(contents(1, Verify::Off)) == data);
    bencher.counter(BytesCount::new(SIZE)).with_inputs(|| contents(1, Verify::Off)).bench_local_values(read);
}

/// A stream of a large blob, verified, by two threads.
#[divan::bench(args = [Release::Verified, Release::AtOnce])]
fn stream(bencher: Bencher, release: Release) {
    let (blob, data) = blob("lzx", None);
    let contents = contents(2, Verify::Strict);
    let mut all = Vec::new();
    let mut take = |bytes: &[u8]| {
        all.extend_from_slice(bytes);
        Ok::<_, Infallible>(())
    };
    contents.stream(&blob, release, &mut take).expect("it reads");
    assert!(all == data);
    bencher.counter(BytesCount::new(SIZE)).bench_local(|| {
        contents.stream(&blob, release, &mut |bytes| {
            black_box(bytes);
            Ok::<_, Infallible>(())
        })
    });
}
