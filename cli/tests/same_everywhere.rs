//! What the program answers about an archive is the same on every system, byte for byte.

use std::path::Path;
use std::process::{Command, Output};

use testkit::{Built, Image, Packing, Wim, content, dir, file, root};

fn archive() -> Built {
    let tree = root([
        dir("Docs", [file("ReadMe.txt", "hello\n"), file("big.bin", content::of_kind("exe", 300_000)), file("é", "x")]),
        file("empty", ""),
    ]);
    Wim::of(Packing::Lzx(32768), [Image::new("One", tree), Image::new("Two", root([file("only", "2")]))]).build()
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wimstore")).args(arguments).current_dir(folder).output().expect("wimstore starts")
}

/// Standard output of a run that ends with `status`.
fn said(folder: &Path, arguments: &[&str], status: i32) -> Vec<u8> {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn names_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    archive().save(&folder.path().join("a.wim"));
    let text = |arguments: &[&str]| String::from_utf8(said(folder.path(), arguments, 0)).expect("text");
    assert_eq!(text(&["ls", "a.wim"]), "One\nTwo\n");
    assert_eq!(text(&["ls", "a.wim", "--image", "1", "Docs"]), "big.bin\nReadMe.txt\né\n");
    assert_eq!(text(&["ls", "a.wim", "One\\Docs\\ReadMe.txt"]), "One\\Docs\\ReadMe.txt\n", "as it was asked for");
}

#[test]
fn contents_come_without_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    archive().save(&folder.path().join("a.wim"));
    let cat = |path: &str| said(folder.path(), &["cat", "a.wim", path], 0);
    assert_eq!(cat("One/Docs/ReadMe.txt"), b"hello\n", "no carriage return is added");
    assert!(cat("One/Docs/big.bin") == content::of_kind("exe", 300_000));
    assert_eq!(cat("Two/only"), b"2");
}

#[test]
fn facts_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    archive().save(&folder.path().join("a.wim"));
    let info = String::from_utf8(said(folder.path(), &["info", "--json", "a.wim"], 0)).expect("text");
    for fact in ["\"One\"", "\"Two\"", "LZX", "a.wim"] {
        assert!(info.contains(fact), "{fact}: {info}");
    }
    assert!(!info.contains('\r'));
}

#[test]
fn damage_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut built = archive();
    built.save(&folder.path().join("good.wim"));
    let place = built.resource(b"hello\n").range.clone();
    built.bytes[place.start] ^= 1;
    built.save(&folder.path().join("bad.wim"));
    said(folder.path(), &["verify", "good.wim"], 0);
    let found = String::from_utf8(said(folder.path(), &["verify", "bad.wim"], 1)).expect("text");
    assert!(found.contains("One/Docs/ReadMe.txt"), "{found}");
    assert_eq!(said(folder.path(), &["cat", "bad.wim", "One/Docs/ReadMe.txt"], 1), b"");
    assert_eq!(said(folder.path(), &["cat", "bad.wim", "Two/only"], 0), b"2");
}
