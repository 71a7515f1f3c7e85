//! What commands print: the answer to stdout, all else to stderr.

use std::fmt;
use std::io::{self, Write};

/// Writes `wimstore: MESSAGE` and a line feed to stderr; control characters in it are escaped.
pub(crate) fn complain(message: fmt::Arguments<'_>) {
    let mut line = String::from("wimstore: ");
    for c in message.to_string().chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line.push('\n');
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Whether `error` only says that the reader of our output has gone.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    io.map(io::Error::kind).any(|kind| kind == io::ErrorKind::BrokenPipe)
}
