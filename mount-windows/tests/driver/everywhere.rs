//! Everything that random trees and the archives of our peers show, as the filesystem and as a
//! mount on Linux has it.

use fs_core::LinkTargets;
use mount_windows::{DriveOptions, Security};
use testkit::{Packing, Wim, trees};

use crate::{everything, fsd, mount, open, save, seen, walk};

const WAYS: [DriveOptions; 2] = [
    DriveOptions { security: Security::Uniform, links: LinkTargets::Inside },
    DriveOptions { security: Security::Image, links: LinkTargets::AsStored },
];

/// With the archives that `tests/src/bin/seen.rs` has put into `WIMSTORE_SEEN`.
#[test]
fn all_is_as_the_mount_on_linux_shows_it() {
    let Some(folder) = std::env::var_os("WIMSTORE_SEEN") else {
        println!("skipped: WIMSTORE_SEEN names no folder (scripts/test --windows makes one)");
        return;
    };
    let _driver = fsd::driver();
    for (archive, seen) in seen::archives(folder.as_ref()) {
        let image = (!archive.ends_with("several.wim")).then_some(1);
        let fs = open(&archive, image);
        for options in WAYS {
            let mounted = mount(&fs, options);
            let paths = walk::compare(&fs, options);
            assert_eq!(seen::compare(&seen, options), paths, "{}", archive.display());
            drop(mounted);
            println!("{}: {paths} paths", archive.display());
        }
    }
}

#[test]
fn random_trees_are_walked() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    for seed in 100..103 {
        Wim::of(Packing::Lzx(32768), [trees::random(seed)]).build().save(&path);
        let fs = open(&path, Some(1));
        for options in WAYS {
            let mounted = mount(&fs, options);
            assert!(walk::compare(&fs, options) > 20, "seed {seed}");
            drop(mounted);
        }
    }
}

#[test]
fn eight_threads_look_at_everything_at_once() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), None);
    let options = DriveOptions::default();
    let mounted = mount(&fs, options);
    let counts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| walk::compare(&fs, options))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(counts, [718; 8]);
    drop(mounted);
}
