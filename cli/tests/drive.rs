//! What `wimstore.exe` says where it cannot mount. That it mounts is tested in mount-windows, where a driver is.
#![cfg(windows)]

use std::process::{Command, Output};

use testkit::{Packing, Wim, file, root};

fn mount(arguments: &[&str], dlls: Option<&str>) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    Wim::new(Packing::Stored, root([file("f", "x")])).build().save(&folder.path().join("a.wim"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_wimstore"));
    if let Some(dlls) = dlls {
        command.env("PATH", dlls); // where Windows looks for a DLL in the end, and Wine puts WINEPATH
    }
    command.args(["mount", "a.wim"]).args(arguments).current_dir(folder.path()).output().expect("wimstore starts")
}

fn assert_says(output: &Output, text: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(text), "{text}: {said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn options_of_unix_are_refused_with_a_reason() {
    for (option, reason) in [
        (&["-o", "uid=0"][..], "-o: its options are those of Unix mounts"),
        (&["--foreground"], "--foreground: on Windows a mount always stays in the foreground"),
        (&["--streams", "xattr"], "--streams: on Windows named streams are shown"),
        (&["--unix-data"], "--unix-data: owners and modes of Unix cannot be shown"),
        (&["--ignore-case"], "--ignore-case: on Windows names are found in any case"),
        (&["--security", "none"], "'none' for '--security <uniform|image>': it is neither uniform nor image"),
        (&["--links", "away"], "'away' for '--links <inside|stored>': it is neither inside nor stored"),
    ] {
        assert_says(&mount(&[option, &["R:"]].concat(), None), reason);
    }
}

#[test]
fn without_winfsp_it_says_where_to_get_it() {
    assert_says(&mount(&["R:"], Some(r"C:\windows\system32")), "get it from https://winfsp.dev/rel/");
}

#[test]
fn the_version_names_winfsp() {
    let output = Command::new(env!("CARGO_BIN_EXE_wimstore")).arg("--version").output().expect("wimstore starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("WinFsp - Windows File System Proxy, Copyright (C) Bill Zissimopoulos"), "{said}");
    assert!(said.contains("https://github.com/winfsp/winfsp") && said.contains("GPL-3.0-only"), "{said}");
}
