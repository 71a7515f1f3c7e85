//! `wimstore verify`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::content::{code, random, text};
use testkit::{Built, Data, Image, Packing, Store, Wim, capture, dir, file, flag, hex, reparse, root, sha1};
use wimstore_tests::{Share, answer, corpus, on_terminal, say};

fn saved(folder: &Path, archive: &Built) -> PathBuf {
    let path = folder.join("a.wim");
    archive.save(&path);
    path
}

/// Objects on stdout, with the exit code.
fn objects(arguments: &[&str]) -> (i32, Vec<Value>) {
    let said = say(&[&["verify", "--json"], arguments].concat());
    assert_eq!(said.err, "", "what is found is the answer");
    (said.code, said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

#[test]
fn archives_of_wimlib_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let (source, archive) = (corpus(folder.path(), "source"), folder.path().join("a.wim"));
    for options in [&["--compress=none"][..], &["--compress=xpress", "--check"], &["--compress=lzx:20", "--check"]] {
        capture(&source, &archive, options);
        let archive = archive.to_str().unwrap();
        let text = answer(&["verify", archive]);
        assert!(text.starts_with("1 archive, 1 image, ") && text.ends_with(": nothing is bad, 0 warnings\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
        let (code, told) = objects(&[archive]);
        assert_eq!((code, told.len()), (0, 1));
        let has_table = options.contains(&"--check");
        assert_eq!((&told[0]["type"], told[0]["blocks"].as_u64() > Some(0)), (&"summary".into(), has_table));
    }
}

/// An archive of two images that share `bad`, in chunks of 4 KiB.
fn shared(integrity: Option<usize>) -> (Built, Vec<u8>) {
    let bad = code(50_000);
    let one = root([dir("d", [file("bad", &bad).link(3), file("good", text(9000))]), file("linked", &bad).link(3)]);
    let two = root([file("stream", random(5000)).stream("hidden", &bad), file("also good", random(20_000))]);
    let images = [Image::new("one", one), Image::new("two", two)];
    (Wim { integrity, ..Wim::of(Packing::Xpress(4096), images) }.build(), bad)
}

#[test]
fn a_bad_blob_is_named_with_its_block_and_every_path() {
    let folder = tempfile::tempdir().unwrap();
    let (mut archive, bad) = shared(Some(4096));
    let place = archive.resource(&bad).clone();
    let at = place.chunks[2].start + 11;
    archive.flip(at, 4);
    let path = saved(folder.path(), &archive);
    let block = 208 + (at - 208) / 4096 * 4096;

    let (code, told) = objects(&[path.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert_eq!(told.len(), 3, "{told:?}");
    let facts = |object: &Value| (object["type"].clone(), object["path"].clone(), object["offset"].clone());
    let archive_path = json!(path.to_str().unwrap());
    assert_eq!(facts(&told[0]), ("bad_blob".into(), archive_path.clone(), place.range.start.into()));
    assert_eq!(facts(&told[1]), ("bad_block".into(), archive_path, block.into()));
    assert_eq!(told[0]["blob"], hex(&sha1(&bad)));
    let paths = ["/one/d/bad", "/one/linked", "/two/stream:hidden"].map(|path| json!({ "path": path }));
    assert_eq!(told[0]["used_by"], json!(paths));
    assert_eq!((&told[2]["bad"], &told[2]["images"], &told[2]["blobs"]), (&2.into(), &2.into(), &4.into()));

    let said = say(&["verify", path.to_str().unwrap()]);
    assert_eq!((said.code, &*said.err), (1, ""));
    let lines: Vec<_> = said.out.lines().collect();
    let start = format!("{}: blob {} at {:#x}: ", path.display(), hex(&sha1(&bad)), place.range.start);
    assert!(lines[0].starts_with(&start), "{said:?}");
    assert_eq!(lines[1..4], ["    /one/d/bad", "    /one/linked", "    /two/stream:hidden"]);
    let start = format!("{}: check block at {block:#x}, 4096 bytes: has changed: its SHA-1 is now ", path.display());
    assert!(lines[4].starts_with(&start), "{said:?}");
    assert!(lines[5].ends_with(": 2 bad, 0 warnings"), "{said:?}");
}

#[test]
fn a_bad_blob_knows_the_bad_block_it_begins_in() {
    let folder = tempfile::tempdir().unwrap();
    let (mut archive, bad) = shared(Some(1 << 20));
    let at = archive.resource(&bad).chunks[2].start + 11;
    archive.flip(at, 4);
    let (_, told) = objects(&[saved(folder.path(), &archive).to_str().unwrap()]);
    assert_eq!((&told[0]["type"], &told[1]["type"]), (&"bad_block".into(), &"bad_blob".into()));
    assert_eq!(told[1]["bad_block"], 208);
    let (mut archive, _) = shared(None);
    archive.flip(at, 4);
    let (code, told) = objects(&[saved(folder.path(), &archive).to_str().unwrap()]);
    assert_eq!((code, told.len(), &told[0]["type"]), (1, 2, &"bad_blob".into()));
    assert!(told[0].get("bad_block").is_none());
}

#[test]
fn a_chunk_above_the_limit_names_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, bad) = shared(None);
    let path = saved(folder.path(), &archive);
    let arguments = ["--max-chunk", "4095", path.to_str().unwrap()];
    let (code, told) = objects(&arguments);
    let of_bad = told.iter().find(|object| object["blob"] == hex(&sha1(&bad))).expect("its chunks have 4096 bytes");
    let error = of_bad["error"].as_str().unwrap();
    assert!(error.ends_with("; --max-chunk allows larger ones"), "{error}");
    assert_eq!((code, &of_bad["type"]), (1, &"bad_blob".into()));
    let text = say(&[&["verify"], &arguments[..]].concat());
    assert!(text.out.contains("; --max-chunk allows larger ones\n"), "{}", text.out);
    let (code, told) = objects(&["--max-chunk", "4096", path.to_str().unwrap()]);
    assert_eq!((code, told.len()), (0, 1), "nothing is above that limit: {told:?}");
}

#[test]
fn every_kind_of_damage_is_named() {
    let flip = |at: fn(&Built) -> usize| {
        let (mut archive, _) = shared(Some(1 << 20));
        let at = at(&archive);
        archive.flip(at, 0);
        archive
    };
    let cases = [
        ("metadata", flip(|a| a.places.metadata[1].range.start + 40), "bad_metadata", json!(2), json!("two")),
        ("integrity table", flip(|a| a.places.integrity.start + 1), "bad_integrity_table", Value::Null, Value::Null),
        ("hash in the integrity table", flip(|a| a.places.integrity.end - 1), "bad_block", Value::Null, Value::Null),
    ];
    for (name, archive, kind, image, directory) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (code, told) = objects(&[saved(folder.path(), &archive).to_str().unwrap()]);
        assert_eq!(code, 1, "{name}: {told:?}");
        let found = told
            .iter()
            .any(|object| object["type"] == kind && object["image"] == image && object["directory"] == directory);
        assert!(found, "{name}: {told:?}");
    }
}

#[test]
fn what_is_only_odd_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let wim = Wim { flags: flag::WRITE_IN_PROGRESS, ..Wim::new(Packing::Stored, root([file("f", "x")])) };
    let path = saved(folder.path(), &wim.build());
    let text = answer(&["verify", path.to_str().unwrap()]);
    let warning = "warning: the archive is being written to, or its writer crashed";
    assert!(text.starts_with(&format!("{}: {warning}\n", path.display())), "{text}");
    assert!(text.ends_with(": nothing is bad, 1 warning\n"), "{text}");
}

#[test]
fn missing_data_is_named_for_each_image() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let lost = |name: &str| Data::Hash(sha1(name.as_bytes()));
    let a = Wim::of(
        Packing::Stored,
        [Image::new("A", root([file("1", lost("x")), file("2", lost("x")), file("3", "in b")]))],
    );
    let b = Wim::of(Packing::Stored, [Image::new("B", root([file("3", "in b"), file("4", "in b only")]))]);
    let a = Wim { without: vec![sha1(b"in b")], ..a };
    store.add("G", "a.wim", &a.build());
    let b_path = store.add("G", "b.wim", &b.build());
    let source = folder.path().to_str().unwrap();
    let missing = |arguments: &[&str]| {
        let (code, told) = objects(arguments);
        let of_kind = told.into_iter().filter(|object| object["type"] == "missing_blob");
        let mut paths: Vec<Value> = of_kind.map(|object| object["used_by"].clone()).collect();
        paths.sort_by_key(|paths| paths.to_string());
        (code, paths)
    };
    // Another image's archive supplies nothing, as in a mount; one named with --ref does.
    let (x, three) = (json!([{"path": "/G/A/1"}, {"path": "/G/A/2"}]), json!([{"path": "/G/A/3"}]));
    assert_eq!(missing(&[source]), (1, vec![x.clone(), three]));
    assert_eq!(missing(&[source, "--ref", b_path.to_str().unwrap()]), (1, vec![x]));
}

#[test]
fn links_that_lead_nowhere_are_bad() {
    let folder = tempfile::tempdir().unwrap();
    let whole = reparse::symlink("there", "there", true);
    let tree = root([
        file("lost", "").reparse(reparse::SYMLINK, ""),
        file("cut", "").reparse(reparse::SYMLINK, "abc"),
        dir("junction", []).reparse(reparse::JUNCTION, "abc"),
        dir("also cut", []).reparse(reparse::JUNCTION, "abc"),
        file("good", "").reparse(reparse::SYMLINK, whole),
        file("there", "x"),
    ]);
    for packing in [Packing::Stored, Packing::Lzx(32768)] {
        let path = saved(folder.path(), &Wim::new(packing, tree.clone()).build());
        let (code, found) = objects(&[path.to_str().unwrap()]);
        let of = |object: &Value| {
            let paths = object["used_by"].as_array()?.iter().map(|used| used["path"].as_str().unwrap().to_owned());
            Some((object["type"].as_str()?.to_owned(), object["blob"].as_str().map(str::to_owned), paths.collect()))
        };
        let found: Vec<(String, Option<String>, Vec<String>)> = found.iter().filter_map(of).collect();
        let cut = Some(hex(&sha1(b"abc")));
        let names = |names: &[&str]| names.iter().map(|name| format!("/testkit/{name}")).collect::<Vec<_>>();
        let bad = |blob: &Option<String>, paths: &[&str]| ("bad_link".to_owned(), blob.clone(), names(paths));
        let wanted = [bad(&None, &["lost"]), bad(&cut, &["also cut", "junction"]), bad(&cut, &["cut"])];
        assert_eq!((code, found), (1, wanted.to_vec()));
    }
}

#[test]
fn a_store_is_checked_with_its_resources_and_what_is_disabled() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let wim = |name: &str, content: &[u8]| Wim::of(Packing::Lzx(32768), [Image::new(name, root([file("f", content)]))]);
    store.add_with_resources("Pairs", &[("a.wim", wim("A", &text(70_000))), ("b.wim", wim("B", &text(80_000)))]);
    let off = store.add("Single", "off.wim", &wim("Off", &text(90_000)).build());
    std::fs::write(format!("{}.wimstore.json", off.display()), r#"{"hidden": true}"#).unwrap();
    let source = folder.path().to_str().unwrap();
    let summary = |object: &Value| ["archives", "images", "blobs", "bad"].map(|field| object[field].as_u64().unwrap());
    let (code, told) = objects(&[source]);
    assert_eq!((code, summary(&told[0])), (0, [4, 3, 3, 0]));

    for (file, path) in [("Images/Pairs/Res.rwm", "/Pairs/B/f"), ("Images/Single/off.wim", "/Off/f")] {
        let file = folder.path().join(file);
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        // Behind the first resource's middle lies the second's, where there are two.
        let blob = if path.contains('B') { 80_000 } else { 90_000 };
        let place = bytes.len() - bytes.len() / 4;
        bytes[if blob == 80_000 { place / 2 + place / 4 } else { place / 2 }] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let (code, told) = objects(&[source]);
        let bad: Vec<_> = told.iter().filter(|object| object["type"] == "bad_blob").collect();
        assert_eq!((code, bad.len()), (1, 1), "{told:?}");
        assert_eq!(bad[0]["used_by"], json!([{ "path": path }]), "{told:?}");
        assert_eq!(bad[0]["path"], file.to_str().unwrap());
        std::fs::write(&file, whole).unwrap();
    }
}

#[test]
fn an_archive_that_does_not_open_is_bad_and_the_rest_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.add("G", "good.wim", &shared(None).0);
    let bad = store.group("G").join("bad.wim");
    std::fs::write(&bad, "nonsense").unwrap();
    let (code, told) = objects(&[folder.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    let want = json!({"type": "problem", "path": bad.to_str().unwrap(), "error": told[0]["error"]});
    assert_eq!(told[0], want);
    assert_eq!((&told[1]["archives"], &told[1]["bad"]), (&1.into(), &1.into()));
    let (code, told) = objects(&[bad.to_str().unwrap()]);
    assert_eq!((code, &told[0]), (1, &want), "asked for by itself it is bad all the same");
    let said = say(&["verify", folder.path().join("gone").to_str().unwrap()]);
    assert_eq!((said.code, &*said.out), (2, ""));
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), &Wim::new(Packing::Stored, root([file("f", random(8 << 20))])).build());
    let said = say(&["verify", path.to_str().unwrap()]);
    assert_eq!(said.err, "");
    // From a share each of whose answers takes a while, so that no machine is done before there is
    // something to show.
    let share = Share::new(folder.path(), 1);
    share.fails("slow 100");
    let path = share.path().join(path.file_name().unwrap());
    let Some(text) = on_terminal(&["verify", path.to_str().unwrap()]) else { return };
    assert!(text.contains("% ") && text.contains(" left"), "{text}");
    assert!(text.contains(": nothing is bad, 0 warnings"), "{text}");
}
