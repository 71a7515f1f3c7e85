//! A mount whose process may not have the memory that an archive asks for: an error for who asked,
//! and a line in the log; the mount goes on, and so does the file once there is enough.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use testkit::{Blob, Image, Packing, Wim, chunked, file, root, sha1};
use wimstore_tests::{Mount, wimstore};

/// `EIO` of Linux.
const EIO: i32 = 5;

/// The size of a chunk, more than a process with a limit can get.
const CHUNK: usize = 64 << 20;

/// The memory that a process with a limit may take in addition to what it has: enough for
/// everything but the chunk.
const MORE: u64 = 16 << 20;

/// A mount of an archive, with its log.
struct Mounted {
    mount: Mount,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Mounted {
    fn new(wim: &Wim) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (archive, log) = (folder.path().join("a.wim"), folder.path().join("log"));
        wim.build().save(&archive);
        let mount = Mount::new(&archive, &["--log-file".as_ref(), log.as_os_str()]);
        Self { mount, log, _folder: folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.mount.path().join(path)
    }

    /// Lets the server take only so much address space in addition to what it has now.
    fn limit(&self, more: Option<u64>) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.mount.process())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("its size");
        let has: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        let limit = Rlimit { current: more.map(|more| (has << 10) + more), maximum: None };
        let process = Pid::from_raw(self.mount.process() as i32);
        prlimit(process, Resource::As, limit).expect("the limit is set");
    }

    fn assert_log_has(&self, words: &[&str]) {
        let log = fs::read_to_string(&self.log).expect("the log");
        let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some_and(|line| line.contains("out of memory")), "{words:?}: {log}");
    }
}

/// Chunks of 64 MiB, which are zeros and raw, in a file of one of them and a file of two.
fn large_chunks() -> Wim {
    let large = |count: usize| {
        let data = vec![0; count * CHUNK];
        Blob { hash: sha1(&data), packed: chunked(data.len() as u64, &vec![vec![0; CHUNK]; count]) }
    };
    let blobs = vec![large(1), large(2)];
    let data = |index: usize| testkit::Data::Hash(blobs[index].hash);
    let tree = root([file("one", data(0)), file("small", "small"), file("two", data(1))]);
    Wim { blobs, ..Wim::new(Packing::Lzms(CHUNK), tree) }
}

fn read(path: &Path, offset: u64) -> io::Result<[u8; 4096]> {
    let mut bytes = [0xAA; 4096];
    File::open(path)?.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

#[test]
fn a_chunk_that_there_is_no_memory_for() {
    let mounted = Mounted::new(&large_chunks());
    assert_eq!(fs::read(mounted.path("testkit/small")).unwrap(), b"small");
    mounted.limit(Some(MORE));
    for round in 0..3 {
        for (name, offset) in [("one", 0), ("two", 0), ("two", CHUNK as u64)] {
            let error = read(&mounted.path("testkit").join(name), offset).map(drop).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(EIO), "{name} in round {round}");
        }
        assert_eq!(fs::read(mounted.path("testkit/small")).unwrap(), b"small", "round {round}");
    }
    mounted.assert_log_has(&["ERROR", "testkit/one", "reading 67108864 bytes at"]);
    mounted.assert_log_has(&["ERROR", "testkit/two", "reading 67108864 bytes at"]);
    mounted.limit(None);
    for (name, offset) in [("one", 0), ("two", CHUNK as u64)] {
        assert_eq!(read(&mounted.path("testkit").join(name), offset).unwrap(), [0; 4096], "{name}");
    }
}

#[test]
fn a_tree_that_there_is_no_memory_for() {
    let large = Image { security: vec![vec![0; CHUNK]], ..Image::new("large", root([file("file", "large")])) };
    let images = [large, Image::new("small", root([file("file", "small")]))];
    let mounted = Mounted::new(&Wim::of(Packing::Stored, images));
    mounted.limit(Some(MORE));
    for round in 0..3 {
        let listed = fs::read_dir(mounted.path("large")).and_then(|mut entries| entries.next().transpose());
        assert_eq!(listed.map(drop).unwrap_err().raw_os_error(), Some(EIO), "round {round}");
        assert_eq!(fs::read(mounted.path("small/file")).unwrap(), b"small", "round {round}");
    }
    mounted.assert_log_has(&["ERROR", "large", "reading"]);
    mounted.limit(None);
    assert_eq!(fs::read(mounted.path("large/file")).unwrap(), b"large");
}

/// The runtime's message before it aborts must not go to /dev/null.
#[test]
fn the_servers_standard_error_is_its_log() {
    let mounted = Mounted::new(&Wim::new(Packing::Stored, root([file("small", "small")])));
    let stderr = fs::read_link(format!("/proc/{}/fd/2", mounted.mount.process())).unwrap();
    assert_eq!(stderr, mounted.log);
    fs::write(format!("/proc/{}/fd/2", mounted.mount.process()), "last words\n").unwrap();
    assert!(fs::read_to_string(&mounted.log).unwrap().ends_with("last words\n"));
}

/// Commands report it, and go on with the rest.
#[test]
fn a_command_that_there_is_no_memory_for() {
    let size = 256 << 20;
    let blob = Blob { hash: [1; 20], packed: chunked(size as u64, &[vec![1; 100]]) };
    let tree = root([file("large", testkit::Data::Hash(blob.hash)), file("small", "small")]);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    Wim { blobs: vec![blob], ..Wim::new(Packing::Lzms(size), tree) }.build().save(&archive);
    for (limit, reason) in [("unlimited", "does not decode"), ("200000", "out of memory")] {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v \"$0\"; exec \"$@\"", limit]).arg(wimstore());
        let output = command.args(["cat", "--image=1"]).arg(&archive).args(["large", "small"]).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b"small"[..]), "{limit}: {complaint}");
        assert!(complaint.lines().count() == 1 && complaint.contains(reason), "{limit}: {complaint}");
    }
}

#[test]
fn a_mount_that_does_not_fit_says_so_and_mounts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, mountpoint) = (folder.path().join("a.wim"), folder.path().join("mount"));
    Wim::new(Packing::Stored, root([file("file", "content")])).build().save(&archive);
    fs::create_dir(&mountpoint).unwrap();
    let mount = |kib: u32| {
        let limited = format!("ulimit -v {kib} && exec \"$0\" mount -o threads=1 \"$1\" \"$2\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limited]).args([&wimstore(), &archive, &mountpoint]);
        command.output().unwrap()
    };
    let refused = mount(80_000);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!((refused.status.code(), said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.starts_with("wimstore: too little memory: the mount takes "), "{said}");
    assert_eq!(fs::read_dir(&mountpoint).unwrap().count(), 0);
    let mounted = mount(200_000);
    let read = fs::read_to_string(mountpoint.join("testkit/file"));
    let unmounted = Command::new(wimstore()).arg("umount").arg(&mountpoint).status().unwrap();
    assert_eq!((mounted.status.code(), read.unwrap().as_str(), unmounted.code()), (Some(0), "content", Some(0)));
}
