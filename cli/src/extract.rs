//! `wimstore extract`: an image, a directory or a file into a folder.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use apply::Failure;
use fs_core::{Filesystem, Ino, Level, LinkTargets, Options, StreamInterface};

use crate::globals::Globals;
use crate::outcome::Outcome;
use crate::source::{Choice, Names, Reading, Threads, parse_links};
use crate::{elsewhere, output, paths, signals};

/// Extract an image, a directory or a file into a folder.
///
/// An image (or a group, or all of SOURCE) becomes the content of DEST; a directory or file of an
/// image becomes DEST/NAME. Restored are content, times (100 ns), hard links, symbolic links and, by
/// the umask and the read-only attribute, permissions. Links stay inside the image: absolute targets
/// become relative ones. Nothing is ever written outside DEST, and no link there is followed.
///
/// Every byte written has matched its SHA-1. A damaged file is left out and reported, the rest go on,
/// and the exit status is 1. It is 2 if something could not be written.
///
/// Until it is whole, a file has a temporary name in its folder, .wimstore-PROCESS-NUMBER, and with
/// --overwrite the old file stays. A run that is killed may leave such files; on Unix the next run
/// into that folder removes them.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "wimstore extract [OPTIONS] SOURCE [PATH] DEST",
    after_help = "\
Examples:
  wimstore extract install.wim --image 2 /mnt/target
  wimstore extract /srv/RemoteInstall 'Sales/Windows 11' /mnt/target
  wimstore extract install.wim --image 2 Windows/Fonts .       makes ./Fonts

PATH counts from the root of SOURCE, as `wimstore ls` shows it; \\ may stand for /."
)]
pub(crate) struct Args {
    /// A store (a RemoteInstall folder or its Images folder), one group of it, or a .wim, .esd or .swm file
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// The directory or file to extract, from the root of SOURCE (all of SOURCE without it), then
    /// the folder to extract into, made if missing
    #[arg(value_names = ["[PATH] DEST"], num_args = 1..=2, required = true)]
    path_and_destination: Vec<OsString>,

    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    names: Names,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    threads: Threads,

    /// Replace files that exist (never folders); without it they stay, and are reported
    #[arg(long)]
    overwrite: bool,

    /// Restore owner, mode, special files and extended attributes that wimlib stored on Unix; most of it needs root
    #[arg(long)]
    #[cfg_attr(windows, arg(hide = true))]
    unix_data: bool,

    /// Restore named streams as extended attributes user.NAME (at most 64 KiB each on Linux)
    #[arg(long)]
    #[cfg_attr(windows, arg(hide = true))]
    streams: bool,

    /// Restore security descriptors; all of it takes an administrator
    #[arg(long)]
    #[cfg_attr(not(windows), arg(hide = true))]
    security: bool,

    /// Where links lead: inside their image, or as stored [default: inside]
    #[arg(long, value_name = "inside|stored", value_parser = parse_links)]
    #[cfg_attr(not(windows), arg(hide = true))]
    links: Option<LinkTargets>,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    args.refuse_those_of_other_systems()?;
    let (path, destination) = match &args.path_and_destination[..] {
        [path, destination] => (path.as_encoded_bytes(), destination),
        [destination, ..] => (&b""[..], destination),
        [] => unreachable!("clap requires one value"),
    };
    let fs = args.choice.open(&args.source, args.filesystem_options())?;
    let mut outcome = Outcome::default();
    let Some(start) = paths::find_or_report(&fs, path, true, &mut outcome)? else { return Ok(outcome.exit()) };
    let reporter = Reporter { fs: &fs, outcome: Mutex::new(outcome), stop: Arc::default() };
    signals::stop_on_signals(&reporter.stop)?;
    let ino = start.attr.ino;
    let source = if fs.level(ino) == Level::Inside {
        let name = start.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        apply::Source::Entry { ino, kind: start.attr.kind, name }
    } else {
        apply::Source::Content(ino)
    };
    let options = args.options();
    let destination = PathBuf::from(destination);
    apply::extract(&fs, source, &destination, &options, &reporter)
        .with_context(|| format!("{}: cannot extract into it", destination.display()))?;
    let signal = reporter.stop.load(Ordering::Relaxed);
    let mut outcome = reporter.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcome.report_problems(&fs.problems());
    if signal != 0 {
        signals::end_by(signal)?;
    }
    Ok(outcome.exit())
}

impl Args {
    fn refuse_those_of_other_systems(&self) -> anyhow::Result<()> {
        #[cfg(unix)]
        let others = [
            (self.security, "--security", "only Windows can give files the security descriptors of an image"),
            (self.links.is_some(), "--links", "on Unix links always stay inside the image"),
        ];
        #[cfg(windows)]
        let others = [
            (self.unix_data, "--unix-data", "owners, modes and special files of Unix cannot be restored on Windows"),
            (self.streams, "--streams", "on Windows named streams are always restored"),
        ];
        elsewhere::refuse_options(&others)
    }

    fn options(&self) -> apply::Options {
        let links = self.links.unwrap_or_default();
        apply::Options {
            overwrite: self.overwrite,
            links,
            security: self.security,
            threads: Some(self.threads.count()),
        }
    }

    fn filesystem_options(&self) -> Options {
        apply::filesystem_options(Options {
            ignore_case: self.names.ignore_case,
            efs_raw: self.reading.efs_raw,
            unix_data: self.unix_data,
            streams: if self.streams { StreamInterface::Xattr } else { StreamInterface::None },
            ..self.choice.options()
        })
    }
}

/// Prints failures, and notes them for the exit code.
struct Reporter<'a> {
    fs: &'a Filesystem,
    outcome: Mutex<Outcome>,
    /// The number of the signal that asked the program to end; 0 for none.
    stop: Arc<AtomicUsize>,
}

impl apply::Observer for Reporter<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    fn failed(&self, failure: Failure) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Failure::Store(error) => outcome.report(&error),
            Failure::LinkTarget { .. } => output::complain(format_args!("{failure}")), // the file was reported
            Failure::Exists(_) => outcome.fail(&anyhow!("{failure}; --overwrite replaces files")),
            Failure::Privilege { .. } => outcome.fail(&anyhow!("--security: {failure}")),
            Failure::Destination { .. } | Failure::SameName { .. } => outcome.fail(&failure.into()),
        }
    }

    fn listed(&self, directory: Ino) {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.warn_of_entries(self.fs, directory);
    }
}
