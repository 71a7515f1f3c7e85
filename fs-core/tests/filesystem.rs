//! What a mount shows, asked of the filesystem itself; the same through a real mount is in the whole-program tests.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use fs_core::check::{CheckOptions, Event, Finding};
use fs_core::{Error, Filesystem, ImageChoice, Ino, Kind, Level, Options, StreamInterface};
use testkit::{Data, Dentry, Image, Packing, Wim, dir, file, reparse, root};

/// An archive at `path` below `folder`, whose folders are made.
fn save(wim: &Wim, folder: &Path, path: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    wim.build().save(&path);
}

fn open(path: &Path) -> Filesystem {
    Filesystem::open(path, Options::default()).unwrap()
}

/// A filesystem whose root is the image with this tree.
fn image_with(tree: Dentry, options: Options) -> (tempfile::TempDir, Filesystem) {
    let folder = tempfile::tempdir().unwrap();
    save(&Wim::new(Packing::Lzx(32768), tree), folder.path(), "a.wim");
    let options = Options { image: Some(ImageChoice::Number(1)), ..options };
    let fs = Filesystem::open(&folder.path().join("a.wim"), options).unwrap();
    (folder, fs)
}

/// What checking all archives finds.
fn findings(fs: &Filesystem) -> Vec<Finding> {
    let mut found = Vec::new();
    for archive in fs.inventory().groups.iter().flat_map(|group| &group.archives) {
        let Ok(_) = archive.check::<Infallible>(&archive.open().unwrap(), &CheckOptions::default(), |event| {
            if let Event::Found(finding) = event {
                found.push(finding);
            }
            Ok(())
        });
    }
    found
}

/// Names in a directory, with number and kind, read in pages of `page` entries.
fn list(fs: &Filesystem, ino: Ino, page: usize) -> Vec<(String, Ino, Kind)> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let before = found.len();
        fs.read_dir(ino, after, &mut |entry| {
            if found.len() - before == page {
                return ControlFlow::Break(());
            }
            found.push((String::from_utf8_lossy(entry.name).into_owned(), entry.ino, entry.kind));
            after = entry.next;
            ControlFlow::Continue(())
        })
        .unwrap();
        if found.len() == before {
            return found;
        }
    }
}

fn names(fs: &Filesystem, path: &str) -> Vec<String> {
    let ino = fs.resolve(path.as_bytes()).unwrap();
    list(fs, ino, 1000).into_iter().map(|(name, ..)| name).filter(|name| name != "." && name != "..").collect()
}

fn ino(fs: &Filesystem, path: &str) -> Ino {
    fs.resolve(path.as_bytes()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn content(fs: &Filesystem, path: &str) -> Vec<u8> {
    let ino = ino(fs, path);
    let mut buf = vec![0; usize::try_from(fs.attr(ino).unwrap().size).unwrap() + 1];
    let len = fs.read_at(ino, 0, &mut buf).unwrap_or_else(|e| panic!("{path}: {e}"));
    buf.truncate(len);
    buf
}

#[test]
fn a_store_shows_groups_images_and_trees() {
    let store = tempfile::tempdir().unwrap();
    let two = Wim::of(
        Packing::Xpress(32768),
        [Image::new("Pro", root([file("a", "one")])), Image::new("Home", root([dir("d", [file("b", "two")])]))],
    );
    save(&two, store.path(), "Images/Desktops/w11.wim");
    save(&Wim::new(Packing::Stored, root([])), store.path(), "Images/Servers/s.wim");
    save(&Wim::new(Packing::Stored, root([])), store.path(), "Images/Desktops/w11/$OEM$/data.wim");

    let fs = open(store.path());
    assert_eq!(names(&fs, ""), ["Desktops", "Servers"]);
    assert_eq!(names(&fs, "Desktops"), ["Pro", "Home"]);
    assert_eq!(names(&fs, "Servers"), ["testkit"]);
    assert_eq!(content(&fs, "Desktops/Home/d/b"), b"two");

    let group = open(&store.path().join("Images/Desktops"));
    assert_eq!(names(&group, ""), ["Pro", "Home"]);
    let archive = open(&store.path().join("Images/Desktops/w11.wim"));
    assert_eq!(content(&archive, "Pro/a"), b"one");

    for (choice, shown) in [("2", "d"), ("Pro", "a")] {
        let options = Options { image: Some(choice.parse().unwrap()), ..Options::default() };
        let image = Filesystem::open(&store.path().join("Images/Desktops/w11.wim"), options).unwrap();
        assert_eq!(names(&image, ""), [shown]);
        assert_eq!(image.attr(image.root()).unwrap().kind, Kind::Directory);
        let (_, parent, _) = list(&image, image.root(), 2)[1];
        assert_eq!(parent, image.root(), ".. of the root is the root");
    }
}

#[test]
fn an_image_that_is_not_there_is_named_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    save(&Wim::new(Packing::Stored, root([])), folder.path(), "a.wim");
    for (choice, wanted) in [("2", "no image 2;"), ("Pro", "no image \"Pro\";")] {
        let options = Options { image: Some(choice.parse().unwrap()), ..Options::default() };
        let error = Filesystem::open(&folder.path().join("a.wim"), options).err().unwrap().to_string();
        assert!(error.contains(wanted) && error.contains("1 (\"testkit\")"), "{error}");
    }
}

#[test]
fn numbers_stay_and_parents_are_right() {
    let store = tempfile::tempdir().unwrap();
    let tree = root([dir("d", [dir("e", [file("f", "x")])])]);
    save(&Wim::new(Packing::Stored, tree), store.path(), "Images/G/a.wim");
    let (first, second) = (open(store.path()), open(store.path()));
    let mut seen = BTreeMap::new();
    for path in ["", "G", "G/testkit", "G/testkit/d", "G/testkit/d/e", "G/testkit/d/e/f"] {
        let number = ino(&first, path);
        assert_eq!(ino(&second, path), number, "{path}");
        assert_eq!(first.attr(number).unwrap().ino, number, "{path}");
        assert_eq!(String::from_utf8(first.path(number)).unwrap(), path);
        assert!(seen.insert(number, path).is_none(), "{path} has a number of its own");
        if !path.ends_with('f') {
            let parent = ino(&first, path.rsplit_once('/').map_or("", |(parent, _)| parent));
            let dots: Vec<_> = list(&first, number, 2).into_iter().map(|(_, ino, _)| ino).take(2).collect();
            assert_eq!(dots, [number, parent], "{path}");
        }
    }
    for number in [0, 99, u64::MAX, ino(&first, "G/testkit").0 + 1000] {
        assert!(matches!(first.attr(Ino(number)), Err(Error::NotFound)), "{number}");
    }
}

#[test]
fn directories_read_the_same_at_every_page_size() {
    let files: Vec<Dentry> = (0..40).map(|n| file(&format!("file {n}"), "x")).collect();
    let (_folder, fs) = image_with(root(files), Options::default());
    let whole = list(&fs, fs.root(), 1000);
    assert_eq!(whole.len(), 42);
    for page in 1..44 {
        assert_eq!(list(&fs, fs.root(), page), whole, "{page} entries a page");
    }
}

#[test]
fn data_comes_from_the_group_and_from_references() {
    let store = tempfile::tempdir().unwrap();
    let wim = Wim::new(Packing::Xpress(32768), root([file("a", "shared data")]));
    let (metadata, resources) = wim.pair();
    fs::create_dir_all(store.path().join("G")).unwrap();
    metadata.save(&store.path().join("G/a.wim"));
    let alone = open(&store.path().join("G/a.wim"));
    let number = ino(&alone, "testkit/a");
    assert_eq!(alone.attr(number).unwrap().size, 1, "the size is not known");
    let error = alone.read_at(number, 0, &mut [0; 9]).unwrap_err();
    assert!(matches!(error.root_cause(), Error::DataMissing { .. }), "{error}");
    assert!(error.to_string().contains("testkit/a"), "{error}");

    let reference = store.path().join("elsewhere.wim");
    resources.save(&reference);
    let options = Options { references: vec![reference], ..Options::default() };
    assert_eq!(
        content(&Filesystem::open(&store.path().join("G/a.wim"), options).unwrap(), "testkit/a"),
        b"shared data"
    );

    resources.save(&store.path().join("G/RES.rwm"));
    for source in ["G", "G/a.wim"] {
        assert_eq!(content(&open(&store.path().join(source)), "testkit/a"), b"shared data", "{source}");
    }
    assert_eq!(names(&open(&store.path().join("G")), ""), ["testkit"], "Res.rwm shows no image");
}

#[test]
fn the_parts_of_a_split_archive_supply_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<Vec<u8>> = (1..4).map(|n| testkit::content::text(n * 1000)).collect();
    let files: Vec<Dentry> = texts.iter().map(|t| file(&format!("{}", t.len()), t.clone())).collect();
    let parts = Wim::new(Packing::Xpress(32768), root(files)).split(3);
    for (part, name) in parts.iter().zip(["x.swm", "x2.swm", "x3.swm"]) {
        part.save(&folder.path().join(name));
    }
    let fs = open(&folder.path().join("x.swm"));
    for text in &texts {
        assert_eq!(content(&fs, &format!("testkit/{}", text.len())), *text);
    }
    let later = Filesystem::open(&folder.path().join("x2.swm"), Options::default()).err().unwrap();
    assert!(later.to_string().contains("name the first part"), "{later}");

    drop(fs); // Windows removes no file that is open
    fs::remove_file(folder.path().join("x3.swm")).unwrap();
    let fs = open(&folder.path().join("x.swm"));
    let readable = |text: &Vec<u8>| fs.read_at(ino(&fs, &format!("testkit/{}", text.len())), 0, &mut [0; 10]).is_ok();
    assert_eq!(texts.iter().filter(|text| readable(text)).count(), 2, "a missing part costs only its blobs");
}

#[test]
fn a_bad_archive_or_image_does_not_hide_its_neighbours() {
    let store = tempfile::tempdir().unwrap();
    save(&Wim::new(Packing::Stored, root([file("a", "x")])), store.path(), "G/good.wim");
    fs::write(store.path().join("G/bad.wim"), b"not an archive at all").unwrap();
    let mut half =
        Wim::of(Packing::Stored, [Image::new("one", root([])), Image::new("two", root([file("b", "y")]))]).build();
    let hurt = half.places.metadata[0].range.start;
    half.flip(hurt, 3);
    half.save(&store.path().join("G/half.wim"));

    let fs = open(&store.path().join("G"));
    assert_eq!(names(&fs, ""), ["testkit", "one", "two"]);
    assert_eq!(content(&fs, "two/b"), b"y");
    assert_eq!(fs.attr(ino(&fs, "one")).unwrap().kind, Kind::Directory);
    let error = fs.read_dir(ino(&fs, "one"), 0, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.is_damage(), "{error}");
    let problems = fs.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].path.ends_with("G/bad.wim"));

    assert!(Filesystem::open(&store.path().join("G/bad.wim"), Options::default()).is_err(), "asked for by name");
}

#[test]
fn links_stay_inside_the_image() {
    let link = |name: &str, target: &str, relative| {
        file(name, Data::Empty).reparse(0xA000_000C, reparse::symlink(target, target, relative))
    };
    let tree = root([
        dir("Users", [dir("Public", [file("f", "x")]), link("out", r"..\..\..\etc\passwd", true)]),
        link("abs", r"\??\C:\users\public", false),
        dir("deep", [link("up", r"..\Users", true)]),
        Dentry { attributes: 0x10, ..file("junction", Data::Empty) }
            .reparse(0xA000_0003, reparse::junction(r"\??\D:\Users\Public", "")),
        file("other", "").reparse(0x8000_0017, b"data of a reparse point".to_vec()),
        file("broken", Data::Empty).reparse(0xA000_000C, b"\xff\xff".to_vec()),
    ]);
    let (_folder, fs) = image_with(tree, Options::default());
    for (path, want) in
        [("Users/out", "../etc/passwd"), ("abs", "Users/Public"), ("deep/up", "../Users"), ("junction", "Users/Public")]
    {
        let number = ino(&fs, path);
        assert_eq!(String::from_utf8(fs.read_link(number).unwrap()).unwrap(), want, "{path}");
        let attr = fs.attr(number).unwrap();
        assert_eq!((attr.kind, attr.size), (Kind::Symlink, want.len() as u64), "{path}");
    }
    let other = ino(&fs, "other");
    assert_eq!(fs.attr(other).unwrap().kind, Kind::File);
    assert!(matches!(fs.read_link(other), Err(Error::NotSymlink)));
    let data = fs.xattr(other, b"system.ntfs_reparse_data").unwrap();
    assert_eq!(data, [&[0x17, 0, 0, 0x80, 23, 0, 0, 0], &b"data of a reparse point"[..]].concat());
    assert!(fs.read_link(ino(&fs, "broken")).unwrap_err().is_damage());
}

#[test]
fn hard_links_share_an_inode_where_their_content_agrees() {
    let tree = root([
        file("a", "same").link(7),
        dir("d", [file("b", "same").link(7)]),
        file("c", "different").link(7),
        file("e", "same"),
    ]);
    let (_folder, fs) = image_with(tree, Options::default());
    let [a, b, c, e] = ["a", "d/b", "c", "e"].map(|path| fs.attr(ino(&fs, path)).unwrap());
    assert_eq!((a.ino, a.links), (b.ino, 2));
    assert_eq!((c.links, e.links), (1, 1));
    assert!(a.ino != c.ino && a.ino != e.ino && c.ino != e.ino);
    assert_eq!(fs.attr(ino(&fs, "d")).unwrap().links, 2);
    assert_eq!(fs.attr(fs.root()).unwrap().links, 3);
}

#[test]
fn streams_show_through_the_interface_asked_for() {
    let big = testkit::content::text(100_000);
    let tree =
        || root([file("f", "main").stream("Zone", "id").stream("big", big.clone()), dir("d", []).stream("s", "dir's")]);
    let (_folder, fs) = image_with(tree(), Options::default());
    let f = ino(&fs, "f");
    assert_eq!(fs.xattr_names(f).unwrap(), [b"user.Zone".to_vec()], "a large one is opened by name");
    assert_eq!(fs.xattr(f, b"user.Zone").unwrap(), b"id");
    assert!(matches!(fs.xattr(f, b"user.big").unwrap_err().root_cause(), Error::TooLarge { len: 100_000, .. }));
    assert!(matches!(fs.xattr(f, b"user.none"), Err(Error::NoXattr)));
    assert_eq!(fs.xattr(ino(&fs, "d"), b"user.s").unwrap(), b"dir's");
    assert!(matches!(fs.lookup(fs.root(), b"f:Zone"), Err(Error::NotFound)));

    let (_folder, fs) = image_with(tree(), Options { streams: StreamInterface::Windows, ..Options::default() });
    assert_eq!(content(&fs, "f:big"), big);
    assert_eq!(content(&fs, "d:s"), b"dir's");
    let stream = ino(&fs, "f:big");
    assert_eq!((fs.attr(stream).unwrap().ino, fs.path(stream)), (stream, b"f:big".to_vec()));
    assert!(matches!(fs.lookup(fs.root(), b"f:none"), Err(Error::NotFound)));
    assert_eq!(fs.xattr_names(ino(&fs, "f")).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(names(&fs, ""), ["d", "f"], "streams are not listed");

    let (_folder, fs) = image_with(tree(), Options { streams: StreamInterface::None, ..Options::default() });
    assert!(matches!(fs.xattr(ino(&fs, "f"), b"user.Zone"), Err(Error::NoXattr)));
    assert!(matches!(fs.lookup(fs.root(), b"f:Zone"), Err(Error::NotFound)));
}

#[test]
fn case_is_ignored_on_demand_only() {
    let tree = || root([dir("Windows", [file("Straße", "x")]), file("a", "lower"), file("A", "upper")]);
    let (_folder, fs) = image_with(tree(), Options::default());
    assert!(matches!(fs.lookup(fs.root(), b"WINDOWS"), Err(Error::NotFound)));
    assert_eq!((content(&fs, "a"), content(&fs, "A")), (b"lower".to_vec(), b"upper".to_vec()));
    let (_folder, fs) = image_with(tree(), Options { ignore_case: true, ..Options::default() });
    assert_eq!(content(&fs, "windOWS/STRAße"), b"x");
    assert_eq!((content(&fs, "a"), content(&fs, "A")), (b"lower".to_vec(), b"upper".to_vec()), "exact names first");
}

#[test]
fn names_that_no_directory_can_hold_get_stand_ins() {
    let lone = [0x61, 0xD800, 0x62].iter().flat_map(|u: &u16| u.to_le_bytes()).collect::<Vec<u8>>();
    let tree =
        root([file("a/b", "slash"), file("..", "dots"), file("x", Data::Empty).raw_name(&lone), file("ok", "fine")]);
    let (_folder, fs) = image_with(tree, Options::default());
    let mut found = Vec::new();
    fs.read_dir(fs.root(), 2, &mut |entry| {
        found.push(entry.name.to_vec());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    for name in &found {
        assert!(fs.lookup(fs.root(), name).is_ok(), "{name:?}");
    }
    assert!(found.contains(&b"a\xED\xA0\x80b".to_vec()), "{found:?}");
    assert_eq!(content(&fs, "a\u{F02F}b"), b"slash");
}

#[test]
fn unix_data_is_shown_on_demand() {
    let tree = || root([file("f", "x").unix(1000, 100, 0o100_640, 0), file("pipe", "").unix(0, 0, 0o010_600, 0)]);
    let (_folder, fs) = image_with(tree(), Options { uid: 5, gid: 6, ..Options::default() });
    let f = fs.attr(ino(&fs, "f")).unwrap();
    assert_eq!((f.kind, f.uid, f.gid, f.mode), (Kind::File, 5, 6, 0o444));
    let (_folder, fs) = image_with(tree(), Options { unix_data: true, ..Options::default() });
    let f = fs.attr(ino(&fs, "f")).unwrap();
    assert_eq!((f.kind, f.uid, f.gid, f.mode), (Kind::File, 1000, 100, 0o640));
    assert_eq!(fs.attr(ino(&fs, "pipe")).unwrap().kind, Kind::Fifo);
}

#[test]
fn windows_attributes_answer_by_name() {
    let tree = root([file("f", "x").attributes(0x21).security(0).short("F~1").times(1, 2, 3).object_id(&[9; 16])]);
    let folder = tempfile::tempdir().unwrap();
    let image = Image::new("i", tree).descriptor(b"\x01\0\x04\x80descriptor......");
    save(&Wim::of(Packing::Stored, [image]), folder.path(), "a.wim");
    let fs = open(&folder.path().join("a.wim"));
    let f = ino(&fs, "i/f");
    let times = [1_u64, 3, 2, 3].map(u64::to_le_bytes).concat();
    for (name, want) in [
        ("system.ntfs_acl", &b"\x01\0\x04\x80descriptor......"[..]),
        ("system.ntfs_attrib", &[0x21, 0, 0, 0]),
        ("system.ntfs_crtime", &1_u64.to_le_bytes()),
        ("system.ntfs_times", &times),
        ("system.ntfs_dos_name", b"F~1"),
        ("system.ntfs_object_id", &[[9; 16], [0; 16], [0; 16], [0; 16]].concat()),
        ("user.wim.sha1", testkit::hex(&testkit::sha1(b"x")).as_bytes()),
    ] {
        assert_eq!(fs.xattr(f, name.as_bytes()).unwrap(), want, "{name}");
    }
    assert_eq!(fs.xattr_names(f).unwrap(), Vec::<Vec<u8>>::new(), "none of them is listed");
    let attr = fs.attr(f).unwrap();
    assert_eq!([attr.created.0, attr.accessed.0, attr.modified.0, attr.changed.0], [1, 2, 3, 3]);
    let image = ino(&fs, "i");
    assert_eq!(fs.xattr(image, b"user.wim.file").unwrap(), b"a.wim");
    assert_eq!(fs.xattr(image, b"user.wim.index").unwrap(), b"1");
    assert!(String::from_utf8(fs.xattr(image, b"user.wim.xml").unwrap()).unwrap().starts_with("<IMAGE INDEX=\"1\">"));
    assert!(matches!(fs.xattr(f, b"user.wim.xml"), Err(Error::NoXattr)));
}

#[test]
fn every_number_has_its_level() {
    let folder = tempfile::tempdir().unwrap();
    let store = testkit::Store::new(folder.path());
    let stream = || file("f", "x").stream("stream", "y");
    let mut built = Wim::of(Packing::Stored, ["i", "broken"].map(|name| Image::new(name, root([stream()])))).build();
    built.flip(built.places.metadata[1].range.end - 5, 0);
    let archive = store.add("G", "a.wim", &built);
    let fs =
        Filesystem::open(folder.path(), Options { streams: StreamInterface::Windows, ..Options::default() }).unwrap();
    for path in ["", "G"] {
        assert_eq!(fs.level(ino(&fs, path)), Level::Above, "{path:?}");
    }
    for path in ["G/i", "G/broken"] {
        assert_eq!(fs.level(ino(&fs, path)), Level::Image, "{path}");
    }
    for path in ["G/i/f", "G/i/f:stream"] {
        assert_eq!(fs.level(ino(&fs, path)), Level::Inside, "{path}");
    }
    let options = Options { image: Some(ImageChoice::Number(1)), ..Options::default() };
    let fs = Filesystem::open(&archive, options).unwrap();
    assert_eq!([fs.level(fs.root()), fs.level(ino(&fs, "f"))], [Level::Image, Level::Inside]);
}

/// Hides an archive, as the platform does it.
#[cfg(windows)]
fn hide(path: &Path) {
    use std::os::windows::fs::OpenOptionsExt;
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    let mut file = fs::File::options().write(true).create_new(true).attributes(2).open(path).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
}

/// Hides an archive, as we do it where the file system has no attributes.
#[cfg(unix)]
fn hide(path: &Path) {
    fs::write(path.with_extension("wim.wimstore.json"), r#"{"hidden": true}"#).unwrap();
}

#[test]
fn a_hidden_archive_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        save(&Wim::of(Packing::Stored, [Image::new(name, root([]))]), folder.path(), &format!("{name}.wim"));
    }
    hide(&folder.path().join("b.wim"));
    let fs = open(folder.path());
    assert_eq!(names(&fs, ""), ["a"]);
    let group = &fs.inventory().groups[0];
    assert_eq!(group.archives.iter().flat_map(|archive| archive.images()).count(), 1);
    assert_eq!(group.disabled.iter().map(|a| a.file.name.to_str().unwrap()).collect::<Vec<_>>(), ["b.wim"]);
    assert_eq!(names(&open(&folder.path().join("b.wim")), ""), ["b"], "asked for by name");
}

#[test]
fn files_in_solid_resources_can_be_read_as_they_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    let names = ["c", "a", "d", "b"];
    let tree = testkit::root(names.map(|name| testkit::file(name, name.repeat(100))));
    for solid in [false, true] {
        let wim = testkit::Wim::new(testkit::Packing::Lzx(32768), tree.clone());
        let wim = if solid { wim.solid(testkit::Packing::Xpress(4096)) } else { wim };
        wim.build().save(&path);
        let options = Options { image: Some(ImageChoice::Number(1)), ..Options::default() };
        let fs = Filesystem::open(&path, options).unwrap();
        let place = |name: &str| fs.facts(fs.resolve(name.as_bytes()).unwrap()).unwrap().solid_place();
        let offsets = names.map(|name| place(name).map(|place| (place.resource, place.offset)));
        let want = [0, 100, 200, 300].map(|offset| solid.then_some((208, offset)));
        assert_eq!(offsets, want);
    }
}

/// Files whose data is missing, below directories whose names take megabytes: told in full, their paths would
/// take far more memory than the archive has bytes.
#[test]
fn paths_that_nobody_can_name_are_told_in_part() {
    let name = "n".repeat(1020);
    let files: Vec<Dentry> = (0..120).map(|number| file(&number.to_string(), Data::Hash([7; 20]))).collect();
    let deep = |depth| (0..depth).fold(dir("top", files.clone()), |inner, _| dir(&name, [inner]));
    for (depth, is_whole) in [(100, true), (1000, false)] {
        let (_folder, fs) = image_with(root([deep(depth)]), Options::default());
        let found = findings(&fs);
        let [Finding::MissingBlob { used_by, .. }] = &*found else { panic!("{found:?}") };
        assert_eq!((used_by.paths.len(), used_by.more), (100, 20));
        for path in &used_by.paths {
            assert!(path.len() <= 129 << 10, "{} bytes", path.len());
            assert_eq!(path.starts_with("…/n".as_bytes()), !is_whole);
            assert_eq!(fs.resolve(path).is_ok(), is_whole);
        }
    }
}

/// Two images share `Res.rwm`, of which one blob is damaged, and one image has a blob of the same content itself.
#[test]
fn a_bad_blob_is_named_for_the_images_that_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, own) = ("bad ".repeat(1000), "in two archives ".repeat(1000));
    let wim = |name: &str, files: Vec<Dentry>| Wim::of(Packing::Stored, [Image::new(name, root(files))]);
    let a = wim("a", vec![file("bad", bad.as_bytes()), file("shared", own.as_bytes())]);
    let b = wim("b", vec![dir("d", [file("bad", bad.as_bytes())]), file("own", own.as_bytes())]);
    let mut resources = Wim::of(Packing::Stored, [a.images[0].clone()]).pair().1;
    for content in [&bad, &own] {
        let place = resources.resource(content.as_bytes()).range.start;
        resources.flip(place, 0);
    }
    a.pair().0.save(&folder.path().join("a.wim"));
    let without_bad = Wim { without: vec![testkit::sha1(bad.as_bytes())], ..b };
    without_bad.build().save(&folder.path().join("b.wim"));
    resources.save(&folder.path().join("Res.rwm"));
    let mut named: Vec<(usize, Vec<String>)> = findings(&open(folder.path()))
        .iter()
        .map(|finding| {
            let Finding::BadBlob { error, used_by, .. } = finding else { panic!("{finding:?}") };
            assert!(error.to_string().contains("has changed"), "{error}");
            let paths = used_by.paths.iter().map(|path| String::from_utf8(path.clone()).unwrap());
            (used_by.more as usize, paths.collect())
        })
        .collect();
    named.sort();
    assert_eq!(named, [(0, vec!["a/bad".to_owned(), "b/d/bad".into()]), (0, vec!["a/shared".into()])]);
}

/// The paths of all findings together take more than is held of them at once.
#[test]
fn findings_with_long_paths_are_each_named() {
    let files: Vec<Dentry> = (0..300_u16)
        .map(|number| {
            let mut hash = [7; 20];
            hash[..2].copy_from_slice(&number.to_le_bytes());
            file(&number.to_string(), Data::Hash(hash))
        })
        .collect();
    let name = "n".repeat(1020);
    let (_folder, fs) =
        image_with(root([(0..125).fold(dir("top", files), |inner, _| dir(&name, [inner]))]), Options::default());
    let found = findings(&fs);
    let paths = |finding: &Finding| match finding {
        Finding::MissingBlob { used_by, .. } => used_by.paths.iter().map(Vec::len).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(found.len(), 300);
    assert!(found.iter().map(paths).all(|lengths| lengths.len() == 1 && lengths[0] > 125 * 1021));
}
