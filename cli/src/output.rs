//! What commands print: the answer to stdout, all else to stderr.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use crate::text;

/// Stdout, as the place where an answer goes.
///
/// Everything is flushed by [`Output::finish`]; an output that is dropped without it loses what it still holds.
pub(crate) struct Output {
    to: Box<dyn Write + Send>,
    terminal: bool,
}

impl Output {
    /// Stdout: by lines on a terminal, else in large pieces.
    ///
    /// # Errors
    /// Stdout is closed.
    pub(crate) fn stdout() -> anyhow::Result<Self> {
        let terminal = io::stdout().is_terminal();
        let to: Box<dyn Write + Send> =
            if terminal { Box::new(io::stdout()) } else { Box::new(BufWriter::with_capacity(64 << 10, unbuffered()?)) };
        Ok(Self { to, terminal })
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// Stdout cannot take them; see [`is_closed_pipe`].
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.to.write_all(bytes).map_err(StdoutError)?)
    }

    /// Writes text that is not from an archive, or was escaped.
    ///
    /// # Errors
    /// As for [`Output::bytes`].
    pub(crate) fn text(&mut self, text: fmt::Arguments<'_>) -> anyhow::Result<()> {
        Ok(self.to.write_fmt(text).map_err(StdoutError)?)
    }

    /// Writes a name from an archive: escaped on a terminal, else byte for byte.
    ///
    /// # Errors
    /// As for [`Output::bytes`].
    pub(crate) fn name(&mut self, name: &[u8]) -> anyhow::Result<()> {
        if self.terminal { self.bytes(&text::escaped(name)) } else { self.bytes(name) }
    }

    /// Writes text of many lines from an archive: escaped on a terminal but for the ends of lines, else as it is.
    ///
    /// # Errors
    /// As for [`Output::bytes`].
    pub(crate) fn lines(&mut self, text: &str) -> anyhow::Result<()> {
        if self.terminal { self.bytes(text::harmless_lines(text).as_bytes()) } else { self.bytes(text.as_bytes()) }
    }

    /// Writes one JSON object and a line feed.
    ///
    /// # Errors
    /// As for [`Output::bytes`].
    pub(crate) fn json(&mut self, object: &impl Serialize) -> anyhow::Result<()> {
        self.bytes(&report::line(object)?)
    }

    /// Hands everything written so far to the reader.
    ///
    /// # Errors
    /// As for [`Output::bytes`].
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.to.flush().map_err(StdoutError)?)
    }
}

/// Stdout without the line buffer of `std`, which would look for a line feed in every byte of a file.
#[cfg(unix)]
fn unbuffered() -> anyhow::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned().map_err(StdoutError)?.into())
}

#[cfg(not(unix))]
fn unbuffered() -> anyhow::Result<io::Stdout> {
    Ok(io::stdout())
}

/// Stdout could not be written.
#[derive(Debug, thiserror::Error)]
#[error("writing to stdout")]
struct StdoutError(#[source] io::Error);

/// Whether `error` only says that the reader of our stdout has gone.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StdoutError>().is_some_and(|e| e.0.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes `wimstore: MESSAGE` and a line feed to stderr, whatever the message holds.
pub(crate) fn complain(message: fmt::Arguments<'_>) {
    let message = message.to_string();
    let line = [b"wimstore: ", text::harmless(&message).as_bytes(), b"\n"].concat();
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().write_all(&line);
}
