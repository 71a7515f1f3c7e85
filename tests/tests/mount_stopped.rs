//! Servers that are stopped or wait for what is stopped: nothing waits for them for ever, and what
//! waits goes on.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::fs::{Advice, fadvise};
use rustix::process::Signal;
use testkit::{Packing, Wim, file, root};
use wimstore_tests::{
    Foreground, Mount, SmallStore, Stopped, Unmounted, eventually, is_mounted, is_running, say, waits_for_an_answer,
    wimstore,
};

/// Runs `wimstore`, which must fail with exit code 2, and returns its complaint.
fn refused<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let said = say(arguments);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    said.err
}

fn umount(mountpoint: &Path) -> String {
    refused(&["umount".as_ref(), mountpoint.as_os_str()])
}

/// A process that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The archive of `store` as a file in a mount of its own, so that reading it can be stopped.
fn archive_in_a_mount(store: &SmallStore) -> (Mount, PathBuf) {
    let outer = store.at("outer.wim");
    let inner = fs::read(store.archive()).unwrap();
    Wim::new(Packing::Xpress(32768), root([file("inner.wim", inner)])).build().save(&outer);
    let mount = Mount::new(&outer, &["--image", "1"]);
    let archive = mount.path().join("inner.wim");
    drop(File::open(&archive).unwrap()); // the kernel asks of the first file that is closed, and never again
    (mount, archive)
}

/// Makes the kernel forget a file's bytes, and lets it read no more than is asked for.
fn forget(archive: &File) {
    fadvise(archive, 0, None, Advice::DontNeed).unwrap();
}

#[test]
fn a_blocked_reader_does_not_keep_a_mount() {
    let store = SmallStore::new();
    let (outer, archive) = archive_in_a_mount(&store);
    let cached = File::open(&archive).unwrap();
    let mut mount = Foreground::new(&archive, &["--image", "1"]);
    let mut file = File::open(mount.path().join("big")).unwrap();
    let stopped = Stopped::between_answers(outer.process(), mount.process());
    forget(&cached);
    let reader = thread::spawn(move || file.read_to_end(&mut Vec::new()));
    assert!(eventually(|| waits_for_an_answer(mount.process())), "the mount does not read the archive");
    assert!(!reader.is_finished(), "the archive cannot be read, so the reader waits");
    let start = Instant::now();
    mount.signal(Signal::TERM);
    assert_eq!(mount.ended().code(), Some(0));
    assert!(!is_mounted(mount.path()), "after {:?}", start.elapsed());
    assert!(eventually(|| reader.is_finished()), "the reader is freed");
    reader.join().unwrap().unwrap_err();
    drop((stopped, cached));
}

#[test]
fn a_reader_who_waits_keeps_nobody_else_waiting() {
    let store = SmallStore::new();
    let (outer, archive) = archive_in_a_mount(&store);
    let cached = File::open(&archive).unwrap();
    let mount = Mount::new(&archive, &["--image", "1"]);
    let mut file = File::open(mount.path().join("big")).unwrap();
    let stopped = Stopped::between_answers(outer.process(), mount.process());
    forget(&cached);
    let reader = thread::spawn(move || file.read_to_end(&mut Vec::new()));
    assert!(eventually(|| waits_for_an_answer(mount.process())), "the mount does not read the archive");
    let root = mount.path().to_owned();
    let others = thread::spawn(move || {
        let names = fs::read_dir(&root).unwrap().count();
        let absent = fs::metadata(root.join("a name that nobody has asked for")).unwrap_err();
        (names, absent.kind(), fs::metadata(&root).is_ok())
    });
    assert!(eventually(|| others.is_finished()), "a listing is answered meanwhile");
    assert!(!reader.is_finished(), "the archive cannot be read, so the reader waits");
    assert_eq!(others.join().unwrap(), (2, io::ErrorKind::NotFound, true));
    drop(stopped);
    assert_eq!(reader.join().unwrap().unwrap(), SmallStore::big().len(), "and then he goes on");
    drop((mount, cached));
}

/// A `wimstore mount` in the background whose archive cannot be read yet.
struct Starting {
    starter: Killed,
    server: u32,
    /// The folder of the archive.
    stopped: Stopped,
    cached: File,
    _outer: Mount,
}

impl Starting {
    fn new(store: &SmallStore, mountpoint: &Path) -> Self {
        let (outer, archive) = archive_in_a_mount(store);
        let cached = File::open(&archive).unwrap();
        let stopped = Stopped::new(outer.process());
        forget(&cached);
        let mut command = Command::new(wimstore());
        command.arg("mount").arg(&archive).arg(mountpoint).stdin(Stdio::null()).stderr(Stdio::piped());
        let starter = Killed(command.spawn().unwrap());
        let server = || children(starter.0.id()).into_iter().find(|child| is_server(*child));
        assert!(
            eventually(|| server().is_some()),
            "no server, which would wait for the archive: {}",
            state(starter.0.id())
        );
        let server = server().unwrap();
        Self { starter, server, stopped, cached, _outer: outer }
    }
}

/// Whether the process has become the program that serves the mount. Until then its starter cannot
/// go on.
fn is_server(process: u32) -> bool {
    let environment = fs::read_to_string(format!("/proc/{process}/environ"));
    environment.is_ok_and(|environment| environment.split('\0').any(|word| word == "WIMSTORE_SERVER=1"))
}

#[test]
fn a_mount_that_nobody_waits_for_any_more_goes_away() {
    let store = SmallStore::new();
    let mountpoint = store.make("mountpoint");
    let _unmounted = Unmounted(&mountpoint);
    let Starting { starter, server, stopped, cached, _outer } = Starting::new(&store, &mountpoint);
    drop(starter);
    assert!(is_running(server));
    drop(stopped);
    assert!(eventually(|| !is_running(server)), "the server has seen that nobody waits");
    assert!(!is_mounted(&mountpoint));
    drop(cached);
}

#[test]
fn mount_does_not_wait_for_a_background_process_that_is_stopped() {
    let store = SmallStore::new();
    let mountpoint = store.make("mountpoint");
    let _unmounted = Unmounted(&mountpoint);
    let Starting { mut starter, server, stopped, cached, _outer } = Starting::new(&store, &mountpoint);
    let stopped_server = Stopped::begin(server);
    drop(stopped);
    assert_eq!(ended(&mut starter.0), Some(2));
    drop(stopped_server);
    assert!(eventually(|| !is_running(server)), "it goes on, and sees that nobody waits");
    let mut complaint = String::new();
    starter.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap(); // the server had it open, too
    assert!(complaint.contains(&format!("the background process, {server}, is stopped")), "{complaint}");
    assert!(!is_mounted(&mountpoint));
    drop(cached);
}

/// The exit code of a child, which ends soon.
fn ended(child: &mut Child) -> Option<i32> {
    let mut status = None;
    eventually(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap_or_else(|| panic!("it still runs: {}", state(child.id()))).code()
}

/// The state of a process, for a message.
fn state(process: u32) -> String {
    ["stat", "wchan", "stack"]
        .map(|file| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default())
        .join("\n")
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

#[test]
fn a_stopped_server_is_unmounted_lazily() {
    let store = SmallStore::new();
    let mount = Mount::new(&store.path(), &["-o", "ro"]);
    drop(File::open(mount.path().join("Group/a/big")).unwrap()); // as above: no child of another test waits for us
    let mut file = File::open(mount.path().join("Group/a/big")).unwrap();
    let stopped = Stopped::new(mount.process());
    let complaint = umount(mount.path());
    assert!(complaint.contains("is unmounted, but the process that served it did not answer"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert!(!is_mounted(mount.path()) && is_running(mount.process()));
    drop(stopped);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, SmallStore::big(), "a reader that had a file open goes on once the server does");
    drop(file);
    mount.wait_gone();
}

#[test]
fn a_lazy_unmount_asks_a_stopped_server_nothing() {
    let store = SmallStore::new();
    let mount = Foreground::new(&store.path(), &["-o", "ro"]);
    let _stopped = Stopped::new(mount.process());
    let said = say(&["umount".as_ref(), "--lazy".as_ref(), mount.path().as_os_str()]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(!is_mounted(mount.path()));
}

#[test]
fn nothing_is_mounted_over_a_stopped_server() {
    let store = SmallStore::new();
    let mount = Mount::new(&store.path(), &["-o", "ro"]);
    let _stopped = Stopped::new(mount.process());
    let (source, mountpoint) = (store.path(), mount.path().as_os_str());
    let complaint = refused(&["mount".as_ref(), "-o".as_ref(), "nonempty".as_ref(), source.as_os_str(), mountpoint]);
    let want = format!("whose process does not answer: `wimstore umount {}` first", mount.path().display());
    assert!(complaint.contains(&want), "{complaint}");
    assert!(is_mounted(mount.path()));
    umount(mount.path());
}
