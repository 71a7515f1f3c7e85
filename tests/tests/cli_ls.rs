//! `wimstore ls`.

use std::path::Path;

use testkit::{Image, Packing, Store, Wim, capture, dir, file, flag, reparse, root, wimlib};
use wimstore_tests::{answer, corpus, say};

#[test]
fn recursive_listings_are_those_of_wimdir() {
    let folder = tempfile::tempdir().unwrap();
    let (source, archive) = (corpus(folder.path(), "source"), folder.path().join("a.wim"));
    capture(&source, &archive, &["--compress=none"]);
    std::fs::write(source.join("only in the second"), b"2").unwrap();
    wimlib(["append".as_ref(), source.as_os_str(), archive.as_os_str(), "second".as_ref()]);
    let archive = archive.to_str().unwrap();
    for image in ["1", "2"] {
        assert_eq!(answer(&["ls", "-R", archive, "--image", image]), wimlib(["dir", archive, image]));
    }
    for path in ["text", "links", "bin/perl"] {
        let part = wimlib(["dir", archive, "1", &format!("--path=/{path}")]);
        assert_eq!(answer(&["ls", "-R", "--image=1", archive, path]), part);
    }
}

#[test]
fn a_store_is_listed_level_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let tree = root([dir("Windows", [file("explorer.exe", "MZ")]), file("readme", "text")]);
    let image = |name: &str| Wim::of(Packing::Lzx(32768), [Image::new(name, tree.clone())]).build();
    store.add("Sales", "w11.wim", &image("Windows 11"));
    store.add("Sales", "w10.wim", &image("Windows 10"));
    store.add("Tools", "pe.wim", &image("PE"));
    store.add_oem("Sales", "w11", "data.wim", &image("never shown"));
    let path = folder.path().to_str().unwrap();

    let cases: &[(&[&str], &str)] = &[
        (&[], "Sales\nTools\n"),
        (&["Sales"], "Windows 10\nWindows 11\n"),
        (&["/Sales/"], "Windows 10\nWindows 11\n"),
        (&["Sales/Windows 11"], "readme\nWindows\n"),
        (&["Sales\\Windows 11\\Windows"], "explorer.exe\n"),
        (&["Sales/Windows 11/../Windows 10/./readme"], "Sales/Windows 11/../Windows 10/./readme\n"),
        (&["tools/pe/WINDOWS", "--ignore-case"], "explorer.exe\n"),
        (&["-R", "Tools"], "/Tools\n/Tools/PE\n/Tools/PE/readme\n/Tools/PE/Windows\n/Tools/PE/Windows/explorer.exe\n"),
    ];
    for (arguments, want) in cases {
        assert_eq!(answer(&[&["ls", path], *arguments].concat()), *want, "{arguments:?}");
    }
    let all = answer(&["ls", "-R", path]);
    assert!(all.starts_with("/\n/Sales\n/Sales/Windows 10\n/Sales/Windows 10/readme\n"), "{all}");
    assert!(!all.contains("never shown"));
    let group = answer(&["ls", &format!("{path}/Images/Sales")]);
    assert_eq!(group, "Windows 10\nWindows 11\n");
    let one = answer(&["ls", &format!("{path}/Images/Sales/w11.wim")]);
    assert_eq!(one, "Windows 11\n");
}

/// An image with links, hard links, Unix data and times, in `folder`.
fn long_fixture(folder: &Path) -> String {
    let link = reparse::symlink("docs\\hello", "docs\\hello", true);
    let tree = root([
        dir("docs", ["hello", "again"].map(|name| file(name, "hello").link(7).times(0, 0, 132_500_000_000_000_001))),
        file("link", "").reparse(reparse::SYMLINK, link),
        file("tool", [0; 123_456]).unix(1000, 1001, 0o104_755, 0),
        file("pipe", "").unix(0, 0, 0o010_600, 0),
    ]);
    let path = folder.join("a.wim");
    Wim::new(Packing::Xpress(32768), tree).build().save(&path);
    path.into_os_string().into_string().expect("UTF-8")
}

#[test]
fn long_listings_have_the_columns_of_ls() {
    let folder = tempfile::tempdir().unwrap();
    let archive = long_fixture(folder.path());
    let long = answer(&["ls", "-l", "--image=1", &archive]);
    assert_eq!(
        long,
        "dr-xr-xr-x  2 0 0          0 2021-03-04 05:06:09 docs\n\
         lrwxrwxrwx  1 0 0         10 2021-03-04 05:06:09 link -> docs/hello\n\
         -r--r--r--  1 0 0          0 2021-03-04 05:06:09 pipe\n\
         -r--r--r--  1 0 0     123456 2021-03-04 05:06:09 tool\n"
    );
    let human = answer(&["ls", "-lh", "--image=1", &archive, "docs"]);
    assert_eq!(
        human,
        "-r--r--r--  2 0 0          5 2020-11-16 11:33:20 again\n\
         -r--r--r--  2 0 0          5 2020-11-16 11:33:20 hello\n"
    );
    let unix = answer(&["ls", "-lh", "--unix-data", "--image=1", &archive]);
    assert!(unix.contains("prw-------  1 0    0             0 2021-03-04 05:06:09 pipe\n"), "{unix}");
    assert!(unix.contains("-rwsr-xr-x  1 1000 1001       121K 2021-03-04 05:06:09 tool\n"), "{unix}");
    let all = answer(&["ls", "-lR", "--image=1", &archive, "docs"]);
    assert!(all.ends_with("-r--r--r--  2 0 0          5 2020-11-16 11:33:20 /docs/hello\n"), "{all}");
}

#[test]
fn links_are_followed_on_the_way_but_shown_in_long_listings() {
    let folder = tempfile::tempdir().unwrap();
    let to = |target: &str| reparse::symlink(target, target, true);
    let tree = root([
        dir("real", [dir("inner", [file("f", "x")])]),
        dir("d", [file("up", "").reparse(reparse::SYMLINK, to("..\\real"))]),
        file("loop", "").reparse(reparse::SYMLINK, to("loop")),
    ]);
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, tree).build().save(&path);
    let path = path.to_str().unwrap();
    assert_eq!(answer(&["ls", "--image=1", path, "d/up"]), "inner\n");
    assert_eq!(answer(&["ls", "--image=1", path, "d/up/inner"]), "f\n");
    assert!(answer(&["ls", "-l", "--image=1", path, "d/up"]).ends_with(" d/up -> ../real\n"));
    assert!(answer(&["ls", "-l", "--image=1", path, "d/up/"]).ends_with(" inner\n"));
    let said = say(&["ls", "--image=1", path, "loop/x"]);
    assert_eq!((said.code, &*said.out), (2, ""));
    assert!(said.err.starts_with("wimstore: loop/x: "), "{said:?}");
}

#[test]
fn objects_tell_everything() {
    let folder = tempfile::tempdir().unwrap();
    let archive = long_fixture(folder.path());
    let text = answer(&["ls", "-R", "--json", "--image=1", &archive]);
    let objects: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let paths: Vec<_> = objects.iter().map(|object| object["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/", "/docs", "/docs/again", "/docs/hello", "/link", "/pipe", "/tool"]);
    let want = serde_json::json!({
        "type": "entry",
        "path": "/docs/hello",
        "name": "hello",
        "kind": "file",
        "size": 5,
        "links": 2,
        "mode": "0444",
        "uid": 0,
        "gid": 0,
        "inode": objects[2]["inode"],
        "created": "1601-01-01T00:00:00.0000000Z",
        "accessed": "1601-01-01T00:00:00.0000000Z",
        "modified": "2020-11-16T11:33:20.0000001Z",
        "attributes": flag::ARCHIVE,
        "sha1": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
    });
    assert_eq!(objects[3], want);
    assert_eq!((&objects[4]["kind"], &objects[4]["target"]), (&"symlink".into(), &"docs/hello".into()));
    assert_eq!(objects[1]["kind"], "directory");
}

#[test]
fn names_that_are_no_text_are_exact_in_hexadecimal() {
    let folder = tempfile::tempdir().unwrap();
    let lone = testkit::units(&[0x61, 0xD800, 0x62]);
    let tree = root([file("", "x").raw_name(&lone), file("two\nlines", "x")]);
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, tree).build().save(&path);
    let path = path.to_str().unwrap();

    let raw = wimstore_tests::run(["ls", "--image=1", path]);
    assert_eq!(raw.stdout, b"a\xed\xa0\x80b\ntwo\nlines\n", "as they are, since this is no terminal");
    let text = answer(&["ls", "--json", "--image=1", path]);
    let objects: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&objects[0]["path_hex"], &objects[1]["path"]), (&"2f61eda08062".into(), &"/two\nlines".into()));
    assert!(objects[1].get("path_hex").is_none());
}

#[test]
fn a_link_without_data_is_reported_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let tree = root([
        file("link", "").reparse(reparse::SYMLINK, ""),
        dir("junction", []).reparse(reparse::JUNCTION, ""),
        file("short", "").reparse(reparse::SYMLINK, "abc"),
        file("there", "x"),
    ]);
    let path = folder.path().join("a.wim");
    Wim::new(Packing::Stored, tree).build().save(&path);
    let path = path.to_str().unwrap();
    for option in ["-l", "-lR", "--json"] {
        let said = say(&["ls", option, "--image=1", path]);
        assert_eq!((said.code, said.err.lines().count()), (1, 3), "{option}: {said:?}");
        for name in ["link", "junction", "short"] {
            assert!(said.err.contains(&format!("wimstore: {name}: ")), "{option}: {said:?}");
        }
        assert!(said.out.contains("there"), "{option}: {said:?}");
    }
    for arguments in [&["ls", "--image=1", path, "link"][..], &["cat", "--image=1", path, "junction/x"]] {
        let said = say(arguments);
        assert_eq!((said.code, said.err.lines().count()), (1, 1), "{said:?}");
    }
}

#[test]
fn one_bad_archive_or_image_is_reported_and_the_rest_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let tree = || root([file("readme", "text")]);
    let images = [Image::new("bad", tree()), Image::new("good", tree().times(1, 2, 3))];
    let mut archive = Wim::of(Packing::Stored, images).build();
    archive.flip(archive.places.metadata[0].range.end - 5, 0);
    let path = store.add("G", "a.wim", &archive);
    std::fs::write(path.with_file_name("broken.wim"), b"not a WIM").unwrap();

    let said = say(&["ls", "-R", folder.path().to_str().unwrap()]);
    assert_eq!(said.out, "/\n/G\n/G/bad\n/G/good\n/G/good/readme\n");
    assert_eq!(said.code, 1);
    let lines: Vec<_> = said.err.lines().collect();
    assert_eq!(lines.len(), 2, "{said:?}");
    assert!(lines[0].starts_with("wimstore: G/bad: ") && lines[0].contains("a.wim: "), "{said:?}");
    assert!(lines[1].starts_with("wimstore: ") && lines[1].contains("broken.wim: "), "{said:?}");
}
