//! The program for Windows, run by Wine.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::up_to_date;

/// The program for Windows and what runs it, as `scripts/windows-cross` has them.
#[derive(Debug)]
pub struct WindowsProgram {
    wine: String,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl WindowsProgram {
    /// The program that `scripts/windows-cross cargo build --package wimstore` has made.
    ///
    /// # Panics
    /// It is not there, or older than its sources.
    #[expect(clippy::new_without_default, reason = "it asks a script")]
    pub fn new() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/windows-cross");
        let answer = testkit::run(Command::new(script).arg("env"));
        let mut said: HashMap<&str, &str> = answer.lines().filter_map(|line| line.split_once('=')).collect();
        let mut take = |name: &str| said.remove(name).unwrap_or_else(|| panic!("{name} is not set")).to_owned();
        let profile = Path::new(&take("CARGO_TARGET_DIR")).join(take("CARGO_BUILD_TARGET")).join("debug");
        Self {
            wine: take("CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUNNER"),
            program: up_to_date(profile.join("wimstore.exe"), "-p wimstore"),
            environment: ["WINEPREFIX", "WINEDEBUG", "LC_ALL"].map(|name| (name.to_owned(), take(name))).into(),
        }
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.wine);
        command.arg(&self.program).envs(self.environment.iter().cloned());
        command
    }
}
