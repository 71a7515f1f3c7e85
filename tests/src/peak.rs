//! How much memory a run of the program takes.

use std::ffi::OsStr;
use std::process::Command;

use crate::wimstore;

/// Runs the arguments as a command, and writes its peak of resident memory after everything else to
/// stderr, in KiB.
const METER: &str = "
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)";

/// Runs `wimstore` with `arguments`, which must end with code 0, and returns its peak of resident
/// memory in MiB.
///
/// # Panics
/// It ends otherwise, or says something on stderr.
pub fn peak_memory<A: AsRef<OsStr>>(arguments: &[A]) -> f64 {
    let mut command = Command::new(testkit::need("python3", "python3"));
    let output = testkit::output(command.args(["-c", METER]).arg(wimstore()).args(arguments));
    let text = String::from_utf8_lossy(&output.stderr);
    let peak = text.trim_end().parse::<u32>();
    assert!(output.status.success(), "{}: {text}", output.status);
    f64::from(peak.unwrap_or_else(|_| panic!("more than a number: {text}"))) / 1024.0
}
