//! Bytes and directories read through a real mount are those of the source, whatever is asked for
//! at once, by however many.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, SeekFrom, openat, seek};
use testkit::content::{Random, code, random, text};
use testkit::{Dentry, Image, Packing, Wim, dir, file, naive_window, root};
use wimstore_tests::Mount;

/// Files of all the sizes at which something begins, and some large ones, for an archive with
/// chunks of `chunk` bytes.
fn files(chunk: usize) -> BTreeMap<String, Vec<u8>> {
    let sizes = [0, 1, 2, 4095, 4096, 4097, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 7];
    let edges = sizes
        .iter()
        .enumerate()
        .map(|(seed, &size)| (format!("edge-{seed}-{size}"), code(size + seed).split_off(seed)));
    let large =
        [("text", text(700_001)), ("code", code(1_500_000)), ("random", random(300_000)), ("zeros", vec![0; 999_999])];
    edges.chain(large.map(|(name, bytes)| (name.to_owned(), bytes))).collect()
}

/// Mounts one image with these files.
fn mount(packing: Packing, integrity: Option<usize>, files: &BTreeMap<String, Vec<u8>>) -> (tempfile::TempDir, Mount) {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Dentry> = files.iter().map(|(name, bytes)| file(name, bytes.clone())).collect();
    let wim = Wim { integrity, ..Wim::new(packing, root(children)) };
    wim.build().save(&folder.path().join("a.wim"));
    let mount = Mount::new(&folder.path().join("a.wim"), &["--image", "1"]);
    (folder, mount)
}

/// Opens a file; `direct` reads pass by the kernel's cache, so that each one of them reaches us.
fn open(path: &Path, direct: bool) -> File {
    let flags = if direct { OFlags::DIRECT } else { OFlags::empty() };
    openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty()).unwrap().into()
}

/// Reads random ranges of random files, and compares.
fn read_at_random(mount: &Path, files: &BTreeMap<String, Vec<u8>>, seed: u64, rounds: u32) {
    let mut random = Random::new(seed);
    let names: Vec<&String> = files.keys().collect();
    for round in 0..rounds {
        let name = names[random.below(names.len() as u64) as usize];
        let all = &files[name];
        let offset = random.below(all.len() as u64 + 5000);
        let len = match random.below(3) {
            0 => random.below(100),
            1 => random.below(10_000),
            _ => random.below(500_000),
        };
        let mut got = vec![0xAA; len as usize];
        let file = open(&mount.join(name), round % 2 == 0);
        let mut filled = 0;
        while filled < got.len() {
            match file.read_at(&mut got[filled..], offset + filled as u64).unwrap() {
                0 => break,
                more => filled += more,
            }
        }
        let want = naive_window(all, offset, got.len());
        assert!(got[..filled] == *want, "{name}: {filled} bytes from {offset}, seed {seed}, round {round}");
    }
}

#[test]
fn four_readers_get_the_bytes_of_the_source() {
    let cases = [
        (Packing::Stored, None),
        (Packing::Stored, Some(65_536)),
        (Packing::Xpress(4096), None),
        (Packing::Xpress(32768), Some(100_000)),
        (Packing::Lzx(32768), None),
        (Packing::Lzx(1 << 18), Some(10 << 20)),
    ];
    for (packing, integrity) in cases {
        let files = files(packing.chunk_size().max(4096));
        let (_folder, mount) = mount(packing, integrity, &files);
        thread::scope(|scope| {
            for seed in 1..=4 {
                let (mount, files) = (mount.path(), &files);
                scope.spawn(move || read_at_random(mount, files, seed, 250));
            }
        });
        for (name, bytes) in &files {
            assert!(fs::read(mount.path().join(name)).unwrap() == *bytes, "{name} of {packing:?}");
            assert_eq!(fs::metadata(mount.path().join(name)).unwrap().len(), bytes.len() as u64, "{name}");
        }
    }
}

/// Entries of a listing: name, number, type, and where it goes on.
type Listing = Vec<(Vec<u8>, u64, FileType, u64)>;

/// Lists what is behind the current place of an open directory, by calls that may give `size` bytes
/// of entries each.
fn list(directory: &File, size: usize, mut each: impl FnMut(&[u8])) -> Listing {
    let mut buffer = vec![MaybeUninit::uninit(); size];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut listing = Listing::new();
    while let Some(entry) = entries.next() {
        let entry = entry.unwrap();
        each(entry.file_name().to_bytes());
        listing.push((entry.file_name().to_bytes().into(), entry.ino(), entry.file_type(), entry.next_entry_cookie()));
    }
    listing
}

/// A directory with names of 1 to 255 characters, among them some of more than one byte, and a
/// subdirectory.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        (1..=255).map(|len| format!("{len}{}", "n".repeat(255)).chars().take(len).collect()).collect();
    names.extend((0..40).map(|number| format!("{number} ⟨ü⟩ {}", "é".repeat(number))));
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn a_directory_is_the_same_at_every_page_size() {
    // One directory for each size: the kernel asks us for one that it has not seen, not for one
    // that it remembers.
    let sizes = [288, 296, 312, 400, 512, 999, 2048, 4095, 4096, 4097, 6000, 8192, 12_345, 32_768, 65_536, 1 << 20];
    let folder = tempfile::tempdir().unwrap();
    let names = names();
    let directory = |name: String| {
        let files = names.iter().map(|name| file(name, "x"));
        dir(&name, files.chain([dir("subdirectory", [])]).collect::<Vec<_>>())
    };
    let count = 2 * sizes.len();
    let tree = root((0..count).map(|number| directory(format!("d{number}"))).collect::<Vec<_>>());
    Wim::of(Packing::Xpress(32768), [Image::new("a", tree)]).build().save(&folder.path().join("a.wim"));
    let mount = Mount::new(&folder.path().join("a.wim"), &["--image", "1"]);
    let mut want: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
    want.push(b"subdirectory");
    want.sort_unstable();
    let mut order: Option<Vec<Vec<u8>>> = None;
    for (number, size) in (0..).zip(sizes.into_iter().chain(sizes)) {
        let path = mount.path().join(format!("d{number}"));
        let open = || openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let directory = File::from(open());
        let looks = number >= sizes.len(); // looking at entries on the way makes the kernel ask for attributes with the names
        let first = list(&directory, size, |name| {
            if looks {
                fs::symlink_metadata(path.join(std::str::from_utf8(name).unwrap())).unwrap();
            }
        });
        let got: Vec<Vec<u8>> = first.iter().map(|(name, ..)| name.clone()).collect();
        assert_eq!(got[..2], [b".".to_vec(), b"..".to_vec()], "pages of {size}");
        assert_eq!(*order.get_or_insert_with(|| got.clone()), got, "pages of {size}: another order");
        let mut sorted: Vec<&[u8]> = got[2..].iter().map(Vec::as_slice).collect();
        sorted.sort_unstable();
        assert_eq!(sorted, want, "pages of {size}");
        check_numbers(&path, &first);
        check_cookies(&directory, &first, size);
        assert_eq!(list(&File::from(open()), size, |_| ()), first, "pages of {size}: a second time");
    }
}

/// A listing has the same attributes of its entries as `stat`.
fn check_numbers(path: &Path, listing: &Listing) {
    for (name, ino, kind, _) in listing.iter().filter(|(name, ..)| name != b"..") {
        let seen = fs::symlink_metadata(path.join(std::str::from_utf8(name).unwrap())).unwrap();
        let kinds = if seen.is_dir() { FileType::Directory } else { FileType::RegularFile };
        assert_eq!((*ino, *kind), (seen.ino(), kinds), "{}", String::from_utf8_lossy(name));
    }
}

/// A program that remembers a place in a directory (telldir) finds the rest from there.
fn check_cookies(directory: &File, listing: &Listing, size: usize) {
    for (index, (.., cookie)) in listing.iter().enumerate().step_by(37) {
        seek(directory, SeekFrom::Start(*cookie)).unwrap();
        assert_eq!(list(directory, size, |_| ()), listing[index + 1..], "pages of {size} behind entry {index}");
    }
    seek(directory, SeekFrom::Start(0)).unwrap();
    assert_eq!(list(directory, size, |_| ()), *listing, "pages of {size}, rewound");
}
