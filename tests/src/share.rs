//! A folder as a network share has it, which fails on demand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use testkit::mounts::Mounted;

use crate::program::failing;

/// A folder mounted by the program `failing`. Dropping it unmounts.
#[derive(Debug)]
pub struct Share {
    mounted: Option<Mounted>,
    folder: PathBuf,
    beside: TempDir,
    seed: u64,
}

impl Share {
    /// Mounts `folder`. Faults strike in an order that depends on `seed`.
    ///
    /// # Panics
    /// It cannot be mounted.
    pub fn new(folder: &Path, seed: u64) -> Self {
        let beside = tempfile::tempdir().expect("a folder to mount on");
        let mut share = Self { mounted: None, folder: folder.to_owned(), beside, seed };
        share.returns();
        share
    }

    /// The root of the share.
    pub fn path(&self) -> PathBuf {
        self.beside.path().join("share")
    }

    /// From now on `fault` strikes: a word of the program `failing` and a number out of 100, or
    /// nothing.
    ///
    /// # Panics
    /// The order cannot be written.
    pub fn fails(&self, fault: &str) {
        let new = self.beside.path().join("new");
        fs::write(&new, fault).and_then(|()| fs::rename(&new, self.fault())).expect("an order");
    }

    /// The process that serves it.
    ///
    /// # Panics
    /// It is away.
    pub fn server(&self) -> u32 {
        self.mounted.as_ref().expect("mounted").server()
    }

    /// Its server dies, and then its mount goes away; what is open is lost.
    pub fn vanishes(&mut self) {
        self.mounted.iter_mut().for_each(Mounted::crash);
        self.mounted = None;
    }

    /// It is mounted again.
    ///
    /// # Panics
    /// It cannot be.
    pub fn returns(&mut self) {
        let mut command = Command::new(failing());
        command.arg(&self.folder).arg(self.path()).arg(self.fault()).arg(self.seed.to_string()).stderr(Stdio::piped());
        self.mounted = Some(Mounted::serve(&mut command, &self.path()));
    }

    fn fault(&self) -> PathBuf {
        self.beside.path().join("fault")
    }
}
