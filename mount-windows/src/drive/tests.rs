use fs_core::{ImageChoice, Options, StreamInterface};
use testkit::{Data, Dentry, Image, Packing, Stream, Wim, dir, file, reparse, root, utf16};

use super::news::What;
use super::*;

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn drive(image: Image, options: DriveOptions) -> (tempfile::TempDir, Drive) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wim");
    Wim::of(Packing::Stored, [image]).build().save(&path);
    let image = Some(ImageChoice::Number(1));
    let streams = StreamInterface::None;
    let fs = Filesystem::open(&path, Options { image, streams, ignore_case: true, ..Options::default() }).unwrap();
    (folder, Drive::new(Arc::new(fs), options))
}

fn drive_of(tree: Dentry) -> (tempfile::TempDir, Drive) {
    drive(Image::new("i", tree), DriveOptions::default())
}

fn found(drive: &Drive, path: &str) -> Object {
    drive.find(&units(path)).unwrap_or_else(|status| panic!("{path}: {status:?}")).object
}

/// All names of a directory, fetched `page` at a time, each page after the last name of the
/// previous one.
fn list(drive: &Drive, path: &str, page: usize) -> Vec<String> {
    let directory = found(drive, path);
    let mut names: Vec<Vec<u16>> = Vec::new();
    loop {
        let before = names.len();
        let marker = names.last().cloned();
        let each = &mut |name: &[u16], _: &Info| {
            if names.len() - before == page {
                return ControlFlow::Break(());
            }
            names.push(name.to_vec());
            ControlFlow::Continue(())
        };
        drive.list(directory, marker.as_deref(), each).unwrap();
        if names.len() == before {
            return names.iter().map(|name| String::from_utf16_lossy(name)).collect();
        }
    }
}

#[test]
fn listings_are_the_same_at_every_size_of_page() {
    let names = ["b", "A", "a", "B", "é", "É", "~", "[", "colon:", "colon\u{f03a}x", "Z"];
    let many = dir("many", names.map(|name| file(name, "x")));
    let (_folder, drive) = drive_of(root([many, file("f", "x")]));
    let all = list(&drive, r"\many", 100);
    assert_eq!(all[..2], [".", ".."]);
    assert_eq!(all[2..6], ["A", "a", "B", "b"], "in order of their upper case");
    assert_eq!(all.len(), 2 + names.len());
    for page in 1..all.len() {
        assert_eq!(list(&drive, r"\many", page), all, "{page} at a time");
    }
    assert_eq!(list(&drive, r"\", 1), ["f", "many"], "the root has no dots");
}

#[test]
fn names_that_windows_cannot_have_are_left_out_or_changed() {
    let long = "n".repeat(256);
    let names = [long.as_str(), "a*b", "x:y", "x\u{f03a}y"];
    let (_folder, drive) = drive_of(root(names.map(|name| file(name, name))));
    let all = list(&drive, r"\", 1);
    // The last is shown like the one before, and a lookup would not find it.
    assert_eq!(all, ["a\u{f02a}b", "x\u{f03a}y"]);
    let mut buffer = [0; 10];
    let object = found(&drive, "\\X\u{f03a}Y");
    let len = drive.read(object, 0, &mut buffer).unwrap();
    assert_eq!(buffer[..len], *b"x:y");
}

#[test]
fn what_is_missing_is_missing_as_windows_says_it() {
    let (_folder, drive) = drive_of(root([dir("d", [file("f", "x")])]));
    for (path, status) in [
        (r"\x", Status::OBJECT_NAME_NOT_FOUND),
        (r"\d\x", Status::OBJECT_NAME_NOT_FOUND),
        (r"\x\f", Status::OBJECT_PATH_NOT_FOUND),
        (r"\d\f\x", Status::OBJECT_PATH_NOT_FOUND),
        (r"\d\f:s", Status::OBJECT_NAME_NOT_FOUND),
    ] {
        assert_eq!(drive.find(&units(path)).unwrap_err(), status, "{path}");
    }
    assert_eq!(
        drive.list(found(&drive, r"\d\f"), None, &mut |_, _| ControlFlow::Continue(())),
        Err(Status::NOT_A_DIRECTORY)
    );
    let mut buffer = [0; 4];
    assert_eq!(drive.read(found(&drive, r"\D\F"), 1, &mut buffer), Err(Status::END_OF_FILE));
    assert_eq!(drive.read(found(&drive, r"\D\F"), 1, &mut []), Ok(0));
    assert_eq!(drive.read(found(&drive, r"\d"), 0, &mut buffer), Err(Status::FILE_IS_A_DIRECTORY));
    assert_eq!(drive.entry(found(&drive, r"\d"), &units("F")).unwrap().name, units("f"));
}

#[test]
fn streams_belong_to_files_and_directories() {
    let with = |mut dentry: Dentry| {
        for (name, data) in [("One", "1"), ("two", "22")] {
            dentry.streams.push(Stream { name: utf16(name), data: data.into(), length: None });
        }
        dentry
    };
    let (_folder, drive) = drive_of(root([with(file("f", "xyz")), with(dir("d", []))]));
    let named = [("One", 1), ("two", 2)].map(|(name, size)| (units(name), size));
    let streams = |path| {
        let streams = drive.streams(found(&drive, path)).unwrap();
        streams.into_iter().map(|stream| (stream.name, stream.size)).collect::<Vec<_>>()
    };
    assert_eq!(streams(r"\f"), [&[(vec![], 3)], &named[..]].concat());
    assert_eq!(streams(r"\d"), named);
    let Found { object, path } = drive.find(&units(r"\F:TWO:$DATA")).unwrap();
    assert_eq!(path, units(r"\f:two"));
    let (info, of_file) = (drive.info(object).unwrap(), drive.info(found(&drive, r"\f")).unwrap());
    assert_eq!((info.size, info.index, info.times), (2, of_file.index, of_file.times));
    assert_eq!([info.allocation(), of_file.allocation()], [4096; 2]);
    assert_eq!(drive.info(found(&drive, r"\d:one")).unwrap().attributes & DIRECTORY, 0, "a stream is no directory");
}

#[test]
fn links_show_what_they_are_and_no_storage_does() {
    let link = |name: &str, target: &str, relative| {
        file(name, Data::Empty).reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
    };
    let tree = || {
        let mut junction =
            file("junction", Data::Empty).reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\d", "d"));
        junction.attributes |= DIRECTORY;
        let wof = file("wof", "").reparse(0x8000_0017, vec![0; 16]);
        let cloud = file("cloud", "").reparse(0x9000_601A, vec![0; 16]);
        let other = file("other", "").reparse(0x8000_001B, vec![7; 16]);
        root([dir("d", []), link("in", "d", true), link("out", r"..\d", true), junction, wof, cloud, other])
    };
    let tags = |drive: &Drive| {
        ["in", "out", "junction", "wof", "cloud", "other"].map(|name| {
            let info = drive.info(found(drive, &format!(r"\{name}"))).unwrap();
            assert_eq!(info.attributes & REPARSE_POINT != 0, info.reparse_tag != 0, "{name}");
            info.reparse_tag
        })
    };
    let target = |drive: &Drive, name: &str| drive.reparse_point(found(drive, &format!(r"\{name}")));
    let (_folder, inside) = drive_of(tree());
    let symlink = reparse::SYMLINK;
    assert_eq!(tags(&inside), [symlink, symlink, symlink, 0, 0, 0x8000_001B]);
    let buffer = |target: &str| {
        let data = reparse::symlink(target, target, true);
        [&symlink.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), &[0, 0], &data].concat()
    };
    for name in ["in", "out", "junction"] {
        assert_eq!(target(&inside, name).unwrap(), buffer("d"), "{name}");
    }
    assert_eq!(target(&inside, "wof"), Err(Status::NOT_A_REPARSE_POINT));
    assert_eq!(inside.info(found(&inside, r"\junction")).unwrap().attributes & DIRECTORY, DIRECTORY);

    let options = DriveOptions { links: LinkTargets::AsStored, ..DriveOptions::default() };
    let (_folder, stored) = drive(Image::new("i", tree()), options);
    assert_eq!(tags(&stored), [symlink, symlink, reparse::JUNCTION, 0, 0, 0x8000_001B]);
    assert_eq!(target(&stored, "out").unwrap(), buffer(r"..\d"));
}

#[test]
fn a_volume_has_a_name_of_32_units_and_a_number_that_stays() {
    let image = Image::new(&"😀".repeat(20), root([file("f", vec![0; 9000])]));
    let (_folder, one) = drive(image.clone(), DriveOptions::default());
    let (_folder2, two) = drive(image, DriveOptions::default());
    let volume = one.volume();
    assert_eq!(String::from_utf16(&volume.label).unwrap(), "😀".repeat(16));
    assert!(volume.size > 9000 && volume.serial != 0);
    assert_eq!(volume, two.volume(), "of a copy of the archive");
    let (_folder, odd) = drive(Image::new(&format!("x{}", "😀".repeat(20)), root([])), DriveOptions::default());
    assert_eq!(String::from_utf16(&odd.volume().label).unwrap(), format!("x{}", "😀".repeat(15)));
}

#[test]
fn descriptors_are_the_images_only_if_asked_for_and_valid() {
    let good = security::uniform().into_iter().map(|byte| if byte == 0xa9 { 0xff } else { byte }).collect::<Vec<_>>();
    let tree = || {
        let secured = |name: &str, id| Dentry { security: id, ..file(name, "x") };
        root([secured("good", 0), secured("bad", 1), secured("none", u32::MAX)])
    };
    let image = || Image { security: vec![good.clone(), vec![1, 2, 3]], ..Image::new("i", tree()) };
    let all = |drive: &Drive| ["good", "bad", "none"].map(|n| drive.security(found(drive, &format!(r"\{n}"))).unwrap());
    let (_folder, uniform) = drive(image(), DriveOptions::default());
    assert_eq!(all(&uniform), [security::uniform(), security::uniform(), security::uniform()]);
    let options = DriveOptions { security: Security::Image, ..DriveOptions::default() };
    let (_folder, stored) = drive(image(), options);
    assert_eq!(all(&stored), [good, security::uniform(), security::uniform()]);
}

#[test]
fn what_changes_in_the_store_is_news_and_handles_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = testkit::Store::new(&folder.path().join("store"));
    let archive = |name: &str, content: &str| {
        let mut file = file("file", content);
        file.streams.push(Stream { name: utf16("s"), data: "stream".into(), length: None });
        Wim::of(Packing::Stored, [Image::new(name, root([file]))]).build()
    };
    let stored = |name: &str| store.path().join(format!("Images/Group/{name}.wim"));
    // Files that may be open can be renamed everywhere, but not replaced or removed under Wine.
    let taken = std::cell::Cell::new(0);
    let take_away = |name: &str| {
        taken.set(taken.get() + 1);
        std::fs::rename(stored(name), folder.path().join(format!("old {}", taken.get())))
    };
    let put = |name: &str, content: &str| {
        let beside = folder.path().join("new");
        archive(name, content).save(&beside);
        let _ = take_away(name); // there may be none yet
        std::fs::rename(beside, stored(name)).unwrap();
    };
    std::fs::create_dir_all(store.path().join("Images/Group")).unwrap();
    put("a", "first");
    let options = Options { streams: StreamInterface::None, ignore_case: true, ..Options::default() };
    let fs = Arc::new(Filesystem::open(store.path(), options).unwrap());
    let drive = Drive::new(Arc::clone(&fs), DriveOptions::default());
    let look = || {
        let left = fs.refresh(&fs_core::Changed::Everything, &mut |stale| drive.note(stale));
        assert_eq!(left.unlisted, fs_core::Changed::Nothing);
        let news = drive.news.take().into_iter();
        news.map(|change| (String::from_utf16(&change.path).unwrap(), change.what)).collect::<Vec<_>>()
    };
    let read = |object| {
        let mut buffer = [0; 10];
        drive.read(object, 0, &mut buffer).map(|len| String::from_utf8(buffer[..len].to_vec()).unwrap())
    };
    assert_eq!(list(&drive, r"\group", 9), [".", "..", "a"]);
    assert_eq!((look(), drive.news.is_empty()), (vec![], true));
    let told = |news: &[(String, What)], path: &str, what| assert!(news.contains(&(path.into(), what)), "{news:?}");

    let old = drive.open(&units(r"\group\A\FILE")).unwrap().0.object;
    put("b", "second");
    let news = look();
    told(&news, r"\Group\b", What::Appeared);
    told(&news, r"\Group", What::Changed);
    assert_eq!(list(&drive, r"\group", 9), [".", "..", "a", "b"]);

    put("a", "other");
    let news = look();
    for path in [r"\Group\a", r"\Group\a\file"] {
        told(&news, path, What::Appeared);
    }
    told(&news, r"\Group\a\file:s", What::Changed); // the driver remembers streams by names of their own
    let new = drive.open(&units(r"\group\a\file")).unwrap().0.object;
    assert_ne!(new.file, old.file);
    assert_eq!([read(old), read(new)].map(Result::unwrap), ["first", "other"]);

    drive.close(old);
    look();
    assert_eq!(read(old), Err(Status::OBJECT_NAME_NOT_FOUND), "nobody has it open");
    assert_eq!(read(new).unwrap(), "other");
    drive.close(new);

    take_away("b").unwrap();
    told(&look(), r"\Group\b", What::Vanished);
    assert_eq!(drive.find(&units(r"\group\b\file")).unwrap_err(), Status::OBJECT_PATH_NOT_FOUND);
}
