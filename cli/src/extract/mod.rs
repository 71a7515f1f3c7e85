//! `wimstore extract`: an image, a directory or a file into a folder.

mod folder;
mod partial;
mod plan;
mod restore;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use fs_core::{Filesystem, Ino, Options, StreamInterface};
use rustix::fs::Mode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::globals::Globals;
use crate::outcome::Outcome;
use crate::paths;
use crate::source::{Choice, Names, Reading};

use folder::Folder;
use plan::Plan;
use restore::{Choices, Restorer};

/// Extract an image, a directory or a file into a folder.
///
/// An image (or a group, or all of SOURCE) becomes the content of DEST; a directory or file of an image becomes
/// DEST/NAME. Restored are content, times (100 ns), hard links, symbolic links and, by the umask and the read-only
/// attribute, permissions. Links stay inside the image: absolute targets become relative ones. Nothing is ever
/// written outside DEST, and no link there is followed.
///
/// Every byte written has matched its SHA-1. A damaged file is left out and reported, the rest go on, and the exit
/// status is 1. It is 2 if something could not be written.
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

    /// What to extract, from the root of SOURCE; all of it if left out
    #[arg(value_name = "PATH")]
    path_or_destination: OsString,

    /// Folder to extract into, made if missing
    #[arg(value_name = "DEST")]
    destination: Option<OsString>,

    #[command(flatten)]
    choice: Choice,

    #[command(flatten)]
    names: Names,

    #[command(flatten)]
    reading: Reading,

    /// Replace files that exist (never folders); without it they stay, and are reported
    #[arg(long)]
    overwrite: bool,

    /// Restore owner, mode, special files and extended attributes that wimlib stored on Unix; most of it needs root
    #[arg(long)]
    unix_data: bool,

    /// Restore named streams as extended attributes user.NAME (at most 64 KiB each on Linux)
    #[arg(long)]
    streams: bool,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    // Of two paths the first says what, of one it says where.
    let (path, destination) = match &args.destination {
        Some(destination) => (args.path_or_destination.as_encoded_bytes(), destination),
        None => (&b""[..], &args.path_or_destination),
    };
    let destination = PathBuf::from(destination);
    let fs = Filesystem::open(&args.source, options(args))?;
    let start = paths::find(&fs, path, true).map_err(|error| paths::explain(&fs, error))?;
    let (folder, made) = Folder::destination(&destination)
        .with_context(|| format!("{}: cannot extract into it", destination.display()))?;

    let stop = Arc::new(AtomicUsize::new(0));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
        signal_hook::flag::register_usize(signal, Arc::clone(&stop), usize::try_from(signal)?)?;
    }
    let mut outcome = Outcome::default();
    let mut plan = Plan::new(&fs, folder, destination, &stop);
    if is_inside_image(&fs, start.attr.ino) {
        plan.put_into_destination(&start, &mut outcome);
    } else {
        plan.fill_destination(start.attr.ino, made, &mut outcome);
    }
    let (overwrite, owners, xattrs) = (args.overwrite, args.unix_data, args.unix_data || args.streams);
    let choices = Choices { overwrite, owners, xattrs };
    let mut outcome = Restorer::new(&plan, choices, outcome).restore_all();
    outcome.report_problems(&fs.problems());
    let signal = i32::try_from(stop.load(Ordering::Relaxed))?;
    if signal != 0 {
        // What was under way is cleaned up: end as if we had not caught it.
        signal_hook::low_level::emulate_default_handler(signal)?;
    }
    Ok(outcome.exit())
}

/// Whether this is a file or directory of an image, and not an image itself or above one.
fn is_inside_image(fs: &Filesystem, ino: Ino) -> bool {
    fs.xattr(ino, b"system.ntfs_attrib").is_ok() && fs.xattr(ino, b"user.wim.index").is_err()
}

/// Whether whoever started us wants the signal ignored, as `nohup` does. Only Linux tells.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    ignored.is_some_and(|bits| bits >> (signal - 1) & 1 == 1)
}

/// Everything as a new file of the user's gets it; with `--unix-data`, where the image says nothing.
fn options(args: &Args) -> Options {
    // The only way to ask for the umask is to set it. No other thread runs yet.
    let umask = rustix::process::umask(Mode::empty());
    rustix::process::umask(umask);
    let allowed = |bits: u16| bits & !(umask.bits() as u16);
    Options {
        unix_data: args.unix_data,
        streams: if args.streams { StreamInterface::Xattr } else { StreamInterface::None },
        ignore_case: args.names.ignore_case,
        efs_raw: args.reading.efs_raw,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        file_mode: allowed(0o666),
        dir_mode: allowed(0o777),
        ..args.choice.options()
    }
}
