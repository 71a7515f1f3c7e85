//! Programs that may hang, crash or eat memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Address space that a program may have, in KiB: far more than it needs.
const MEMORY: u64 = 4 << 20;

/// The outcome of a run.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Exit code.
    pub(crate) code: i32,
    /// All of stdout.
    pub(crate) out: Vec<u8>,
    /// All of stderr, as text.
    pub(crate) err: String,
}

/// Runs a command to its end, which must come within `limit` and be neither a signal nor a panic.
///
/// # Errors
/// The call that it made instead; it no longer runs then.
pub(crate) fn limited(command: &Command, limit: Duration) -> Result<Ended, String> {
    let what = || format!("{:.300}", format!("{command:?}"));
    let temporary = || tempfile::tempfile().map_err(|error| format!("a file for output: {error}"));
    let (mut out, mut err) = (temporary()?, temporary()?);
    let copy = |file: &File| file.try_clone().map(Stdio::from).map_err(|error| error.to_string());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")]).arg(command.get_program());
    shell.args(command.get_args()).stdin(Stdio::null()).stdout(copy(&out)?).stderr(copy(&err)?);
    let mut child = shell.spawn().map_err(|error| format!("{}: {error}", what()))?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(1)),
            other => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{} still runs after {limit:?}: {other:?}", what()));
            }
        }
    };
    let err = String::from_utf8_lossy(&all_of(&mut err)?).into_owned();
    match status.code() {
        Some(code) if code != 101 && !err.contains("panicked at") => Ok(Ended { code, out: all_of(&mut out)?, err }),
        _ => Err(format!("{} ended by {status}, signal {:?}: {err}", what(), status.signal())),
    }
}

fn all_of(file: &mut File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| format!("output: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_misbehaves_is_told_of() {
        let cases = [
            ("exit 3", None),
            ("exec sleep 1000", Some("still runs")),
            ("kill -9 $$", Some("signal Some(9)")),
            ("exit 101", Some("ended by exit status: 101")),
            ("echo thread panicked at x >&2", Some("panicked")),
        ];
        for (script, want) in cases {
            let limit = if script.contains("sleep") { Duration::from_millis(50) } else { Duration::from_secs(60) };
            let ended = limited(Command::new("sh").args(["-c", script]), limit);
            match want {
                None => assert_eq!(ended.expect(script).code, 3),
                Some(want) => {
                    let complaint = ended.expect_err(script);
                    assert!(complaint.contains(want), "{script}: {complaint}");
                }
            }
        }
    }

    #[test]
    fn output_of_any_size_and_a_limit_of_memory() {
        let all = limited(Command::new("head").args(["-c", "3000000", "/dev/zero"]), Duration::from_secs(60));
        assert!(all.expect("it ends").out == vec![0; 3_000_000]);
        let limit = limited(Command::new("sh").args(["-c", "ulimit -v"]), Duration::from_secs(60));
        assert_eq!(limit.expect("it ends").out, format!("{MEMORY}\n").as_bytes());
    }
}
