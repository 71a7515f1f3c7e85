//! Large stores: the measurement of `scripts/bench --scaling`, on small ones.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use testkit::{Image, Packing, Wim, file, root};
use wimstore_tests::{LiveStore, read_anew, wimstore};

#[test]
fn the_measurement_runs_and_limits_are_kept() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts");
    let mut command = Command::new(testkit::need("python3", "python3"));
    command.env("PYTHONPATH", scripts).args(["-B", "-m", "benchlib.scaling", "--quick", "--program"]).arg(wimstore());
    let output = testkit::output(&mut command);
    let (table, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{table}{complaint}");
    assert!(
        ["## Entries", "## Chunks", "## Archives", "## Passes", "## A store"].iter().all(|title| table.contains(title)),
        "{table}"
    );
}

/// Resident memory of a process in MiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn images_dropped_for_the_budget_are_read_again() {
    const IMAGES: usize = 24;
    let mut live = LiveStore::unmounted();
    for image in 0..IMAGES {
        let files: Vec<_> =
            (0..15_000).map(|n| file(&format!("file {n} of {image}"), format!("{image} {n}"))).collect();
        let wim = Wim::of(Packing::Stored, [Image::new(&format!("{image:02}"), root(files))]);
        live.add("Group", &format!("{image:02}.wim"), &wim.build());
    }
    let source = live.store().path().to_owned();
    live.mount(&source, &["--metadata-cache", "16M", "--cache", "4M", "-o", "threads=2"]);
    let path = |image: usize| live.path(&format!("Group/{image:02}/file 7 of {image}"));
    let open: Vec<_> = (0..IMAGES).map(|image| File::open(path(image)).unwrap()).collect();
    let numbers: Vec<_> = (0..IMAGES).map(|image| path(image).metadata().unwrap().ino()).collect();
    for round in 0..2 {
        for image in 0..IMAGES {
            assert_eq!(fs::read_dir(live.path(&format!("Group/{image:02}"))).unwrap().count(), 15_000);
            assert_eq!(read_anew(&open[image]).unwrap(), format!("{image} 7").into_bytes(), "round {round}");
            let other = live.path(&format!("Group/{image:02}/file {} of {image}", 1000 + round));
            assert_eq!(fs::read_to_string(other).unwrap(), format!("{image} {}", 1000 + round));
            assert_eq!(path(image).metadata().unwrap().ino(), numbers[image]);
        }
    }
    // Without a budget: 24 trees of some 2.5 MiB and 24 tables of 1 MiB, and what the program takes
    // in any case.
    let memory = memory(live.mounted().process());
    assert!(memory < 60, "{memory} MiB");
}
