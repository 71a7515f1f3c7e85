//! A process that is stopped for a while: the server of a mount that hangs.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::{PATIENCE, eventually};

/// A process that does nothing until this is dropped, this test's process is gone, or a quarter of
/// an hour has passed: a process that waits for it, in a way that no signal ends, is freed in any
/// case.
#[derive(Debug)]
pub struct Stopped {
    process: Pid,
    /// Lets the process go on when its standard input ends.
    guard: Child,
}

impl Stopped {
    /// Stops a process.
    ///
    /// # Panics
    /// It is not there, or does not stop.
    pub fn new(process: u32) -> Self {
        let stopped = Self::begin(process);
        // The threads stop one by one; until then they answer.
        assert!(eventually(|| states(process).all(|state| state == "T")), "process {process} does not stop");
        stopped
    }

    /// Stops a process as soon as the kernel has done what it waits for.
    ///
    /// # Panics
    /// It is not there.
    pub fn begin(process: u32) -> Self {
        let pid = process.try_into().ok().and_then(Pid::from_raw).expect("the id of a process");
        let mut guard = Command::new("sh");
        guard.args(["-c", "timeout 900 cat; kill -CONT \"$1\"", "sh", &process.to_string()]);
        let guard = guard.stdin(Stdio::piped()).process_group(0).spawn().expect("a shell");
        let stopped = Self { process: pid, guard };
        kill_process(pid, Signal::STOP).expect("the process is there");
        stopped
    }

    /// Stops the process `server` at a moment when it owes the process `client` no answer: the
    /// kernel lets nobody die who waits for an answer to a question that was taken.
    ///
    /// # Panics
    /// There is no such moment, or as [`Stopped::new`].
    pub fn between_answers(server: u32, client: u32) -> Self {
        let start = Instant::now();
        loop {
            let stopped = Self::new(server);
            if !waits_for_an_answer(client) {
                return stopped;
            }
            drop(stopped);
            assert!(start.elapsed() < PATIENCE, "process {client} is never done asking");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill_process(self.process, Signal::CONT);
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Whether a thread of the process waits for something that no signal ends, as the kernel waits for
/// a file system's answer.
pub fn waits_for_an_answer(process: u32) -> bool {
    states(process).any(|state| state == "D")
}

/// The states of a process's threads, as the letters of proc(5).
fn states(process: u32) -> impl Iterator<Item = String> {
    let state = |task: io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        Some(stat.rsplit_once(") ")?.1.get(..1)?.to_owned())
    };
    fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().filter_map(state)
}
