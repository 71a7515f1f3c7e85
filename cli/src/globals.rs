//! Options that every command takes.

use std::path::PathBuf;

/// Options that every command takes.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Globals {
    /// Log more: -v info, -vv debug (one line a request), -vvv trace; without it warnings and errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Append the log to FILE instead of writing it to stderr
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
}
