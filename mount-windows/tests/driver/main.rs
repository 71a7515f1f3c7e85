//! The drive through WinFsp's own DLL: what it answers is what the filesystem says.
#![cfg(windows)]
#![expect(unsafe_code, reason = "stands in for a driver")]
#![expect(clippy::unwrap_used, reason = "a test")]

mod fsd;
mod walk;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fs_core::{Filesystem, ImageChoice, LinkTargets, Options, StreamInterface};
use mount_windows::{DriveOptions, Mounted, Security, Status};
use testkit::{Data, Dentry, Image, Packing, Stream, Wim, content, dir, file, reparse, root, utf16};
use walk::compare;

/// A store as the program would mount it.
fn open(path: &Path, image: Option<u32>) -> Arc<Filesystem> {
    let image = image.map(ImageChoice::Number);
    let options = Options { image, ignore_case: true, streams: StreamInterface::None, ..Options::default() };
    Arc::new(Filesystem::open(path, options).unwrap())
}

fn mount(fs: &Arc<Filesystem>, options: DriveOptions) -> Mounted {
    mount_windows::mount(Arc::clone(fs), "R:".as_ref(), options).unwrap()
}

fn save(folder: &Path, tree: Dentry) -> std::path::PathBuf {
    let path = folder.join("a.wim");
    Wim::new(Packing::Lzx(32768), tree).build().save(&path);
    path
}

fn with_stream(mut dentry: Dentry, name: &str, data: &[u8]) -> Dentry {
    dentry.streams.push(Stream { name: utf16(name), data: data.into(), length: None });
    dentry
}

fn with_attributes(mut dentry: Dentry, attributes: u32) -> Dentry {
    dentry.attributes |= attributes;
    dentry
}

fn link(name: &str, target: &str, relative: bool) -> Dentry {
    file(name, Data::Empty).reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
}

/// Everything that has a place of its own in the drive's answers.
fn everything() -> Dentry {
    let many = (0..700).map(|n| file(&format!("entry-{n:04}.dat"), vec![b'a'; n % 13]));
    root([
        dir(
            "Docs",
            [
                with_stream(file("ReadMe.txt", "hello from a read-only volume\n"), "origin", b"pkg:1"),
                file("big.bin", content::of_kind("exe", 1_000_000)),
                with_attributes(file("locked", "x"), 0x1 | 0x2),
            ],
        ),
        link("link", "Docs", true),
        link("out", r"..\..\Docs", true),
        link("absolute", r"\??\C:\docs\README.TXT", false),
        file("junction", Data::Empty).reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\Docs", r"C:\Docs")),
        with_stream(file("wof", "").reparse(0x8000_0017, vec![1, 0, 0, 0, 2, 0, 0, 0]), "", b"its data"),
        file("Ünïcode ß.txt", "x"),
        file("colon:star*", "y"),
        file("case", "lower"),
        file("CASE", "upper"),
        file(&"n".repeat(255), "long"),
        dir("many", many.collect::<Vec<_>>()),
        dir("empty", []),
    ])
}

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
        assert_eq!(fsd::open(asked).ok().unwrap().name, want, "{asked}");
    }
    let status = |path| fsd::open(path).err().unwrap().status();
    assert_eq!(status(r"\docs\nope"), Status::OBJECT_NAME_NOT_FOUND.0);
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
    let status = |r: Result<fsd::Open, fsd::Reply>| r.err().map_or(0, |reply| reply.status());
    let cases = [
        ("create", fsd::create(r"\Docs\new.txt", 2, 0, 2), DENIED),
        ("open for writing", fsd::create(r"\Docs\ReadMe.txt", 1, 0, 2), DENIED),
        ("overwrite", fsd::create(r"\Docs\ReadMe.txt", 4, 0, fsd::READ), DENIED),
        ("delete when closed", fsd::create(r"\Docs\ReadMe.txt", 1, 0x1000, 0x1_0000), Status::MEDIA_WRITE_PROTECTED.0),
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
    let open = fsd::create_as(r"\Docs\ReadMe.txt", 1, 0, 2, false).ok().unwrap();
    assert_eq!(open.write(), Status::MEDIA_WRITE_PROTECTED.0);
    let locked = fsd::open(r"\docs\locked").ok().unwrap();
    assert_eq!(locked.info.FileAttributes, 0x23, "read-only where the image says so");
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
    let label = &volume.VolumeLabel[..usize::from(volume.VolumeLabelLength) / 2];
    assert_eq!(String::from_utf16(label).unwrap(), "testkit");
    drop(mounted);
}

#[test]
fn eight_threads_read_at_once() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let fs = open(&save(folder.path(), everything()), Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    let want = content::of_kind("exe", 1_000_000);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let want = &want;
            scope.spawn(move || {
                let file = fsd::open(r"\docs\BIG.bin").ok().unwrap();
                for round in 0..40 {
                    let at = (round * 19_937 + thread * 777) % 990_000;
                    assert_eq!(file.read(at, 9000).unwrap(), want[at as usize..][..9000]);
                }
            });
        }
    });
    drop(mounted);
}

#[test]
fn damage_is_an_error_and_the_rest_is_served() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let built = Wim::of(
        Packing::Stored,
        [Image::new("i", root([file("good", vec![1; 50_000]), file("bad", vec![2; 50_000])]))],
    )
    .build();
    let path = folder.path().join("a.wim");
    built.save(&path);
    let place = built.resource(&[2; 50_000]).range.clone();
    let mut bytes = built.bytes.clone();
    bytes[place.start + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let fs = open(&path, Some(1));
    let mounted = mount(&fs, DriveOptions::default());
    let bad = fsd::open(r"\bad").ok().unwrap();
    assert_eq!(bad.read(0, 100), Err(Status::DATA_ERROR.0));
    let good = fsd::open(r"\good").ok().unwrap();
    assert_eq!(good.read(49_990, 100).unwrap(), [1; 10]);
    assert_eq!(good.read(50_000, 100), Err(Status::END_OF_FILE.0));

    // Cut under the mount: what is gone is an error, and no more than that.
    let cut = built.resource(&[1; 50_000]).range.start.min(place.start) as u64 + 1;
    fs::File::options().write(true).open(&path).unwrap().set_len(cut).unwrap();
    let other = fsd::open(r"\good").ok().unwrap();
    assert_eq!(other.read(0, 100), Err(Status::DATA_ERROR.0));
    assert_eq!(fsd::open(r"\").ok().unwrap().list(4096), ["bad", "good"]);
    drop((bad, good, other, mounted));
}

#[test]
fn archives_with_every_fault_are_walked() {
    let _driver = fsd::driver();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fault.wim");
    let mut opened = 0;
    for fault in testkit::faults::all() {
        (fault.build)().save(&path);
        let options = Options { ignore_case: true, streams: StreamInterface::None, ..Options::default() };
        let Ok(fs) = Filesystem::open(&path, options) else { continue };
        let fs = Arc::new(fs);
        let mounted = mount(&fs, DriveOptions::default());
        compare(&fs, DriveOptions::default());
        opened += 1;
        drop(mounted);
    }
    assert!(opened > 20, "{opened} of them open");
}

/// `wimlib-imagex` has made these, where tests can run it; scripts/test does.
#[test]
fn archives_of_our_peers_are_walked() {
    let Some(folder) = std::env::var_os("WIMSTORE_PEER_ARCHIVES") else {
        println!("skipped: WIMSTORE_PEER_ARCHIVES names no folder of archives (scripts/test --windows makes one)");
        return;
    };
    let _driver = fsd::driver();
    let mut walked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let fs = open(&entry.unwrap().path(), None);
        let options = DriveOptions { security: Security::Image, ..DriveOptions::default() };
        let mounted = mount(&fs, options);
        assert!(compare(&fs, options) > 10);
        walked += 1;
        drop(mounted);
    }
    assert!(walked > 0);
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
        // owner and group Everyone; everybody may do all
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
