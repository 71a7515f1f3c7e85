//! The files of an image.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;
use testkit::ntfs::{DESCRIPTOR, Volume};
use testkit::{
    Bytes, Dentry, Image, Packing, Stream, TIME, Wim, content, dir, file, flag, mounts, reparse, root, sha1, units,
};
use wimstore_tests::Mount;

use crate::shown::{Place, Shown, errno, names as names_in, unix_time, written};

pub(crate) fn attributes() {
    let sizes = [0, 1, 511, 512, 513, 70_000];
    let mut children: Vec<Dentry> = sizes.iter().map(|&size| file(&size.to_string(), content::text(size))).collect();
    let (created, accessed, last) = (TIME + 11, TIME + 22_222_222, TIME + 333_333_333);
    children.push(dir("folder", []).times(created, accessed, last));
    children.push(file("timed", "").times(created, accessed, last));
    children.push(file("before 1970", "").times(1, 116_444_736_000_000_000 - 1, 116_444_735_999_999_999));
    children.push(file("far", "").times(1 << 62, 1 << 62, (1 << 62) + 1));
    let shown = Shown::new(root(children).times(created, accessed, last), &[]);
    for size in sizes {
        let path = shown.path(&size.to_string());
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.size(), metadata.blocks()), (size as u64, size.div_ceil(512) as u64));
        assert_eq!(fs::read(&path).unwrap(), content::text(size));
    }
    for name in ["timed", "folder", ""] {
        let metadata = fs::metadata(shown.path(name)).unwrap();
        assert_eq!(written(&metadata), unix_time(last), "{name:?}");
        assert_eq!((metadata.ctime(), metadata.ctime_nsec()), unix_time(last), "{name:?}");
        assert_eq!((metadata.atime(), metadata.atime_nsec()), unix_time(accessed), "{name:?}");
        let birth = xattr::get(shown.path(name), "system.ntfs_crtime").unwrap();
        assert_eq!(birth, Some(created.to_le_bytes().to_vec()), "{name:?}");
    }
    for (name, ticks) in [("before 1970", 116_444_735_999_999_999), ("far", (1 << 62) + 1)] {
        assert_eq!(written(&fs::metadata(shown.path(name)).unwrap()), unix_time(ticks), "{name}");
    }
}

pub(crate) fn hard_links() {
    let shown = Shown::new(
        root([
            file("first", "shared").link(7),
            dir("a", [file("second", "shared").link(7), dir("b", [file("third", "shared").link(7)]), dir("c", [])]),
            file("other content", "not shared").link(7),
            file("same content", "shared"),
            file("other link", "shared").link(8),
            file("empty one", "").link(9),
            file("empty two", "").link(9),
        ]),
        &[],
    );
    let look = |name: &str| {
        let metadata = fs::metadata(shown.path(name)).unwrap();
        (metadata.ino(), metadata.nlink())
    };
    let (ino, _) = look("first");
    for name in ["first", "a/second", "a/b/third"] {
        assert_eq!(look(name), (ino, 3), "{name}");
    }
    for name in ["other content", "same content", "other link"] {
        assert!(look(name).0 != ino && look(name).1 == 1, "{name}: {:?}", look(name));
    }
    assert_eq!(look("empty one"), (look("empty two").0, 2));
    for (name, links) in [("", 3), ("a", 4), ("a/b", 2)] {
        assert_eq!(look(name).1, links, "directory {name:?}");
    }
    // Numbers are stable over mounts.
    let again = Mount::new(&shown.place.path("a.wim"), &["--image", "1"]);
    for name in ["", "a/b", "a/second", "same content"] {
        assert_eq!(fs::metadata(again.path().join(name)).unwrap().ino(), look(name).0, "{name}");
    }
}

pub(crate) fn names() {
    let long = "文".repeat(255);
    let most = format!("{}a", "文".repeat(341)); // 1024 bytes
    let shown = Shown::new(
        root([
            file("größe-文件-🦀", "1"),
            file("", "2").raw_name(&units(&[0x61, 0xD800, 0x62])),
            file("", "3").raw_name(&units(&[0xDC00])),
            file("a/b", "4"),
            file("", "5").raw_name(&units(&[0x61, 0, 0x62])),
            file(&long, "6"),
            file(&most, "7"),
            file(&format!("{most}b"), "left out: 1025 bytes"),
            dir(".", [file("below", "left out")]),
            file("..", "left out"),
            file("", "left out").raw_name(&[]),
            file("twin", "8"),
            file("twin", "left out"),
            file("Twin", "9"),
            file(r#"\:*?"<>|"#, "10"),
        ]),
        &["-vv"],
    );
    let wanted: Vec<(Vec<u8>, &str)> = vec![
        ("größe-文件-🦀".into(), "1"),
        (b"a\xED\xA0\x80b".to_vec(), "2"),
        (b"\xED\xB0\x80".to_vec(), "3"),
        ("a\u{F02F}b".into(), "4"),
        ("a\u{F000}b".into(), "5"),
        (long.clone().into(), "6"),
        (most.clone().into(), "7"),
        ("twin".into(), "8"),
        ("Twin".into(), "9"),
        (br#"\:*?"<>|"#.to_vec(), "10"),
    ];
    let mut listed: Vec<Vec<u8>> =
        fs::read_dir(shown.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_vec()).collect();
    listed.sort();
    let mut expected: Vec<Vec<u8>> = wanted.iter().map(|(name, _)| name.clone()).collect();
    expected.sort();
    assert_eq!(listed, expected);
    for (name, data) in wanted {
        let path = shown.mount.path().join(OsStr::from_bytes(&name));
        assert_eq!(fs::read_to_string(&path).unwrap(), data, "{}", path.display());
    }
    let log = shown.place.log();
    assert_eq!(log.matches("is left out").count(), 5, "{log}");
    assert_eq!(log.matches("U+F02F").count(), 2, "{log}");
}

pub(crate) fn case() {
    let tree = || root([dir("Folder", [file("ReadMe.TXT", "1"), file("README.txt", "2"), file("größe", "3")])]);
    let exact = Shown::new(tree(), &[]);
    let any = Shown::new(tree(), &["-o", "ignore_case"]);
    let read = |shown: &Shown, name: &str| fs::read_to_string(shown.path(name));
    assert_eq!(read(&exact, "Folder/ReadMe.TXT").unwrap(), "1");
    assert_eq!(read(&exact, "Folder/README.txt").unwrap(), "2");
    for name in ["folder/ReadMe.TXT", "Folder/readme.txt", "Folder/GRÖSSE", "Folder/GRÖßE"] {
        assert_eq!(errno(read(&exact, name)), Errno::NOENT, "{name}");
    }
    for name in ["folder/größe", "FOLDER/GRÖßE", "Folder/GröSSe"] {
        let found = read(&any, name);
        // NTFS's table maps single characters: ß has no capital.
        assert_eq!(found.is_ok(), !name.contains("SS"), "{name}");
    }
    assert!(["1", "2"].contains(&&*read(&any, "folder/readme.txt").unwrap()));
    for (name, data) in [("Folder/ReadMe.TXT", "1"), ("Folder/README.txt", "2")] {
        assert_eq!(read(&any, name).unwrap(), data, "a name in its own case comes first");
    }
    for shown in [&exact, &any] {
        assert_eq!(names_in(shown.mount.path()), ["Folder"]);
        assert_eq!(names_in(&shown.path("Folder")), ["README.txt", "ReadMe.TXT", "größe"]);
    }
}

pub(crate) fn owner_and_writes() {
    let tree = || root([dir("folder", [file("file", "data")]), file("read-only", "").attributes(flag::READONLY)]);
    let me = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let cases: &[(&str, (u32, u32), u32, u32)] = &[
        ("", me, 0o555, 0o444),
        ("uid=1234,gid=5678", (1234, 5678), 0o555, 0o444),
        ("umask=027", me, 0o550, 0o440),
        ("umask=0", me, 0o555, 0o444),
        ("fmask=0133", me, 0o555, 0o444),
        ("fmask=0337,dmask=077", me, 0o500, 0o440),
    ];
    for (options, owner, folder_mode, file_mode) in cases {
        let options: &[&str] = if options.is_empty() { &[] } else { &["-o", options] };
        let shown = Shown::new(tree(), options);
        for (name, mode) in
            [("", folder_mode), ("folder", folder_mode), ("folder/file", file_mode), ("read-only", file_mode)]
        {
            let metadata = fs::metadata(shown.path(name)).unwrap();
            let got = ((metadata.uid(), metadata.gid()), metadata.mode() & 0o7777);
            assert_eq!(got, (*owner, *mode), "{name:?} with {options:?}");
        }
    }
    let shown = Shown::new(tree(), &[]);
    let (here, existing) = (shown.path("folder/new"), shown.path("folder/file"));
    let writes: Vec<(&str, std::io::Result<()>)> = vec![
        ("create", File::create(&here).map(drop)),
        ("open to write", File::options().write(true).open(&existing).map(drop)),
        ("open to append", File::options().append(true).open(&existing).map(drop)),
        ("truncate", File::options().write(true).truncate(true).open(&existing).map(drop)),
        ("remove", fs::remove_file(&existing)),
        ("remove a directory", fs::remove_dir(shown.path("folder"))),
        ("make a directory", fs::create_dir(&here)),
        ("rename", fs::rename(&existing, &here)),
        ("hard link", fs::hard_link(&existing, &here)),
        ("symbolic link", symlink("file", &here)),
        ("change the mode", fs::set_permissions(&existing, std::os::unix::fs::PermissionsExt::from_mode(0o777))),
        ("change the owner", std::os::unix::fs::chown(&existing, Some(1), Some(1))),
        ("change the time", File::open(&existing).and_then(|f| f.set_modified(std::time::UNIX_EPOCH))),
        ("set an attribute", xattr::set(&existing, "user.x", b"1")),
        ("set a system attribute", xattr::set(&existing, "system.ntfs_attrib", &[0; 4])),
        ("remove an attribute", xattr::remove(&existing, "user.x")),
    ];
    for (what, result) in writes {
        assert_eq!(errno(result), Errno::ROFS, "{what}");
    }
    assert_eq!(fs::read(&existing).unwrap(), b"data");
}

pub(crate) fn unix_data() {
    let device = 8 << 8 | 1; // as Linux codes small numbers: major 8, minor 1
    let tree = || {
        root([
            file("file", "data").unix(12, 34, 0o100_640, 0),
            dir("folder", []).unix(1, 2, 0o041_770, 0),
            file("pipe", "").unix(0, 0, 0o010_600, 0),
            file("socket", "").unix(0, 0, 0o140_600, 0),
            file("character device", "").unix(0, 0, 0o020_666, device),
            file("block device", "").unix(0, 0, 0o060_660, device),
            file("without", ""),
            file("attributes", "").tagged(2, &extended_attributes(&LINUX.map(|(name, value)| (name, 0, value)))),
            file("old attributes", "").tagged(0x337D_D874, &old_attributes(&LINUX)),
        ])
    };
    let shown = Shown::new(tree(), &["-o", "unix_data"]);
    let cases = [
        ("file", 0o100_640, (12, 34), 0),
        ("folder", 0o041_770, (1, 2), 0),
        ("pipe", 0o010_600, (0, 0), 0),
        ("socket", 0o140_600, (0, 0), 0),
        ("character device", 0o020_666, (0, 0), u64::from(device)),
        ("block device", 0o060_660, (0, 0), u64::from(device)),
    ];
    for (name, mode, owner, device) in cases {
        let seen = fs::symlink_metadata(shown.path(name)).unwrap();
        assert_eq!((seen.mode(), (seen.uid(), seen.gid()), seen.rdev()), (mode, owner, device), "{name}");
    }
    let me = rustix::process::geteuid().as_raw();
    let without = fs::metadata(shown.path("without")).unwrap();
    assert_eq!((without.mode(), without.uid()), (0o100_444, me));
    for name in ["attributes", "old attributes"] {
        assert_eq!(listed(&shown.path(name)), LINUX.map(|(name, _)| name), "{name}");
        for (xattr, value) in LINUX {
            assert_eq!(xattr::get(shown.path(name), xattr).unwrap().unwrap(), value, "{name}: {xattr}");
        }
    }

    let plain = Shown::new(tree(), &[]);
    for (name, ..) in cases {
        let seen = fs::symlink_metadata(plain.path(name)).unwrap();
        let is_special = seen.file_type().is_fifo() || seen.file_type().is_socket() || seen.rdev() != 0;
        assert!(!is_special && seen.uid() == me, "{name}");
    }
    for name in ["attributes", "old attributes"] {
        assert_eq!(listed(&plain.path(name)), ["user.comment"], "{name}");
        assert_eq!(xattr::get(plain.path(name), "user.comment").unwrap().unwrap(), b"for all", "{name}");
        for xattr in ["security.selinux", "trusted.overlay", "system.posix_acl_access"] {
            assert_eq!(errno(xattr::get(plain.path(name), xattr)), Errno::OPNOTSUPP, "{name}: {xattr}");
        }
    }
}

/// Extended attributes of Linux, in the order of their names.
const LINUX: [(&str, &[u8]); 3] =
    [("security.selinux", b"a label"), ("trusted.overlay", b"for root"), ("user.comment", b"for all")];

/// The tagged item in which old versions of wimlib keep extended attributes of Linux.
fn old_attributes(list: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in list {
        bytes.u16(name.len() as u16);
        bytes.u16(0);
        bytes.u32(value.len() as u32);
        bytes.extend([name.as_bytes(), value].concat());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

pub(crate) fn links() {
    let link = |name: &str, target: &str, relative| {
        file(name, "").reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
    };
    let junction =
        |name: &str, target: &str| dir(name, []).reparse(reparse::JUNCTION, reparse::junction(target, target));
    let unknown = |dentry: Dentry| {
        let mut dentry = dentry.reparse(0x8000_0017, "reparse data");
        dentry.streams = vec![
            Stream { data: std::mem::take(&mut dentry.data), ..Stream::default() },
            Stream { data: "unnamed data".into(), ..Stream::default() },
        ];
        dentry
    };
    let shown = Shown::new(
        root([
            dir("Users", [dir("All", [file("data.txt", "found")])]),
            dir(
                "links",
                [
                    link("relative", r"..\Users\All\data.txt", true),
                    link("other case", r"..\USERS\all\DATA.TXT", true),
                    link("absolute", r"\??\C:\Users\All\data.txt", false),
                    link("drive", r"\??\D:\", false),
                    link("volume", r"\??\Volume{26a21bda-a627-11d7-9931-806e6f6e6963}\Users", false),
                    link("current drive", r"\Users\All", true),
                    link("out", r"..\..\..\..\etc\passwd", true),
                    link("absolute out", r"\??\C:\..\..\etc\passwd", false),
                    junction("junction", r"\??\C:\Users\All"),
                    link("dangling", r"nowhere\at all", true),
                ],
            ),
            file("no link", "").reparse(0x8000_7FFF, "nobody's data"),
            unknown(file("both", "")),
        ]),
        &[],
    );
    let target = |name: &str| fs::read_link(shown.path(&format!("links/{name}"))).unwrap();
    let cases = [
        ("relative", "../Users/All/data.txt"),
        ("other case", "../Users/All/data.txt"),
        ("absolute", "../Users/All/data.txt"),
        ("drive", ".."),
        ("volume", "../Users"),
        ("current drive", "../Users/All"),
        ("out", "../etc/passwd"),
        ("absolute out", "../etc/passwd"),
        ("junction", "../Users/All"),
        ("dangling", "nowhere/at all"),
    ];
    for (name, want) in cases {
        assert_eq!(target(name), PathBuf::from(want), "{name}");
        let metadata = fs::symlink_metadata(shown.path(&format!("links/{name}"))).unwrap();
        assert!(metadata.is_symlink() && metadata.size() == want.len() as u64, "{name}");
    }
    assert_eq!(fs::read(shown.path("links/absolute")).unwrap(), b"found");
    assert_eq!(fs::read(shown.path("links/junction/data.txt")).unwrap(), b"found");
    assert_eq!(errno(fs::read(shown.path("links/out"))), Errno::NOENT);
    for (name, data) in [("no link", ""), ("both", "unnamed data")] {
        assert!(fs::symlink_metadata(shown.path(name)).unwrap().is_file(), "{name}");
        assert_eq!(fs::read_to_string(shown.path(name)).unwrap(), data, "{name}");
    }
    assert_eq!(
        xattr::get(shown.path("no link"), "system.ntfs_reparse_data").unwrap().unwrap(),
        [&0x8000_7FFF_u32.to_le_bytes()[..], &[13, 0, 0, 0], b"nobody's data"].concat()
    );
}

fn listed(path: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = xattr::list(path).unwrap().collect();
    names.sort();
    names
}

pub(crate) fn streams() {
    let most = content::text(64 << 10);
    let tree = || {
        root([
            file("file", "data")
                .stream("small", "a stream")
                .stream("größe", "not ASCII")
                .stream("empty", "")
                .stream("most", &most)
                .stream("large", content::code(300_000)),
            dir("folder", []).stream("note", "of a folder"),
        ])
    };
    let shown = Shown::new(tree(), &[]);
    let explicit = Shown::new(tree(), &["-o", "streams=xattr"]);
    for shown in [&shown, &explicit] {
        let (path, folder) = (shown.path("file"), shown.path("folder"));
        assert_eq!(listed(&path), ["user.empty", "user.größe", "user.most", "user.small"]);
        assert_eq!(listed(&folder), ["user.note"]);
        let get = |name: &str| xattr::get(&path, name);
        assert_eq!(get("user.small").unwrap().unwrap(), b"a stream");
        assert_eq!(get("user.größe").unwrap().unwrap(), b"not ASCII");
        assert_eq!(get("user.empty").unwrap().unwrap(), b"");
        assert!(get("user.most").unwrap().unwrap() == most);
        assert_eq!(errno(get("user.large")), Errno::TOOBIG);
        assert_eq!(get("user.other").unwrap(), None);
        assert_eq!(xattr::get(&folder, "user.note").unwrap().unwrap(), b"of a folder");
        assert_eq!(errno(fs::read(shown.path("file:small"))), Errno::NOENT);
        assert_eq!(errno(fs::read(shown.path("file:most"))), Errno::NOENT);
        assert!(fs::read(shown.path("file:large")).unwrap() == content::code(300_000));
        assert_eq!(names_in(shown.mount.path()), ["file", "folder"]);
    }
    let shown = Shown::new(tree(), &["-o", "streams=windows"]);
    for (name, data) in [("file:small", &b"a stream"[..]), ("file:größe", b"not ASCII"), ("file:empty", b"")] {
        assert_eq!(fs::read(shown.path(name)).unwrap(), data, "{name}");
        assert_eq!(fs::metadata(shown.path(name)).unwrap().size(), data.len() as u64);
    }
    assert!(fs::read(shown.path("file:large")).unwrap() == content::code(300_000));
    let mut piece = [0; 1000];
    File::open(shown.path("file:large")).unwrap().read_exact_at(&mut piece, 250_001).unwrap();
    assert_eq!(piece[..], content::code(300_000)[250_001..251_001]);
    assert_eq!(fs::read(shown.path("folder:note")).unwrap(), b"of a folder");
    assert_eq!(names_in(shown.mount.path()), ["file", "folder"]);
    assert!(listed(&shown.path("file")).is_empty());
    assert_eq!(xattr::get(shown.path("file"), "user.small").unwrap(), None);
    let shown = Shown::new(tree(), &["-o", "streams=none"]);
    assert!(listed(&shown.path("file")).is_empty());
    assert_eq!(xattr::get(shown.path("file"), "user.small").unwrap(), None);
    for stream in ["small", "large"] {
        assert_eq!(errno(fs::read(shown.path(&format!("file:{stream}")))), Errno::NOENT, "{stream}");
    }
    what_is_listed_can_be_read();
}

/// Streams and attributes that Linux can read by name, next to those that it cannot: all that are
/// listed are read.
fn what_is_listed_can_be_read() {
    let (fits, too_long) = ("文".repeat(83), "文".repeat(84)); // user.NAME has at most 255 bytes
    let many = (0..3000).fold(file("many", "data"), |file, number| file.stream(&format!("{number:030}"), "x"));
    let huge = vec![b'x'; (64 << 10) + 1];
    let linux: [(&str, &[u8]); 6] = [
        ("user.comment", b"for all"),
        ("user.huge", &huge),
        ("user.cut\0user.forged", b"two names"),
        ("", b"no name"),
        ("user.large", b"a stream has this name"),
        (&format!("user.{}", "x".repeat(251)), b"a long name"),
    ];
    let tree = root([
        file("file", "data").stream(&fits, "fits").stream(&too_long, "too long").stream("large", &huge),
        file("linux", "data").stream("large", &huge).tagged(0x337D_D874, &old_attributes(&linux)),
        file("link", "").reparse(reparse::SYMLINK, reparse::symlink("file", "file", true)).stream("of a link", "x"),
        many,
    ]);
    for options in [&[][..], &["-o", "unix_data"]] {
        let shown = Shown::new(tree.clone(), options);
        assert_eq!(listed(&shown.path("file")), [format!("user.{fits}").as_str()]);
        assert_eq!(fs::read(shown.path(&format!("file:{too_long}"))).unwrap(), b"too long");
        assert_eq!(errno(fs::read(shown.path(&format!("file:{fits}")))), Errno::NOENT);
        assert_eq!(listed(&shown.path("linux")), ["user.comment"], "{options:?}");
        assert_eq!(errno(xattr::get(shown.path("linux"), "user.huge")), Errno::TOOBIG);
        assert!(listed(&shown.path("link")).is_empty(), "user.* is for files and directories");
        assert_eq!(fs::read(shown.path("link:of a link")).unwrap(), b"x");
        let many = listed(&shown.path("many"));
        assert_eq!(many.len(), (64 << 10) / 36, "as many as a list of 64 KiB holds");
        assert_eq!(xattr::get(shown.path("many"), format!("user.{:030}", 2999)).unwrap().unwrap(), b"x");

        let mut command = Command::new(testkit::need("getfattr", "attr"));
        let output = testkit::output(
            command.args(["--absolute-names", "-R", "-P", "-h", "-d", "-m", "-"]).arg(shown.mount.path()),
        );
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let values = output.stdout.split(|&byte| byte == b'\n').filter(|line| line.contains(&b'=')).count();
        assert_eq!(values, 2 + many.len(), "a value for each name");
    }
}

/// Tagged item 2: extended attributes as the format stores them.
fn extended_attributes(list: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, flags, value) in list {
        bytes.u16(value.len() as u16);
        bytes.extend([name.len() as u8, *flags]);
        bytes.extend([name.as_bytes(), b"\0", value].concat());
    }
    bytes
}

pub(crate) fn windows_attributes() {
    let id: Vec<u8> = (1..=16).collect();
    let eas = extended_attributes(&[("NAME", 0x80, b"abc"), ("SECOND", 0, b"a longer value"), ("LAST", 0, b"")]);
    let attributes = flag::HIDDEN | flag::ARCHIVE | 0x2000;
    let (created, accessed, last) = (TIME + 1, TIME + 2, TIME + 3);
    let target = reparse::symlink("file", "file", true);
    let tree = root([
        file("file", "data")
            .attributes(attributes)
            .times(created, accessed, last)
            .short("FI~1")
            .security(0)
            .object_id(&id)
            .tagged(2, &eas),
        file("plain", ""),
        file("link", "").reparse(reparse::SYMLINK, &target),
    ]);
    let shown = Shown::image(Image::new("image", tree).descriptor(&DESCRIPTOR), &[]);
    let get = |name: &str, xattr: &str| xattr::get(shown.path(name), format!("system.ntfs_{xattr}")).unwrap();
    let times: Vec<u8> = [created, last, accessed, last].iter().flat_map(|time| time.to_le_bytes()).collect();
    assert_eq!(get("file", "acl").unwrap(), DESCRIPTOR);
    assert_eq!(get("file", "attrib").unwrap(), attributes.to_le_bytes());
    assert_eq!(get("file", "times").unwrap(), times);
    assert_eq!(get("file", "crtime").unwrap(), created.to_le_bytes());
    assert_eq!(get("file", "dos_name").unwrap(), b"FI~1");
    assert_eq!(get("file", "object_id").unwrap(), [id, vec![0; 48]].concat());
    let buffer = [&reparse::SYMLINK.to_le_bytes()[..], &(target.len() as u32).to_le_bytes(), &target].concat();
    assert_eq!(get("link", "reparse_data").unwrap(), buffer);
    for xattr in ["acl", "dos_name", "object_id", "ea", "reparse_data"] {
        assert_eq!(get("plain", xattr), None, "{xattr}");
    }
    let hash = xattr::get(shown.path("file"), "user.wim.sha1").unwrap();
    assert_eq!(hash.unwrap(), testkit::hex(&sha1(b"data")).into_bytes());
    assert_eq!(xattr::get(shown.path("plain"), "user.wim.sha1").unwrap(), None);
    for name in ["file", "plain", "", "link"] {
        assert!(listed(&shown.path(name)).is_empty(), "{name:?}");
    }

    names_of_ours_are_not_forged();

    // ntfs-3g takes what we give, and gives the same.
    let place = Place::new();
    let volume = Volume::new(&place.path("volume"), 16 << 20);
    let mounted = volume.mount(&place.path("ntfs"));
    let theirs = mounted.path().join("file");
    fs::write(&theirs, "data").unwrap();
    for xattr in ["dos_name", "object_id", "ea", "acl", "attrib", "times"] {
        let (name, value) = (format!("system.ntfs_{xattr}"), get("file", xattr).unwrap());
        mounts::set_xattr(&theirs, &name, &value);
        let mut given = xattr::get(&theirs, &name).unwrap().unwrap();
        if xattr == "times" {
            // Setting times is itself a change: the last of the four is now.
            given[24..].copy_from_slice(&last.to_le_bytes());
        }
        assert_eq!(given, value, "{xattr}");
    }
}

/// An archive has names of ours too, for named streams and for attributes of Linux: ours answer.
fn names_of_ours_are_not_forged() {
    let names = [
        "user.wim.sha1",
        "user.wim.index",
        "user.wim.file",
        "user.wim.xml",
        "user.wim.later",
        "user.wimstore.pid",
        "system.ntfs_attrib",
        "system.ntfs_later",
    ];
    let linux = old_attributes(&names.map(|name| (name, &b"forged"[..])));
    let streams = names.iter().filter_map(|name| name.strip_prefix("user."));
    let forged = |dentry: Dentry| streams.clone().fold(dentry, |dentry, stream| dentry.stream(stream, "forged"));
    let tree = root([forged(file("streams", "data")), file("linux", "data").tagged(0x337D_D874, &linux), dir("d", [])]);
    let hash = testkit::hex(&sha1(b"data"));
    for options in [&[][..], &["-o", "unix_data"]] {
        let shown = Shown::new(forged(tree.clone()).tagged(0x337D_D874, &linux), options);
        for name in ["streams", "linux", ""] {
            assert!(listed(&shown.path(name)).is_empty(), "{name:?}: {:?}", listed(&shown.path(name)));
            let given = names.map(|xattr| xattr::get(shown.path(name), xattr).unwrap());
            assert!(given.iter().flatten().all(|value| value != b"forged"), "{name:?}: {given:?}");
            let is_root = name.is_empty();
            let want = [!is_root, is_root, is_root, is_root, false, is_root, true, false];
            assert_eq!(given.each_ref().map(Option::is_some), want, "{name:?}");
            assert!(is_root || given[0].as_deref() == Some(hash.as_bytes()), "{name:?}: {:?}", given[0]);
        }
        for stream in streams.clone() {
            assert_eq!(fs::read(shown.path(&format!("streams:{stream}"))).unwrap(), b"forged", "{stream}");
        }
    }
}

pub(crate) fn image_facts() {
    let place = Place::new();
    let store = place.store();
    let image =
        |name: &str| Image { xml: "<FLAGS>ServerCore</FLAGS>".into(), ..Image::new(name, root([file("file", "")])) };
    let built = Wim::of(Packing::Stored, ["one", "two & <three>"].map(image)).build();
    let archive = store.add("Group", "both.wim", &built);
    let mount = Mount::new(store.path(), &[] as &[&str]);
    let root_itself = Mount::new(&archive, &["--image", "2"]);
    for directory in [&mount.path().join("Group/two & _three_"), root_itself.path()] {
        let get = |name: &str| {
            xattr::get(directory, format!("user.wim.{name}")).unwrap().map(|v| String::from_utf8(v).unwrap())
        };
        assert_eq!(get("file").unwrap(), "both.wim");
        assert_eq!(get("index").unwrap(), "2");
        let xml = get("xml").unwrap();
        assert!(xml.starts_with("<IMAGE INDEX=\"2\">") && xml.ends_with("</IMAGE>"), "{xml}");
        for part in ["<NAME>two &amp; &lt;three&gt;</NAME>", "<FLAGS>ServerCore</FLAGS>"] {
            assert!(xml.contains(part), "{xml}");
        }
        assert!(xattr::get(directory.join("file"), "user.wim.index").unwrap().is_none());
    }
    let mut broken = built;
    broken.flip(broken.places.metadata[0].range.start + 9, 3);
    store.add("Broken", "c.wim", &broken);
    let broken = Mount::new(store.path(), &[] as &[&str]);
    assert_eq!(xattr::get(broken.path().join("Broken/one"), "user.wim.file").unwrap().unwrap(), b"c.wim");
    let one = mount.path().join("Group/one");
    assert_eq!(xattr::get(one, "user.wim.index").unwrap().unwrap(), b"1");
    assert!(xattr::get(mount.path().join("Group"), "user.wim.file").unwrap().is_none());
}
