//! `wimstore extract`: an image, a directory or a file into a folder.

mod checkpoints;
mod content;
mod plan;
mod restore;
mod temporary;
mod trouble;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use anyhow::Context;
use fs_core::{Filesystem, Level, Options};

use crate::globals::Globals;
use crate::outcome::Outcome;
use crate::paths;
use crate::source::{Choice, Names, Reading};

use plan::Plan;
use restore::Restorer;
use system::{Folder, Looks, Wishes};
#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// Extract an image, a directory or a file into a folder.
///
/// An image (or a group, or all of SOURCE) becomes the content of DEST; a directory or file of an image becomes
/// DEST/NAME. Restored are content, times (100 ns), hard links, symbolic links and, by the umask and the read-only
/// attribute, permissions. Links stay inside the image: absolute targets become relative ones. Nothing is ever
/// written outside DEST, and no link there is followed.
///
/// Every byte written has matched its SHA-1. A damaged file is left out and reported, the rest go on, and the exit
/// status is 1. It is 2 if something could not be written.
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

    #[command(flatten)]
    wishes: Wishes,
}

pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    // Of two paths the first says what, of one it says where.
    let (path, destination) = match &args.destination {
        Some(destination) => (args.path_or_destination.as_encoded_bytes(), destination),
        None => (&b""[..], &args.path_or_destination),
    };
    let destination = PathBuf::from(destination);
    let fs = Filesystem::open(&args.source, options(args)?)?;
    let mut outcome = Outcome::default();
    let Some(start) = paths::find_or_report(&fs, path, true, &mut outcome)? else { return Ok(outcome.exit()) };
    let (folder, made) =
        open(&destination).with_context(|| format!("{}: cannot extract into it", destination.display()))?;

    let stop = Arc::new(AtomicUsize::new(0));
    system::stop_on_signals(&stop)?;
    let looks = Looks::new(&fs, &args.wishes, &mut outcome);
    let mut plan = Plan::new(&fs, folder, destination, &stop);
    if fs.level(start.attr.ino) == Level::Inside {
        plan.put_into_destination(&start, &mut outcome);
    } else {
        plan.fill_destination(start.attr.ino, made, &mut outcome);
    }
    let mut outcome = Restorer::new(&plan, looks, args.overwrite, outcome).restore_all();
    outcome.report_problems(&fs.problems());
    let signal = stop.load(Ordering::Relaxed);
    if signal != 0 {
        system::end_by(signal)?;
    }
    Ok(outcome.exit())
}

/// Opens the destination, making it and what is above it where it is missing; the flag says whether it was made.
fn open(destination: &Path) -> io::Result<(Folder, bool)> {
    let made = match fs::create_dir(destination) {
        Ok(()) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(destination).map(|()| true)?,
        Err(e) => return Err(e),
    };
    Ok((Folder::destination(destination)?, made))
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let (ignore_case, efs_raw) = (args.names.ignore_case, args.reading.efs_raw);
    args.wishes.options(Options { ignore_case, efs_raw, ..args.choice.options() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_destination_is_made_where_it_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        for (path, want) in [("", false), ("new", true), ("new", false), ("far/away", true)] {
            assert_eq!(open(&folder.path().join(path)).unwrap().1, want, "{path}");
        }
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(open(&folder.path().join("file")).is_err());
    }
}
