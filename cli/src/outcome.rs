//! How a command ends that goes on where it can.

use std::process::ExitCode;

use fs_core::{Advised, Filesystem, Ino, Problem};
use report::cause;

use crate::{advice, output};

/// Collects what went wrong, says each on stderr, and becomes the exit code.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    worst: Severity,
}

/// What an exit code tells, in order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Done.
    #[default]
    Done = 0,
    /// Done, and something in the store is bad.
    Bad = 1,
    /// Something could not be done.
    Failed = 2,
}

impl Severity {
    /// The exit code that tells it.
    pub(crate) fn exit(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

impl Outcome {
    /// Notes something without saying it.
    pub(crate) fn note(&mut self, severity: Severity) {
        self.worst = self.worst.max(severity);
    }

    /// Says and notes an error of the store: bad where bytes of it are, else something that could not be done.
    pub(crate) fn report(&mut self, error: &fs_core::Error) {
        self.note(if error.is_damage() { Severity::Bad } else { Severity::Failed });
        output::complain(format_args!("{}", Advised(error)));
    }

    /// Says and notes something that could not be done, which is not the store's fault.
    pub(crate) fn fail(&mut self, error: &anyhow::Error) {
        self.note(Severity::Failed);
        output::complain(format_args!("{}", advice::in_words(error)));
    }

    /// Says and notes what was left out.
    pub(crate) fn report_problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            self.note(Severity::Bad);
            output::complain(format_args!("{}: {}", problem.path.display(), cause(&problem.path, &problem.error)));
        }
    }

    /// Prints warnings about archives that are shown all the same.
    pub(crate) fn warn_of_archives(&self, warnings: &[Problem]) {
        for Problem { path, error } in warnings {
            output::complain(format_args!("{}: warning: {}", path.display(), cause(path, error)));
        }
    }

    /// Reports the anomalies of a directory's entries: those that are left out or changed. They make
    /// no entry bad.
    pub(crate) fn warn_of_entries(&self, fs: &Filesystem, directory: Ino) {
        // Whoever lists the directory tells that it cannot be read.
        let warnings = fs.directory_warnings(directory).unwrap_or_default();
        if warnings.is_empty() {
            return; // Paths may be long.
        }
        let path = fs.path(directory);
        for warning in warnings {
            output::complain(format_args!("/{}: warning: {warning}", String::from_utf8_lossy(&path)));
        }
    }

    /// The exit code.
    pub(crate) fn exit(self) -> ExitCode {
        self.worst.exit()
    }
}
