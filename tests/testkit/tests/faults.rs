//! Each fault is the one it says it is: our peer sees it too, and ends with the exit code that it
//! has for it.
#![cfg(unix)] // the programs asked are

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use testkit::faults::{self, Fault};
use testkit::{PATIENCE, need, output};

/// How `wimlib-imagex verify` ends; 124 if it does not within [`PATIENCE`].
fn verify(archive: &Path) -> i32 {
    let mut command = Command::new(need("timeout", "coreutils"));
    command.arg(PATIENCE.as_secs().to_string()).arg(need("wimlib-imagex", "wimtools")).arg("verify").arg(archive);
    output(&mut command).status.code().unwrap_or(-1)
}

#[test]
fn faults_are_named_apart_and_said() {
    let mut names = HashSet::new();
    for Fault { name, must, .. } in faults::all() {
        assert!(names.insert(name), "{name} twice");
        assert!(!must.is_empty(), "{name}");
    }
}

#[test]
fn wimlib_sees_the_fault() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("fault.wim");
    let mut wrong = Vec::new();
    for fault in faults::all() {
        let Some(want) = fault.wimlib else { continue };
        (fault.build)().save(&archive);
        let exit = verify(&archive);
        if exit != want {
            wrong.push(format!("{}: {exit}, not {want}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
