//! Integrity tables that wimlib writes over damage: mount, `cat`, `extract` and `verify` agree.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use testkit::content::{self, Random};
use testkit::{capture, hex, sha1, wimlib};
use wimstore_tests::{Mount, run, say};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// Files that are damaged: of many chunks, and of one.
const DAMAGED: [&str; 2] = ["b-large", "c-small"];

/// Files that are not, read before and after those.
const SOUND: [&str; 3] = ["a-large", "d-small", "e-small"];

/// How wimlib writes an archive and, after it was damaged, an integrity table.
struct Case {
    packing: &'static [&'static str],
    writer: Writer,
}

#[derive(Debug, Clone, Copy)]
enum Writer {
    Append,
    Update,
    Info,
}

/// An archive with two damaged files under a table that says that all is well.
struct Sealed {
    folder: tempfile::TempDir,
    archive: PathBuf,
}

/// The content of a file: random bytes, different for each, that nothing packs; in the large ones
/// text comes before them, so that they are compressed as a whole.
fn data(name: &str) -> Vec<u8> {
    let mut random = Random::new(name.as_bytes()[0].into());
    let mut random = |len| (0..len).map(|_| random.below(256) as u8).collect::<Vec<u8>>();
    if name.ends_with("large") { [content::text(40_000), random(3_000_000)].concat() } else { random(20_000) }
}

impl Sealed {
    fn new(case: &Case) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, archive) = (folder.path().join("source"), folder.path().join("sealed.wim"));
        fs::create_dir(&source).expect("a folder to capture");
        for name in DAMAGED.iter().chain(&SOUND) {
            fs::write(source.join(name), data(name)).expect("a file to capture");
        }
        capture(&source, &archive, &[&["one"], case.packing].concat());
        let sealed = Self { folder, archive };
        DAMAGED.iter().for_each(|name| sealed.damage(&data(name)));
        sealed.seal(&source, case.writer);
        sealed
    }

    /// Flips a bit in the middle of a file, whose bytes lie in the archive as they are.
    fn damage(&self, data: &[u8]) {
        let mut bytes = fs::read(&self.archive).expect("the archive");
        let middle = &data[data.len() / 2..][..64];
        let at = bytes.windows(64).position(|window| window == middle).expect("the file's bytes");
        bytes[at] ^= 1 << 3;
        fs::write(&self.archive, bytes).expect("the archive is written");
    }

    /// Has wimlib write a table over the archive as it is now.
    fn seal(&self, source: &Path, writer: Writer) {
        let (archive, source) = (self.archive.to_str().expect("UTF-8"), source.to_str().expect("UTF-8"));
        let add = format!("--command=add {source}/e-small /new");
        match writer {
            Writer::Append => wimlib(["append", source, archive, "two", "--check"]),
            Writer::Update => wimlib(["update", archive, &add, "--check"]),
            Writer::Info => wimlib(["info", archive, "1", "renamed", "--check"]),
        };
    }

    fn mount(&self, options: &[&str]) -> Mount {
        let log = self.folder.path().join("log");
        let given = ["--image", "1", "--cache", "1M", "--log-file"].map(OsStr::new);
        Mount::new(
            &self.archive,
            &[&given[..], &[log.as_os_str()], &options.iter().map(OsStr::new).collect::<Vec<_>>()].concat(),
        )
    }

    /// The damaged files are named by `verify`, and no others, and no block.
    fn assert_verify(&self, what: &str) {
        let said = say(&[OsStr::new("verify"), OsStr::new("--json"), self.archive.as_os_str()]);
        assert_eq!(said.code, 1, "{what}: {said:?}");
        for name in DAMAGED {
            assert!(said.out.contains(&hex(&sha1(&data(name)))), "{what}: {said:?}");
        }
        assert_eq!(said.out.matches("\"bad_blob\"").count(), DAMAGED.len(), "{what}: {said:?}");
        assert!(!said.out.contains("\"bad_block\""), "{what}: the table is of the damaged file");
    }

    fn assert_cat(&self, what: &str) {
        for name in DAMAGED.iter().chain(&SOUND) {
            let output = run([OsStr::new("cat"), OsStr::new("--image=1"), self.archive.as_os_str(), OsStr::new(name)]);
            let (code, want) = if DAMAGED.contains(name) { (1, Vec::new()) } else { (0, data(name)) };
            assert!(
                output.status.code() == Some(code) && output.stdout == want,
                "{what}: cat {name}: {:?}",
                output.stderr
            );
        }
    }

    fn assert_extract(&self, what: &str) {
        let out = self.folder.path().join("out");
        let said = run([OsStr::new("extract"), OsStr::new("--image=1"), self.archive.as_os_str(), out.as_os_str()]);
        assert_eq!(said.status.code(), Some(1), "{what}: {said:?}");
        for name in DAMAGED {
            assert!(!out.join(name).exists(), "{what}: {name} is extracted");
        }
        for name in SOUND {
            assert!(fs::read(out.join(name)).expect(name) == data(name), "{what}: {name}");
        }
    }
}

/// Reads a range, from the mount and not from the kernel's memory.
fn read(path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    fadvise(&file, 0, None, Advice::DontNeed).expect("advice is taken");
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// No range of a damaged file can be read, whatever was read before, and the sound ones can.
fn assert_mounted(mount: &Mount, what: &str) {
    for round in 0..3 {
        for name in SOUND {
            let whole = read(&mount.path().join(name), 0, data(name).len()).expect(name);
            assert!(whole == data(name), "{what}: {name} in round {round}");
        }
        for name in DAMAGED {
            let path = mount.path().join(name);
            let hash = xattr::get(&path, "user.wim.sha1").expect("attributes").expect("the hash of its data");
            assert_eq!(hash, hex(&sha1(&data(name))).as_bytes(), "{what}: {name}");
            for offset in [0, 8192, data(name).len() as u64 - 4096] {
                let error = read(&path, offset, 4096).err().and_then(|error| error.raw_os_error());
                assert_eq!(error, Some(EIO), "{what}: {name} at {offset} in round {round}");
            }
        }
    }
}

#[test]
fn damage_under_a_table_that_matches_is_noticed() {
    let cases = [
        Case { packing: &["--compress=LZX"], writer: Writer::Append },
        Case { packing: &["--compress=none"], writer: Writer::Update },
        Case { packing: &["--compress=XPRESS"], writer: Writer::Info },
        Case { packing: &["--solid", "--solid-chunk-size=1M"], writer: Writer::Append },
    ];
    for case in cases {
        let what = format!("{:?} {:?}", case.packing, case.writer);
        let sealed = Sealed::new(&case);
        sealed.assert_verify(&what);
        sealed.assert_cat(&what);
        sealed.assert_extract(&what);
        assert_mounted(&sealed.mount(&[]), &what);
        assert_mounted(&sealed.mount(&["--verify=strict", "-o", "threads=1"]), &what);
    }
}

/// What `--verify=blocks` does not promise: damage that is older than the table is shown as it is.
#[test]
fn check_blocks_do_not_notice_damage_older_than_their_table() {
    let sealed = Sealed::new(&Case { packing: &["--compress=LZX"], writer: Writer::Append });
    let mount = sealed.mount(&["--verify=blocks"]);
    let (name, whole) = (DAMAGED[0], data(DAMAGED[0]));
    let shown = read(&mount.path().join(name), 0, whole.len()).unwrap();
    let different: Vec<usize> = (0..whole.len()).filter(|&at| shown[at] != whole[at]).collect();
    assert_eq!(different, [whole.len() / 2]);
}
