//! Parts of the system that a test needs and a chroot may lack.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use crate::{skipped, wimstore};

/// Runs a shell script as root in a mount namespace of its own, with `arguments` as `$1`, `$2`, …:
/// its mounts go away with it. `None` where the system does not allow that, which is told as
/// [`skipped`].
pub fn in_namespace<A: AsRef<OsStr>>(script: &str, arguments: &[A]) -> Option<Output> {
    let unshare = || {
        let mut command = Command::new(testkit::need("unshare", "util-linux"));
        command.args(["--mount", "--propagation", "private"]);
        command
    };
    let trial = testkit::output(unshare().arg("true"));
    if !trial.status.success() {
        let why = String::from_utf8_lossy(&trial.stderr);
        skipped(format_args!("no mount namespace of its own, as in a chroot: {}", why.trim_end()));
        return None;
    }
    Some(testkit::output(unshare().args(["sh", "-c", script, "sh"]).args(arguments)))
}

/// Runs `wimstore` on a terminal of its own and returns what it writes there, with line ends as a
/// terminal gets them. `None` where no terminals are available, which is reported by [`skipped`].
pub fn on_terminal(arguments: &[&str]) -> Option<String> {
    if !Path::new("/dev/pts/ptmx").exists() {
        skipped("no /dev/pts, as in a chroot: no terminal available");
        return None;
    }
    let mut words = vec![wimstore().display().to_string()];
    words.extend(arguments.iter().map(|argument| argument.to_string()));
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = testkit::need("script", "bsdutils");
    let output = testkit::output(Command::new(script).args(["-qec", &line, "/dev/null"]));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
