//! What holds for all of `wimstore`'s commands.

use std::io::Read;
use std::process::{Command, Stdio};

use testkit::{Packing, Wim, dir, file, root};
use wimstore_tests::{answer, on_terminal, say, wimstore};

#[test]
fn help_and_version_are_answers() {
    assert_eq!(answer(&["--version"]), format!("wimstore {}\n", env!("CARGO_PKG_VERSION")));
    assert!(
        answer(&["--help"])
            .contains("Exit status: 0 done; 1 done, and something in the store is bad; 2 could not be done")
    );
    for command in ["ls", "info", "cat", "extract"] {
        let help = answer(&[command, "--help"]);
        assert!(help.contains("Example"), "{command}: {help}");
        assert!(help.contains(&format!("wimstore {command} ")), "{command}: {help}");
    }
}

#[test]
fn what_cannot_be_done_is_2_and_says_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let text = folder.path().join("text.wim");
    std::fs::write(&text, "no archive at all, and longer than a header would be: ".repeat(10)).unwrap();
    let text = text.to_str().unwrap();
    let gone = folder.path().join("gone");
    let gone = gone.to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["ls"], "<SOURCE>"),
        (&["ls", "--nonsense"], "--nonsense"),
        (&["ls", gone], "/gone: No such file or directory"),
        (&["ls", text], "text.wim: not a WIM archive"),
        (&["info", text], "text.wim: not a WIM archive"),
        (&["cat", text, "f"], "text.wim: not a WIM archive"),
        (&["ls", empty, "--image=1", "--ref", gone], "/gone: No such file or directory"),
    ];
    for (arguments, words) in cases {
        let said = say(arguments);
        assert_eq!((said.code, &*said.out), (2, ""), "{arguments:?}: {said:?}");
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
    }
    let said = say(&["ls", "/proc/self/task"]);
    assert_eq!(said.code, 2);
    assert!(said.err.starts_with("wimstore: /proc/self/task: no image store: "), "{said:?}");
}

#[test]
fn a_closed_pipe_ends_a_listing_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let files: Vec<_> = (0..20_000).map(|n| file(&format!("a file with a rather long name, number {n}"), "")).collect();
    Wim::new(Packing::Lzx(32768), root([dir("d", files)])).build().save(&path);
    for options in [&["ls", "-R"][..], &["ls", "-lR"], &["ls", "-R", "--json"]] {
        let mut command = Command::new(wimstore());
        command.args(options).arg(&path).arg("--image=1");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0; 10]).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{options:?}");
    }
}

#[test]
fn names_are_escaped_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, root([file("\u{1b}[31mred\nline", "x"), file("back\\slash", "x")])).build().save(&path);
    let Some(text) = on_terminal(&["ls", "--image=1", path.to_str().unwrap()]) else { return };
    assert_eq!(text, "\\x1b[31mred\\nline\r\nback\\\\slash\r\n");
    let raw = wimstore_tests::run(["ls", "--image=1", path.to_str().unwrap()]);
    assert_eq!(raw.stdout, b"\x1b[31mred\nline\nback\\slash\n");
    let said = say(&["cat", "--image=1", path.to_str().unwrap(), "\u{1b}[31m"]);
    assert_eq!(said.err, "wimstore: \\x1b[31m: no such file or directory; `wimstore ls` shows what is there\n");
}

#[test]
fn the_log_goes_where_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = testkit::Store::new(folder.path());
    store.add("G", "a.wim", &Wim::new(Packing::Stored, root([file("f", "x")])).build());
    std::fs::write(store.group("G").join("bad.wim"), "bad").unwrap();
    let (source, log) = (folder.path().to_str().unwrap(), folder.path().join("log"));

    let plain = say(&["ls", source, "G"]);
    assert_eq!((plain.code, plain.err.lines().count()), (1, 1), "said once, not logged too: {plain:?}");
    let logged = say(&["ls", source, "G", "--log-file", log.to_str().unwrap()]);
    assert_eq!(logged.err, plain.err);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("ERROR") && text.contains("bad.wim"), "{text}");
    let verbose = say(&["-v", "ls", source, "G"]);
    assert!(verbose.err.contains("ERROR") && verbose.err.ends_with(&plain.err), "{verbose:?}");
    let refused = say(&["ls", source, "--log-file", "/nowhere/log"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.starts_with("wimstore: /nowhere/log: cannot write the log: No such file"), "{refused:?}");
}

#[test]
fn what_only_windows_has_is_refused_with_a_reason() {
    let cases: &[(&[&str], &str)] = &[
        (&["register", "store"], "register: is for `net use` on Windows"),
        (&["unregister", "--name", "x"], "register: is for `net use` on Windows"),
        (&["mount", "a.wim", "/mnt", "--service"], "--service: is for Windows"),
        (&["mount", "a.wim", "/mnt", "--security", "image"], "--security: on Unix descriptors are in the attribute"),
        (&["mount", "a.wim", "/mnt", "--links", "stored"], "--links: on Unix links always stay inside"),
        (&["mount", "a.wim", "/mnt", "--volume-prefix", r"\\a\b"], "--volume-prefix: only drives of Windows have one"),
        (&["extract", "a.wim", "to", "--security"], "--security: only Windows can give files"),
        (&["extract", "a.wim", "to", "--links", "stored"], "--links: on Unix links always stay inside"),
    ];
    for (arguments, words) in cases {
        let said = say(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.err.contains(words), "{arguments:?}: {said:?}");
    }
}
