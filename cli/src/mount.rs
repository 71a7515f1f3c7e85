//! `wimstore mount`: serve a store as a mount, in the background or not.

mod background;
mod options;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use mount_unix::Unmounter;
use rustix::process::{Resource, getrlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{error, info, warn};

use crate::EXIT_FAILED;
use crate::elsewhere;
use crate::globals::Globals;
use crate::source::{Choice, Names, Reading, Source};
use options::Settings;

pub(crate) use background::is_server;

/// How long readers may go on after a signal, before their files are taken from them.
const GRACE: Duration = Duration::from_secs(1);

/// Mount a store, an image group, an archive or one image, read-only.
///
/// Returns once the mount answers; a process in the background serves it until it is unmounted (by `wimstore umount`,
/// `umount` or `fusermount3 -u`) or gets SIGTERM, SIGINT or SIGHUP. It logs to --log-file, else to syslog.
///
/// `mount -t wimstore` and lines of /etc/fstab with that type work once /sbin/mount.wimstore is a link to this program.
#[derive(clap::Args, Debug)]
#[command(after_help = options::HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    names: Names,

    #[command(flatten)]
    reading: Reading,

    /// Directory to mount on
    mountpoint: PathBuf,

    /// Mount options, separated by commas; see below
    #[arg(short, value_name = "OPTION[=VALUE],…")]
    options: Vec<OsString>,

    /// Stay in the foreground; Ctrl-C unmounts
    #[arg(short, long)]
    foreground: bool,

    /// How named streams are read: xattr (user.NAME; those above 64 KiB as FILE:STREAM), windows (FILE:STREAM) or none
    #[arg(long, value_name = "INTERFACE")]
    streams: Option<OsString>,

    /// Honour owner, mode and special files that wimlib stored on Unix
    #[arg(long)]
    unix_data: bool,

    /// Which SHA-1 must match before bytes are shown: strict (that of their content), blocks (the archive's integrity
    /// table suffices where there is one) or off
    #[arg(long, value_name = "strict|blocks|off")]
    verify: Option<OsString>,

    /// Memory for decoded chunks, such as 512M [default: 256M]
    #[arg(long, value_name = "SIZE")]
    cache: Option<OsString>,

    /// Memory for directory trees and tables of archives, such as 1G [default: 512M]
    #[arg(long, value_name = "SIZE")]
    metadata_cache: Option<OsString>,

    /// Threads that answer requests, at least 1
    #[arg(long, value_name = "N")]
    threads: Option<OsString>,

    /// Check everything, but do not mount
    #[arg(long, hide = true)]
    fake: bool,

    /// Ignore mount options that are not known
    #[arg(long, hide = true)]
    sloppy: bool,

    // What mounts have on Windows.
    #[arg(long, hide = true)]
    security: Option<OsString>,
    #[arg(long, hide = true)]
    links: Option<OsString>,
    #[arg(long, hide = true)]
    volume_prefix: Option<OsString>,
    #[arg(long, hide = true)]
    service: bool,
}

/// Mounts, and returns once that is done: the mount answers in the background, or has been served to its end.
pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    args.refuse_those_of_windows()?;
    let settings = args.settings()?;
    if settings.foreground || args.fake || is_server() {
        serve(settings, args, globals)
    } else {
        background::start(&args.mountpoint)
    }
}

impl Args {
    fn refuse_those_of_windows(&self) -> anyhow::Result<()> {
        let refused = [
            (self.security.is_some(), "--security", "on Unix descriptors are in the attribute system.ntfs_acl"),
            (self.links.is_some(), "--links", "on Unix links always stay inside their image"),
            (self.volume_prefix.is_some(), "--volume-prefix", "only drives of Windows have one; here -o fsname=NAME"),
            (self.service, "--service", "is for Windows; here /etc/fstab or a unit of systemd mounts"),
        ];
        elsewhere::refuse_options(&refused)
    }

    /// What `-o` and the long options ask for together; the long ones have the last word.
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::new(&self.source.path);
        settings.sloppy = self.sloppy;
        settings.foreground = self.foreground;
        self.options.iter().try_for_each(|list| settings.set_list(list))?;
        let values = [
            ("streams", &self.streams),
            ("verify", &self.verify),
            ("cache", &self.cache),
            ("metadata_cache", &self.metadata_cache),
            ("threads", &self.threads),
        ];
        for (name, value) in values {
            value.as_deref().map_or(Ok(()), |value| settings.set(name, Some(value)))?;
        }
        let Choice { image, references, follow_links, viewer, max_chunk } = &self.source.choice;
        settings.viewer = viewer.clone().or(settings.viewer);
        let content = &mut settings.engine.content;
        content.max_chunk_bytes = max_chunk.unwrap_or(content.max_chunk_bytes);
        let filesystem = &mut settings.filesystem;
        filesystem.image = image.clone().or(filesystem.image.take());
        filesystem.follow_links |= follow_links;
        filesystem.ignore_case |= self.names.ignore_case;
        filesystem.unix_data |= self.unix_data;
        filesystem.efs_raw |= self.reading.efs_raw;
        references.iter().try_for_each(|file| settings.set("ref", Some(file.as_os_str())))?;
        Ok(settings)
    }
}

/// Mounts and serves until somebody unmounts or a signal comes.
fn serve(settings: Settings, args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    for warning in &settings.warnings {
        warn!("{warning}");
    }
    let Settings { filesystem, engine, viewer, mount, .. } = settings;
    raise_open_files();
    mount_unix::check_mountpoint(&args.mountpoint, &mount.source, mount.nonempty)?;
    let filesystem = viewer.open(&mount.source, &engine, filesystem)?;
    if args.fake {
        return Ok(ExitCode::SUCCESS);
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("waiting for signals")?;
    let mounted = mount_unix::mount(Arc::new(filesystem), &args.mountpoint, &mount)?;
    let unmounter = mounted.unmounter();
    let wait_for_signal = move || {
        if let Some(signal) = signals.forever().next() {
            end(signal, &unmounter);
        }
    };
    thread::Builder::new().spawn(wait_for_signal).context("waiting for signals")?;
    if is_server() {
        background::leave_terminal(globals.log_file.as_deref()).context("going to the background")?; // on failure `mounted` is dropped: unmounted
    }
    mounted.wait(None)?;
    Ok(ExitCode::SUCCESS)
}

/// Lets the process have as many files open as the system allows it: each archive of a group that was looked into is one.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "few archives can be open at once");
    }
}

/// Ends the program, after it has unmounted and given readers a moment: also if they never finish.
fn end(signal: i32, unmounter: &Unmounter) {
    info!(signal, "unmounting");
    let unmounted = unmounter.unmount().inspect_err(|error| error!(%error, "not unmounted"));
    thread::sleep(GRACE); // without readers the program ends by itself meanwhile
    fs_core::log::report();
    process::exit(if unmounted.is_ok() { 0 } else { EXIT_FAILED.into() });
}
