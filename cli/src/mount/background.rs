//! Serving in the background: the program starts itself a second time, and waits until that one has mounted.
//!
//! The second one, the server, works like `--foreground` until its mount answers. Then it leaves the terminal and tells
//! the first by one byte on its standard output, a pipe. If it fails before, it has said why on the shared standard
//! error; if the first one is gone by then, the pipe is broken and it unmounts again.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Resource, WaitId, WaitIdOptions, getrlimit, waitid};

use crate::{EXIT_FAILED, syslog};

/// Set in the environment of the server.
const SERVER: &str = "WIMSTORE_SERVER";

/// From which size on glibc gives memory back to the system when it is freed. It raises that by itself up to 32 MiB, after
/// which the trees that a mount has dropped would stay with it: twice of what the budget allows.
const GIVEN_BACK: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");

/// Where the address space is limited, all threads share one arena of glibc's: it would reserve 64 MiB for each.
const ONE_ARENA: (&str, &str) = ("MALLOC_ARENA_MAX", "1");

/// How many seconds a server that is stopped is waited for.
const STOPPED_LIMIT: u32 = 5;

/// Whether this process is the server that [`start`] has started.
pub(crate) fn is_server() -> bool {
    std::env::var_os(SERVER).is_some_and(|value| value == OsStr::new("1"))
}

/// Starts the server with the arguments of this process and waits until it has mounted, or failed.
///
/// A server that is killed meanwhile, or aborts, leaves no dead mount on `mountpoint`.
pub(super) fn start(mountpoint: &Path) -> anyhow::Result<ExitCode> {
    let (mut ready, announcement) = io::pipe().context("making a pipe")?;
    let program = std::env::current_exe().context("finding this program to start it in the background")?;
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let is_limited = getrlimit(Resource::As).current.is_some();
    for (name, value) in [GIVEN_BACK].into_iter().chain(is_limited.then_some(ONE_ARENA)) {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command.args(arguments).env(SERVER, "1").stdin(Stdio::null()).stdout(announcement);
    let mut server = command.spawn().context("starting the background process")?;
    drop(command); // and with it our end of the pipe that is the server's output
    wait_for(&ready, &server)?;
    if ready.read(&mut [0]).context("waiting for the background process")? > 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let status = server.wait().context("waiting for the background process")?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(ExitCode::SUCCESS), // unmounted before it could say that it had mounted
        (Some(_), _) => Ok(ExitCode::from(EXIT_FAILED)), // it has said why
        (None, signal) => {
            let _ = mount_unix::unmount(mountpoint, true); // it may have died before it mounted
            bail!("the background process was ended by signal {}", signal.unwrap_or_default())
        }
    }
}

/// Waits until the server has something to say or has ended: opening a store may take long. Not for one that is stopped.
///
/// # Errors
/// Somebody has stopped the server. If it goes on, it sees that nobody waits and unmounts.
fn wait_for(ready: &impl AsFd, server: &Child) -> anyhow::Result<()> {
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut seconds_stopped = 0;
    loop {
        let mut watched = [PollFd::new(ready, PollFlags::IN)];
        let said = retry_on_intr(|| poll(&mut watched, Some(&second))).context("waiting for the background process")?;
        if said > 0 {
            return Ok(());
        }
        let is_stopped = waitid(WaitId::Pid(Pid::from_child(server)), stopped).is_ok_and(|status| status.is_some());
        seconds_stopped = if is_stopped { seconds_stopped + 1 } else { 0 };
        if seconds_stopped == STOPPED_LIMIT {
            let server = server.id();
            bail!("the background process, {server}, is stopped: `kill {server}; kill -CONT {server}` ends it");
        }
    }
}

/// Cuts the server's ties to the terminal, its folder and its starter, and tells that one to go. What was logged to the
/// terminal goes to the system's log now. Standard error is the log, too: a runtime that aborts, for want of memory, writes
/// its last words there.
///
/// # Errors
/// The starter is gone, so nobody waits for this mount; or the system refuses.
pub(super) fn leave_terminal(log_file: Option<&Path>) -> io::Result<()> {
    let log = log_file.map(|path| File::options().append(true).open(path).map(OwnedFd::from));
    rustix::process::setsid()?;
    rustix::process::chdir("/")?;
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    syslog::take_over()?;
    rustix::stdio::dup2_stdin(&nowhere)?;
    match log.unwrap_or_else(syslog::raw) {
        Ok(log) => rustix::stdio::dup2_stderr(log)?,
        Err(_) => rustix::stdio::dup2_stderr(&nowhere)?, // without a log there is nowhere to say it
    }
    let mut output = io::stdout();
    output.write_all(b"\n").and_then(|()| output.flush())?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    Ok(())
}
