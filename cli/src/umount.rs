//! `wimstore umount`: take a mount away and wait until it is gone.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::globals::Globals;

/// Unmount what `wimstore mount` has mounted, and wait until the process that served it is gone.
///
/// Also removes a mount whose process has died. One whose process is stopped or hangs is removed lazily after 5 seconds, and the
/// exit status is 2, since the process is still there.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory that the store is mounted on
    mountpoint: PathBuf,

    /// Unmount although files are in use: the mount disappears at once, and ends with its last user
    #[arg(short, long)]
    lazy: bool,
}

/// Unmounts.
pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    mount_unix::unmount(&args.mountpoint, args.lazy)?;
    Ok(ExitCode::SUCCESS)
}
