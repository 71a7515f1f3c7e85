//! testkit's archives are right: programs that we did not write accept them and read the right
//! bytes.
#![cfg(unix)] // the programs asked are
#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use testkit::{Built, Data, Dentry, Image, Packing, Store, Wim, content, dir, file, huge, root, run, tool, wimlib};

/// Files of all sizes around a chunk's, of all kinds; of one where chunks are large.
fn contents(packing: Packing) -> Vec<(String, Vec<u8>)> {
    let chunk = packing.chunk_size().max(4096);
    let sizes = [1, 2, 30, 300, chunk - 1, chunk, chunk + 1, 2 * chunk + chunk / 3];
    let kinds = &["exe", "zeros", "text", "random"][..if chunk > 65536 { 1 } else { 4 }];
    let files =
        kinds.iter().flat_map(|kind| sizes.map(|size| (format!("{kind}-{size}"), content::of_kind(kind, size))));
    files.collect()
}

fn tree(packing: Packing) -> Dentry {
    let files: Vec<Dentry> = contents(packing).iter().map(|(name, data)| file(name, data)).collect();
    root([dir("files", files), dir("empty", []), file("nothing", "")])
}

fn save(folder: &Path, name: &str, built: &Built) -> String {
    let path = folder.join(name);
    built.save(&path);
    path.to_str().unwrap().to_owned()
}

fn assert_extracts(archive: &str, folder: &Path, contents: &[(String, Vec<u8>)], references: &[String]) {
    let out = folder.join("out");
    let mut arguments = vec!["apply".to_owned(), archive.to_owned(), "1".into(), out.to_str().unwrap().into()];
    arguments.extend(references.iter().map(|reference| format!("--ref={reference}")));
    wimlib(arguments);
    for (name, data) in contents {
        assert!(std::fs::read(out.join("files").join(name)).unwrap() == *data, "{archive}: {name}");
    }
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn every_packing_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    for packing in Packing::all() {
        let built = Wim::new(packing, tree(packing)).integrity(4096).build();
        let compressed = built.places.resources.iter().filter(|resource| !resource.chunks.is_empty()).count();
        assert!(packing == Packing::Stored || compressed >= 4, "{packing:?} compresses");
        let archive = save(folder.path(), "a.wim", &built);
        wimlib(["verify", &archive]);
        assert_extracts(&archive, folder.path(), &contents(packing), &[]);
        tool("7zip", "7zz", ["t", &archive]);
    }
}

#[test]
fn listing_and_blobs_are_as_built() {
    let folder = tempfile::tempdir().unwrap();
    let built = Wim::new(Packing::Lzx(32768), tree(Packing::Stored)).build();
    let archive = save(folder.path(), "a.wim", &built);
    let listing = wimlib(["dir", &archive, "1"]);
    for (name, _) in contents(Packing::Stored) {
        assert!(listing.contains(&format!("/files/{name}\n")), "{name} in {listing}");
    }
    let blobs = wimlib(["info", &archive, "--blobs"]);
    for resource in built.places.resources.iter().chain(&built.places.metadata) {
        assert!(blobs.to_lowercase().contains(&testkit::hex(&resource.hash)), "{blobs}");
    }
}

#[test]
fn several_images_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["one", "two", "three & <four>"].map(|name| Image::new(name, root([file(name, name)])));
    let archive =
        save(folder.path(), "a.wim", &Wim { boot_index: 2, ..Wim::of(Packing::Xpress(32768), images) }.build());
    wimlib(["verify", &archive]);
    let info = wimlib(["info", &archive]);
    for line in ["Image Count:    3", "Boot Index:     2", "three & <four>"] {
        assert!(info.contains(line), "{line} in {info}");
    }
    assert!(wimlib(["dir", &archive, "two"]).contains("/two\n"));
}

#[test]
fn a_split_set_and_a_pair_are_whole_together() {
    let folder = tempfile::tempdir().unwrap();
    let packing = Packing::Lzx(32768);
    let wim = Wim { gap: 13, ..Wim::new(packing, tree(packing)).integrity(8192) };
    let mut parts = Vec::new();
    for (index, part) in wim.split(3).iter().enumerate() {
        parts.push(save(folder.path(), &format!("s{}.swm", index + 1), part));
    }
    assert_extracts(&parts[0], folder.path(), &contents(packing), &parts[1..]);
    tool("7zip", "7zz", ["t", &save(folder.path(), "one.swm", &wim.split(1)[0])]);
    let (metadata, resources) = wim.pair();
    let metadata = save(folder.path(), "m.wim", &metadata);
    let resources = save(folder.path(), "Res.rwm", &resources);
    assert_extracts(&metadata, folder.path(), &contents(packing), &[resources]);
}

#[test]
fn dentries_carry_everything() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let shared = "linked data";
    let tree = root([
        file("long name.txt", "data")
            .short("LONGNA~1.TXT")
            .security(0)
            .stream("ads", "stream")
            .unix(12, 34, 0o100640, 0),
        file("link1", shared).link(7),
        file("link2", shared).link(7),
        file("sym", "").reparse(testkit::reparse::SYMLINK, testkit::reparse::symlink("link1", "link1", true)),
        dir("junction", []).reparse(testkit::reparse::JUNCTION, testkit::reparse::junction(r"\??\C:\x", r"C:\x")),
    ]);
    let image = Image::new("all", tree).descriptor(b"\x01\0\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let archive = save(folder.path(), "a.wim", &Wim::of(Packing::Stored, [image]).build());
    let detailed = wimlib(["dir", &archive, "1", "--detailed"]);
    for text in ["LONGNA~1.TXT", "Security Descriptor", "Link Count", "ads", "0xa000000c", "0xa0000003"] {
        assert!(detailed.to_lowercase().contains(&text.to_lowercase()), "{text} in {detailed}");
    }
    wimlib(["apply", &archive, "1", out.to_str().unwrap(), "--unix-data"]);
    assert_eq!(std::fs::read(out.join("long name.txt")).unwrap(), b"data");
    assert_eq!(std::fs::read_link(out.join("sym")).unwrap(), Path::new("link1"));
    let stat = run(std::process::Command::new("stat").args(["-c", "%h %a %u %g %Y"]).arg(out.join("long name.txt")));
    assert_eq!(stat.trim(), "1 640 12 34 1614834369");
    let stat = run(std::process::Command::new("stat").args(["-c", "%h"]).arg(out.join("link1")));
    assert_eq!(stat.trim(), "2");
    tool("7zip", "7zz", ["t", &archive]);
}

#[test]
fn a_group_shares_its_resources() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let wims = ["a", "b"].map(|name| (name, root([file("own", name), file("common", "in both")])));
    let wims = wims.map(|(name, tree)| Wim::of(Packing::Lzx(32768), [Image::new(name, tree)]));
    let [a, b] = wims;
    store.add_with_resources("Sales", &[("a.wim", a), ("b.wim", b)]);
    store.add_oem("Sales", "a", "data.wim", &Wim::new(Packing::Stored, root([])).build());
    let group = folder.path().join("Images/Sales");
    for name in ["a", "b"] {
        let out = folder.path().join(name);
        let arguments =
            [group.join(format!("{name}.wim")), "1".into(), out.clone(), "--ref".into(), group.join("Res.rwm")];
        wimlib([["apply".into()].as_slice(), &arguments].concat());
        assert_eq!(std::fs::read(out.join("own")).unwrap(), name.as_bytes());
        assert_eq!(std::fs::read(out.join("common")).unwrap(), b"in both");
    }
    let resources = wimlib(["info".into(), group.join("Res.rwm"), "--blobs".into()]);
    assert_eq!(resources.matches("Hash ").count(), 3, "{resources}");
    assert!(group.join("a/$OEM$/$1/data.wim").is_file());
}

#[test]
fn more_than_4_gib_have_a_wide_chunk_table() {
    let folder = tempfile::tempdir().unwrap();
    let blob = huge::blob(Packing::Xpress(65536));
    assert_eq!(blob.packed.table, 65537 * 8);
    let tree = root([file("huge", Data::Hash(huge::HASH))]);
    let built = Wim { blobs: vec![blob], ..Wim::new(Packing::Xpress(65536), tree) }.build();
    let archive = save(folder.path(), "huge.wim", &built);
    wimlib(["verify", &archive]);
}

#[test]
fn tables_may_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let packing = Packing::Lzx(32768);
    let built = Wim::new(packing, tree(packing)).build().tables_first();
    assert_eq!(built.places.blob_table.start, 208);
    let random = built.resource(&content::of_kind("random", 300));
    assert_eq!(built.bytes[random.range.clone()], content::of_kind("random", 300));
    let archive = save(folder.path(), "a.wim", &built);
    wimlib(["verify", &archive]);
    assert_extracts(&archive, folder.path(), &contents(packing), &[]);
    tool("7zip", "7zz", ["t", &archive]);
}
