//! `wimstore cat`.

use std::io::Read;
use std::process::{Command, Stdio};

use testkit::content::{code, text};
use testkit::{Packing, Wim, capture, dir, file, reparse, root};
use wimstore_tests::{answer_bytes, corpus, run, say, wimstore};

#[test]
fn several_files_come_one_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let (source, archive) = (corpus(folder.path(), "source"), folder.path().join("a.wim"));
    capture(&source, &archive, &["--compress=xpress", "--check"]);
    let names = ["one", "bin/perl", "empty", "zeros", "links/plain", "Ünïcode-文件-🦀"];
    let want: Vec<u8> = names.iter().flat_map(|name| std::fs::read(source.join(name)).unwrap()).collect();
    let all = answer_bytes(&[&["cat", archive.to_str().unwrap(), "--image", "1"], &names[..]].concat());
    assert!(all == want, "{} bytes, should be {}", all.len(), want.len());
}

#[test]
fn what_cannot_be_had_is_said_and_the_rest_follow() {
    let folder = tempfile::tempdir().unwrap();
    let bad = text(100_000);
    let lost = file("lost", testkit::Data::Hash(testkit::sha1(b"nowhere")));
    let tree = root([file("bad", &bad), dir("d", []), file("good", "good"), lost]);
    let mut archive = Wim::new(Packing::Lzx(32768), tree).build();
    let second_chunk = archive.resource(&bad).chunks[1].clone();
    archive.flip(second_chunk.start + 9, 3);
    let path = folder.path().join("a.wim");
    archive.save(&path);
    let path = path.to_str().unwrap();

    let cases: &[(&str, i32, &[&str])] = &[
        ("bad", 1, &["bad: ", "a.wim: blob ", &testkit::hex(&testkit::sha1(&bad))]),
        ("lost", 1, &["lost: no archive supplies blob ", "--ref"]),
        ("d", 2, &["d: is a directory"]),
        ("gone", 2, &["gone: no such file or directory; `wimstore ls` shows what is there"]),
        ("good/x", 2, &["good/x: not a directory"]),
    ];
    for (name, code, words) in cases {
        let output = run(["cat", "--image=1", path, name, "good"]);
        assert_eq!(output.status.code(), Some(*code), "{name}: {output:?}");
        assert!(output.stdout.ends_with(b"good"), "{name}: the rest follow");
        let given = output.stdout.strip_suffix(b"good").unwrap();
        assert!(bad.starts_with(given), "{name}: never a wrong byte");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("wimstore: ") && words.iter().all(|word| error.contains(word)), "{name}: {error}");
        assert_eq!(error.lines().count(), 1, "{name}: {error}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let content = code(8 << 20);
    Wim::new(Packing::Stored, root([file("large", &content)])).build().save(&path);
    let mut command = Command::new(wimstore());
    command.args(["cat", "--image=1", path.to_str().unwrap(), "large"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and then nobody reads on
    assert_eq!(first, content[..10]);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
}

#[test]
fn a_full_disk_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, root([file("large", code(1 << 20))])).build().save(&path);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(wimstore());
    command.args(["cat", "--image=1", path.to_str().unwrap(), "large"]);
    let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("wimstore: writing to stdout: No space left on device"), "{error}");
}

#[test]
fn links_are_followed_inside_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let link = |name: &str, substitute: &str, relative| {
        file(name, "").reparse(reparse::SYMLINK, reparse::symlink(substitute, substitute, relative))
    };
    let tree = root([
        dir("d", [file("f", "the file"), link("up", "..\\d\\f", true), link("out", "..\\..\\..\\etc\\passwd", true)]),
        link("absolute", r"\??\C:\d\f", false),
        link("chain", "d\\up", true),
        link("round", "round", true),
    ]);
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, tree).build().save(&path);
    let path = path.to_str().unwrap();
    for name in ["d/f", "d/up", "absolute", "chain"] {
        assert_eq!(say(&["cat", "--image=1", path, name]).out, "the file", "{name}");
    }
    for name in ["d/out", "round"] {
        let said = say(&["cat", "--image=1", path, name]);
        assert_eq!((said.code, &*said.out), (2, ""), "{name}");
        assert!(said.err.starts_with(&format!("wimstore: {name}: ")), "{said:?}");
    }
}

#[test]
fn named_streams_of_any_size_are_read_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let large = code(300_000);
    let tree =
        root([dir("d", [file("f", "data").stream("small", "a stream").stream("large", &large)]).stream("s", "of d")]);
    Wim::new(Packing::Lzx(32768), tree).build().save(&path);
    let read = |name: &str| answer_bytes(&["cat", "--image=1", path.to_str().unwrap(), name]);
    assert_eq!((read("d/f:small"), read("d:s")), (b"a stream".to_vec(), b"of d".to_vec()));
    assert!(read("d/f:large") == large);
    let listed = answer_bytes(&["ls", "--json", "--image=1", path.to_str().unwrap(), "d"]);
    let entry: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(entry["streams"], serde_json::json!([{"name": "small", "size": 8}, {"name": "large", "size": 300_000}]));
}
