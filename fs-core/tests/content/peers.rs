//! Blobs of archives that wimlib makes, read back.

use std::sync::Arc;
use std::thread;

use crate::fixture::{blob_of, contents};
use fs_core::{OpenArchive, Verify};
use testkit::content::Random;
use testkit::naive_window;

/// Reads random ranges of all files on four threads, some of them of the same file at the same time.
fn read_at_random(archive: &Arc<OpenArchive>, files: &[Vec<u8>], cache: u64, reads: usize) {
    let contents = contents(cache, Verify::Strict);
    thread::scope(|scope| {
        for seed in 0..4 {
            let contents = &contents;
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut buf = vec![0; 300_000];
                for _ in 0..reads {
                    let data = &files[random.below(files.len() as u64) as usize];
                    let offset = random.below(data.len() as u64 + 10);
                    let longest = [5_000, 300_000][random.below(2) as usize];
                    let len = random.below(longest) as usize;
                    let filled =
                        contents.read_at(&blob_of(archive, data), offset, &mut buf[..len]).expect("the range reads");
                    assert!(buf[..filled] == *naive_window(data, offset, len), "{len} from {offset} of {}", data.len());
                }
            });
        }
    });
}

#[test]
fn four_threads_read_random_ranges_of_what_wimlib_packed() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let sizes = [1, 4096, 32767, 32768, 32769, 100_000, (1 << 20) + 77];
    let kinds = ["text", "exe", "random", "zeros"];
    let files: Vec<Vec<u8>> = sizes
        .iter()
        .flat_map(|&size| kinds.map(|kind| testkit::content::of_kind(kind, size)))
        .enumerate()
        .map(|(seed, mut bytes)| {
            bytes[0] = seed as u8; // no two alike
            bytes
        })
        .collect();
    for (index, data) in files.iter().enumerate() {
        std::fs::write(tree.join(index.to_string()), data).unwrap();
    }
    for options in [
        &["--compress=none"][..],
        &["--compress=none", "--check"],
        &["--compress=XPRESS"],
        &["--compress=XPRESS", "--check"],
        &["--compress=XPRESS", "--chunk-size=4K", "--check"],
        &["--compress=LZX"],
        &["--compress=LZX", "--check"],
        &["--compress=LZX", "--chunk-size=2M"],
    ] {
        let file = folder.path().join("packed.wim");
        testkit::capture(&tree, &file, options);
        let archive = Arc::new(OpenArchive::open(&file).unwrap());
        for cache in [256 << 20, 1 << 20] {
            read_at_random(&archive, &files, cache, 60);
        }
        std::fs::remove_file(&file).unwrap();
    }
}
