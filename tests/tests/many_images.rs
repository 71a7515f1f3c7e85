//! Archives of as many images as one can have: their neighbours stay, and each image can be chosen.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use testkit::{Built, Image, Packing, Wim, file, root};
use wimstore_tests::{LiveStore, Mount, answer, one, say};

/// The most images of an archive.
const MANY: usize = 65_535;

/// The most images of a group of a store.
const GROUP: usize = 16_383;

/// An archive with the images `1st`, `2st` and so on, each with one file.
fn many() -> Built {
    let image = |number: usize| Image::new(&format!("{number}st"), root([file("file", "content")]));
    Wim::of(Packing::Stored, (1..=MANY).map(image).collect::<Vec<_>>()).build()
}

fn ino(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn neighbours_of_an_archive_of_many_images_stay() {
    let mut live = LiveStore::unmounted();
    live.add("Group", "a.wim", &one("a", "first"));
    live.add("Group", "many.wim", &many());
    live.add("Group", "z.wim", &one("z", "last"));
    let store = live.store().path().to_owned();
    let said = say(&["ls".as_ref(), store.as_os_str(), "Group".as_ref()]);
    let names: Vec<_> = said.out.lines().collect();
    assert_eq!((said.code, names.len()), (1, GROUP), "{}", said.err);
    assert_eq!((names[0], names[1], names[GROUP - 2], names[GROUP - 1]), ("a", "1st", "16381st", "z"));
    assert!(said.err.contains("many.wim: more than 16381 images, the archive's share"), "{}", said.err);

    live.mount(&store, &[]);
    assert_eq!(live.names("Group").len(), GROUP);
    assert!(live.log().contains("the archive's share"), "{}", live.log());
    let numbers = |live: &LiveStore| ["a", "1st", "9000st", "z"].map(|name| ino(&live.path("Group").join(name)));
    let before = numbers(&live);
    // Another one takes a place: the last of the many goes.
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows_of("Group", &["b", "16380st"], &["16381st"]);
    assert_eq!(numbers(&live), before);
    fs::remove_file(live.stored("Group/b.wim")).unwrap();
    live.shows_of("Group", &["16381st"], &["b", "16382st"]);
    assert_eq!(numbers(&live), before);
    assert_eq!(fs::read(live.path("Group/16381st/file")).unwrap(), b"content");
    // All of them make room for others at once.
    live.add("Group", "many.wim", &one("few", "few"));
    live.shows("Group", &["a", "few", "z"]);
    live.add("Group", "many.wim", &many());
    live.shows_of("Group", &["a", "1st", "16381st", "z"], &["few"]);
}

#[test]
fn every_one_of_many_images_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let group = folder.path().join("group");
    fs::create_dir(&group).unwrap();
    let archive = group.join("many.wim");
    many().save(&archive);
    one("z", "last").save(&group.join("z.wim"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (archive, group) = (text(&archive), text(&group));
    let names = answer(&["ls", &archive]);
    assert_eq!((names.lines().count(), names.lines().last()), (MANY, Some("65535st")));
    assert_eq!(answer(&["ls", &group]).lines().count(), MANY + 1);
    for (source, image) in [(&archive, "65535"), (&archive, "65535st"), (&group, "65535st")] {
        assert_eq!(answer(&["cat", source, "file", "--image", image]), "content", "{source} {image}");
        let mount = Mount::new(source.as_ref(), &["--image", image]);
        assert_eq!(fs::read(mount.path().join("file")).unwrap(), b"content", "{source} {image}");
    }
    let mount = Mount::new(archive.as_ref(), &["-o", "ro"]);
    assert_eq!(fs::read_dir(mount.path()).unwrap().count(), MANY);
    assert_eq!(fs::read(mount.path().join("65535st/file")).unwrap(), b"content");
    let to = text(&folder.path().join("to"));
    assert_eq!(say(&["extract", &archive, "--image", "65535", "", &to]).code, 0);
    let images = answer(&["info", "--json", &archive]);
    assert_eq!(images.lines().filter(|line| line.contains(r#""type":"image""#)).count(), MANY);
    assert_eq!(answer(&["info", "--json", &archive, "--image", "65535"]).lines().count(), 2);
    assert_eq!(say(&["verify", &archive]).code, 0);

    let absent = say(&["ls", &archive, "--image", "65536"]);
    assert_eq!(absent.code, 2);
    assert!(absent.err.contains("1 (\"1st\"), 2 (\"2st\")") && absent.err.contains("and 65485 more"), "{}", absent.err);
}
