//! Where `tracing` events go.

use std::fs::OpenOptions;
use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context;
use fs_core::log::READING;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format;

use crate::globals::Globals;
use crate::text;

/// Sends events to the log file, else to stderr. Call once, before the first event.
///
/// A command that `reports` says itself what goes wrong; its log is not written to stderr unless somebody asked for
/// more.
///
/// # Errors
/// The log file cannot be opened for appending.
pub(crate) fn start(globals: &Globals, reports: bool) -> anyhow::Result<()> {
    // A log that cannot be written is no reason to end.
    let builder = tracing_subscriber::fmt().log_internal_errors(false).with_target(false);
    let builder = builder.with_max_level(level(globals.verbose)).fmt_fields(fields());
    match &globals.log_file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.with_context(|| format!("{}: cannot write the log", path.display()))?;
            builder.with_ansi(false).with_writer(Arc::new(file)).init();
            log_panics();
        }
        None if reports && globals.verbose == 0 => {}
        #[cfg(target_os = "linux")]
        None if crate::mount::is_server() => {
            builder.with_ansi(false).without_time().with_writer(crate::syslog::StderrOrSyslog).init();
            log_panics();
        }
        None => {
            let ansi = std::io::stderr().is_terminal();
            builder.with_ansi(ansi).without_time().with_writer(std::io::stderr).init();
        }
    }
    Ok(())
}

/// Makes an event of each panic. On a terminal it is also said as usual.
fn log_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let text = panic.payload_as_str().unwrap_or("panic without a message");
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        READING.once(&format!("{at}: {text}"), || {
            tracing::error!(thread = thread.name().unwrap_or_default(), at, panic = text);
        });
        if std::io::stderr().is_terminal() {
            usual(panic);
        }
    }));
}

/// Writes an event's message and fields, each as text on one line: names come from archives and folders, which may have any.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    let format = format::debug_fn(|writer, field, value| {
        if field.name() == "message" {
            write!(writer, "{}", text::harmless(&format!("{value:?}")))
        } else {
            write!(writer, "{field}={}", text::harmless(&format!("{value:?}")))
        }
    });
    format.delimited(" ")
}

fn level(verbose: u8) -> LevelFilter {
    match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}
