//! Files of sizes at which something begins or ends, captured by wimlib with every size of chunk,
//! and read in every way.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{Mode, OFlags};
use testkit::content::{self, Random};
use testkit::{Packing, capture, offset, wimlib};
use wimstore_tests::{Look, Mount, answer, assert_same, walk};

/// Writes files of sizes around one and two chunks, of several kinds of content, and gives their
/// paths.
fn edge_files(folder: &Path, chunk: usize) -> Vec<PathBuf> {
    let sizes = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1];
    // Of the largest chunks fewer, since compressing them takes long.
    let kinds: &[&str] = if chunk > 1 << 17 { &["exe"] } else { &["exe", "text", "zeros", "random"] };
    let mut paths = Vec::new();
    for (kind, size) in kinds.iter().flat_map(|kind| sizes.map(|size| (kind, size))) {
        let path = folder.join(format!("{kind}-{size}"));
        fs::write(&path, content::of_kind(kind, size)).unwrap();
        paths.push(path);
    }
    paths
}

/// Reads random ranges of random files of both folders; every other past the kernel's cache.
fn read_windows(ours: &Path, files: &[PathBuf], seed: u64) {
    let mut random = Random::new(seed);
    for round in 0..40 {
        let source = &files[random.below(files.len() as u64) as usize];
        let flags = if round % 2 == 0 { OFlags::DIRECT } else { OFlags::empty() };
        let path = ours.join(source.file_name().unwrap());
        let file =
            File::from(rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty()).unwrap());
        let source = File::open(source).unwrap();
        let size = source.metadata().unwrap().len();
        let (at, len) = (random.below(size + 2), 1 + random.below(150_000) as usize);
        let [got, want] = [&file, &source].map(|file| read_all_at(file, at, len));
        assert!(got == want, "{} from {at}, {len} bytes, seed {seed}", path.display());
    }
}

/// As many bytes from `at` as there are, at most `len`.
fn read_all_at(file: &File, at: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xAA; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], at + filled as u64).unwrap() {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    bytes
}

fn edges_are_right(packings: impl Iterator<Item = Packing>) {
    for packing in packings {
        let folder = tempfile::tempdir().unwrap();
        let (source, archive) = (folder.path().join("source"), folder.path().join("a.wim"));
        fs::create_dir(&source).unwrap();
        let files = edge_files(&source, packing.chunk_size().max(4096));
        let chunk_size = format!("--chunk-size={}", packing.chunk_size());
        match packing {
            Packing::Stored => capture(&source, &archive, &["NAME", "--compress=none"]),
            Packing::Xpress(_) => capture(&source, &archive, &["NAME", "--compress=xpress", &chunk_size]),
            Packing::Lzx(_) => capture(&source, &archive, &["NAME", "--compress=lzx:10", &chunk_size, "--check"]),
            Packing::Lzms(_) => capture(&source, &archive, &["NAME", "--compress=lzms:10", &chunk_size, "--check"]),
        }
        let mount = Mount::new(&archive, &["--image", "1"]);
        thread::scope(|scope| {
            for seed in 1..=4 {
                let (mount, files) = (mount.path(), &files);
                scope.spawn(move || read_windows(mount, files, seed));
            }
        });
        let look = Look::default();
        assert_same(&format!("{packing:?}"), &walk(mount.path(), &look), &walk(&source, &look));
    }
}

#[test]
fn stored_and_xpress_of_every_chunk_size() {
    let xpress = (12..=16).map(|order| Packing::Xpress(1 << order));
    edges_are_right([Packing::Stored].into_iter().chain(xpress));
}

#[test]
fn lzx_of_every_chunk_size() {
    edges_are_right((15..=21).map(|order| Packing::Lzx(1 << order)));
}

#[test]
fn lzms_of_many_chunk_sizes() {
    edges_are_right((15..=21).map(|order| Packing::Lzms(1 << order)));
}

/// Where something is in a file that is all zeros otherwise.
const MARKS: [(u64, &[u8]); 5] = [
    (0, b"at the start"),
    ((1 << 31) - 4, b"around 2 GiB"),
    ((1 << 32) - 6, b"around 4 GiB"),
    ((1 << 32) + 70_000, b"behind 4 GiB"),
    (SIZE - 10, b"at the end"),
];

const SIZE: u64 = (1 << 32) + 100_010;

#[test]
fn a_sparse_file_of_more_than_4_gib() {
    let folder = tempfile::tempdir().unwrap();
    let (source, archive) = (folder.path().join("source"), folder.path().join("a.wim"));
    fs::create_dir(&source).unwrap();
    let file = File::create(source.join("large")).unwrap();
    file.set_len(SIZE).unwrap();
    for (at, mark) in MARKS {
        file.write_all_at(mark, at).unwrap();
    }
    drop(file);
    fs::write(source.join("other"), content::text(200_000)).unwrap();
    capture(&source, &archive, &["NAME", "--compress=xpress", "--chunk-size=65536", "--check"]);
    fs::remove_dir_all(&source).unwrap();
    assert!(wimlib(["dir", archive.to_str().unwrap(), "1", "--detailed"]).contains(&format!("= {SIZE} bytes")));
    let listed = answer(&["ls", "-l", archive.to_str().unwrap(), "NAME/large"]);
    assert!(listed.contains(&format!(" {SIZE} ")), "{listed}");

    // Check blocks vouch for what is read; then, without them, the blob's own SHA-1 does.
    assert_marks(&archive, "--verify=blocks");
    let file = File::options().write(true).open(&archive).unwrap();
    file.write_all_at(&[0; offset::RESOURCE_END], offset::INTEGRITY as u64).unwrap();
    assert_marks(&archive, "--verify=strict");
}

fn assert_marks(archive: &Path, verify: &str) {
    let mount = Mount::new(archive, &["--image", "1", verify]);
    assert!(fs::read(mount.path().join("other")).unwrap() == content::text(200_000));
    let file = File::open(mount.path().join("large")).unwrap();
    assert_eq!(file.metadata().unwrap().len(), SIZE);
    for (at, mark) in MARKS {
        let around = at.saturating_sub(100)..(at + 200).min(SIZE);
        let mut want = vec![0; (around.end - around.start) as usize];
        want[(at - around.start) as usize..][..mark.len()].copy_from_slice(mark);
        assert_eq!(read_all_at(&file, around.start, want.len()), want, "at {at}");
    }
    assert_eq!(read_all_at(&file, SIZE - 3, 100), b"end");
    assert!(read_all_at(&file, SIZE, 10).is_empty());
}
