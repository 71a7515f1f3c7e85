//! Commands and options that only another system has: they are refused with a reason.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::bail;

/// Whatever the command takes elsewhere.
#[derive(clap::Args, Debug)]
#[command(hide = true, disable_help_flag = true)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<OsString>,
}

/// Refuses `command`.
///
/// # Errors
/// Why it is not there, always.
pub(crate) fn refuse(command: &str, why: &str) -> anyhow::Result<ExitCode> {
    bail!("{command}: {why}")
}

/// Refuses the first option that was given of those that only another system has: whether it was
/// given, its name, and the reason.
///
/// # Errors
/// One was given.
pub(crate) fn refuse_options(options: &[(bool, &str, &str)]) -> anyhow::Result<()> {
    match options.iter().find(|(given, ..)| *given) {
        Some((_, option, why)) => bail!("{option}: {why}"),
        None => Ok(()),
    }
}
