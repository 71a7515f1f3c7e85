//! `wimstore info`.

use serde_json::{Value, json};
use testkit::{Data, Image, Packing, Store, Wim, dir, file, reparse, root, sha1};
use wimstore_tests::{answer, on_terminal, peak_memory, say};

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

const WINDOWS: &str = "<DESCRIPTION>for sales</DESCRIPTION><FLAGS>Enterprise</FLAGS><DIRCOUNT>2</DIRCOUNT>\
    <FILECOUNT>1</FILECOUNT><TOTALBYTES>5</TOTALBYTES><HARDLINKBYTES>0</HARDLINKBYTES>\
    <WINDOWS><ARCH>9</ARCH><PRODUCTNAME>Windows</PRODUCTNAME><EDITIONID>Enterprise</EDITIONID>\
    <INSTALLATIONTYPE>Client</INSTALLATIONTYPE><LANGUAGES><LANGUAGE>en-US</LANGUAGE><LANGUAGE>de-DE</LANGUAGE>\
    <DEFAULT>en-US</DEFAULT></LANGUAGES><VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>26100</BUILD>\
    <SPBUILD>1742</SPBUILD><SPLEVEL>0</SPLEVEL></VERSION><SYSTEMROOT>WINDOWS</SYSTEMROOT></WINDOWS>";

fn image(name: &str, tree: testkit::Dentry) -> Image {
    Image { xml: WINDOWS.into(), ..Image::new(name, tree) }
}

/// A store with one group of so many archives, all alike.
fn store_of(archives: usize, layout: Layout) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    let files: Vec<_> = (0..2000).map(|number| file(&format!("file {number}"), format!("content {number}"))).collect();
    let wim = Wim::of(Packing::Stored, [image("image", root(files))]);
    let (archive, resources) = if layout == Layout::Pairs { wim.pair() } else { (wim.build(), wim.build()) };
    let first = store.add("Group", "00000.wim", &archive);
    if layout == Layout::Pairs {
        store.add("Group", "Res.rwm", &resources);
    }
    for number in 1..archives {
        std::fs::hard_link(&first, first.with_file_name(format!("{number:05}.wim"))).expect("a link");
    }
    for number in (0..archives).filter(|_| layout == Layout::Hidden) {
        let sidecar = first.with_file_name(format!("{number:05}.wim.wimstore.json"));
        std::fs::write(sidecar, r#"{"hidden": true}"#).expect("a sidecar");
    }
    folder
}

/// Where a store's data is, and whether its images are shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    Whole,
    Pairs,
    Hidden,
}

/// The tables and the tree of one archive take about 0.6 MiB.
#[test]
fn memory_does_not_grow_with_the_number_of_archives() {
    for layout in [Layout::Whole, Layout::Pairs, Layout::Hidden] {
        let (few, many) = (store_of(30, layout), store_of(300, layout));
        for command in [&["info"][..], &["info", "--json"], &["verify"]] {
            let peak = |store: &tempfile::TempDir| peak_memory(&[command, &[store.path().to_str().unwrap()]].concat());
            let (few, many) = (peak(&few), peak(&many));
            assert!(many < few + 8.0, "{command:?} {layout:?}: {few} MiB for 30 archives, {many} MiB for 300");
        }
    }
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    let folder = store_of(3, Layout::Whole);
    let source = folder.path().to_str().unwrap();
    answer(&["info", source]); // asserts that nothing is on stderr
    let Some(text) = on_terminal(&["info", source]) else { return };
    assert!(text.contains(" of 3 archives, ") && text.contains("00002.wim"), "{text}");
}

#[test]
fn an_archive_and_its_image_are_told_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let images = [image("Windows 11", root([dir("d", [file("f", "hello")])]))];
    let archive = Wim { boot_index: 1, ..Wim::of(Packing::Lzx(32768), images).integrity(1 << 20) }.build();
    archive.save(&path);
    let path = path.to_str().unwrap();

    let told = objects(&answer(&["info", "--json", path]));
    let want = json!({
        "type": "archive",
        "path": path,
        "enabled": true,
        "file_bytes": archive.bytes.len(),
        "version": "0x10d00",
        "flags": 0x4_0002,
        "guid": "736d6977-6f74-6572-2d74-6573746b6974",
        "compression": "LZX",
        "chunk_size": 32768,
        "part": 1,
        "parts": 1,
        "images": 1,
        "boot_image": 1,
        "integrity": {"chunk_size": 1 << 20, "blocks": 1},
        "solid": [],
        "blobs": 1,
        "blob_bytes": 5,
        "blob_stored_bytes": 5,
        "warnings": [],
    });
    assert_eq!(told[0], want);
    let want = json!({
        "type": "image",
        "path": path,
        "number": 1,
        "directory": "Windows 11",
        "enabled": true,
        "complete": true,
        "missing_blobs": 0,
        "warnings": [],
        "name": "Windows 11",
        "description": "for sales",
        "display_name": null,
        "display_description": null,
        "edition_flags": "Enterprise",
        "directories": 2,
        "files": 1,
        "bytes": 5,
        "hard_link_bytes": 0,
        "created": "2021-03-04T05:06:07.8901234Z",
        "modified": "2021-03-04T05:06:07.8901234Z",
        "wim_boot": false,
        "architecture": "x64",
        "product_name": "Windows",
        "edition": "Enterprise",
        "installation_type": "Client",
        "hal": null,
        "product_type": null,
        "product_suite": null,
        "languages": ["en-US", "de-DE"],
        "default_language": "en-US",
        "version": "10.0.26100.1742",
        "service_pack": 0,
        "system_root": "WINDOWS",
    });
    assert_eq!(told[1], want);
    assert_eq!(told.len(), 2);

    let text = answer(&["info", path]);
    for line in [
        "  Compression       LZX, chunks of 32768 bytes (32K)\n",
        "  GUID              736d6977-6f74-6572-2d74-6573746b6974\n",
        "  Boot image        1\n",
        "  Integrity         1 block of 1048576 bytes (1.0M)\n",
        "  Blobs             1, 5 bytes, stored as 5 bytes\n",
        "  Image 1: Windows 11\n",
        "    Data            complete\n",
        "    Description     for sales\n",
        "    Languages       en-US, de-DE (default en-US)\n",
        "    Version         10.0.26100.1742\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn xml_comes_as_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let images = [image("one", root([file("f", "1")])), Image::new("two", root([file("f", "2")]))];
    Wim::of(Packing::Stored, images).build().save(&path);
    let path = path.to_str().unwrap();
    let all = answer(&["info", "--xml", path]);
    assert!(all.starts_with("<WIM>") && all.trim_end().ends_with("</WIM>") && all.contains(WINDOWS), "{all}");
    let one = answer(&["info", "--xml", "--image=two", path]);
    assert!(one.starts_with("<IMAGE INDEX=\"2\">") && one.ends_with("</IMAGE>\n") && !one.contains(WINDOWS), "{one}");
}

#[test]
fn a_store_is_told_with_what_is_disabled_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let wim =
        |name: &str, content: &str| Wim::of(Packing::Xpress(32768), [Image::new(name, root([file("f", content)]))]);
    store.add_with_resources("Pairs", &[("a.wim", wim("A", "content of a")), ("b.wim", wim("B", "content of b"))]);
    store.add("Single", "on.wim", &wim("On", "on").build());
    let off = store.add("Single", "off.wim", &wim("Off", "off").build());
    std::fs::write(format!("{}.wimstore.json", off.display()), r#"{"hidden": true}"#).unwrap();
    let lost =
        [file("1", Data::Hash(sha1(b"1"))), file("2", Data::Hash(sha1(b"2"))), file("2 again", Data::Hash(sha1(b"2")))];
    store.add("Single", "torn.wim", &Wim::of(Packing::Stored, [Image::new("Torn", root(lost))]).build());
    std::fs::write(store.group("Single").join("bad.wim"), b"MSWIM\0\0\0 and no more").unwrap();

    let said = say(&["info", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("bad.wim: header at 0x0 needs 208 bytes, but only "), "{said:?}");
    let told = objects(&said.out);
    let facts = |kind: &str, fields: &[&str]| -> Vec<Vec<Value>> {
        let of_kind = told.iter().filter(|object| object["type"] == kind);
        of_kind.map(|object| fields.iter().map(|field| object[field].clone()).collect()).collect()
    };
    let images = facts("image", &["group", "directory", "enabled", "complete", "missing_blobs"]);
    let want = [
        json!(["Pairs", "A", true, true, 0]),
        json!(["Pairs", "B", true, true, 0]),
        json!(["Single", "On", true, true, 0]),
        json!(["Single", "Torn", true, false, 2]),
        json!(["Single", "Off", false, true, 0]),
    ];
    assert_eq!(images.into_iter().map(Value::from).collect::<Vec<_>>(), want);
    let archives = facts("archive", &["group", "images", "enabled"]);
    let want = [
        json!(["Pairs", 1, true]),
        json!(["Pairs", 1, true]),
        json!(["Pairs", 0, true]),
        json!(["Single", 1, true]),
        json!(["Single", 1, true]),
        json!(["Single", 1, false]),
    ];
    assert_eq!(archives.into_iter().map(Value::from).collect::<Vec<_>>(), want);
    let problems = facts("problem", &["path"]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0][0].as_str().unwrap().ends_with("Single/bad.wim"));

    let text = say(&["info", folder.path().to_str().unwrap()]).out;
    assert!(
        text.contains("    Data            incomplete: no archive has 2 blobs; --ref FILE names one more\n"),
        "{text}"
    );
    assert!(text.contains("  Disabled          the file is hidden (sidecar)\n"), "{text}");
}

#[test]
fn references_complete_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let (delta, base) = Wim::new(Packing::Lzx(32768), root([file("f", "the content")])).pair();
    let (delta_path, base_path) = (folder.path().join("delta.wim"), folder.path().join("base.wim"));
    delta.save(&delta_path);
    base.save(&base_path);
    let (delta, base) = (delta_path.to_str().unwrap(), base_path.to_str().unwrap());
    let complete = |arguments: &[&str]| objects(&answer(arguments))[1]["complete"].clone();
    assert_eq!(complete(&["info", "--json", delta]), false);
    assert_eq!(complete(&["info", "--json", delta, "--ref", base]), true);
    assert_eq!(answer(&["cat", delta, "--image=1", "--ref", base, "f"]), "the content");
}

#[test]
fn what_was_put_up_with_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let wim = Wim {
        flags: testkit::flag::WRITE_IN_PROGRESS,
        ..Wim::new(Packing::Stored, root([file("f", "x")])).integrity(4096)
    };
    let mut archive = wim.build();
    let table = archive.places.integrity.start;
    archive.bytes[table] ^= 1;
    archive.save(&path);
    let said = say(&["info", "--json", path.to_str().unwrap()]);
    let told = objects(&said.out);
    assert_eq!(told[0]["warnings"], json!(["the archive is being written to, or its writer crashed"]));
    assert_eq!(told[0]["integrity"], Value::Null);
    assert!(told[0]["integrity_error"].as_str().unwrap().contains("integrity table"), "{said:?}");
    assert_eq!(said.code, 1);
}

#[test]
fn files_whose_data_is_elsewhere_and_odd_entries_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let pointer = |name| file(name, "").reparse(reparse::WOF, "pointer");
    let tree = root([pointer("a"), pointer("b"), file("..", "x"), file("f", "x")]);
    Wim::new(Packing::Stored, tree).build().save(&path);
    let path = path.to_str().unwrap();
    let image = &objects(&answer(&["info", "--json", path]))[1];
    assert_eq!((&image["complete"], &image["missing_blobs"]), (&json!(false), &json!(0)));
    assert_eq!(image["files_elsewhere"], json!({"compressed or in another WIM (WOF)": 2}));
    let warning = image["warnings"][0].as_str().unwrap();
    assert!(warning.ends_with("is left out: it is named `.` or `..`"), "{warning}");
    let text = answer(&["info", path]);
    assert!(text.contains("Data            incomplete\n"), "{text}");
    assert!(text.contains("Elsewhere       2 files, compressed or in another WIM (WOF)\n"), "{text}");
    assert!(text.contains(&format!("Warning         {warning}\n")), "{text}");
}
