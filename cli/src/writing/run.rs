//! Runs a command that writes: plan, progress, signals, and the answer.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::ProgressBar;
use parking_lot::Mutex;
use write::{Control, CopyPlan, Error, Options, Summary};

use super::Writing;
use super::records::{Failure, Plan, Written};
use crate::outcome::Severity;
use crate::output::{self, Output};
use crate::{progress, signals, text};

/// What a command has done.
pub(crate) struct Done {
    /// In words: `exported 2 images`.
    pub(crate) what: String,
    pub(crate) summary: Summary,
}

/// Runs `work` on the archive at `path` with these options and all that users watch.
///
/// # Errors
/// Stdout cannot take the answer. What goes wrong with the work is reported here.
pub(crate) fn run(
    args: &Writing,
    verb: &'static str,
    path: &Path,
    options: Options<'_>,
    work: impl FnOnce(Options<'_>) -> write::Result<Done>,
) -> anyhow::Result<ExitCode> {
    watched(args, options, work, |output, result| match result {
        Ok(_) if args.dry_run => Ok(Severity::Done.exit()),
        Ok(done) => tell(output, args, verb, path, &done).map(|()| Severity::Done.exit()),
        Err(error) => fail(output, args, &error),
    })
}

/// Runs `work` with a progress bar, shows its plan, and ends it on signals; `end` tells its result.
///
/// # Errors
/// Stdout cannot take the answer, and those of `end`.
pub(crate) fn watched<T, E>(
    args: &Writing,
    options: Options<'_>,
    work: impl FnOnce(Options<'_>) -> Result<T, E>,
    end: impl FnOnce(&mut Output, Result<T, E>) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let output = Mutex::new(Output::stdout()?);
    let bar = if args.no_progress { ProgressBar::hidden() } else { progress::over_bytes(0) };
    let stop = Arc::new(AtomicUsize::new(0));
    signals::stop_on_signals(&stop)?;
    let plan = |plan: &CopyPlan| {
        bar.set_length(plan.bytes);
        if args.json || args.dry_run {
            // If stdout is closed, telling the result fails, too.
            let _ = tell_plan(&mut output.lock(), args, plan);
        }
    };
    let advance = |bytes| bar.inc(bytes);
    let result = work(Options { control: Control { plan: &plan, progress: &advance, stop: &stop }, ..options });
    bar.finish_and_clear();
    let mut output = output.into_inner();
    let exit = end(&mut output, result)?;
    output.finish()?;
    match stop.load(Ordering::Relaxed) {
        0 => {}
        signal => signals::end_by(signal)?,
    }
    Ok(exit)
}

fn tell_plan(output: &mut Output, args: &Writing, plan: &CopyPlan) -> anyhow::Result<()> {
    if args.json {
        output.json(&Plan::of(plan))?;
    } else {
        output.text(format_args!("{}\n", Plan::of(plan)))?;
    }
    output.finish()
}

fn tell(output: &mut Output, args: &Writing, verb: &'static str, path: &Path, done: &Done) -> anyhow::Result<()> {
    if args.json {
        return output.json(&Written::of(verb, path, &done.summary));
    }
    let Summary { size, blobs, bytes, stored_bytes, .. } = done.summary;
    let news = if blobs == 0 {
        String::new()
    } else {
        let contents = report::text::count(blobs as u64, "content");
        format!(": {contents} of {} stored in {}", report::text::human(bytes), report::text::human(stored_bytes))
    };
    let path = path.display().to_string();
    let line = format!("{path}: {}{news}; {} in all", done.what, report::text::human(size));
    output.text(format_args!("{}\n", text::harmless(&line)))
}

/// Reports what went wrong: 1 if the source is bad, 2 if it could not be done.
fn fail(output: &mut Output, args: &Writing, error: &Error) -> anyhow::Result<ExitCode> {
    if args.json {
        output.json(&Failure::of(error))?;
    }
    output::complain(format_args!("{}", fs_core::Chain(error)));
    let is_bad = matches!(error, Error::Source { .. } | Error::Missing { .. });
    Ok(if is_bad { Severity::Bad } else { Severity::Failed }.exit())
}
