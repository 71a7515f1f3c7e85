//! Solid and pipable archives of wimlib's: what is mounted, extracted and verified equals the
//! source, and what wimlib and 7-Zip give.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::{capture, tool, wimlib};
use wimstore_tests::{Look, Mount, Source, answer, assert_same, content, walk};

/// Metadata that wimlib and 7-Zip restore too.
const LOOK: Look<'_> = Look { accessed: false, owner: false, xattrs: false, asked: &[] };

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of these tests are UTF-8")
}

/// Captures the source as the image `NAME` of a solid archive.
fn capture_solid(source: &Source, name: &str, compression: &str, chunk_size: &str, options: &[&str]) -> PathBuf {
    let compression = format!("--solid-compress={compression}");
    let chunk_size = format!("--solid-chunk-size={chunk_size}");
    source.capture(name, &[&["--solid", &compression, &chunk_size], options].concat())
}

/// Mounts, extracts and verifies an archive: everything is as in the source.
fn assert_shown(source: &Source, what: &str, archive: &Path) {
    let mount = Mount::new(archive, &["--image", "1"]);
    source.assert_mounted(&format!("{what}, mounted"), mount.path());
    drop(mount);
    let extracted = source.path("extracted");
    answer(&["extract", text(archive), "NAME", text(&extracted)]);
    assert_same(&format!("{what}, extracted"), &walk(&extracted, &LOOK), &walk(&source.root, &LOOK));
    fs::remove_dir_all(extracted).unwrap();
    let verified = answer(&["verify", text(archive)]);
    assert!(verified.contains("nothing is bad, 0 warnings"), "{what}: {verified}");
}

#[test]
fn every_compression_in_chunks_of_many_sizes() {
    let source = Source::new();
    for (compression, chunk_sizes) in
        [("xpress", ["4K", "64K"]), ("lzx", ["32K", "2M"]), ("lzms", ["128K", "64M"]), ("lzms:20", ["32K", "1M"])]
    {
        for (chunk_size, check) in chunk_sizes.into_iter().zip([&["--check"][..], &[]]) {
            let archive = capture_solid(&source, "a.wim", compression, chunk_size, check);
            assert_shown(&source, &format!("{compression} in chunks of {chunk_size}"), &archive);
        }
    }
}

#[test]
fn an_esd_shows_what_wimlib_and_7_zip_extract() {
    let source = Source::new();
    let plain = source.path("plain.wim");
    capture(&source.root, &plain, &["NAME"]);
    let esd = source.path("install.esd");
    wimlib(["export", text(&plain), "1", text(&esd), "--solid", "--solid-chunk-size=1M"]);
    assert_shown(&source, "esd", &esd);
    let (theirs, seven) = (source.path("wimlib"), source.path("7zip"));
    wimlib(["apply", text(&esd), "1", text(&theirs)]);
    let mount = Mount::new(&esd, &["--image", "1"]);
    assert_same("as wimapply", &walk(mount.path(), &LOOK), &walk(&theirs, &LOOK));
    // 7-Zip names links and special files in another way; it must agree about the bytes of files.
    tool("7zip", "7zz", ["x", "-y", &format!("-o{}", text(&seven)), text(&esd), "bin/*", "text/*", "-r"]);
    let mut same = 0;
    for (path, node) in walk(mount.path(), &Source::LOOK).iter().filter(|(_, node)| node.kind == "file") {
        if let Ok(theirs) = content(&seven.join(path)) {
            assert_eq!(theirs, node.content, "{}", path.display());
            same += 1;
        }
    }
    assert!(same > 100, "{same} files compared");
}

#[test]
fn an_archive_appended_to_has_two_runs() {
    let source = Source::new();
    let archive = capture_solid(&source, "a.wim", "lzx", "64K", &[]);
    let more = source.path("more");
    fs::create_dir(&more).unwrap();
    for number in 0..50 {
        fs::write(more.join(number.to_string()), testkit::content::text(5000 + number)).unwrap();
    }
    wimlib(["append", text(&more), text(&archive), "MORE", "--solid", "--no-solid-sort"]);
    assert_shown(&source, "first image", &archive);
    let mount = Mount::new(&archive, &["--image", "2"]);
    assert_same("second image", &walk(mount.path(), &LOOK), &walk(&more, &LOOK));
    drop(mount);
    let info: Vec<serde_json::Value> =
        answer(&["info", "--json", text(&archive)]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let solid = info[0]["solid"].as_array().unwrap();
    let kinds: BTreeMap<_, _> =
        solid.iter().map(|one| (one["chunk_size"].as_u64().unwrap(), one["compression"].as_str().unwrap())).collect();
    assert_eq!(kinds, BTreeMap::from([(64 << 10, "LZX"), (64 << 20, "LZMS")]), "{solid:?}");
    let told = answer(&["info", text(&archive)]);
    assert!(told.contains("Solid             1 resource, LZX, chunks of 65536 bytes (64K), "), "{told}");
}

#[test]
fn pipable_archives_of_every_compression() {
    let source = Source::new();
    for (compression, check) in [("none", "--check"), ("xpress", "--no-check"), ("lzx", "--check"), ("lzms", "--check")]
    {
        let archive = source.path("pipable.wim");
        let compression = format!("--compress={compression}");
        let check = if check == "--check" { &[check][..] } else { &[] };
        capture(&source.root, &archive, &[&["NAME", "--pipable", &compression], check].concat());
        assert!(wimlib(["info", text(&archive)]).contains("Pipable"));
        assert_shown(&source, &format!("pipable, {compression}"), &archive);
        assert!(answer(&["info", text(&archive)]).contains("pipable"), "{compression}");
    }
}

#[test]
fn references_may_be_named_by_a_pattern() {
    let source = Source::new();
    let whole = source.path("whole.wim");
    capture(&source.root, &whole, &["NAME"]);
    let folder = source.path("parts");
    fs::create_dir(&folder).unwrap();
    wimlib(["split", text(&whole), text(&folder.join("x.swm")), "1"]);
    // Under another name, so that nothing finds the other parts by itself.
    let first = source.path("first.swm");
    fs::rename(folder.join("x.swm"), &first).unwrap();
    assert!(fs::read_dir(&folder).unwrap().count() > 1, "several parts");
    let told = answer(&["info", text(&first)]);
    assert!(told.contains("Data            incomplete"), "{told}");
    assert!(told.contains("Parts missing     2"), "{told}");
    let pattern = text(&folder.join("x*.swm")).to_owned();
    let extracted = source.path("extracted");
    answer(&["extract", text(&first), "NAME", text(&extracted), "--ref", &pattern]);
    assert_same("extracted", &walk(&extracted, &LOOK), &walk(&source.root, &LOOK));
    let mount = Mount::new(&first, &["--image", "1", "--ref", &pattern]);
    assert_same("mounted", &walk(mount.path(), &Source::LOOK), &source.tree);
    let told = answer(&["info", text(&first), "--ref", &pattern]);
    assert!(told.contains("Data            complete") && !told.contains("Parts missing"), "{told}");
    let none = wimstore_tests::say(&["info", text(&first), "--ref", text(&folder.join("y*.swm"))]);
    assert!(none.code == 2 && none.err.contains("no file matches"), "{}", none.err);
}
