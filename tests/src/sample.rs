//! A folder with a bit of everything, to be captured.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use testkit::content::{code, random, text};

/// Fills `root`, an empty folder, with files of sizes around those of chunks, several names of one file, links, names
/// of many kinds and times to 100 ns. Everything in it survives a capture and an extraction by wimlib.
///
/// # Panics
/// Something cannot be written.
pub fn fill(root: &Path) {
    let contents: Vec<(String, Vec<u8>)> = [0, 1, 4095, 4096, 4097, 32_767, 32_768, 32_769, 65_536, 100_000]
        .into_iter()
        .map(|size| (format!("sizes/{size}"), text(size)))
        .chain([
            ("a.txt".into(), text(1000)),
            ("B.txt".into(), text(1001)),
            ("program.exe".into(), code(700_001)),
            ("random".into(), random(200_000)),
            ("zeros/many".into(), [random(10_000), vec![0; 1 << 20], text(10)].concat()),
            ("deep/er/and/deep/er/file".into(), text(5)),
            ("with blank".into(), text(6)),
            ("größe/文件.txt".into(), text(7)),
            ("new\nline".into(), text(8)),
            ("one".into(), text(9000)),
            ("twin of a.txt".into(), text(1000)),
        ])
        .collect();
    for (name, content) in &contents {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    fs::create_dir_all(root.join("empty/folder")).expect("a folder");
    for link in ["zeros/two", "größe/three"] {
        fs::hard_link(root.join("one"), root.join(link)).expect("a hard link");
    }
    for (name, target) in
        [("link", "a.txt"), ("größe/up", "../sizes/1"), ("folder-link", "sizes"), ("dangling", "gone")]
    {
        symlink(target, root.join(name)).expect("a link");
    }
    let mut time = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_700);
    for (name, _) in contents.iter().rev() {
        time += Duration::new(86_401, 100);
        let path = root.join(name);
        File::options().write(true).open(&path).and_then(|f| f.set_modified(time)).expect("a time");
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
            File::open(folder).and_then(|f| f.set_modified(time)).expect("a time");
        }
    }
}
