//! Four readers while the store under the mount fails, at random moments: the table of
//! docs/semantics.md, row by row.
//!
//! Never a wrong byte, never a hang, never a dead mount; and when the fault is over, everything is
//! served again. `WIMSTORE_SEED` repeats what a failure names.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use rustix::io::Errno;
use testkit::content::{self, Random};
use testkit::{Built, Image, Packing, Wim, dir, file, root};
use wimstore_tests::{LiveStore, PATIENCE, Share, eventually, is_running};

const EIO: i32 = Errno::IO.raw_os_error();
const ENOENT: i32 = Errno::NOENT.raw_os_error();

/// How long faults come in each row, and for longer until enough was seen of them.
const STRIKES: Duration = Duration::from_millis(2500);

/// How many right answers are enough.
const ENOUGH: usize = 30;

/// A change of the store, and what readers may see meanwhile.
struct Row {
    fault: &'static str,
    sees: Sees,
    /// Only a share can fail like this.
    share: bool,
    /// Strikes once and, before it returns, lets it be over.
    strike: fn(&mut Ground, &mut Random),
}

/// The words of the document, and the errors that they mean.
#[derive(Clone, Copy)]
struct Sees(&'static str, &'static [i32]);

const RIGHT: Sees = Sees("right bytes", &[]);
const ERRORS: Sees = Sees("right bytes or `EIO`", &[EIO]);
const ANOTHER: Sees = Sees("the archive of before or, opened anew, the other one", &[ENOENT]);
const ANOTHER_OR_ERRORS: Sees =
    Sees("the archive of before, `EIO` where its bytes are gone or, opened anew, the other one", &[EIO, ENOENT]);
const GONE: Sees = Sees("right bytes from what is open, else `ENOENT`", &[ENOENT]);

const TABLE: &[Row] = &[
    Row { fault: "reads give less than asked for", sees: RIGHT, share: true, strike: |g, r| g.fails("short 80", r) },
    Row { fault: "reads take long", sees: RIGHT, share: true, strike: |g, r| g.fails("slow 100", r) },
    Row { fault: "reads fail (`EIO`)", sees: ERRORS, share: true, strike: |g, r| g.fails("eio 20", r) },
    Row { fault: "handles are stale (`ESTALE`)", sees: ERRORS, share: true, strike: |g, r| g.fails("estale 20", r) },
    Row { fault: "the share's server is down", sees: ERRORS, share: true, strike: |g, r| g.fails("away 100", r) },
    Row { fault: "the share is unmounted and mounted again", sees: ANOTHER_OR_ERRORS, share: true, strike: remount },
    Row { fault: "the archive is cut short and restored", sees: ERRORS, share: false, strike: cut },
    Row { fault: "the archive is overwritten in place", sees: ANOTHER_OR_ERRORS, share: false, strike: overwrite },
    Row { fault: "another archive is renamed over it", sees: ANOTHER, share: false, strike: replace },
    Row { fault: "the archive is deleted and put back", sees: GONE, share: false, strike: delete },
    Row { fault: "the store's folder vanishes and returns", sees: RIGHT, share: false, strike: move_away },
];

/// A store under faults: `steady.wim`, which stays as it is, and `v.wim`.
struct Ground {
    live: LiveStore,
    share: Option<Share>,
}

fn pause(random: &mut Random, milliseconds: u64) {
    sleep(Duration::from_millis(random.below(milliseconds)));
}

impl Ground {
    fn new(on_share: bool, seed: u64) -> Self {
        let mut live = LiveStore::unmounted();
        live.add("Group", "v.wim", archive(1));
        live.add("Group", "steady.wim", archive(0));
        let share = on_share.then(|| Share::new(live.store().path(), seed));
        let source = share.as_ref().map_or(live.store().path().to_owned(), Share::path);
        // Next to nothing is cached, so that reads reach the store.
        live.mount(&source, &["--cache", "256K"]);
        Self { live, share }
    }

    fn share(&mut self) -> &mut Share {
        self.share.as_mut().expect("a row for a share")
    }

    fn fails(&mut self, fault: &str, random: &mut Random) {
        self.share().fails(fault);
        pause(random, 900);
        self.share().fails("");
        pause(random, 200);
    }
}

fn remount(ground: &mut Ground, random: &mut Random) {
    ground.share().vanishes();
    pause(random, 900);
    ground.share().returns();
    pause(random, 1500);
}

fn cut(ground: &mut Ground, random: &mut Random) {
    let path = ground.live.stored("Group/v.wim");
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(random.below(archive(1).bytes.len() as u64)).unwrap();
    pause(random, 500);
    archive(1).save(&path);
    pause(random, 300);
}

fn overwrite(ground: &mut Ground, random: &mut Random) {
    archive(1 + random.below(4) as usize).save(&ground.live.stored("Group/v.wim"));
    pause(random, 600);
}

fn replace(ground: &mut Ground, random: &mut Random) {
    ground.live.add("Group", "v.wim", archive(1 + random.below(4) as usize));
    pause(random, 600);
}

fn delete(ground: &mut Ground, random: &mut Random) {
    fs::remove_file(ground.live.stored("Group/v.wim")).unwrap();
    pause(random, 1200);
    ground.live.add("Group", "v.wim", archive(1));
    pause(random, 1200);
}

fn move_away(ground: &mut Ground, random: &mut Random) {
    let (images, away) = (ground.live.beside("store/Images"), ground.live.beside("store/away"));
    fs::rename(&images, &away).unwrap();
    pause(random, 900);
    fs::rename(&away, &images).unwrap();
    pause(random, 300);
}

/// The contents of `big` in the archives: 0 is `steady.wim`, the others are versions of `v.wim`.
/// They differ in every window.
fn contents() -> &'static [Vec<u8>] {
    static CONTENTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    CONTENTS.get_or_init(|| {
        let version = |number: u8| {
            let mut text = content::text(400_000 + usize::from(number) * 1000);
            text.iter_mut().step_by(97).for_each(|byte| *byte ^= number);
            text
        };
        (0..5).map(version).collect()
    })
}

/// Some with an integrity table, some without.
fn archive(number: usize) -> &'static Built {
    static ARCHIVES: OnceLock<Vec<Built>> = OnceLock::new();
    let built = ARCHIVES.get_or_init(|| {
        let build = |(number, big): (usize, &Vec<u8>)| {
            let tree = root([file("big", big.clone()), dir("docs", [file("hello", "hello")])]);
            let image = Image::new(if number == 0 { "steady" } else { "v" }, tree);
            let integrity = (number % 2 == 1).then_some(65536);
            Wim { integrity, ..Wim::of(Packing::Lzx(32768), [image]) }.build()
        };
        contents().iter().enumerate().map(build).collect()
    });
    &built[number]
}

/// The observations of four readers.
#[derive(Debug, Default)]
struct Seen {
    stop: AtomicBool,
    right: AtomicUsize,
    errors: AtomicUsize,
}

/// One reader of a mount. What it must not see ends it with a description.
struct Reader {
    root: std::path::PathBuf,
    allowed: &'static [i32],
    /// Whether the archive beside the one that changes may fail, too.
    all_may_fail: bool,
    random: Random,
    seen: Arc<Seen>,
}

impl Reader {
    fn run(mut self) -> Result<(), String> {
        while !self.seen.stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            let image = ["v", "steady"][self.random.below(2) as usize];
            let path = self.root.join("Group").join(image);
            match self.random.below(8) {
                0 => self.accept(image, "ls", fs::read_dir(&path).map(|entries| assert_names(entries, &path)))?,
                1 => {
                    let hello = fs::read(path.join("docs/hello")).map(|bytes| bytes == b"hello");
                    self.accept(
                        image,
                        "hello",
                        hello.map(|right| if right { Ok(()) } else { Err("other bytes".into()) }),
                    )?;
                }
                _ => self.big(image, &path.join("big"))?,
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{image}: an answer took {:?}", start.elapsed()));
            }
        }
        Ok(())
    }

    /// Opens the large file and reads windows of it: all from one version.
    fn big(&mut self, image: &str, path: &Path) -> Result<(), String> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.accept(image, "open", Err(error)),
        };
        let versions = if image == "steady" { 0..1 } else { 1..5 };
        let mut number = None;
        for _ in 0..12 {
            let (offset, mut bytes) = (self.random.below(390_000) as usize, vec![0; 9000]);
            let read = fadvise(&file, 0, None, Advice::DontNeed).map_err(io::Error::from);
            let read = read.and_then(|()| file.read_exact_at(&mut bytes, offset as u64));
            let found = versions.clone().find(|&version| contents()[version][offset..][..9000] == bytes);
            let right = match found {
                None => Err(format!("bytes of no version at {offset}")),
                Some(found) if *number.get_or_insert(found) == found => Ok(()),
                Some(found) => Err(format!("one open file, versions {number:?} and {found}")),
            };
            self.accept(image, "read", read.map(|()| right))?;
        }
        Ok(())
    }

    /// Counts an answer, or says what is wrong with it.
    fn accept(&self, image: &str, what: &str, answer: io::Result<Result<(), String>>) -> Result<(), String> {
        let allowed = if image == "v" || self.all_may_fail { self.allowed } else { &[] };
        match answer {
            Ok(Ok(())) => drop(self.seen.right.fetch_add(1, Ordering::Relaxed)),
            Ok(Err(wrong)) => return Err(format!("{image}: {what}: {wrong}")),
            Err(error) if error.raw_os_error().is_some_and(|number| allowed.contains(&number)) => {
                self.seen.errors.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return Err(format!("{image}: {what}: {error}")),
        }
        Ok(())
    }
}

fn assert_names(entries: fs::ReadDir, path: &Path) -> Result<(), String> {
    let mut names: Vec<_> = entries.map_while(Result::ok).map(|entry| entry.file_name()).collect();
    names.sort();
    // An error in the middle of a listing ends it.
    if ["big", "docs"].iter().take(names.len()).eq(names.iter()) { Ok(()) } else { Err(format!("{path:?}: {names:?}")) }
}

impl Seen {
    /// Whether the readers have seen what they must see of a row.
    fn is_enough(&self, row: &Row) -> bool {
        let errors_seen = self.errors.load(Ordering::Relaxed) > 0 || !row.sees.1.contains(&EIO);
        self.right.load(Ordering::Relaxed) > ENOUGH && errors_seen
    }
}

/// Plays one row: strikes until enough was seen, and then everything is right again.
fn play(row: &Row, on_share: bool, seed: u64) {
    let what = format!("{} ({}, WIMSTORE_SEED={seed})", row.fault, if on_share { "on a share" } else { "on a disk" });
    let mut random = Random::new(seed);
    let mut ground = Ground::new(on_share, seed);
    ground.live.shows("Group", &["steady", "v"]);
    let (root, process) = (ground.live.path(""), ground.live.mounted().process());
    let steady = ground.live.ino("Group/steady/big");
    let seen = Arc::new(Seen::default());
    let readers: Vec<_> = (0..4)
        .map(|number| {
            let random = Random::new(seed * 4 + number);
            let (root, seen) = (root.clone(), Arc::clone(&seen));
            let reader = Reader { root, allowed: row.sees.1, all_may_fail: row.share, random, seen };
            thread::spawn(|| reader.run())
        })
        .collect();
    let start = Instant::now();
    let is_over = || start.elapsed() > STRIKES && (seen.is_enough(row) || start.elapsed() > PATIENCE);
    while !is_over() && readers.iter().all(|reader| !reader.is_finished()) {
        (row.strike)(&mut ground, &mut random);
    }
    seen.stop.store(true, Ordering::Relaxed);
    if !eventually(|| readers.iter().all(|reader| reader.is_finished())) {
        let _ = Command::new("kill").arg("-9").arg(process.to_string()).status();
        panic!("{what}: a reader hangs\n{}", last_lines(&ground.live.log()));
    }
    for reader in readers {
        if let Err(wrong) = reader.join().unwrap() {
            panic!("{what}: {wrong}\n{}", last_lines(&ground.live.log()));
        }
    }

    archive(2).save(&ground.live.beside("new"));
    fs::rename(ground.live.beside("new"), ground.live.stored("Group/v.wim")).unwrap();
    for (image, number) in [("v", 2), ("steady", 0)] {
        let big = ground.live.path("Group").join(image).join("big");
        let healed = eventually(|| fs::read(&big).is_ok_and(|bytes| bytes == contents()[number]));
        assert!(healed, "{what}: {image}: {:?}\n{}", fs::read(&big).map(|b| b.len()), last_lines(&ground.live.log()));
    }
    ground.live.shows("Group", &["steady", "v"]);
    if !row.share {
        assert_eq!(ground.live.ino("Group/steady/big"), steady, "{what}: an untouched image has other numbers");
    }
    assert!(is_running(process) && ground.live.mounted().process() == process, "{what}: the mount died");
    assert!(!ground.live.log().contains("panicked"), "{what}\n{}", ground.live.log());
    assert!(seen.is_enough(row), "{what}: too little was seen: {seen:?}");
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| !line.contains("DEBUG")).collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

fn play_all(on_share: bool) {
    let seed = std::env::var("WIMSTORE_SEED").map_or(1, |seed| seed.parse().expect("WIMSTORE_SEED is a number"));
    let only = std::env::var("WIMSTORE_FAULT").unwrap_or_default();
    for row in TABLE.iter().filter(|row| (on_share || !row.share) && row.fault.contains(&only)) {
        play(row, on_share, seed);
    }
}

#[test]
fn faults_under_readers_of_a_disk() {
    play_all(false);
}

#[test]
fn faults_under_readers_of_a_share() {
    play_all(true);
}

#[test]
fn the_document_has_the_table() {
    let document = include_str!("../../docs/semantics.md");
    let rows: Vec<_> = document.lines().filter_map(|line| line.strip_prefix("| ")).skip(1).collect(); // without its head
    let want: Vec<_> = TABLE.iter().map(|row| format!("{} | {} |", row.fault, row.sees.0)).collect();
    assert_eq!(rows, want);
}
