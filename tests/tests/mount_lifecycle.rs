//! A mount comes, answers, and goes: on every way in and out, and on those that must fail.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getsid, kill_process};
use wimstore_tests::{
    Foreground, Mount, PATIENCE, SmallStore, Unmounted, eventually, is_mounted, is_running, run, wimstore,
};

/// Exit code and complaint.
fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs `wimstore`, which must fail with exit code 2, and gives its complaint.
fn refused<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let (code, complaint) = said(&run(arguments));
    assert_eq!(code, Some(2), "{complaint}");
    complaint
}

fn assert_answers(mount: &Path) {
    assert_eq!(fs::read(mount.join("Group/a/docs/hello.txt")).unwrap(), b"hello");
    let absent = fs::metadata(mount.join("Group/a/absent")).unwrap_err();
    assert_eq!(absent.kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_background_process_has_left_its_terminal() {
    let store = SmallStore::new();
    let mount = Mount::new(&store.path(), &["-o", "ro"]);
    assert_answers(mount.path());
    let process = PathBuf::from("/proc").join(mount.process().to_string());
    for descriptor in ["0", "1", "2"] {
        assert_eq!(fs::read_link(process.join("fd").join(descriptor)).unwrap(), Path::new("/dev/null"), "{descriptor}");
    }
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    let pid = pid(mount.process());
    assert_eq!(getsid(Some(pid)).unwrap(), pid, "it leads a session of its own");
    assert_eq!(fs::read(mount.path().join("Group/a/big")).unwrap(), SmallStore::big());
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.try_into().unwrap()).unwrap()
}

#[test]
fn a_mount_takes_the_hard_limit_of_open_files() {
    let store = SmallStore::new();
    let mountpoint = store.make("mnt");
    let _unmounted = Unmounted(&mountpoint);
    let script = "ulimit -Sn 64; exec \"$@\"";
    testkit::run(
        Command::new("sh").args(["-c", script, "sh"]).arg(wimstore()).arg("mount").args([&store.path(), &mountpoint]),
    );
    let process = xattr::get(&mountpoint, "user.wimstore.pid").unwrap().unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", String::from_utf8(process).unwrap())).unwrap();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let values: Vec<&str> = open_files.split_whitespace().collect();
    assert!(values[0] == values[1] && values[0] != "64", "soft and hard: {open_files}");
}

#[test]
fn umount_returns_when_mount_and_process_are_gone() {
    let store = SmallStore::new();
    for round in 0..5 {
        let mount = Mount::new(&store.path(), &["-o", "ro"]);
        assert_answers(mount.path());
        assert_eq!(said(&run(["umount".as_ref(), mount.path().as_os_str()])), (Some(0), String::new()), "{round}");
        assert!(!is_mounted(mount.path()) && !is_running(mount.process()), "{round}");
    }
}

#[test]
fn whoever_starts_a_mount_does_not_wait_for_its_end() {
    // `$(…)` ends when the last process has closed its output: the server must have done so.
    let store = SmallStore::new();
    let mountpoint = store.make("mountpoint");
    let _unmounted = Unmounted(&mountpoint);
    let script = "said=$(\"$1\" mount \"$2\" \"$3\" 2>&1); echo \"$? [$said]\"; \"$1\" umount \"$3\"; echo $?";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).args([&wimstore(), &store.path(), &mountpoint]);
    assert_eq!(testkit::run(&mut shell), "0 []\n0\n");
    assert!(!is_mounted(&mountpoint));
}

#[test]
fn every_way_out_is_clean() {
    type Way = fn(&Foreground);
    fn by(program: impl AsRef<OsStr>, arguments: &[&str], mount: &Foreground) {
        let start = Instant::now();
        loop {
            let output = Command::new(&program).args(arguments).arg(mount.path()).output().unwrap();
            let (code, complaint) = said(&output);
            // Between another test's fork and exec, its child has our files open.
            let is_busy = complaint.contains("in use") || complaint.contains("busy");
            assert!(code == Some(0) || is_busy && start.elapsed() < PATIENCE, "{arguments:?}: {code:?}, {complaint}");
            if code == Some(0) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    let ways: &[(&str, Way)] = &[
        ("SIGINT", |mount| mount.signal(Signal::INT)),
        ("SIGTERM", |mount| mount.signal(Signal::TERM)),
        ("SIGHUP", |mount| mount.signal(Signal::HUP)),
        ("umount", |mount| by("umount", &[], mount)),
        ("umount --lazy", |mount| by("umount", &["--lazy"], mount)),
        ("fusermount3 -u", |mount| by("fusermount3", &["-u"], mount)),
        ("wimstore umount", |mount| by(wimstore(), &["umount"], mount)),
        ("wimstore umount --lazy", |mount| by(wimstore(), &["umount", "--lazy"], mount)),
    ];
    let store = SmallStore::new();
    for (name, way) in ways {
        let mut mount = Foreground::new(&store.path(), &["-o", "ro"]);
        assert_answers(mount.path());
        way(&mount);
        assert_eq!(mount.ended().code(), Some(0), "{name}");
        assert!(!is_mounted(mount.path()), "{name}");
    }
}

/// A process that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that has its current folder and an open file in the mount.
fn resident(mount: &Path) -> Killed {
    let file = File::open(mount.join("Group/a/big")).unwrap();
    let mut command = Command::new("sleep");
    command.arg("1000").current_dir(mount.join("Group/a/docs")).stdin(Stdio::from(file));
    Killed(command.spawn().unwrap())
}

#[test]
fn signals_end_a_mount_that_is_in_use() {
    let store = SmallStore::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut mount = Foreground::new(&store.path(), &["-o", "ro"]);
        let mut file = File::open(mount.path().join("Group/a/big")).unwrap();
        let mut first = vec![0; 4096];
        file.read_exact(&mut first).unwrap();
        let resident = resident(mount.path());
        mount.signal(signal);
        assert_eq!(mount.ended().code(), Some(0), "{signal:?}");
        assert!(!is_mounted(mount.path()), "{signal:?}");
        assert_eq!(first, SmallStore::big()[..4096]);
        drop((resident, file));
    }
}

#[test]
fn a_mount_in_use_is_not_unmounted_unless_lazily() {
    let store = SmallStore::new();
    let mount = Mount::new(&store.path(), &["-o", "ro"]);
    let resident = resident(mount.path());
    let complaint = refused(&["umount".as_ref(), mount.path().as_os_str()]);
    assert!(complaint.contains("is in use by open files") && complaint.contains("--lazy"), "{complaint}");
    assert_answers(mount.path());
    let mut file = File::open(mount.path().join("Group/a/big")).unwrap();
    let lazily = run(["umount".as_ref(), "--lazy".as_ref(), mount.path().as_os_str()]);
    assert_eq!(said(&lazily), (Some(0), String::new()));
    assert!(!is_mounted(mount.path()) && is_running(mount.process()));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, SmallStore::big(), "who has a file open goes on reading");
    drop((file, resident));
    mount.wait_gone();
}

#[test]
fn a_test_that_panics_leaves_no_mount() {
    let store = SmallStore::new();
    let mut seen = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mount = Mount::new(&store.path(), &["-o", "ro"]);
        seen = Some((mount.path().to_owned(), mount.process()));
        let _file = File::open(mount.path().join("Group/a/big")).unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let (path, process) = seen.unwrap();
    assert!(!is_mounted(&path) && !is_running(process));
}

#[test]
fn a_dead_mount_is_recognised_and_removed() {
    let store = SmallStore::new();
    let mount = Mount::new(&store.path(), &["-o", "ro"]);
    kill_process(pid(mount.process()), Signal::KILL).unwrap();
    assert!(eventually(|| !is_running(mount.process())));
    let dead = fs::read_dir(mount.path()).and_then(|mut entries| entries.next().transpose()).unwrap_err();
    assert_eq!(dead.raw_os_error(), Some(Errno::NOTCONN.raw_os_error()), "as with every FUSE mount");
    let complaint = refused(&["mount".as_ref(), store.path().as_os_str(), mount.path().as_os_str()]);
    assert!(complaint.contains("whose process has died: `wimstore umount"), "{complaint}");
    assert_eq!(said(&run(["umount".as_ref(), mount.path().as_os_str()])), (Some(0), String::new()));
    assert!(!is_mounted(mount.path()));
}

#[test]
fn what_cannot_be_mounted_is_refused_with_the_reason() {
    let small = SmallStore::new();
    let (empty, full) = (small.make("empty"), small.make("full"));
    fs::write(full.join("entry"), "x").unwrap();
    fs::write(small.at("file"), "no archive").unwrap();
    let mounted = Mount::new(&small.path(), &["-o", "ro"]);
    let at = |path: &Path| path.display().to_string();
    let (store, archive, empty) = (at(&small.path()), at(&small.archive()), at(&empty));
    let (absent, file) = (at(&small.at("absent")), at(&small.at("file")));
    let (full, mounted, parent) = (at(&full), at(mounted.path()), at(small.folder()));
    let cases: &[(&[&str], &str)] = &[
        (&[&store, &absent], "does not exist: make the directory first"),
        (&[&store, &file], "is not a directory"),
        (&[&store, &full], "is not empty (-o nonempty mounts over what is there)"),
        (&[&store, &mounted], "already: `wimstore umount"),
        (&[&store, &mounted, "-o", "nonempty"], "already: `wimstore umount"),
        (&[&store, "/proc"], "something is mounted on /proc already, "),
        (&[&store, &parent, "-o", "nonempty"], "would hide the source"),
        (&[&absent, &empty], "No such file"),
        (&[&file, &empty], "not a WIM archive"),
        (&[&archive, &empty, "--image", "2"], "no image 2; there are 1 (\"a\")"),
        (&[&archive, &empty, "-o", "image=nobody"], "no image \"nobody\""),
        (&[&store, &empty, "-o", "ro,frobnicate"], "mount option frobnicate is not known"),
        (&[&store, &empty, "-o", "umask=8"], "mount option umask: 8 is not an octal mask"),
        (&[&store, &empty, "--verify", "maybe"], "mount option verify: maybe is not one of strict, blocks, off"),
        (&[&store, &empty, "-o", "ref=/no/such.wim"], "/no/such.wim"),
        (&[&store], "the following required arguments were not provided"),
    ];
    for (arguments, want) in cases {
        for foreground in [&["mount"][..], &["mount", "--foreground"]] {
            let complaint = refused(&[foreground, arguments].concat());
            assert!(complaint.contains(want), "{arguments:?}: {complaint}");
            assert_eq!(
                complaint.matches("wimstore: ").count() + complaint.matches("error: ").count(),
                1,
                "{complaint}"
            );
        }
        assert!(!is_mounted(Path::new(&empty)), "{arguments:?}");
    }
    for path in [&empty, &file, &absent, "/proc"] {
        let complaint = refused(&["umount", path]);
        assert!(complaint.contains("nothing that wimstore mounted"), "{path}: {complaint}");
    }
    assert_answers(Path::new(&mounted));
}

#[test]
fn nonempty_mounts_over_what_is_there() {
    let store = SmallStore::new();
    let (store, full) = (store.path(), store.make("full"));
    let _unmounted = Unmounted(&full);
    fs::write(full.join("entry"), "x").unwrap();
    let output = run(["mount".as_ref(), "-o".as_ref(), "nonempty".as_ref(), store.as_os_str(), full.as_os_str()]);
    assert_eq!(said(&output), (Some(0), String::new()));
    assert_answers(&full);
    assert_eq!(said(&run(["umount".as_ref(), full.as_os_str()])), (Some(0), String::new()));
    assert_eq!(fs::read(full.join("entry")).unwrap(), b"x");
}
