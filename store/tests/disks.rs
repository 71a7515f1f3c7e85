//! All access to disks goes through the writer's trait, so that tests can fail any call.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}

#[test]
fn no_file_is_opened_but_through_the_trait() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20, "{found:?}");
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for way in ["std::fs", "fs::", "File::", "OpenOptions", "OpenArchive::open(", "LocalFile", "FolderSource"] {
            let uses = text.lines().find(|line| line.contains(way) && !line.contains("rustix::fs"));
            assert_eq!(uses, None, "{}: {way}", path.display());
        }
    }
}
