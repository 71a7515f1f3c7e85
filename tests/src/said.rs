//! The program's output for a command line.

use std::ffi::OsStr;

use crate::program::run;

/// The outcome of a run of the program.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// All of stdout, as text.
    pub out: String,
    /// All of stderr, as text.
    pub err: String,
}

/// Runs `wimstore` with `arguments` to its end.
///
/// # Panics
/// It is ended by a signal, or says something that is not UTF-8.
pub fn say<A: AsRef<OsStr>>(arguments: &[A]) -> Said {
    let output = run(arguments);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}

/// Stdout of a run in which everything went well.
///
/// # Panics
/// It did not: the exit code is not 0, or there is something on stderr.
pub fn answer<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let said = say(arguments);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    said.out
}

/// As [`answer`], for what need not be text.
///
/// # Panics
/// As [`answer`].
pub fn answer_bytes<A: AsRef<OsStr>>(arguments: &[A]) -> Vec<u8> {
    let output = run(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    output.stdout
}
