//! Options that every command takes.

use std::path::PathBuf;

/// Options that every command takes.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Globals {
    /// Log more to stderr: -v info, -vv debug (one line a request), -vvv trace
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Write the log to FILE (appended) instead of stderr; without -v it holds warnings and errors
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
}
