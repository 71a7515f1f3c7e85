//! Damage under a real mount: reading gives right bytes or `EIO`, the log tells, and everything
//! else stays readable.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{Advice, fadvise};
use testkit::content::{self, Random};
use testkit::{Built, Image, Packing, Wim, file, hex, naive_window, root, sha1};
use wimstore_tests::{Mount, eventually};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// Files of an image and what they hold: compressed in chunks, incompressible, small.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let text = content::text(400_000);
    vec![
        ("a.txt", text.clone()),
        ("b.exe", content::code(300_000)),
        ("c.bin", content::random(150_000)),
        ("d.txt", text[7..250_000].to_vec()),
        ("small", b"small".to_vec()),
    ]
}

fn archive(packing: Packing, integrity: Option<usize>) -> Wim {
    let one = root(files().iter().map(|(name, data)| file(name, data)).collect::<Vec<_>>());
    let images = [Image::new("one", one), Image::new("two", root([file("two", "two")]))];
    Wim { integrity, ..Wim::of(packing, images) }
}

/// An archive in a group, mounted, with a log.
struct Mounted {
    mount: Mount,
    archive: PathBuf,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Mounted {
    fn new(built: &Built) -> Self {
        Self::with(built, "strict")
    }

    fn with(built: &Built, verify: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let group = folder.path().join("group");
        fs::create_dir(&group).expect("a group");
        let (archive, log) = (group.join("damaged.wim"), folder.path().join("log"));
        built.save(&archive);
        Wim::of(Packing::Lzx(32768), [Image::new("sound", root([file("file", "sound")]))])
            .build()
            .save(&group.join("sound.wim"));
        let options = ["--verify".as_ref(), verify.as_ref(), "--log-file".as_ref(), log.as_os_str()];
        let mount = Mount::new(&group, &options);
        Self { mount, archive, log, _folder: folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.mount.path().join(path)
    }

    /// Reads a file whole, from the mount and not from the kernel's memory.
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = File::open(self.path(path))?;
        forget(&file);
        let mut data = vec![0; file.metadata()?.len() as usize];
        file.read_exact_at(&mut data, 0)?;
        Ok(data)
    }

    /// Which files of image one can be read; what they hold is as it was.
    fn readable(&self) -> Vec<&'static str> {
        let mut readable = Vec::new();
        for (name, data) in files() {
            match self.read(&format!("one/{name}")) {
                Ok(read) => assert!(read == data, "{name} has other bytes"),
                Err(error) if error.raw_os_error() == Some(EIO) => continue,
                Err(error) => panic!("{name}: {error}"),
            }
            readable.push(name);
        }
        readable
    }

    /// The neighbours: another image, another archive, names and attributes.
    fn assert_neighbours(&self) {
        assert_eq!(self.read("two/two").expect("another image"), b"two");
        assert_eq!(self.read("sound/file").expect("another archive"), b"sound");
        for (name, data) in files() {
            let metadata = fs::metadata(self.path(&format!("one/{name}"))).expect("attributes");
            assert_eq!(metadata.len(), data.len() as u64, "{name}");
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }

    /// Changes the archive's bytes where they are, as a failing disk does.
    fn overwrite(&self, at: usize, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.archive).expect("the archive");
        file.write_all_at(bytes, at as u64).expect("writing to the archive");
    }
}

/// Lets the kernel forget what it holds of a file.
fn forget(file: &File) {
    fadvise(file, 0, None, Advice::DontNeed).expect("advice is taken");
}

/// Reads windows of a file with four threads at once; each is right or `EIO`. Returns how many were
/// right.
fn read_windows(path: &Path, data: &[u8]) -> usize {
    let read = |seed| {
        let file = File::open(path).expect("the file opens");
        let mut random = Random::new(seed);
        let mut right = 0;
        for _ in 0..50 {
            let (offset, len) = (random.below(data.len() as u64), 1 + random.below(70_000) as usize);
            forget(&file);
            let mut buf = vec![0; len];
            match file.read_at(&mut buf, offset) {
                // The kernel gives what came before the first page that failed.
                Ok(len) => assert!(buf[..len] == naive_window(data, offset, len)[..len], "wrong bytes at {offset}"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(EIO), "{error}");
                    continue;
                }
            }
            right += 1;
        }
        right
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4).map(|seed| scope.spawn(move || read(seed))).collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader")).sum()
    })
}

#[test]
fn one_flipped_bit_costs_one_file() {
    for packing in Packing::USUAL {
        for integrity in [None, Some(4096), Some(10 << 20)] {
            for (victim, data) in files() {
                let mut built = archive(packing, integrity).build();
                let place = built.resource(&data).clone();
                built.flip(place.range.start + place.range.len() / 2, 5);
                let mounted = Mounted::new(&built);
                let what = format!("{packing:?} {integrity:?} {victim}");
                let others: Vec<_> = files().iter().map(|(name, _)| *name).filter(|name| *name != victim).collect();
                assert_eq!(mounted.readable(), others, "{what}");
                read_windows(&mounted.path(&format!("one/{victim}")), &data);
                mounted.assert_neighbours();
                let log = mounted.log();
                for said in ["damaged.wim", &format!("{:#x}", place.range.start), &hex(&sha1(&data)), victim] {
                    assert!(log.contains(said), "{what}: {said} is not in the log:\n{log}");
                }
            }
        }
    }
}

/// Without verification the tests here would see wrong bytes.
#[test]
fn without_verification_damage_is_handed_out() {
    let mut built = archive(Packing::Stored, None).build();
    let (victim, data) = files().remove(2);
    let at = built.resource(&data).range.start + 70_000;
    built.flip(at, 5);
    let mounted = Mounted::with(&built, "off");
    let read = mounted.read(&format!("one/{victim}")).unwrap();
    let different: Vec<usize> = (0..data.len()).filter(|index| read[*index] != data[*index]).collect();
    assert_eq!(different, [70_000]);
}

#[test]
fn a_flipped_bit_of_metadata_costs_one_image() {
    for integrity in [None, Some(4096)] {
        let mut built = archive(Packing::Lzx(32768), integrity).build();
        let place = built.places.metadata[0].range.clone();
        built.flip(place.start + place.len() / 2, 0);
        let mounted = Mounted::new(&built);
        let error = fs::read_dir(mounted.path("one")).and_then(|mut entries| entries.next().transpose()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(EIO));
        assert_eq!(mounted.read("two/two").unwrap(), b"two");
        assert_eq!(mounted.read("sound/file").unwrap(), b"sound");
        assert!(mounted.log().contains("damaged.wim"), "{}", mounted.log());
    }
}

#[test]
fn a_flipped_bit_of_the_blob_table_costs_one_file() {
    for integrity in [None, Some(4096)] {
        for field in [testkit::offset::RESOURCE_OFFSET, testkit::offset::BLOB_HASH] {
            let (victim, data) = files().remove(1);
            let mut built = archive(Packing::Xpress(32768), integrity).build();
            let at = built.resource(&data).entry + field;
            built.flip(at, 2);
            let mounted = Mounted::new(&built);
            assert!(!mounted.readable().contains(&victim));
            assert_eq!(mounted.readable().len(), files().len() - 1, "field {field}, {integrity:?}");
            assert_eq!(mounted.read("two/two").unwrap(), b"two");
        }
    }
}

#[test]
fn damage_that_comes_while_mounted_goes_when_it_is_repaired() {
    for packing in Packing::USUAL {
        for integrity in [None, Some(4096)] {
            let built = archive(packing, integrity).build();
            let mounted = Mounted::new(&built);
            assert_eq!(mounted.readable().len(), files().len());
            let (victim, data) = files().swap_remove(0);
            let at = built.resource(&data).range.start + 20_000;
            mounted.overwrite(at, &[!built.bytes[at]]);
            // What was verified may be served from memory; what is read anew is right or fails.
            read_windows(&mounted.path(&format!("one/{victim}")), &data);
            mounted.assert_neighbours();
            mounted.overwrite(at, &built.bytes[at..=at]);
            assert_eq!(mounted.readable().len(), files().len(), "{packing:?} {integrity:?}");
        }
    }
}

#[test]
fn an_archive_cut_while_mounted() {
    for packing in Packing::USUAL {
        let built = archive(packing, None).build();
        let mounted = Mounted::new(&built);
        assert_eq!(mounted.read("two/two").unwrap(), b"two"); // the archive is open and its tables are read
        fs::metadata(mounted.path("one/small")).unwrap();
        let archive = OpenOptions::new().write(true).open(&mounted.archive).unwrap();
        let mut least = files().len();
        for tenth in (0..10).rev() {
            archive.set_len((built.bytes.len() * tenth / 10) as u64).unwrap();
            least = mounted.readable().len();
            assert_eq!(mounted.read("sound/file").unwrap(), b"sound");
        }
        assert!(least < files().len(), "{packing:?}: an empty file cannot supply everything");
        archive.write_all_at(&built.bytes, 0).unwrap();
        assert_eq!(mounted.readable().len(), files().len(), "{packing:?}: whole again");
        mounted.assert_neighbours();
    }
}

#[test]
fn an_archive_removed_or_renamed_over_while_mounted() {
    let built = archive(Packing::Lzx(32768), None).build();
    let mounted = Mounted::new(&built);
    let open: Vec<_> = files()
        .into_iter()
        .map(|(name, data)| (File::open(mounted.path(&format!("one/{name}"))).unwrap(), data))
        .collect();
    let assert_read = |when: &str| {
        for (file, data) in &open {
            forget(file);
            let mut read = vec![0; data.len()];
            file.read_exact_at(&mut read, 0).unwrap();
            assert!(read == *data, "what is open keeps reading its old file, {when}");
        }
    };
    let other = mounted.archive.with_extension("new");
    Wim::new(Packing::Stored, root([])).build().save(&other);
    fs::rename(&other, &mounted.archive).unwrap();
    assert_read("at once");
    assert!(eventually(|| fs::metadata(mounted.path("one")).is_err()), "the other archive has no such image");
    assert_read("when its names are gone");
    fs::remove_file(&mounted.archive).unwrap();
    assert_read("when nothing is there any more");
}

#[test]
fn bytes_swapped_under_four_readers() {
    let built = archive(Packing::Lzx(32768), None).build();
    let mounted = Mounted::new(&built);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let vandal = scope.spawn(|| {
            let mut random = Random::new(11);
            while !stop.load(Ordering::Relaxed) {
                let at = 208 + random.below(built.places.blob_table.start as u64 - 208) as usize;
                mounted.overwrite(at, &[!built.bytes[at]]);
                // Two writes within one tick of the file system's clock look like one.
                thread::sleep(Duration::from_millis(12));
                mounted.overwrite(at, &built.bytes[at..=at]);
                thread::sleep(Duration::from_millis(12));
            }
        });
        for _ in 0..3 {
            for (name, data) in files() {
                read_windows(&mounted.path(&format!("one/{name}")), &data);
            }
        }
        stop.store(true, Ordering::Relaxed);
        vandal.join().unwrap();
    });
    assert_eq!(mounted.readable().len(), files().len(), "sound again, so all of it can be read");
}
