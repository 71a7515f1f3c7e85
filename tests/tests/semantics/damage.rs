//! The mount of a store in which something is wrong.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::io::Errno;
use testkit::{Data, Dentry, Image, Packing, Stream, Wim, content, dir, file, flag, hex, reparse, root, sha1};
use wimstore_tests::{LiveStore, Share, eventually, one, read_anew};

use crate::shown::{Place, Shown, errno, names, unix_time, written};

pub(crate) fn wrong_bytes() {
    let contents = [content::text(100_000), content::code(100_000), content::random(100_000)];
    let tree = || root([0, 1, 2].map(|index| file(&index.to_string(), &contents[index])));
    for (packing, integrity) in [
        (Packing::Stored, None),
        (Packing::Xpress(32768), None),
        (Packing::Lzx(32768), Some(10 << 20)),
        (Packing::Lzms(131_072), None),
    ] {
        let what = format!("{packing:?} {integrity:?}");
        let place = Place::new();
        let mut built = Wim { integrity, ..Wim::new(packing, tree()) }.build();
        let range = built.resource(&contents[1]).range.clone();
        let sound = built.bytes.clone();
        built.flip(range.start + 777, 5);
        built.save(&place.path("a.wim"));
        sound_beside(&place, &sound);
        let mount = place.mount(&place.path(""), &[]);
        let path = |image: &str, name: &str| mount.path().join(image).join(name);
        assert_eq!(errno(fs::read(path("testkit", "1"))), Errno::IO, "{what}");
        let log = place.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(lines.len(), 1, "{what}: {log}");
        let offset = format!("{:#x}", range.start);
        for part in ["a.wim", &offset, &hex(&sha1(&contents[1]))] {
            assert!(lines[0].contains(part), "{what}: {part} in {}", lines[0]);
        }
        for index in [0, 2] {
            assert!(fs::read(path("testkit", &index.to_string())).unwrap() == contents[index], "{what}: {index}");
        }
        for (index, content) in contents.iter().enumerate() {
            let read = fs::read(path("testkit (b.wim 1)", &index.to_string())).unwrap();
            assert!(read == *content, "{what}: {index} of the archive beside it");
        }
    }
    integrity_table_over_damage();
}

fn integrity_table_over_damage() {
    let content = content::random(100_000);
    let tree = || root([file("file", &content)]);
    let mut built = Wim { integrity: Some(4096), ..Wim::new(Packing::Stored, tree()) }.build();
    built.flip(built.resource(&content).range.start + 70_000, 5);
    built.renew_integrity();
    for (option, shown) in [("", false), ("strict", false), ("blocks", true), ("off", true)] {
        let place = Place::new();
        built.save(&place.path("a.wim"));
        let options: Vec<&str> = ["--verify", option].into_iter().filter(|_| !option.is_empty()).collect();
        let mount = place.mount(&place.path("a.wim"), &[&["--image", "1"], &options[..]].concat());
        let path = mount.path().join("file");
        let sha1_named = xattr::get(&path, "user.wim.sha1").unwrap().unwrap();
        assert_eq!(sha1_named, hex(&sha1(&content)).as_bytes(), "{option}");
        let file = File::open(&path).unwrap();
        let mut read = [0; 4096];
        let result = file.read_at(&mut read, 70_000 - 70_000 % 4096);
        if shown {
            assert!(result.is_ok() && !content.windows(4096).any(|window| window == read), "{option}");
        } else {
            assert_eq!(errno(result), Errno::IO, "{option}");
        }
    }
}

fn sound_beside(place: &Place, archive: &[u8]) {
    fs::write(place.path("b.wim"), archive).unwrap();
}

pub(crate) fn missing_data() {
    let tree = root([
        file("missing", Data::Hash([0xAB; 20])).times(1 << 56, 1 << 56, 1 << 56),
        file("there", "there"),
        dir("folder", [file("missing too", Data::Hash([0xCD; 20]))]),
        Dentry {
            streams: vec![Stream { data: Data::Hash([0xEF; 20]), name: testkit::utf16("stream"), length: None }],
            ..file("stream missing", "there")
        },
        file("compressed", "").reparse(reparse::WOF, "a pointer"),
        file("deduplicated", "").reparse(0x8000_0013, "a pointer"),
        file("in the cloud", "").reparse(0x9000_601A, "a pointer"),
        Dentry {
            streams: vec![
                Stream { data: "a pointer".into(), ..Stream::default() },
                Stream { data: "data".into(), ..Stream::default() },
            ],
            data: Data::Empty,
            ..file("with data", "").reparse(reparse::WOF, "")
        },
        file("of no data", "").reparse(0x8000_001B, "an alias"),
        file("link", "").reparse(reparse::SYMLINK, ""),
        dir("link folder", []).reparse(reparse::JUNCTION, ""),
    ]);
    let shown = Shown::new(tree, &[]);
    let all = ["compressed", "deduplicated", "folder", "in the cloud", "link", "link folder", "missing", "of no data"];
    assert_eq!(names(shown.mount.path()), [&all[..], &["stream missing", "there", "with data"]].concat());
    for link in ["link", "link folder"] {
        assert!(shown.path(link).is_symlink());
        assert_eq!(errno(fs::read_link(shown.path(link))), Errno::IO, "{link}");
        assert!(shown.place.log().contains(&format!("{link}: ")), "{link}: {}", shown.place.log());
    }
    for name in ["missing", "folder/missing too", "compressed", "deduplicated", "in the cloud"] {
        let metadata = fs::metadata(shown.path(name)).unwrap();
        assert_eq!((metadata.size(), metadata.is_file()), (1, true), "{name}");
        assert_eq!(errno(fs::read(shown.path(name))), Errno::IO, "{name}");
    }
    assert_eq!(written(&fs::metadata(shown.path("missing")).unwrap()), unix_time(1 << 56));
    let log = shown.place.log();
    assert!(log.contains(&"ab".repeat(20)) && log.contains(&"cd".repeat(20)), "{log}");
    for keeper in ["(WOF)", "deduplication", "in the cloud"] {
        assert!(log.contains(keeper), "{log}");
    }
    for (name, data) in [("there", "there"), ("with data", "data"), ("of no data", "")] {
        assert_eq!(fs::read_to_string(shown.path(name)).unwrap(), data, "{name}");
    }
    let pointer = xattr::get(shown.path("compressed"), "system.ntfs_reparse_data").unwrap().unwrap();
    assert_eq!(&pointer[8..], b"a pointer");
    assert_eq!(fs::read(shown.path("stream missing")).unwrap(), b"there");
    assert_eq!(errno(xattr::get(shown.path("stream missing"), "user.stream")), Errno::IO);
}

pub(crate) fn encrypted_files() {
    let raw = content::random(5000);
    let encrypted = |dentry: Dentry| dentry.attributes(flag::ENCRYPTED | flag::ARCHIVE);
    let tree = || root([encrypted(file("secret", &raw)), file("plain", "plain")]);
    for option in ["", "--efs-raw", "-oefs_raw"] {
        let options: Vec<&str> = [option].into_iter().filter(|option| !option.is_empty()).collect();
        let shown = Shown::new(tree(), &options);
        let secret = shown.path("secret");
        assert_eq!(fs::metadata(&secret).unwrap().size(), 5000, "{option}");
        match option {
            "" => assert_eq!(errno(fs::read(&secret)), Errno::ACCESS),
            _ => assert!(fs::read(&secret).unwrap() == raw, "{option}"),
        }
        assert_eq!(fs::read(shown.path("plain")).unwrap(), b"plain", "{option}");
    }
}

pub(crate) fn changing_archives() {
    // Far enough from each other that none is read ahead of another.
    let contents: Vec<Vec<u8>> = (0..51).map(|index| [&[index; 9][..], &content::text(100_000)].concat()).collect();
    let tree = root(contents.iter().enumerate().map(|(i, data)| file(&i.to_string(), data)).collect::<Vec<_>>());
    for integrity in [None, Some(4096)] {
        let built = Wim { integrity, ..Wim::of(Packing::Xpress(32768), [Image::new("image", tree.clone())]) }.build();
        let place = Place::new();
        let archive = place.path("a.wim");
        built.save(&archive);
        let mount = place.mount(&archive, &["--image", "1"]);
        let read = |index: usize| fs::read(mount.path().join(index.to_string()));
        assert!(read(0).unwrap() == contents[0]);
        // Blob 30 changes under the mount, the others stay as they are.
        let mut file = File::options().write(true).open(&archive).unwrap();
        let range = built.resource(&contents[30]).range.clone();
        file.seek(SeekFrom::Start(range.start as u64 + 5000)).unwrap();
        file.write_all(&[0x55; 3000]).unwrap();
        assert_eq!(errno(read(30)), Errno::IO, "integrity {integrity:?}");
        for index in [20, 10] {
            assert!(read(index).unwrap() == contents[index], "{index}, integrity {integrity:?}");
        }
        // It is cut in the middle of blob 50.
        file.set_len(built.resource(&contents[50]).range.start as u64 + 100).unwrap();
        assert!(read(40).unwrap() == contents[40], "integrity {integrity:?}");
        assert_eq!(errno(read(50)), Errno::IO, "integrity {integrity:?}");
    }
}

/// Each of the table's rows, at random moments under four readers, is in tests/live_faults.rs.
pub(crate) fn failing_stores() {
    let mut live = LiveStore::unmounted();
    live.add("Group", "a.wim", &one("a", "first"));
    let share = Share::new(live.store().path(), 1);
    live.mount(&share.path(), &["--cache", "0"]);
    live.shows("Group", &["a"]);
    let number = live.ino("Group/a/file");
    let file = File::open(live.path("Group/a/file")).unwrap();
    for fault in ["eio 100", "estale 100", "away 100"] {
        share.fails(fault);
        assert_eq!(errno(read_anew(&file)), Errno::IO, "{fault}");
        share.fails("");
        assert!(eventually(|| read_anew(&file).is_ok_and(|bytes| bytes == b"first")), "{fault}\n{}", live.log());
    }
    share.fails("short 100");
    assert_eq!(read_anew(&file).unwrap(), b"first");
    assert_eq!(live.ino("Group/a/file"), number);
    drop((file, live));
}
