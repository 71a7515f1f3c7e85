//! A drive in use for a while, whose store changes: neither handles nor memory grow.
//!
//! `WIMSTORE_SOAK` says how many seconds; a few are the default.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mount_windows::DriveOptions;
use testkit::{Image, PATIENCE, Packing, Store, Wim, content, file, root};

use crate::fsd::{self, units};
use crate::live::put;
use crate::walk::open_itself;
use crate::{everything, meter, mount, open};

/// Seconds, unless the environment says otherwise.
const USUAL: u64 = 8;

const THREADS: u64 = 4;

/// Allowed growth in bytes between the first measurement and the end: memory that the allocator
/// keeps, and threads that started later.
const SLACK: u64 = 6 << 20;

/// Allowed growth in handles.
const FEW: u64 = 8;

fn seconds() -> u64 {
    std::env::var("WIMSTORE_SOAK").map_or(USUAL, |text| text.parse().expect("WIMSTORE_SOAK is a number of seconds"))
}

/// Paths of the image that stays.
const PATHS: [&str; 8] = [
    r"\Group\stays\Docs\big.bin",
    r"\Group\STAYS\docs\readme.txt:origin",
    r"\Group\stays\many",
    r"\Group\stays\link",
    r"\Group\stays\nope",
    r"\Group\comes\file",
    r"\Group",
    r"\Group\stays\empty",
];

/// Opens a path, asks everything, and closes it.
fn use_one(path: &str, round: u64) {
    let Ok(open) = open_itself(&units(path)) else { return };
    open.info();
    open.security();
    if open.info.FileAttributes & 0x10 == 0 {
        let _ = open.read(round * 4099 % 1_000_000, 70_000); // also after the end
        open.streams();
    } else {
        open.list(if round.is_multiple_of(3) { 700 } else { 65536 });
        open.find("ENTRY-0007.dat");
    }
    let _ = open.reparse(path);
}

/// Ends the threads, also when the test has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn use_makes_neither_handles_nor_memory_grow() {
    let _driver = fsd::driver();
    meter::check();
    let folder = tempfile::tempdir().unwrap();
    let comes = |number: u64| {
        let tree = root([file("file", content::random(100_000)), file(&format!("number {number}"), "x")]);
        Wim::of(Packing::Xpress(32768), [Image::new("comes", tree)])
    };
    let stays = Wim::of(Packing::Lzx(32768), [Image::new("stays", everything())]).build();
    let store = Store::new(&folder.path().join("store"));
    store.add("Group", "stays.wim", &stays);
    let archive = store.add("Group", "comes.wim", &comes(0).build());
    let mounted = mount(&open(store.path(), None), DriveOptions::default());

    let (is_over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let length = Duration::from_secs(seconds());
    let mut measured = Vec::new();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (is_over, done) = (&is_over, &done);
            scope.spawn(move || {
                for round in thread.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    use_one(PATHS[round as usize % PATHS.len()], round);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _over = Over(&is_over);
        let start = Instant::now();
        let mut number = 0;
        for part in 1..=4 {
            let is_enough = || done.load(Ordering::Relaxed) > 25 * seconds() * u64::from(part);
            while start.elapsed() < length * part / 4 || !is_enough() && start.elapsed() < length + PATIENCE {
                thread::sleep(Duration::from_millis(1500).min(length / 16));
                number += 1;
                put(&archive, folder.path(), &comes(number));
            }
            let (handles, bytes) = (meter::handles(), meter::bytes());
            println!("after {} s: {handles} handles, {} KiB", start.elapsed().as_secs(), bytes >> 10);
            measured.push((handles, bytes));
        }
    });
    println!("{} objects used", done.load(Ordering::Relaxed));
    drop(mounted);
    let ((handles, bytes), (last_handles, last_bytes)) = (measured[0], measured[3]);
    assert!(last_handles <= handles + FEW, "handles grow: {measured:?}");
    assert!(last_bytes <= bytes + SLACK, "memory grows: {measured:?}");
    assert!(done.load(Ordering::Relaxed) > 100 * seconds());
}
