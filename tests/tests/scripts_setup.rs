//! `scripts/setup` where Rust is missing or too old, with stand-ins for apt and for all that it
//! installs.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The programs of the system that the scripts use; their `PATH` has only these and the stand-ins.
const TOOLS: &[&str] = &["bash", "cat", "chmod", "cut", "dirname", "grep", "head", "sed", "sort", "uname"];

/// apt's output on a Debian system of which it knows no security updates, and of one of which it
/// does.
const MAIN: &str = " 500 http://deb.debian.org/debian bookworm/main amd64 Packages
     release v=12.12,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64\n";
const SECURITY: &str = " 500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64\n";

/// The stand-ins, all one script: `$state/installed` and `$state/candidate` are what the system and
/// the mirror have.
const STANDIN: &str = r##"#!/usr/bin/env bash
state=$(dirname "$0")/../state
case ${0##*/} in
    id) echo 0 ;;
    rustc) echo "rustc $(cat "$state/rustc") (stand-in)" ;;
    cargo) ;;
    dpkg-query) if grep -qx "${*: -1}" "$state/installed"; then echo installed; else exit 1; fi ;;
    apt-cache) if [ $# = 1 ]; then cat "$state/sources"; else printf '  Candidate: %s\n' "$(cat "$state/candidate")"; fi ;;
    apt-get)
        echo "$*" >> "$state/asked"
        if [[ " $* " != *" install "* ]]; then exit 0; fi
        sed 's/+.*//' "$state/candidate" > "$state/rustc"
        for program in rustc cargo; do cat "$0" > "${0%/*}/$program"; chmod +x "${0%/*}/$program"; done
        ;;
esac
"##;

/// A system with a Rust of the version `rustc`, of Debian's or not, for which apt has `candidate`.
struct System {
    folder: TempDir,
}

impl System {
    fn new(rustc: Option<&str>, is_debians: bool, candidate: &str, sources: &str) -> Self {
        let system = Self { folder: tempfile::tempdir().unwrap() };
        ["bin", "state"].iter().for_each(|name| fs::create_dir(system.at(name)).unwrap());
        for tool in TOOLS {
            symlink(testkit::need(tool, "coreutils"), system.at("bin").join(tool)).unwrap();
        }
        let rust = rustc.map_or(&[][..], |_| &["rustc", "cargo"]);
        for program in ["id", "dpkg-query", "apt-cache", "apt-get"].iter().chain(rust) {
            let path = system.at("bin").join(program);
            fs::write(&path, STANDIN).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let debians = if is_debians { "rustc-web\ncargo-web\n" } else { "" };
        let state = [
            ("rustc", rustc.unwrap_or_default().to_owned()),
            ("installed", format!("gcc\nlibc6-dev\nca-certificates\n{debians}")),
            ("candidate", candidate.to_owned()),
            ("sources", sources.to_owned()),
            ("asked", String::new()),
        ];
        state.iter().for_each(|(name, text)| fs::write(system.at("state").join(name), text).unwrap());
        system
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `scripts/setup build`: its exit code, what it says, and what apt-get was asked to do,
    /// without options.
    fn set_up(&self) -> (Option<i32>, String, Vec<String>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/setup");
        let mut command = Command::new(testkit::need("bash", "bash"));
        command.arg(script).arg("build").env_clear().env("PATH", self.at("bin")).env("HOME", self.folder.path());
        let output = testkit::output(&mut command);
        let asked = fs::read_to_string(self.at("state/asked")).unwrap();
        let words = |line: &str| {
            let words = line.split(' ').filter(|word| !word.starts_with('-') && !word.contains("::"));
            words.collect::<Vec<_>>().join(" ")
        };
        (output.status.code(), String::from_utf8(output.stderr).unwrap(), asked.lines().map(words).collect())
    }
}

#[test]
fn debians_rust_is_installed_or_upgraded_where_it_is_recent_enough() {
    let recent = "1.96.0+dfsg1-1~deb12u2";
    let sources = [MAIN, SECURITY].concat();
    for (rustc, is_debians) in [(None, false), (Some("1.85.0"), true), (Some("1.70.0"), false)] {
        let system = System::new(rustc, is_debians, recent, &sources);
        let (code, said, asked) = system.set_up();
        assert_eq!(code, Some(0), "{rustc:?}: {said}");
        assert_eq!(asked, ["update", "install rustc-web cargo-web"], "{rustc:?}");
    }
    let system = System::new(Some("1.95.0"), true, recent, &sources);
    assert_eq!(system.set_up(), (Some(0), String::new(), Vec::new()), "what is recent enough stays");
}

#[test]
fn the_line_that_apt_lacks_is_named() {
    for (rustc, candidate) in
        [(Some("1.85.0"), "1.85.0+dfsg3-1~deb12u3"), (None, "1.85.0+dfsg3-1~deb12u3"), (None, "(none)")]
    {
        let (code, said, asked) = System::new(rustc, rustc.is_some(), candidate, MAIN).set_up();
        assert_eq!(code, Some(2), "{said}");
        let line = "deb http://deb.debian.org/debian-security bookworm-security main\n";
        assert!(said.ends_with(line) && said.contains("/etc/apt/sources.list.d/bookworm-security.list"), "{said}");
        assert!(said.contains(&format!("rustc-web is {candidate}")), "{said}");
        assert_eq!(asked, ["update"], "nothing is installed that is of no use");
    }
}

#[test]
fn where_no_line_helps_rustup_is_named() {
    let ubuntu = " 500 http://archive.ubuntu.com/ubuntu noble/main amd64 Packages
     release v=24.04,o=Ubuntu,a=noble,n=noble,l=Ubuntu,c=main,b=amd64\n";
    for sources in [&[MAIN, SECURITY].concat(), ubuntu] {
        let (code, said, asked) = System::new(None, false, "1.85.0+dfsg3-1", sources).set_up();
        assert_eq!((code, asked), (Some(2), vec!["update".to_owned()]));
        assert!(said.contains("https://rustup.rs") && !said.contains("deb http"), "{said}");
    }
}
