//! What `wimstore.exe` says where it cannot mount. That it mounts is tested in mount-windows, where a driver is.
#![cfg(windows)]

use std::os::windows::process::CommandExt;
use std::path::Path;
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
        (&["--threads", "4"], "--threads: on Windows WinFsp decides how many threads answer"),
        (&["--verify", "never"], "'never' for '--verify <strict|blocks|off>': it is not one of strict, blocks, off"),
        (&["--cache", "many"], "'many' for '--cache <SIZE>'"),
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

/// Runs a program of Windows, and returns what it said if it ended well.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().expect(program);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The value that the launcher finds under a name.
fn value(name: &str, what: &str) -> Option<String> {
    let key = format!(r"HKLM\SOFTWARE\WinFsp\Services\{name}");
    let said = answer("reg", &["query", &key, "/v", what, "/reg:32"])?;
    let line = said.lines().find(|line| line.trim_start().starts_with(what))?;
    Some(line.split("    ").last()?.trim_end().to_owned())
}

#[test]
fn a_store_is_registered_for_net_use_and_taken_back() {
    let name = format!("wimstore-test-{}", std::process::id());
    let (folder, program) = (tempfile::tempdir().expect("a folder"), env!("CARGO_BIN_EXE_wimstore"));
    let source = folder.path().join("a store.wim");
    Wim::new(Packing::Stored, root([file("f", "x")])).build().save(&source);
    let run = |arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(folder.path()).output();
        output.expect("wimstore starts")
    };
    let options = [
        "--image=1",
        "--security=image",
        "--links=stored",
        "--efs-raw",
        "--verify=blocks",
        "--cache=1M",
        "--metadata-cache=2M",
    ];
    let output = run(&[&["register", "a store.wim", "--name", &name], &options[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let line = value(&name, "CommandLine").expect("CommandLine");
    let want = format!(
        "mount \"{}\" %2 --volume-prefix %1 \"--image=1\" --efs-raw --security=image --links=stored \
         --verify=blocks --cache=1048576 --metadata-cache=2097152",
        source.display()
    );
    assert_eq!(line, want);
    assert!(Path::new(&value(&name, "Executable").expect("Executable")).ends_with("wimstore.exe"));
    assert_eq!(value(&name, "Security").as_deref(), Some("D:P(A;;RPWPLC;;;WD)"));
    assert_eq!(value(&name, "JobControl").as_deref(), Some("0x1"));

    // As the launcher starts it; here is no driver to mount it.
    let line = line.replace("%1", r#""\wimstore\images""#).replace("%2", "R:");
    let output = Command::new(program).raw_arg(line).output().expect("wimstore starts");
    assert_says(&output, "WinFsp makes no volume");

    let output = run(&["unregister", "--name", &name]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(value(&name, "CommandLine"), None);
    assert_says(&run(&["unregister", "--name", &name]), &format!("nothing is registered as {name}"));
    assert_says(&run(&["register", "a store.wim", "--name", "a b"]), "it is no name of letters, digits");
}

#[test]
fn a_service_that_cannot_mount_says_why() {
    assert_says(&mount(&["R:", "--service"], None), "WinFsp makes no volume");
    assert_says(&mount(&["R:", "--volume-prefix", "images"], None), r"it is no name such as \server\share");
}

#[test]
fn what_only_unix_has_is_refused_with_a_reason() {
    let output = Command::new(env!("CARGO_BIN_EXE_wimstore")).args(["umount", "--lazy", "X:"]).output();
    assert_says(&output.expect("wimstore starts"), "umount: on Windows Ctrl-C, or `net use X: /delete`, ends a mount");
}
