//! The contents of a store and their names.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::Path;

use rustix::io::Errno;
use testkit::faults;
use testkit::mounts::set_xattr;
use testkit::ntfs::Volume;
use testkit::{Image, Packing, TIME, Wim, Xml, content, file, root};
use wimstore_tests::{Mount, run, skipped};

use crate::shown::{Place, errno, names, small, unix_time, written};

const NO_OPTIONS: [&str; 0] = [];

pub(crate) fn stores_groups_images() {
    let place = Place::new();
    let store = place.store();
    let two = Wim::of(Packing::Stored, ["one", "two"].map(|name| Image::new(name, root([file("file", name)]))));
    store.add("Sales", "a.wim", &two.build());
    store.add("Sales", "b.wim", &small("three", "three").build());
    store.add("Service", "c.wim", &small("four", "four").build());
    let remote_install = store.path();
    let images = remote_install.join("Images");

    for source in [remote_install, &images] {
        let mount = Mount::new(source, &NO_OPTIONS);
        assert_eq!(names(mount.path()), ["Sales", "Service"], "{}", source.display());
        assert_eq!(names(&mount.path().join("Sales")), ["one", "three", "two"]);
        assert_eq!(fs::read(mount.path().join("Service/four/file")).unwrap(), b"four");
    }
    // Neither called Images, nor empty: its folders hold archives. Called Images: it may be empty.
    let elsewhere = place.path("elsewhere");
    fs::rename(&images, &elsewhere).unwrap();
    assert_eq!(names(Mount::new(&elsewhere, &NO_OPTIONS).path()), ["Sales", "Service"]);
    fs::create_dir(&images).unwrap();
    assert!(names(Mount::new(&images, &NO_OPTIONS).path()).is_empty());

    let group = elsewhere.join("Sales");
    let archive = group.join("a.wim");
    let cases: &[(&Path, &[&str], &[&str])] = &[
        (&group, &[], &["one", "three", "two"]),
        (&archive, &[], &["one", "two"]),
        (&archive, &["--image", "2"], &["file"]),
        (&archive, &["--image", "one"], &["file"]),
        (&group, &["--image", "three"], &["file"]),
        (&group, &["-o", "image=three"], &["file"]),
    ];
    for (source, options, want) in cases {
        let mount = Mount::new(source, options);
        assert_eq!(names(mount.path()), *want, "{} {options:?}", source.display());
    }
    let mount = Mount::new(&archive, &["--image", "2"]);
    assert_eq!(fs::read(mount.path().join("file")).unwrap(), b"two");

    let nowhere = place.path("mountpoint");
    fs::create_dir(&nowhere).unwrap();
    for (source, image) in [(&archive, "3"), (&archive, "three"), (&elsewhere, "1")] {
        let refused = run([Path::new("mount"), source, &nowhere, "--image".as_ref(), image.as_ref()]);
        assert_eq!(refused.status.code(), Some(2), "{} {image}", source.display());
    }
    let refused = run([Path::new("mount"), &nowhere, &nowhere]);
    assert_eq!(refused.status.code(), Some(2), "an empty folder is no store");
}

pub(crate) fn first_level_only() {
    let place = Place::new();
    let store = place.store();
    store.add("Sales", "a.wim", &small("shown", "a").build());
    store.add("Sales", "UPPER.WIM", &small("shown too", "b").build());
    store.add_oem("Sales", "a", "data.wim", &small("data of Setup", "c").build());
    fs::create_dir(store.group("Sales").join("deeper")).unwrap();
    small("deeper", "d").build().save(&store.group("Sales").join("deeper/d.wim"));
    fs::write(store.group("Sales").join("notes.txt"), "no archive").unwrap();
    fs::write(store.path().join("Images/stray.wim"), "in no group").unwrap();
    store.add(".hidden", "e.wim", &small("in no group", "e").build());
    store.add("Service", "rEs.RwM", &small("no image", "f").build());
    let mount = Mount::new(store.path(), &NO_OPTIONS);
    assert_eq!(names(mount.path()), ["Sales", "Service"]);
    assert_eq!(names(&mount.path().join("Sales")), ["shown", "shown too"]);
    assert!(names(&mount.path().join("Service")).is_empty());
    for name in [".hidden", "Sales/data of Setup", "Sales/deeper", "Sales/a"] {
        assert_eq!(errno(fs::metadata(mount.path().join(name))), Errno::NOENT, "{name}");
    }
    let (metadata, resources) = small("a pair", "data in Res.rwm").pair();
    store.add("Service", "pair.wim", &metadata);
    store.add("Service", "rEs.RwM", &resources);
    let mount = Mount::new(store.path(), &NO_OPTIONS);
    assert_eq!(fs::read(mount.path().join("Service/a pair/file")).unwrap(), b"data in Res.rwm");
}

/// What Samba 3 wrote, and what newer versions write: version 3, valid attributes, the bits.
fn samba_values(bits: u32) -> [Vec<u8>; 2] {
    let mut new = vec![0, 0, 3, 0, 3, 0, 0, 0, 1, 0, 0, 0];
    new.extend(bits.to_le_bytes());
    new.extend([0; 40]);
    [format!("{bits:#x}").into_bytes(), new]
}

#[expect(clippy::print_stdout, reason = "what is skipped is said")]
pub(crate) fn hidden_archives() {
    let place = Place::new();
    let store = place.store();
    let add = |name: &str| store.add("Group", &format!("{name}.wim"), &small(name, name).build());
    let sidecar = |name: &str, text: &str| {
        fs::write(store.group("Group").join(format!("{name}.wim.wimstore.json")), text).unwrap();
    };
    for name in ["plain", "off", "on"] {
        add(name);
    }
    sidecar("off", r#"{"hidden": true}"#);
    sidecar("on", r#"{"hidden": false}"#);
    let mut shown = vec!["on", "plain"];
    if xattr::set(add("samba"), "user.DOSATTRIB", b"0x20").is_ok() {
        sidecar("samba", r#"{"hidden": true}"#); // Samba's comes first
        shown.push("samba");
        for (index, value) in samba_values(0x22).into_iter().enumerate() {
            xattr::set(add(&format!("samba off {index}")), "user.DOSATTRIB", &value).unwrap();
        }
        xattr::set(add("samba on"), "user.DOSATTRIB", &samba_values(0x20)[1]).unwrap();
        shown.push("samba on");
    } else {
        println!("skipped: Samba's attribute, which the folder for temporary files cannot have");
        shown.push("samba");
    }
    let mount = Mount::new(store.path(), &NO_OPTIONS);
    assert_eq!(names(&mount.path().join("Group")), shown);
    assert_eq!(errno(fs::metadata(mount.path().join("Group/off"))), Errno::NOENT);
    let named = Mount::new(&store.group("Group").join("off.wim"), &NO_OPTIONS);
    assert_eq!(names(named.path()), ["off"]);

    let volume = Volume::new(&place.path("volume"), 16 << 20);
    let mounted = volume.mount(&place.path("ntfs"));
    let group = mounted.path().join("Images/Group");
    fs::create_dir_all(&group).unwrap();
    for (name, attributes) in [("hidden", 0x22_u32), ("archived", 0x20)] {
        let path = group.join(format!("{name}.wim"));
        small(name, name).build().save(&path);
        set_xattr(&path, "system.ntfs_attrib", &attributes.to_le_bytes());
    }
    fs::write(group.join("archived.wim.wimstore.json"), r#"{"hidden": true}"#).unwrap(); // NTFS comes first
    assert_eq!(names(Mount::new(&group, &NO_OPTIONS).path()), ["archived"]);
    assert_eq!(names(Mount::new(&group.join("hidden.wim"), &NO_OPTIONS).path()), ["hidden"]);
}

/// All kinds of links are in `store_links.rs`.
pub(crate) fn store_links() {
    let place = Place::new();
    let store = place.store();
    store.add("Group", "a.wim", &small("a", "a").build());
    store.add("Other", "b.wim", &small("b", "b").build());
    let link = |target: &Path, name: &str| {
        let path = store.group("Group").join(name);
        symlink(target, &path).unwrap();
        path
    };
    for name in ["trusted", "planted"] {
        small(name, name).build().save(&place.path(name));
    }
    link(&place.path("trusted"), "trusted.wim");
    let [planted, inside] = [(place.path("planted"), "p.wim"), ("../Other/b.wim".into(), "inside.wim")]
        .map(|(target, name)| link(&target, name));
    if [&planted, &inside].iter().any(|path| lchown(path, Some(1234), None).is_err()) {
        skipped("only root can give links to others");
        return;
    }
    let mount = place.mount(store.path(), &[]);
    assert_eq!(names(&mount.path().join("Group")), ["a", "b", "trusted"]);
    assert!(place.log().contains("p.wim: a link that leads out of the store"), "{}", place.log());
    for option in [&["-o", "follow_links"][..], &["--follow-links"]] {
        let mount = place.mount(store.path(), option);
        assert_eq!(names(&mount.path().join("Group")), ["a", "b", "planted", "trusted"]);
    }
}

pub(crate) fn image_names() {
    let place = Place::new();
    let store = place.store();
    let image = |name: &str| Image::new(name, root([]));
    let times = "<CREATIONTIME><HIGHPART>0x01D54FEC</HIGHPART><LOWPART>0x9A3C5E71</LOWPART></CREATIONTIME>\
                 <LASTMODIFICATIONTIME><HIGHPART>0x01D62B01</HIGHPART><LOWPART>0x12345678</LOWPART></LASTMODIFICATIONTIME>";
    let text = format!("<WIM><IMAGE INDEX=\"1\"><NAME>Windows 11</NAME>{times}</IMAGE><IMAGE INDEX=\"2\"/></WIM>");
    let timed = Wim { xml: Xml::Text(text), ..Wim::of(Packing::Stored, [image(""), image("")]) };
    store.add("Group", "a.wim", &timed.build());
    let others = Wim::of(Packing::Stored, ["WINDOWS 11", r#"a/b\c: "x" <y>|z?*"#, "trailing. "].map(image));
    store.add("Group", "b.wim", &others.build());
    let mount = Mount::new(store.path(), &NO_OPTIONS);
    let group = mount.path().join("Group");
    assert_eq!(names(&group), ["WINDOWS 11 (b.wim 1)", "Windows 11", "a.wim 2", "a_b_c_ _x_ _y__z__", "trailing"]);

    let seen = fs::metadata(group.join("Windows 11")).unwrap();
    assert_eq!(written(&seen), unix_time(0x01D6_2B01_1234_5678));
    for name in names(&group) {
        assert_eq!(fs::metadata(group.join(&name)).unwrap().nlink(), 1, "{name}");
    }
    // Listing a group does not read its images: one whose tree cannot be read has all this too.
    let mut broken = Wim::of(Packing::Stored, [image("broken")]).build();
    broken.flip(broken.places.metadata[0].range.start + 9, 3);
    store.add("Other", "c.wim", &broken);
    let mount = Mount::new(store.path(), &NO_OPTIONS);
    let seen = fs::metadata(mount.path().join("Other/broken")).unwrap();
    assert_eq!(written(&seen), unix_time(TIME));
}

/// The largest archives are in `many_images.rs`.
pub(crate) fn shares() {
    let place = Place::new();
    let store = place.store();
    let many = |name: &str, count: usize| {
        let images = (1..=count).map(|number| Image::new(&format!("{name} {number}"), root([]))).collect::<Vec<_>>();
        Wim::of(Packing::Stored, images).build()
    };
    let archive = store.add("Group", "a.wim", &many("a", 9000));
    store.add("Group", "b.wim", &many("b", 9001));
    store.add("Group", "few.wim", &many("few", 3));
    let mount = place.mount(store.path(), &[]);
    let group = mount.path().join("Group");
    // 16,383 less 3, shared by two.
    assert_eq!(names(&group).len(), 16_383);
    let is_there = |name: &str| group.join(name).is_dir();
    assert!(is_there("a 8190") && is_there("b 8190") && is_there("few 3"));
    assert!(!is_there("a 8191") && !is_there("b 8191"));
    for name in ["a.wim", "b.wim"] {
        assert!(place.log().contains(&format!("{name} error=more than 8190 images")), "{}", place.log());
    }
    assert_eq!(names(Mount::new(&store.group("Group"), &NO_OPTIONS).path()).len(), 18_004);
    for options in [["--image", "9000"], ["--image", "a 9000"]] {
        assert!(names(Mount::new(&archive, &options).path()).is_empty(), "it is an empty image");
    }
}

pub(crate) fn suppliers() {
    let place = Place::new();
    let store = place.store();
    let names = ["own", "shared", "referred", "own and shared", "shared and referred"];
    let contents = names.map(|name| [name.as_bytes(), &content::text(5000)].concat());
    let tree = || root(names.iter().zip(&contents).map(|(name, content)| file(name, content)).collect::<Vec<_>>());
    let whole = |guid: u8| Wim { guid: Some([guid; 16]), ..Wim::new(Packing::Xpress(32768), tree()) };
    let hash = |index: usize| testkit::sha1(&contents[index]);
    let without = |indices: &[usize], guid| Wim { without: indices.iter().map(|&i| hash(i)).collect(), ..whole(guid) };

    store.add("Group", "a.wim", &without(&[1, 2, 4], 1).build());
    // The data of an earlier supplier is damaged in later ones: it must not be taken from them.
    let (_, mut resources) = without(&[0, 2], 2).pair();
    let damage = |built: &mut testkit::Built, index: usize| {
        let place = built.resource(&contents[index]).range.clone();
        built.flip(place.end - 1, 0);
    };
    damage(&mut resources, 3);
    // Part 7 of 9 of some set: such numbers mean nothing here.
    resources.bytes[testkit::offset::PART_NUMBER] = 7;
    resources.bytes[testkit::offset::PART_COUNT] = 9;
    for place in resources.places.resources.clone() {
        resources.bytes[place.entry + testkit::offset::BLOB_PART] = 7;
    }
    store.add("Group", "Res.rwm", &resources);
    let mut first = without(&[0, 1, 3], 3).build();
    damage(&mut first, 4);
    first.save(&place.path("reference.wim"));
    whole(4).build().save(&place.path("last.wim"));

    let (first, last) = (place.path("reference.wim"), place.path("last.wim"));
    let mount = place.mount(store.path(), &["--ref", first.to_str().unwrap(), "--ref", last.to_str().unwrap()]);
    for (name, content) in names.iter().zip(&contents) {
        assert!(fs::read(mount.path().join("Group/testkit").join(name)).unwrap() == *content, "{name}");
    }
}

pub(crate) fn bad_archives() {
    let place = Place::new();
    let store = place.store();
    store.add("Group", "good.wim", &small("good", "good").build());
    fs::write(store.group("Group").join("text.wim"), "not an archive at all").unwrap();
    fs::write(store.group("Group").join("empty.wim"), "").unwrap();
    let mut cut = small("cut", "cut").build();
    cut.bytes.truncate(cut.places.blob_table.start + 7);
    store.add("Group", "cut.wim", &cut);
    let two = ["whole", "broken"].map(|name| Image::new(name, root([file("file", name)])));
    let mut broken = Wim::of(Packing::Stored, two).build();
    broken.flip(broken.places.metadata[1].range.start + 9, 3);
    store.add("Group", "two.wim", &broken);
    fs::write(store.group("Group").join("Res.rwm"), "not an archive either").unwrap();

    let mount = place.mount(store.path(), &[]);
    let group = mount.path().join("Group");
    assert_eq!(names(&group), ["broken", "good", "whole"]);
    assert_eq!(fs::read(group.join("good/file")).unwrap(), b"good");
    assert_eq!(fs::read(group.join("whole/file")).unwrap(), b"whole");
    assert!(fs::metadata(group.join("broken")).unwrap().is_dir());
    assert_eq!(errno(fs::read_dir(group.join("broken")).and_then(|mut entries| entries.next().unwrap())), Errno::IO);
    assert_eq!(errno(fs::read(group.join("broken/file"))), Errno::IO);
    let log = place.log();
    for name in ["text.wim", "empty.wim", "cut.wim", "two.wim", "Res.rwm"] {
        assert!(log.contains(name), "{name} is reported in\n{log}");
    }
    assert!(!log.contains("good.wim"), "{log}");

    // Entries, of which the first image has a bad one.
    for (build, shown, left) in [
        (faults::dentry_length_beyond as fn() -> testkit::Built, &["before"][..], "is left out"),
        (faults::name_empty, &["before", "behind"], "is left out"),
        (faults::file_with_children, &["before", "behind", "victim"], "are left out"),
        (faults::security_id_beyond, &["before", "behind"], "security id 7"),
    ] {
        let place = Place::new();
        build().save(&place.path("a.wim"));
        let mount = place.mount(&place.path("a.wim"), &["-vv"]);
        let directory = [mount.path().join("one/d"), mount.path().join("one")].into_iter().find(|path| path.exists());
        assert_eq!(names(&directory.unwrap()), shown, "{left}");
        assert_eq!(names(&mount.path().join("two")), ["two"]);
        assert!(place.log().contains(left), "{left}: {}", place.log());
    }
    let place = Place::new();
    faults::lists_shared().save(&place.path("a.wim"));
    let mount = place.mount(&place.path("a.wim"), &["-vv", "--image", "1"]);
    assert_eq!(names(&mount.path().join("a")), ["shared"]);
    assert!(names(&mount.path().join("b")).is_empty());
    assert!(place.log().contains("it has been read before"), "{}", place.log());
}

pub(crate) fn kinds_of_archives() {
    let folder = tempfile::tempdir().unwrap();
    let text = testkit::content::text(200_000);
    let plain = |packing| Wim::new(packing, root([file("text", &*text), file("small", "small")]));
    let lzx = Packing::Lzx(32768);
    for (name, wim) in [
        ("plain.wim", plain(Packing::Lzms(131_072))),
        ("solid.esd", plain(lzx).solid(Packing::Lzms(65536))),
        ("solid.wim", plain(Packing::Xpress(32768)).solid(lzx)),
        ("pipable.wim", Wim { pipable: true, ..plain(lzx) }),
    ] {
        let archive = folder.path().join(name);
        wim.build().save(&archive);
        let mount = Mount::new(&archive, &["--image", "1"]);
        assert!(fs::read(mount.path().join("text")).unwrap() == text, "{name}");
        assert_eq!(fs::read(mount.path().join("small")).unwrap(), b"small", "{name}");
    }
    // In the solid archive both are in one chunk.
    for (name, small) in [("solid.esd", None), ("plain.wim", Some(b"small".to_vec()))] {
        let mount = Mount::new(&folder.path().join(name), &["--image", "1", "-o", "max_chunk=32K"]);
        assert_eq!(errno(fs::read(mount.path().join("text"))), Errno::IO, "{name}");
        assert_eq!(fs::read(mount.path().join("small")).ok(), small, "{name}");
    }
    split_sets(&plain(lzx));
    let archive = folder.path().join("solid.esd");
    let refused = |wim: Wim, change: fn(&mut testkit::Built)| {
        let mut built = wim.build();
        change(&mut built);
        built.save(&archive);
        let said = wimstore_tests::say(&["info".as_ref(), archive.as_os_str()]);
        assert_eq!(said.code, 2, "{}", said.err);
        said.err
    };
    let encrypted = Wim { xml: testkit::Xml::Text("<WIM><ESD><ENCRYPTED/></ESD></WIM>".into()), ..plain(lzx) };
    assert!(refused(encrypted, |_| {}).contains("encrypted ESD"));
    let old = refused(plain(lzx), |built| built.bytes[testkit::offset::VERSION + 1] = 0xC);
    assert!(old.contains("1.12 (0x10c00), older than 1.13"), "{old}");
}

/// Named by its first part, beside others of the set and of another one.
fn split_sets(wim: &Wim) {
    let place = Place::new();
    let parts = wim.split(2);
    parts[0].save(&place.path("x.swm"));
    let first = wim.images[0].dentries().into_iter().find(|dentry| dentry.name == testkit::utf16("small")).unwrap();
    let (held, other) =
        if parts[0].places.resources[0].hash == first.data.hash() { ("small", "text") } else { ("text", "small") };
    let check = |is_whole: bool, said: &str| {
        let mount = place.mount(&place.path("x.swm"), &["--image", "1"]);
        assert!(fs::read(mount.path().join(held)).is_ok(), "{said}");
        assert_eq!(fs::read(mount.path().join(other)).is_ok(), is_whole, "{said}");
        assert_eq!(names(mount.path()), ["small", "text"], "{said}");
        assert!(place.log().contains(said), "{said}: {}", place.log());
    };
    check(false, "no archive supplies");
    Wim { guid: Some([1; 16]), ..wim.clone() }.split(2)[1].save(&place.path("x2.swm"));
    check(false, "of another set");
    parts[1].save(&place.path("x2.swm"));
    check(true, "");
}
