//! Real files to make images of.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use testkit::content;

/// Executables, the larger of which has several chunks of any size. Every Debian has them.
const PROGRAMS: [&str; 4] = ["/usr/bin/perl", "/usr/bin/bash", "/usr/bin/find", "/usr/bin/grep"];

/// Folders of texts: headers for the linker's sake, licences and Perl modules in every Debian.
const TEXTS: [(&str, usize); 3] =
    [("/usr/include/linux", 150), ("/usr/share/common-licenses", 20), ("/usr/lib/x86_64-linux-gnu/perl-base", 60)];

/// A folder `name` in `parent` with some hundred real files, some 7 MB: programs, texts, nested
/// folders; hard and symbolic links of all kinds; names that are not ASCII, or long; empty files
/// and folders; times that tell their digits apart.
///
/// # Panics
/// The files are not where Debian has them.
pub fn corpus(parent: &Path, name: &str) -> PathBuf {
    let root = parent.join(name);
    fs::create_dir_all(root.join("bin")).expect("a folder for the corpus");
    for program in PROGRAMS {
        let program = Path::new(program);
        copy(program, &root.join("bin").join(program.file_name().expect("a path of a file")));
    }
    for (folder, most) in TEXTS {
        let source = Path::new(folder);
        let mut left = most;
        copy_some(source, &root.join("text").join(source.file_name().expect("a path of a folder")), &mut left);
        assert!(left <= most / 2, "{folder} has hardly any files");
    }
    odd_files(&root);
    links(&root);
    set_times(&root, &mut 0);
    root
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("copying {}: {error}", from.display()));
}

/// Copies files of a folder and those below it until `left` is used up.
fn copy_some(from: &Path, to: &Path, left: &mut usize) {
    fs::create_dir_all(to).expect("a folder of the corpus");
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let to = to.join(path.file_name().expect("a path of an entry"));
        let kind = fs::symlink_metadata(&path).expect("it was just listed").file_type();
        if *left == 0 {
            return;
        } else if kind.is_dir() {
            copy_some(&path, &to, left);
        } else if kind.is_file() {
            copy(&path, &to);
            *left -= 1;
        }
    }
}

fn odd_files(root: &Path) {
    let write = |name: &str, data: &[u8]| fs::write(root.join(name), data).expect("a file of the corpus");
    fs::create_dir_all(root.join("empty folder/also empty")).expect("a folder of the corpus");
    write("empty", b"");
    write("one", b"1");
    write("zeros", &vec![0; 700_001]);
    write("noise", &content::random(300_007));
    write("Ünïcode-文件-🦀", b"unicode");
    write(" blanks and 'quotes\" & $signs; .", b"odd");
    write(&"long".repeat(63), b"252 bytes of name");
    fs::create_dir_all(root.join("case")).expect("a folder of the corpus");
    for name in ["readme", "README", "ReadMe"] {
        write(&format!("case/{name}"), name.as_bytes());
    }
    let mut deep = root.join("deep");
    for depth in 0..40 {
        deep.push(format!("{depth}"));
    }
    fs::create_dir_all(&deep).expect("a deep folder");
    fs::write(deep.join("bottom"), "deep").expect("a file of the corpus");
}

fn links(root: &Path) {
    fs::create_dir_all(root.join("links/deeper")).expect("a folder of the corpus");
    for link in ["links/bash", "links/deeper/bash", "bin/sh"] {
        fs::hard_link(root.join("bin/bash"), root.join(link)).expect("hard links");
    }
    fs::hard_link(root.join("empty"), root.join("links/empty")).expect("hard links");
    let soft: &[(&str, &str)] = &[
        ("links/plain", "bash"),
        ("links/up", "../bin/grep"),
        ("links/folder", "../text"),
        ("links/deeper/chain", "../plain"),
        ("links/dangling", "not/there"),
        ("links/itself", "itself"),
        ("links/dots", "./../bin/.././one"),
        ("links/out", "../../../../../../../../etc/passwd"),
        ("links/absolute", "/usr/share/nowhere"),
        ("links/Ünïcode", "../Ünïcode-文件-🦀"),
    ];
    for (link, target) in soft {
        symlink(target, root.join(link)).expect("symbolic links");
    }
    symlink(root.join("bin/find"), root.join("links/inside")).expect("symbolic links");
}

/// Gives everything below and including `path` times of its own, folders last. The time of the last
/// access is to come, and so reading does not change it.
fn set_times(path: &Path, count: &mut i64) {
    let kind = fs::symlink_metadata(path).expect("the corpus is there").file_type();
    if kind.is_dir() {
        let entries = fs::read_dir(path).expect("the corpus is there").map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<PathBuf> = entries.collect();
        paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        paths.iter().for_each(|path| set_times(path, count));
    }
    *count += 1;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let times = Timestamps {
        last_access: Timespec { tv_sec: now.cast_signed() + 3600, tv_nsec: (*count * 1_001 * 100) % 1_000_000_000 },
        // One is before 1970.
        last_modification: Timespec {
            tv_sec: *count * 3_000_019 - 90_000_000,
            tv_nsec: (*count * 765_432_100) % 1_000_000_000,
        },
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).expect("times can be set");
}
