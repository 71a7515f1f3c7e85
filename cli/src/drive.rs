//! `wimstore mount` on Windows: serve a store as a drive.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::sync::Arc;

use fs_core::{Options, StreamInterface, Verify};
use mount_windows::{DriveOptions, Mounted, Security, Share};

use crate::elsewhere;
use crate::globals::Globals;
use crate::source::{Links, Reading, Source};
use crate::text::parse_bytes;

/// Mount a store, an image group, an archive or one image as a drive, read-only.
///
/// Serves until Ctrl-C or Ctrl-Break. Needs WinFsp, from https://winfsp.dev/rel/ (the newest version). Names are found
/// in any case, and named streams are there as NTFS has them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wimstore mount D:\\RemoteInstall X:
  wimstore mount install.wim --image 2 *
  wimstore mount install.wim C:\\mnt\\install
  sc create wimstore start= auto binPath= \"C:\\bin\\wimstore.exe mount D:\\RemoteInstall X: --service\"

`wimstore register` lets `net use X: \\\\wimstore\\images` mount a store.")]
pub(crate) struct Args {
    #[command(flatten)]
    shown: Shown,

    /// A drive (X:), * for the next free one from Z: down, or a folder on NTFS that does not exist yet
    #[arg(value_name = "DRIVE|FOLDER")]
    mountpoint: OsString,

    /// Run as a Windows service, until it is stopped; the log goes to --log-file
    #[arg(long)]
    service: bool,

    /// Be a network drive of this name
    #[arg(long, value_name = "\\SERVER\\SHARE")]
    volume_prefix: Option<Share>,

    // What mounts have elsewhere.
    #[arg(short, hide = true)]
    options: Vec<OsString>,
    #[arg(short, long, hide = true)]
    foreground: bool,
    #[arg(long, hide = true)]
    streams: Option<OsString>,
    #[arg(long, hide = true)]
    unix_data: bool,
    #[arg(long, hide = true)]
    ignore_case: bool,
    #[arg(long, hide = true)]
    threads: Option<OsString>,
}

/// What a drive shows, and how.
#[derive(clap::Args, Debug)]
pub(crate) struct Shown {
    #[command(flatten)]
    pub(crate) source: Source,

    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Security descriptors: uniform (everybody may read) or image (those of the image, enforced)
    #[arg(long, value_name = "uniform|image", default_value = "uniform", value_parser = parse_security)]
    pub(crate) security: Security,

    #[command(flatten)]
    pub(crate) links: Links,

    /// Which SHA-1 must match before bytes are shown: strict (that of their content), blocks (the archive's integrity
    /// table suffices where there is one) or off
    #[arg(long, value_name = "strict|blocks|off", default_value = "strict", value_parser = parse_verify)]
    pub(crate) verify: Verify,

    /// Memory for decoded chunks, such as 512M [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) cache: Option<u64>,

    /// Memory for directory trees and tables of archives, such as 1G [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) metadata_cache: Option<u64>,
}

/// Mounts, and returns when the user has ended it.
pub(crate) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    args.refuse_those_of_unix()?;
    if args.service {
        mount_windows::serve(OsStr::new("wimstore"), || args.mount())?;
    } else {
        let mounted = args.mount()?;
        windows_files::wait_for_ctrl_c()?;
        drop(mounted);
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn mount(&self) -> anyhow::Result<Mounted> {
        let shown = &self.shown;
        let drive = DriveOptions { security: shown.security, links: shown.links.targets };
        let options = Options {
            ignore_case: true,
            streams: StreamInterface::None, // by the drive's own means
            efs_raw: shown.reading.efs_raw,
            ..shown.source.choice.options()
        };
        let mut engine = shown.source.choice.engine();
        engine.content.verify = shown.verify;
        engine.content.cache_bytes = shown.cache.unwrap_or(engine.content.cache_bytes);
        engine.metadata_bytes = shown.metadata_cache.unwrap_or(engine.metadata_bytes);
        let filesystem = Arc::new(shown.source.choice.viewer.open(&shown.source.path, &engine, options)?);
        Ok(match &self.volume_prefix {
            Some(share) => mount_windows::mount_share(filesystem, &self.mountpoint, drive, share)?,
            None => mount_windows::mount(filesystem, &self.mountpoint, drive)?,
        })
    }

    fn refuse_those_of_unix(&self) -> anyhow::Result<()> {
        let refused = [
            (!self.options.is_empty(), "-o", "its options are those of Unix mounts; see `wimstore mount --help`"),
            (self.foreground, "--foreground", "on Windows a mount always stays in the foreground"),
            (self.streams.is_some(), "--streams", "on Windows named streams are shown as NTFS shows them"),
            (self.unix_data, "--unix-data", "owners and modes of Unix cannot be shown on Windows"),
            (self.ignore_case, "--ignore-case", "on Windows names are found in any case"),
            (self.threads.is_some(), "--threads", "on Windows WinFsp decides how many threads answer"),
        ];
        elsewhere::refuse_options(&refused)
    }
}

fn parse_verify(text: &str) -> Result<Verify, String> {
    let found = Verify::NAMED.iter().find(|(name, _)| *name == text);
    found.map(|(_, verify)| *verify).ok_or_else(|| "it is not one of strict, blocks, off".into())
}

fn parse_security(text: &str) -> Result<Security, String> {
    match text {
        "uniform" => Ok(Security::Uniform),
        "image" => Ok(Security::Image),
        _ => Err("it is neither uniform nor image".into()),
    }
}
