//! Where `tracing` events go.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use tracing::level_filters::LevelFilter;

use crate::globals::Globals;

/// Sends events to the log file, else to stderr. Call once, before the first event.
///
/// # Errors
/// The log file cannot be opened for appending.
pub(crate) fn start(globals: &Globals) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt().with_max_level(level(globals.verbose)).with_target(false);
    match &globals.log_file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.with_context(|| format!("{}: cannot write the log", path.display()))?;
            builder.with_ansi(false).with_writer(Arc::new(file)).init();
        }
        None => {
            let ansi = std::io::stderr().is_terminal();
            builder.with_ansi(ansi).without_time().with_writer(std::io::stderr).init();
        }
    }
    Ok(())
}

fn level(verbose: u8) -> LevelFilter {
    match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}
