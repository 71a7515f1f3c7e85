//! `wimstore cat`: files to stdout.

use std::process::ExitCode;

use fs_core::{Filesystem, Options, Release, StreamError, StreamInterface};

use crate::globals::Globals;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::paths;
use crate::source::{Names, Reading, Source};

/// Write files to stdout, one after another.
///
/// Every byte written has matched its SHA-1. A file that is damaged ends before the damage; the others follow.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore cat install.wim --image 1 Windows/System32/drivers/etc/hosts
  wimstore cat /srv/RemoteInstall 'Sales/Windows 11/Users/Public/readme.txt'

PATH counts from the root of SOURCE, as `wimstore ls` shows it; \\ may stand for /. Links are followed inside the \
image. A named stream is FILE:STREAM.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    names: Names,

    #[command(flatten)]
    reading: Reading,

    /// File in SOURCE
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<std::ffi::OsString>,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let (ignore_case, efs_raw) = (args.names.ignore_case, args.reading.efs_raw);
    let streams = StreamInterface::Windows;
    let options = Options { ignore_case, efs_raw, streams, ..args.source.choice.options() };
    let fs = args.source.choice.open(&args.source.path, options)?;
    let mut output = Output::stdout()?;
    let mut outcome = Outcome::default();
    for path in &args.paths {
        if let Err(error) = copy(&fs, path.as_encoded_bytes(), &mut output)? {
            if error.is_damage() { outcome.report(&error) } else { outcome.fail(&paths::explain(&fs, error)) }
        }
    }
    output.finish()?;
    outcome.report_problems(&fs.problems());
    Ok(outcome.exit())
}

/// Copies one file. The outer result is stdout's, the inner the store's.
fn copy(fs: &Filesystem, path: &[u8], output: &mut Output) -> anyhow::Result<fs_core::Result<()>> {
    let place = match paths::find(fs, path, true) {
        Ok(place) => place,
        Err(error) => return Ok(Err(error)),
    };
    match fs.stream(place.attr.ino, Release::Verified, &mut |bytes| output.bytes(bytes)) {
        Ok(()) => Ok(Ok(())),
        Err(StreamError::Content(error)) => Ok(Err(error.with_path(path))),
        Err(StreamError::Sink(error)) => Err(error),
    }
}
