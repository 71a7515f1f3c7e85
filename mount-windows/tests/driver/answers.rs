//! Answers to each kind of request, on one image that has everything.

use fs_core::LinkTargets;
use mount_windows::{DriveOptions, Security, Status};
use testkit::{Image, Packing, Wim, file, root};

use crate::fsd::{self, units, units_of};
use crate::walk::compare;
use crate::{everything, mount, open, save};

#[test]
fn every_path_answers_as_the_filesystem_does() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), everything());
    for (image, options, count) in [
        (Some(1), DriveOptions::default(), 717),
        (None, DriveOptions { security: Security::Image, links: LinkTargets::AsStored }, 718),
    ] {
        let fs = open(&path, image);
        let mounted = mount(&fs, options);
        assert_eq!(compare(&fs, options), count);
        drop(mounted);
    }
}

#[test]
fn names_are_written_as_stored() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    let cases = [
        (r"\DOCS\readme.TXT", r"\Docs\ReadMe.txt"),
        (r"\docs\README.txt:ORIGIN", r"\Docs\ReadMe.txt:origin"),
        ("\\üNÏCODE ß.TXT", "\\Ünïcode ß.txt"),
        ("\\COLON\u{f03a}STAR\u{f02a}", "\\colon\u{f03a}star\u{f02a}"),
        (r"\case", r"\case"),
        (r"\CASE", r"\CASE"),
        (r"\", r"\"),
    ];
    for (asked, want) in cases {
        assert_eq!(fsd::open(asked).ok().unwrap().name, units(want), "{asked}");
    }
    let status = |path| fsd::open(path).err().unwrap().status();
    assert_eq!(status(r"\docs\nope"), Status::OBJECT_NAME_NOT_FOUND.0);
    assert_eq!(status("\\üNÏCODE SS.TXT"), Status::OBJECT_NAME_NOT_FOUND.0, "unit by unit, as NTFS");
    assert_eq!(status(r"\nope\nope"), Status::OBJECT_PATH_NOT_FOUND.0);
    assert_eq!(status(r"\docs\readme.txt\x"), Status::OBJECT_PATH_NOT_FOUND.0);
    assert_eq!(status(r"\docs\readme.txt:nope"), Status::OBJECT_NAME_NOT_FOUND.0);
    drop(mounted);
}

#[test]
fn links_are_followed_by_winfsp() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    for (path, want) in [(r"\link\ReadMe.txt", r"\Docs\ReadMe.txt"), (r"\absolute", r"\Docs\ReadMe.txt")] {
        let reply = fsd::open(path).err().unwrap();
        assert_eq!(reply.status(), fsd::REPARSE, "{path}");
        assert_eq!(fsd::reparsed_to(&reply), want, "{path}");
    }
    let wof = fsd::open(r"\wof").ok().unwrap();
    assert_eq!((wof.info.FileAttributes & 0x400, wof.read(0, 100).unwrap()), (0, b"its data".to_vec()));
    assert_eq!(wof.reparse(r"\wof"), Err(Status::NOT_A_REPARSE_POINT.0));
    drop((wof, mounted));
}

#[test]
fn nothing_can_be_written() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    const DENIED: u32 = 0xC000_0022;
    const CANNOT_DELETE: u32 = 0xC000_0121;
    let status = |r: Result<fsd::Open, fsd::Reply>| r.err().map_or(0, |reply| reply.status());
    let cases = [
        ("create", fsd::create(r"\Docs\new.txt", 2, 0, 2), DENIED),
        ("open for writing", fsd::create(r"\Docs\ReadMe.txt", 1, 0, 2), DENIED),
        ("overwrite", fsd::create(r"\Docs\ReadMe.txt", 4, 0, fsd::READ), DENIED),
        ("delete when closed", fsd::create(r"\Docs\ReadMe.txt", 1, 0x1000, 0x1_0000), Status::MEDIA_WRITE_PROTECTED.0),
        ("delete what is read-only", fsd::create(r"\Docs\locked", 1, 0x1000, 0x1_0000), CANNOT_DELETE),
        ("open or create what is there", fsd::create(r"\Docs\ReadMe.txt", 3, 0, fsd::READ), 0),
        ("a directory as a file", fsd::create(r"\Docs", 1, 0x40, fsd::READ), Status::FILE_IS_A_DIRECTORY.0),
        ("create, by the kernel", fsd::create_as(r"\Docs\new.txt", 2, 0, 2, false), Status::MEDIA_WRITE_PROTECTED.0),
    ];
    for (name, result, want) in cases {
        assert_eq!(status(result), want, "{name}");
    }
    const WRITING: u32 = 0x2 | 0x4 | 0x10 | 0x100;
    let most = fsd::create(r"\Docs\ReadMe.txt", 1, 0, 0x0200_0000).ok().unwrap();
    assert_eq!(most.granted & (fsd::READ | WRITING), fsd::READ);
    // Callers that pass the descriptor, as the kernel does, reach the callbacks.
    let open = fsd::create_as(r"\Docs\ReadMe.txt", 1, 0, 2, false).ok().unwrap();
    let again = fsd::create_as(r"\Docs\ReadMe.txt", 1, 0, 2, false).ok().unwrap();
    assert_eq!(again.overwrite(), Status::MEDIA_WRITE_PROTECTED.0);
    assert_eq!(open.flush(), 0);
    for (change, status) in open.changes(r"\Docs\ReadMe.txt") {
        assert_eq!(status, Status::MEDIA_WRITE_PROTECTED.0, "{change}");
    }
    let locked = fsd::open(r"\docs\locked").ok().unwrap();
    assert_eq!((open.info.FileAttributes, locked.info.FileAttributes), (0x20, 0x23), "read-only as in the image");
    drop((most, open, locked, mounted));
}

#[test]
fn the_volume_tells_what_it_is() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    let volume = fsd::volume();
    assert_eq!((volume.TotalSize, volume.FreeSize), (fs.totals().bytes, 0));
    let params = fsd::params();
    assert_eq!(params[16..20], fs.volume().serial.to_le_bytes());
    assert_eq!(params[8..16], fs.attr(fs.root()).unwrap().created.0.to_le_bytes());
    let params_has = |text: &str| params.windows(2 * text.len()).any(|bytes| units_of(bytes) == units(text));
    assert!(params_has("NTFS"));
    assert_eq!(params[2..8], [0, 2, 8, 0, 255, 0], "sectors of 512 bytes, 8 to a unit of 4 KiB; longest names");
    assert_eq!(params[32..36], [255; 4], "what Windows is told is remembered until it is told to forget");
    let flags = u32::from_le_bytes(params[36..40].try_into().unwrap());
    // Names keep their case, Unicode, access lists, reparse points, named streams, read-only; and
    // case is not searched for.
    assert_eq!(flags & 0x3FF, 0x2 | 0x4 | 0x8 | 0x10 | 0x40 | 0x200, "{flags:#x}");
    let label = &volume.VolumeLabel[..usize::from(volume.VolumeLabelLength) / 2];
    assert_eq!(String::from_utf16(label).unwrap(), "testkit");
    drop(mounted);
}

#[test]
fn a_descriptor_is_the_images_only_if_asked_for() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let mut tree = root([file("secured", "x"), file("plain", "y")]);
    if let testkit::Children::List(list) = &mut tree.children {
        list[0].security = 0;
    }
    let stored = {
        // owner and group Everyone; everyone has full access
        let everyone = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let mut bytes = vec![1, 0, 4, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0];
        bytes.extend([everyone, everyone].concat());
        bytes.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xff, 1, 0x1f, 0]);
        bytes.extend(everyone);
        bytes
    };
    let path = folder.path().join("a.wim");
    let image = Image { security: vec![stored.clone()], ..Image::new("i", tree) };
    Wim::of(Packing::Stored, [image]).build().save(&path);
    let fs = open(&path, Some(1));
    for (security, secured) in [(Security::Uniform, false), (Security::Image, true)] {
        let mounted = mount(&fs, DriveOptions { security, ..DriveOptions::default() });
        let [one, two] = [r"\secured", r"\plain"].map(|path| fsd::open(path).ok().unwrap().security());
        assert_eq!(one == stored, secured);
        assert_ne!(two, stored);
        drop(mounted);
    }
}
