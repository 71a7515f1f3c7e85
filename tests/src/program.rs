//! The program under test.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The path of the `wimstore` program that was built with the tests: `target/<profile>/wimstore`,
/// beside the folder of the running test.
///
/// # Panics
/// The program is not there, or older than a source file it is made from: a test would then check
/// something else than the tree it belongs to. `cargo build -p wimstore` (with the profile of the
/// tests) brings it up to date.
pub fn wimstore() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| find("wimstore", "-p wimstore")).clone()
}

/// The path of the program `failing` of `tests/tools`: `target/<profile>/failing`.
///
/// # Panics
/// As [`wimstore`].
pub(crate) fn failing() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| find("failing", "-p wimstore-tools --bin failing")).clone()
}

/// Runs `wimstore` with `arguments` to its end and returns its output and exit status.
///
/// # Panics
/// As [`wimstore`], or the program cannot be started.
pub fn run<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(arguments: I) -> Output {
    Command::new(wimstore()).args(arguments).output().expect("wimstore starts")
}

/// Says that the test that calls this cannot run here, and why: on the real standard error, which
/// cargo does not hide.
pub fn skipped(reason: impl Display) {
    let test = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: skipped: {reason}", test.name().unwrap_or("a test"));
}

/// Finds `name` in `target/<profile>`, which `cargo build` with the arguments `build` makes.
fn find(name: &str, build: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().expect("a folder");
    // Tests lie in target/<profile>/deps, programs made of this library in target/<profile>.
    let profile = if folder.ends_with("deps") { folder.parent().expect("a folder") } else { folder };
    up_to_date(profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)), build)
}

/// A program that `cargo build` with the arguments `build` makes.
///
/// # Panics
/// As [`wimstore`].
pub(crate) fn up_to_date(program: PathBuf, build: &str) -> PathBuf {
    let (Some(built), Ok(sources)) = (modified(&program), fs::read_to_string(program.with_extension("d"))) else {
        panic!("{} is not built: run `cargo build {build}` first", program.display());
    };
    for source in sources_in(&sources) {
        assert!(
            modified(&source).is_some_and(|time| time <= built),
            "{} is older than {}: run `cargo build {build}` first",
            program.display(),
            source.display()
        );
    }
    program
}

/// The files that cargo's dependency file names: `PROGRAM: FILE FILE…`, with blanks in names
/// escaped by `\`.
fn sources_in(dependencies: &str) -> Vec<PathBuf> {
    let list = dependencies.split_once(": ").map_or("", |(_, list)| list.trim_end());
    list.replace("\\ ", "\0").split(' ').map(|name| PathBuf::from(name.replace('\0', " "))).collect()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependency_files_are_read() {
        let cases: &[(&str, &[&str])] = &[
            ("/t/wimstore: /a/main.rs /a/b.rs\n", &["/a/main.rs", "/a/b.rs"]),
            ("/t/wimstore: /with\\ blank/main.rs /b.rs\n", &["/with blank/main.rs", "/b.rs"]),
        ];
        for (text, want) in cases {
            assert_eq!(sources_in(text), want.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
        }
    }
}
