//! One archive of a store is a link to a share whose server stops answering: what waits for it
//! waits, all else goes on.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use rustix::process::Signal;
use tempfile::TempDir;
use testkit::{Built, Image, Packing, Store, Wim, content, dir, file, root};
use wimstore_tests::{Foreground, Mount, Share, Stopped, eventually, is_mounted};

/// Requests of one storage that are answered at a time.
const THREADS: &str = "2";

/// Readers that wait: more than threads by far, and more than the kernel sends ahead of readers
/// unless it is asked to.
const READERS: usize = 80;

/// A store with the groups `Near`, `Late` and `Dead`. The archive `far.wim` in `Near` and `Dead` is
/// a link to a share.
struct Ground {
    folder: TempDir,
    share: Share,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("shared");
        fs::create_dir(&beside).unwrap();
        far().save(&beside.join("far.wim"));
        let share = Share::new(&beside, 1);
        // The kernel asks of the first file that is closed only, and lets nobody die who waits for
        // that.
        drop(File::open(share.path().join("far.wim")).unwrap());
        let store = Store::new(&folder.path().join("store"));
        store.add("Near", "near.wim", &near());
        store.add("Late", "late.wim", &near());
        for group in ["Near", "Dead"] {
            symlink(share.path().join("far.wim"), store.group(group).join("far.wim")).unwrap();
        }
        Self { folder, share }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Stops the share while the mount that `process` serves waits for nothing; it goes on when
    /// what is returned is dropped.
    fn stop(&self, process: u32) -> Stopped {
        Stopped::between_answers(self.share.server(), process)
    }
}

fn small(number: usize) -> Vec<u8> {
    content::text(6000 + number)
}

fn big() -> Vec<u8> {
    content::code(5_000_000)
}

fn far() -> Built {
    let files = (0..READERS).map(|number| file(&format!("f{number}"), small(number)));
    let names = dir("names", [file("empty", ""), file("one", "1")]);
    Wim::of(Packing::Xpress(32768), [Image::new("far", root(files.chain([names]).collect::<Vec<_>>()))]).build()
}

fn near() -> Built {
    let tree = root([file("big", big()), file("cold", small(0)), dir("docs", [file("hello", "hello")])]);
    Wim::of(Packing::Lzx(32768), [Image::new("near", tree)]).build()
}

/// Looks at everything in a directory.
fn list(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        entry.metadata()?;
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    Ok(names)
}

/// A thread that is about to wait for the share, and what it then got.
struct Waiting<T>(PathBuf, JoinHandle<io::Result<T>>);

fn wait_for<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Waiting<T> {
    let (sender, started) = channel();
    let thread = thread::spawn(move || {
        sender.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
        work()
    });
    Waiting(started.recv().unwrap(), thread)
}

impl<T> Waiting<T> {
    /// Whether it waits in the kernel.
    fn waits(&self) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(&self.0).join("stat")).unwrap_or_default();
        [") D ", ") S "].iter().any(|state| stat.contains(state)) && !self.1.is_finished()
    }
}

/// Readers of all files of the image on the share.
fn readers(mount: &Path) -> Vec<Waiting<Vec<u8>>> {
    let open = |number| File::open(mount.join(format!("Near/far/f{number}"))).unwrap();
    let files: Vec<File> = (0..READERS).map(open).collect();
    let read = |mut file: File| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    files.into_iter().map(|file| wait_for(move || read(file))).collect()
}

/// Asks a mount something. Returns whether the answer is right.
type Question = fn(&Path) -> io::Result<bool>;

/// Answers that do not need the share, or are in memory.
const OTHERS: &[(&str, Question)] = &[
    ("attributes of the root", |m| Ok(fs::metadata(m)?.is_dir())),
    ("the groups", |m| Ok(list(m)? == ["Dead", "Late", "Near"])),
    ("the images of a group", |m| Ok(list(&m.join("Near"))? == ["far", "near"])),
    ("no image", |m| is_absent(&m.join("Near/none"))),
    ("what was listed before on the share", |m| Ok(list(&m.join("Near/far"))?.len() == READERS + 1)),
    ("what is in memory of the share", |m| Ok(list(&m.join("Near/far/names"))? == ["empty", "one"])),
    ("no file on the share", |m| is_absent(&m.join("Near/far/none"))),
    ("a small file", |m| Ok(fs::read(m.join("Near/near/cold"))? == small(0))),
    ("a large file", |m| Ok(fs::read(m.join("Near/near/big"))? == big())),
    ("a group for the first time", |m| Ok(list(&m.join("Late"))? == ["near"])),
    ("a large file of that group", |m| Ok(fs::read(m.join("Late/near/big"))? == big())),
    ("a directory of that group", |m| Ok(list(&m.join("Late/near/docs"))? == ["hello"])),
];

fn is_absent(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
}

#[test]
fn a_share_that_hangs_keeps_nobody_waiting_for_anything_else() {
    let ground = Ground::new();
    let mount = Mount::new(&ground.store(), &["--threads", THREADS]);
    let path = mount.path().to_owned();
    assert_eq!(list(&path.join("Near/far")).unwrap().len(), READERS + 1);
    list(&path.join("Near/near")).unwrap();
    let stopped = ground.stop(mount.process());
    let readers = readers(&path);
    let dead = path.join("Dead");
    let listers: Vec<_> = (0..8)
        .map(|_| {
            wait_for({
                let dead = dead.clone();
                move || list(&dead)
            })
        })
        .collect();
    assert!(eventually(|| readers.iter().all(Waiting::waits) && listers.iter().all(Waiting::waits)));

    for (what, ask) in OTHERS {
        let path = path.clone();
        let asked = thread::spawn(move || ask(&path));
        assert!(eventually(|| asked.is_finished()), "waits for the share: {what}");
        assert!(asked.join().unwrap().unwrap(), "{what}");
    }
    assert!(readers.iter().all(|reader| !reader.1.is_finished()), "the share does not answer");
    assert!(listers.iter().all(|lister| !lister.1.is_finished()), "nor does the group with a link to it");
    drop(stopped);
    for (number, Waiting(_, reader)) in readers.into_iter().enumerate() {
        assert!(reader.join().unwrap().unwrap() == small(number), "{number}");
    }
    for Waiting(_, lister) in listers {
        assert_eq!(lister.join().unwrap().unwrap(), ["far"]);
    }
    drop((mount, ground));
}

#[test]
fn a_signal_ends_a_mount_whose_share_hangs() {
    let ground = Ground::new();
    let mut mount = Foreground::new(&ground.store(), &["--threads", THREADS]);
    list(&mount.path().join("Near/far")).unwrap();
    let stopped = ground.stop(mount.process());
    let readers = readers(mount.path());
    assert!(eventually(|| readers.iter().all(Waiting::waits)));
    mount.signal(Signal::TERM);
    assert_eq!(mount.ended().code(), Some(0));
    assert!(!is_mounted(mount.path()));
    assert!(eventually(|| readers.iter().all(|reader| reader.1.is_finished())), "all are freed");
    for Waiting(_, reader) in readers {
        reader.join().unwrap().unwrap_err();
    }
    drop((stopped, mount, ground));
}
