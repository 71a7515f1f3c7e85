//! Contents of several pieces, contents that are there twice, and sources that change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use testkit::content;
use wim::{Archive, BlobHash, Compression, ResourceFlags, Version};

use crate::sim::{Fault, FaultKind, Image, SimDisk};
use crate::testing::hash_of;
use crate::{Access, ArchiveWriter, Disk, Error, Existing, Job, Options, Result};

const MIB: usize = 1 << 20;

fn dest() -> PathBuf {
    "d/a.wim".into()
}

/// Files of all sizes, some of them equal.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let large = content::code(9 * MIB + 5);
    let middle = content::text(3 * MIB + 1);
    let other = [&middle[1..], b"!"].concat();
    vec![
        ("f/exact", content::code(2 * MIB)),
        ("f/large", large.clone()),
        ("f/large again", large),
        ("f/middle", middle.clone()),
        ("f/middle again", middle),
        ("f/middle, other", other),
        ("f/random", content::random(3 * MIB)),
        ("f/small", b"small".to_vec()),
        ("f/small again", b"small".to_vec()),
        ("f/zeros", vec![0; 5 * MIB]),
    ]
}

fn disk(files: &[(&str, Vec<u8>)]) -> SimDisk {
    let image = files.iter().fold(Image::default(), |image, (name, data)| image.with(name, data.clone()));
    SimDisk::new(image)
}

fn job(disk: &SimDisk, name: &str) -> Job {
    let path = Path::new(name);
    Job::file(path, disk.open(path, Access::Read).unwrap().version().unwrap())
}

fn write(disk: &SimDisk, jobs: &[Job], options: Options<'_>) -> Result<Vec<BlobHash>> {
    let mut writer = ArchiveWriter::create(disk, &dest(), Existing::Replace, options)?;
    let hashes = writer.add_blobs(jobs)?;
    writer.commit()?;
    Ok(hashes)
}

/// The sizes of all contents in an archive and whether they are compressed; each is read and hashed.
fn contents(disk: &SimDisk) -> HashMap<BlobHash, (u64, bool)> {
    let archive = Archive::open(Arc::new(disk.image().get(&dest()).unwrap().to_vec())).unwrap();
    let blobs = archive.blobs().iter().map(|blob| {
        assert_eq!(hash_of(&archive, &archive.resource(blob).unwrap(), blob), blob.hash);
        (blob.hash, (blob.size(), blob.place.flags.contains(ResourceFlags::COMPRESSED)))
    });
    let blobs: Vec<_> = blobs.collect();
    let count = blobs.len();
    let map: HashMap<_, _> = blobs.into_iter().collect();
    assert_eq!(map.len(), count, "no content is there twice");
    map
}

#[test]
fn contents_are_opened_by_their_owner() {
    struct Owned(Vec<u8>);
    impl crate::Content for Owned {
        fn path(&self) -> &Path {
            Path::new("volume/file")
        }

        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn open(&self) -> std::io::Result<Arc<dyn wim::ReadAt>> {
            Ok(Arc::new(self.0.clone()))
        }
    }
    let disk = disk(&[]);
    let all = [content::text(3 * MIB + 1), content::text(100)];
    let jobs: Vec<_> = all.iter().chain([&all[1]]).map(|bytes| Job::content(Owned(bytes.clone()))).collect();
    let hashes = write(&disk, &jobs, xpress()).unwrap();
    assert_eq!(hashes, [&all[0], &all[1], &all[1]].map(|bytes| BlobHash::of(bytes)));
    let contents = contents(&disk);
    assert_eq!((contents.len(), contents[&hashes[0]]), (2, (all[0].len() as u64, true)));
}

fn xpress() -> Options<'static> {
    Options { compression: Compression::Xpress, threads: 2, ..Options::default() }
}

#[test]
fn each_content_is_there_once_whatever_its_size() {
    let files = files();
    let mut first: Option<Vec<u8>> = None;
    for (threads, memory) in [(1, 0), (2, 0), (8, 1 << 20)] {
        let disk = disk(&files);
        let jobs: Vec<_> = files.iter().map(|(name, _)| job(&disk, name)).collect();
        let hashes = write(&disk, &jobs, Options { threads, memory, ..xpress() }).unwrap();
        let want: Vec<_> = files.iter().map(|(_, data)| BlobHash::of(data)).collect();
        assert_eq!(hashes, want);
        let contents = contents(&disk);
        assert_eq!(contents.len(), 7);
        for (name, data) in &files {
            let compressed = !["f/random", "f/small", "f/small again"].contains(name);
            assert_eq!(contents[&BlobHash::of(data)], (data.len() as u64, compressed), "{name}");
        }
        let mut bytes = disk.image().get(&dest()).unwrap().to_vec();
        bytes[0x18..0x28].fill(0); // the GUID
        assert!(bytes.len() < 11 * MIB, "what did not get smaller was not left: {}", bytes.len());
        assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "{threads} threads");
    }
}

#[test]
fn a_file_that_changes_is_read_again() {
    for (name, reads) in [("f/small", 1), ("f/middle", 3), ("f/large", 9), ("f/random", 2)] {
        let all = files();
        let only: Vec<_> = all.into_iter().filter(|(file, _)| *file == name).collect();
        let quiet = disk(&only);
        write(&quiet, &[job(&quiet, name)], xpress()).unwrap();
        let size = quiet.image().get(&dest()).unwrap().len();
        let mut changed = 0;
        for read in 0..reads {
            let disk = disk(&only);
            let jobs = [job(&disk, name)];
            // exists, create, allocate and open come before the reads.
            let call = disk.calls() + 4 + read;
            disk.fail(Fault { call, forever: false, kind: FaultKind::Touch });
            let hashes = write(&disk, &jobs, Options { threads: 1, memory: 1, ..xpress() }).unwrap();
            let now = disk.image().get(Path::new(name)).unwrap().to_vec();
            // The writer's calls come between the reader's.
            changed += usize::from(now != only[0].1);
            assert_eq!(hashes, [BlobHash::of(&now)], "{name}, read {read}");
            assert_eq!(contents(&disk).len(), 1);
            let again = disk.image().get(&dest()).unwrap().len();
            assert!(again.abs_diff(size) < 1000, "{name}, read {read}: nothing of the first reading is left");
        }
        assert!(changed > 0, "{name}");
        let disk = disk(&only);
        let jobs = [job(&disk, name)];
        disk.fail(Fault { call: disk.calls() + 4, forever: true, kind: FaultKind::Touch });
        let error = write(&disk, &jobs, xpress()).unwrap_err();
        assert!(matches!(&error, Error::Changed { path } if path == Path::new(name)), "{error}");
        assert_eq!(disk.image().names(), [name], "nothing is left");
    }
}

#[test]
fn a_file_that_is_not_as_it_was_seen_is_read_as_it_is() {
    let disk = disk(&[("f/a", content::text(5000))]);
    let seen = disk.open(Path::new("f/a"), Access::Read).unwrap().version().unwrap();
    let seen = Version { size: 17, ..seen };
    let hashes = write(&disk, &[Job::file(Path::new("f/a"), seen)], xpress()).unwrap();
    assert_eq!(hashes, [BlobHash::of(&content::text(5000))]);
    assert_eq!(contents(&disk)[&hashes[0]].0, 5000);
}
