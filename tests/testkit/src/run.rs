//! Other programs: run them, and say readably what went wrong.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Finds a program in `PATH`, or panics naming the Debian package that has it.
pub fn need(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = places.map(|folder: PathBuf| folder.join(program)).find(|file| file.is_file());
    found
        .unwrap_or_else(|| panic!("{program} is needed by this test: apt-get install {package} (or run scripts/setup)"))
}

/// Runs a command to its end and gives its standard output; panics with everything it said if it
/// failed.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

/// Runs a command to its end, however it ends.
pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"))
}

/// Runs a program of a Debian package with these arguments; see [`need`] and [`run`].
pub fn tool<S: AsRef<OsStr>>(package: &str, program: &str, arguments: impl IntoIterator<Item = S>) -> String {
    run(Command::new(need(program, package)).args(arguments))
}

/// Captures a folder, or the image of an NTFS volume, with wimlib; `options` are those of
/// `wimlib-imagex capture`.
pub fn capture(source: &Path, archive: &Path, options: &[&str]) {
    let files = [OsStr::new("capture"), source.as_os_str(), archive.as_os_str()];
    tool("wimtools", "wimlib-imagex", files.into_iter().chain(options.iter().map(OsStr::new)));
}

/// What `wimlib-imagex` prints for these arguments.
pub fn wimlib<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    tool("wimtools", "wimlib-imagex", arguments)
}
