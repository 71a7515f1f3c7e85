//! Real files as wimlib compresses them, at every chunk size and at its fast, usual and thorough
//! levels.
#![cfg(unix)] // the programs asked are
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use testkit::{capture, content};
use wim::{Archive, BlobHash, Scratch};

/// wimlib's levels: its fastest match finders, its usual ones, and its most thorough.
const LEVELS: [u32; 3] = [10, 50, 100];

/// Fills a folder with programs, libraries and documents of this system, and with data that only
/// codecs meet.
fn make_source(source: &Path) -> BTreeSet<BlobHash> {
    let mut hashes = BTreeSet::new();
    let mut add = |name: &str, data: &[u8]| {
        fs::write(source.join(name), data).unwrap();
        hashes.insert(BlobHash::of(data));
    };
    for (folder, part_of_name, limit) in [
        ("/usr/bin", "", 600_000),
        ("/usr/lib", ".so", 900_000),
        ("/usr/include", ".h", 600_000),
        ("/usr/share/doc", "", 200_000),
        ("/usr/share/common-licenses", "", 100_000),
    ] {
        let mut left = limit;
        for (index, path) in files(Path::new(folder)).into_iter().enumerate() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.contains(part_of_name) {
                continue;
            }
            let Ok(mut data) = fs::read(path) else { continue };
            data.truncate(left);
            left -= data.len();
            add(&format!("{index}-{name}"), &data);
            if left == 0 {
                break;
            }
        }
        assert!(left < limit / 2, "{folder} has too few files for this test");
    }
    // Both ends of what an x86 filter and a match can meet.
    add("this-test", &fs::read(std::env::current_exe().unwrap()).unwrap()[..300_000]);
    add("zeros", &vec![0; 2_500_000]);
    add("one-byte", b"1");
    add("random", &content::random(70_000));
    add("code", &content::code(300_000));
    add("counter", &(0..60_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    add("records", &(0..9000_u64).flat_map(|i| [i * i, i % 7, !i].map(u64::to_le_bytes).concat()).collect::<Vec<_>>());
    hashes
}

/// The files under a folder, by name, the larger ones of each directory included.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.is_symlink()).collect();
    paths.sort();
    let inside = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.into_iter().flat_map(inside).collect()
}

/// Decodes every blob of an archive and holds it against its hash; returns the hashes and how many
/// chunks were decoded.
fn decode_all(path: &Path) -> (BTreeSet<BlobHash>, u64) {
    let archive = Archive::open(Arc::new(fs::read(path).unwrap())).unwrap();
    let (mut hashes, mut compressed, mut scratch) = (BTreeSet::new(), 0, Scratch::default());
    for blob in archive.blobs().iter() {
        let resource = archive.resource(blob).unwrap();
        let mut data = vec![0xAA; resource.size() as usize];
        for (chunk, dst) in (0..).zip(data.chunks_mut(resource.chunk_size() as usize)) {
            let place = resource.chunk_place(chunk);
            compressed += u64::from(place.end - place.start < dst.len() as u64);
            resource.read_chunk(archive.source(), chunk, &mut scratch, dst).unwrap();
        }
        assert_eq!(BlobHash::of(&data), blob.hash, "{}: a blob of {} bytes", path.display(), data.len());
        hashes.insert(blob.hash);
    }
    (hashes, compressed)
}

fn compare(compression: &str, orders: RangeInclusive<u32>) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let want = make_source(&source);
    for order in orders {
        for level in LEVELS {
            let path = folder.path().join(format!("{compression}-{order}-{level}.wim"));
            let (compress, chunk) =
                (format!("--compress={compression}:{level}"), format!("--chunk-size={}", 1 << order));
            capture(&source, &path, &[&compress, &chunk, "--threads=1"]);
            let (hashes, compressed) = decode_all(&path);
            let name = path.display();
            assert!(want.is_subset(&hashes), "{name} lacks files");
            assert!(compressed > 4_000_000 >> order, "{name} has only {compressed} compressed chunks");
            fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn xpress() {
    compare("XPRESS", 12..=16);
}

#[test]
fn lzx() {
    compare("LZX", 15..=21);
}

#[test]
fn lzms() {
    compare("LZMS", 15..=21);
}
