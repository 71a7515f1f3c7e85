//! Behaviour that all of `wimstore`'s commands share.

use std::io::Read;
use std::process::{Command, Stdio};

use testkit::{Image, Packing, Wim, Xml, dir, file, root};
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
fn json_holds_no_characters_that_drive_a_terminal() {
    let hostile =
        "\u{1b}[31m \u{7f}\u{80}\u{9b}31m\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{hostile}.wim"));
    let sound = "größe 日本 \u{1f600}";
    let tree = root([file(hostile, "damaged").stream(hostile, "s"), file(sound, "x")]);
    let mut built = Wim::of(Packing::Stored, [Image::new("a", tree)]).build();
    let place = built.resource(b"damaged").range.start;
    built.flip(place, 0);
    built.save(&path);
    let source = path.to_str().unwrap();
    for (command, want) in [("ls", 3), ("info", 2), ("verify", 2)] {
        let recursive: &[&str] = if command == "ls" { &["-R"] } else { &[] };
        let said = say(&[&[command, "--json", source], recursive].concat());
        let harmless = |c: char| c == '\n' || !c.is_control() && (c.is_ascii() || !hostile.contains(c));
        assert!(said.out.chars().all(harmless), "{command}: {:?}", said.out);
        let text: String = said.out.lines().map(|line| format!("{}\n", json_text(line))).collect();
        assert!(text.matches(hostile).count() >= want, "{command}: {text:?}");
        assert!(command != "ls" || said.out.contains(sound), "what is harmless stays as it is: {}", said.out);
    }
}

/// All strings of a JSON object, as its reader gets them.
fn json_text(line: &str) -> String {
    fn gather(value: &serde_json::Value, text: &mut String) {
        match value {
            serde_json::Value::String(string) => text.push_str(string),
            serde_json::Value::Array(values) => values.iter().for_each(|value| gather(value, text)),
            serde_json::Value::Object(fields) => fields.values().for_each(|value| gather(value, text)),
            _ => {}
        }
    }
    let mut text = String::new();
    gather(&serde_json::from_str(line).expect("an object"), &mut text);
    text
}

#[test]
fn xml_data_cannot_drive_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let image = Image::new("one", root([file("f", "1")]));
    let xml = "<WIM>\r\n\t<IMAGE INDEX=\"1\"><NAME>\u{9b}31m \\ exe.\u{202e}txt\u{7f}</NAME></IMAGE>\n</WIM>";
    Wim { xml: Xml::Text(xml.into()), ..Wim::of(Packing::Stored, [image]) }.build().save(&path);
    let path = path.to_str().unwrap();
    assert_eq!(answer(&["info", "--xml", path]), format!("{xml}\n"));
    let Some(text) = on_terminal(&["info", "--xml", path]) else { return };
    let shown = r"    <IMAGE INDEX=~1~><NAME>\x9b31m \ exe.\u{202e}txt\x7f</NAME></IMAGE>";
    let shown = shown.replace('~', "\"").replace("    ", "\t");
    assert!(text.replace('\r', "").contains(&format!("<WIM>\n{shown}\n</WIM>\n")), "{text:?}");
    assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}']), "{text:?}");
    let Some(one) = on_terminal(&["info", "--xml", "--image=1", path]) else { return };
    assert!(one.replace('\r', "").contains(&format!("{}\n", shown.trim_start())), "{one:?}");
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
