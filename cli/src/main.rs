//! The program `wimstore`: arguments, output, exit codes.
//!
//! One file per command. Exit codes: 0 done; 1 done, and something in the store is bad; 2 could not be done.

mod access;
mod accounts;
mod advice;
#[cfg(unix)]
mod capture;
mod cat;
#[cfg(windows)]
mod drive;
mod elsewhere;
mod export;
mod extract;
mod globals;
mod group;
#[cfg(target_os = "linux")]
mod helper;
mod image;
mod info;
mod logging;
mod ls;
mod managing;
#[cfg(target_os = "linux")]
mod mount;
mod optimize;
mod outcome;
mod output;
mod paths;
mod progress;
#[cfg(windows)]
mod register;
mod signals;
mod source;
mod store_command;
#[cfg(target_os = "linux")]
mod syslog;
mod text;
#[cfg(target_os = "linux")]
mod umount;
mod user;
mod verify;
mod wdsutil;
mod writing;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use globals::Globals;

/// Could not be done: usage, no store, mount refused.
const EXIT_FAILED: u8 = 2;

/// What `--version` says of the program that is linked with the `winfsp` crate.
#[cfg(windows)]
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nLicence: GPL-3.0-only\n\
    WinFsp - Windows File System Proxy, Copyright (C) Bill Zissimopoulos, https://github.com/winfsp/winfsp"
);

/// List, mount, check, extract and write stores of Windows images (WIM files).
///
/// SOURCE is a store (a RemoteInstall folder, or its Images folder), one image group of it, or a single .wim, .esd or
/// .swm file; --image makes one image of a file the root.
///
/// Exit status: 0 done; 1 done, and something in the store is bad; 2 could not be done.
#[derive(Parser)]
#[cfg_attr(windows, command(long_version = LONG_VERSION))]
#[command(name = "wimstore", version, max_term_width = 100, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// One variant a command; its arguments and its `run` are in the module of the same name.
#[derive(Subcommand)]
enum Command {
    Ls(ls::Args),
    Info(info::Args),
    Cat(cat::Args),
    Extract(Box<extract::Args>),
    Verify(verify::Args),
    #[cfg(unix)]
    Capture(Box<capture::Args>),
    #[cfg(unix)]
    Append(Box<capture::AppendArgs>),
    Access(access::Args),
    User(user::Args),
    Group(Box<group::Args>),
    Image(Box<image::Args>),
    Store(store_command::Args),
    Wdsutil(wdsutil::Args),
    Export(export::Args),
    Optimize(optimize::Args),
    Delete(optimize::DeleteArgs),
    #[cfg(target_os = "linux")]
    Mount(Box<mount::Args>),
    #[cfg(target_os = "linux")]
    Umount(umount::Args),
    #[cfg(windows)]
    Mount(Box<drive::Args>),
    #[cfg(windows)]
    Register(register::Args),
    #[cfg(windows)]
    Unregister(register::UnregisterArgs),
    #[cfg(windows)]
    Umount(elsewhere::Args),
    #[cfg(not(windows))]
    Register(elsewhere::Args),
    #[cfg(not(windows))]
    Unregister(elsewhere::Args),
}

impl Command {
    /// Whether it says on stderr what goes wrong, as against serving others, who only see an error code.
    fn reports(&self) -> bool {
        match self {
            Self::Ls(_) | Self::Info(_) | Self::Cat(_) | Self::Extract(_) | Self::Verify(_) => true,
            Self::Access(_) | Self::User(_) | Self::Group(_) | Self::Image(_) | Self::Store(_) => true,
            Self::Wdsutil(_) => true,
            Self::Export(_) | Self::Optimize(_) | Self::Delete(_) => true,
            #[cfg(unix)]
            Self::Capture(_) | Self::Append(_) => true,
            #[cfg(target_os = "linux")]
            Self::Mount(_) | Self::Umount(_) => false,
            #[cfg(windows)]
            Self::Mount(_) | Self::Register(_) | Self::Unregister(_) | Self::Umount(_) => false,
            #[cfg(not(windows))]
            Self::Register(_) | Self::Unregister(_) => false,
        }
    }

    fn run(self, globals: &Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ls(args) => ls::run(&args, globals),
            Self::Info(args) => info::run(&args, globals),
            Self::Cat(args) => cat::run(&args, globals),
            Self::Verify(args) => verify::run(&args, globals),
            Self::Access(args) => access::run(&args, globals),
            Self::User(args) => user::run(&args, globals),
            Self::Group(args) => group::run(&args, globals),
            Self::Image(args) => image::run(&args, globals),
            Self::Store(args) => store_command::run(&args, globals),
            Self::Wdsutil(args) => wdsutil::run(&args, globals),
            Self::Extract(args) => extract::run(&args, globals),
            #[cfg(unix)]
            Self::Capture(args) => capture::run(&args, globals),
            #[cfg(unix)]
            Self::Append(args) => capture::append(&args, globals),
            Self::Export(args) => export::run(&args, globals),
            Self::Optimize(args) => optimize::run(&args, globals),
            Self::Delete(args) => optimize::delete(&args, globals),
            #[cfg(target_os = "linux")]
            Self::Mount(args) => mount::run(&args, globals),
            #[cfg(target_os = "linux")]
            Self::Umount(args) => umount::run(&args, globals),
            #[cfg(windows)]
            Self::Mount(args) => drive::run(&args, globals),
            #[cfg(windows)]
            Self::Register(args) => register::run(&args, globals),
            #[cfg(windows)]
            Self::Unregister(args) => register::unregister(&args, globals),
            #[cfg(windows)]
            Self::Umount(_) => elsewhere::refuse("umount", "on Windows Ctrl-C, or `net use X: /delete`, ends a mount"),
            #[cfg(not(windows))]
            Self::Register(_) | Self::Unregister(_) => {
                elsewhere::refuse("register", "is for `net use` on Windows; elsewhere /etc/fstab names what is mounted")
            }
        }
    }
}

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    let cli = Cli::parse_from(helper::translate(std::env::args_os()));
    #[cfg(not(target_os = "linux"))]
    let cli = Cli::parse();
    advice::install();
    let done = logging::start(&cli.globals, cli.command.reports()).and_then(|()| cli.command.run(&cli.globals));
    fs_core::log::report();
    done.unwrap_or_else(|error| {
        if output::is_closed_pipe(&error) {
            return ExitCode::SUCCESS; // whoever read us has seen enough
        }
        output::complain(format_args!("{}", advice::in_words(&error)));
        ExitCode::from(EXIT_FAILED)
    })
}
