//! System calls on a mount: what they answer, and how few of them reach the process that serves it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, SeekFrom, StatVfsMountFlags, StatxFlags, StatxTimestamp, access, seek, statvfs, statx,
};
use rustix::io::Errno;
use testkit::{Image, Packing, TIME, Wim, dir, file, reparse, root};
use wimstore_tests::{Mount, SmallStore, run, skipped};

/// Lines of the log that begin with this request, once the mount is gone.
fn requests(log: &Path, op: &str) -> usize {
    let log = fs::read_to_string(log).unwrap();
    log.lines().filter(|line| line.contains(&format!("DEBUG op=\"{op}\""))).count()
}

/// Mounts with a log of all requests, does something, unmounts, and gives the log.
fn logged(small: &SmallStore, action: impl FnOnce(&Path)) -> std::path::PathBuf {
    let log = small.at("log");
    let mount = Mount::new(&small.path(), &["-vv", "--log-file", log.to_str().unwrap()]);
    action(mount.path());
    assert!(run(["umount".as_ref(), mount.path().as_os_str()]).status.success());
    log
}

#[test]
fn the_kernel_asks_once_and_remembers() {
    let small = SmallStore::new();
    let log = logged(&small, |mount| {
        for _ in 0..3 {
            assert_eq!(fs::read(mount.join("Group/a/big")).unwrap(), SmallStore::big());
            assert_eq!(fs::read(mount.join("Group/a/docs/hello.txt")).unwrap(), b"hello");
            assert_eq!(fs::read_dir(mount.join("Group/a")).unwrap().count(), 2);
            assert_eq!(fs::read_dir(mount.join("Group/a/docs")).unwrap().count(), 1);
            for _ in 0..10 {
                fs::metadata(mount.join("Group/a/docs")).unwrap();
                assert!(!mount.join("Group/a/absent").exists());
            }
        }
    });
    assert_eq!(requests(&log, "open"), 1, "then the kernel opens by itself");
    assert_eq!(requests(&log, "opendir"), 1);
    // Group, a, big, docs, hello.txt and absent; listings may have brought some of them.
    assert!((3..=6).contains(&requests(&log, "lookup")), "{}", requests(&log, "lookup"));
    assert_eq!(requests(&log, "getattr"), 1, "of the root, when it was mounted");
    // Requests of up to 1 MiB, of which the first ones are smaller; none of them twice.
    assert!((4..=8).contains(&requests(&log, "read")), "{}", requests(&log, "read"));
    let listings = requests(&log, "readdir") + requests(&log, "readdirplus");
    assert!((2..=4).contains(&listings), "{listings}: a page for each directory, and perhaps an empty one at its end");
}

#[test]
fn large_reads_arrive_as_large_requests() {
    let small = SmallStore::new();
    let log = logged(&small, |mount| {
        let file = File::open(mount.join("Group/a/big")).unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential).unwrap();
        assert_eq!(io::read_to_string(file).unwrap_or_default().len(), 0, "not text");
    });
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("size=1048576"), "{log}");
}

#[test]
fn the_kernel_reads_far_ahead() {
    let small = SmallStore::new();
    let mount = Mount::new(&small.path(), &["-o", "ro"]);
    let device = fs::metadata(mount.path()).unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    match fs::read_to_string(format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb")) {
        Ok(kib) => assert_eq!(kib.trim(), "4096"),
        Err(error) => skipped(format_args!("no sysfs: {error}")),
    }
}

#[test]
fn calls_answer_as_on_any_disk() {
    let small = SmallStore::new();
    let mount = Mount::new(&small.path(), &["-o", "ro"]);
    let hello = mount.path().join("Group/a/docs/hello.txt");
    let absent = mount.path().join("Group/a/absent");
    assert_eq!(access(&hello, Access::READ_OK), Ok(()));
    assert_eq!(access(&hello, Access::WRITE_OK), Err(Errno::ROFS));
    assert_eq!(access(&hello, Access::EXEC_OK), Err(Errno::ACCESS));
    assert_eq!(access(&absent, Access::EXISTS), Err(Errno::NOENT));
    let long = mount.path().join("n".repeat(1025)); // Linux before 6.14 does not ask for a name of this length
    assert!(matches!(access(&long, Access::EXISTS), Err(Errno::NOENT | Errno::NAMETOOLONG)));
    let not_unicode = mount.path().join(OsStr::from_bytes(b"Group/a/\xff"));
    assert_eq!(access(&not_unicode, Access::EXISTS), Err(Errno::NOENT));
    assert_eq!(access(hello.join("below"), Access::EXISTS), Err(Errno::NOTDIR));
    assert_eq!(rustix::fs::readlink(&hello, Vec::new()), Err(Errno::INVAL));
    assert_eq!(fs::read(mount.path().join("Group")).unwrap_err().raw_os_error(), Some(Errno::ISDIR.raw_os_error()));

    let file = File::open(&hello).unwrap();
    file.sync_all().unwrap();
    file.lock_shared().unwrap();
    file.unlock().unwrap();
    assert_eq!(seek(&file, SeekFrom::Hole(0)), Ok(5));
    assert_eq!(seek(&file, SeekFrom::Data(2)), Ok(2));
    assert_eq!(seek(&file, SeekFrom::Data(5)), Err(Errno::NXIO));
    File::open(mount.path()).unwrap().sync_all().unwrap();
}

#[test]
fn df_has_something_to_show() {
    let small = SmallStore::new();
    let mount = Mount::new(&small.path(), &["-o", "ro"]);
    fs::read_dir(mount.path().join("Group")).unwrap().count(); // groups count once they have been looked into
    let seen = statvfs(mount.path()).unwrap();
    let archive = fs::metadata(small.archive()).unwrap().len();
    assert_eq!(seen.f_blocks, archive.div_ceil(seen.f_frsize));
    assert_eq!((seen.f_bfree, seen.f_bavail, seen.f_ffree), (0, 0, 0));
    assert!(seen.f_namemax >= 255, "{}", seen.f_namemax);
    assert!(seen.f_flag.contains(StatVfsMountFlags::RDONLY));
}

#[test]
fn blocks_and_times_are_shown() {
    const YEAR: u64 = 365 * 24 * 3600 * 10_000_000;
    let folder = tempfile::tempdir().unwrap();
    let [created, accessed, written] = [TIME - 60 * YEAR, TIME + 1, TIME + YEAR];
    let tree = root([file("f", vec![1; 5000]).times(created, accessed, written)]);
    Wim::of(Packing::Stored, [Image::new("a", tree)]).build().save(&folder.path().join("a.wim"));
    let mount = Mount::new(&folder.path().join("a.wim"), &["--image", "1"]);
    let path = mount.path().join("f");
    let seen = statx(CWD, &path, AtFlags::empty(), StatxFlags::BASIC_STATS | StatxFlags::BTIME).unwrap();
    assert_eq!((seen.stx_size, seen.stx_blocks, seen.stx_nlink), (5000, 10, 1));
    let ticks =
        |time: StatxTimestamp| (time.tv_sec + 11_644_473_600) as u64 * 10_000_000 + u64::from(time.tv_nsec) / 100;
    assert_eq!([seen.stx_atime, seen.stx_mtime, seen.stx_ctime].map(ticks), [accessed, written, written]);
    // The birth time does not travel through this version of the protocol; it is here:
    assert_eq!(xattr::get(&path, "system.ntfs_crtime").unwrap().unwrap(), created.to_le_bytes());
}

#[test]
fn extended_attributes_keep_to_the_sizes_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let streams = [("empty", 0), ("small", 5), ("largest", 65_536), ("larger", 65_537)];
    let with_streams = streams.iter().fold(file("f", "x"), |file, (name, len)| file.stream(name, vec![7; *len]));
    let tree = root([with_streams, dir("d", []), file("plain", "x")]);
    Wim::of(Packing::Xpress(32768), [Image::new("a", tree)]).build().save(&folder.path().join("a.wim"));
    let mount = Mount::new(&folder.path().join("a.wim"), &["--image", "1"]);
    let path = mount.path().join("f");
    let get = |name: &str, size: usize| {
        let mut value = vec![0; size];
        rustix::fs::getxattr(&path, name, value.as_mut_slice()).map(|len| (len, value))
    };
    for (name, len) in streams.into_iter().filter(|(name, _)| *name != "larger") {
        let name = format!("user.{name}");
        assert_eq!(rustix::fs::getxattr_query(&path, name.as_str()), Ok(len), "{name}");
        assert_eq!(
            get(&name, len.max(1)).unwrap(),
            (len, vec![7; len].into_iter().chain((len == 0).then_some(0)).collect())
        );
        if len > 1 {
            assert_eq!(get(&name, len - 1).unwrap_err(), Errno::RANGE, "{name}");
        }
    }
    assert_eq!(get("user.larger", 65_536).unwrap_err(), Errno::TOOBIG);
    assert_eq!(get("user.absent", 100).unwrap_err(), Errno::NODATA);
    assert_eq!(get("system.absent", 100).unwrap_err(), Errno::NODATA);
    for unsupported in ["security.selinux", "system.posix_acl_access", "trusted.overlay"] {
        assert_eq!(get(unsupported, 100).unwrap_err(), Errno::OPNOTSUPP, "{unsupported}: `ls -l` asks no more then");
    }
    let mut list = vec![0; 10_000];
    let len = rustix::fs::listxattr(&path, &mut list).unwrap();
    assert_eq!(rustix::fs::listxattr_query(&path), Ok(len));
    assert_eq!(rustix::fs::listxattr(&path, &mut list[..len - 1]), Err(Errno::RANGE));
    let names: Vec<_> = xattr::list(&path).unwrap().collect();
    assert_eq!(names, ["user.empty", "user.small", "user.largest"], "those that can be read");
    assert!(!xattr::list(mount.path()).unwrap().any(|name| name == "user.wimstore.pid"), "asked for by name only");
    let process = xattr::get(mount.path(), "user.wimstore.pid").unwrap().unwrap();
    assert_eq!(process, mount.process().to_string().as_bytes());
    assert_eq!(xattr::get(&path, "user.wimstore.pid").unwrap(), None);
    let mount = Mount::new(&folder.path().join("a.wim"), &["--image", "1", "--unix-data"]);
    let absent = rustix::fs::getxattr(mount.path().join("f"), "security.selinux", [0_u8; 100].as_mut_slice());
    assert_eq!(absent, Err(Errno::NODATA), "the image may have some");
}

/// Directories in each other, and at the bottom a link to the root, whose target climbs through all
/// of them.
#[test]
fn a_target_longer_than_the_kernel_takes_is_an_error_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("a.wim");
    let target = reparse::symlink(r"\??\C:\file", r"C:\file", false);
    let link = file("link", "").reparse(reparse::SYMLINK, target);
    let nested = |depth: usize| (0..depth).fold(dir("d", [link.clone()]), |inner, _| dir("d", [inner]));
    Wim::new(Packing::Stored, root([file("file", "data"), nested(1500)])).build().save(&archive);
    let mount = Mount::new(&archive, &["--image", "1"]);
    let bottom = mount.path().join("d/".repeat(1501));
    assert!(fs::symlink_metadata(bottom.join("link")).unwrap().is_symlink());
    let error = fs::read_link(bottom.join("link")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(36), "{error}");
    assert_eq!(fs::read(mount.path().join("file")).unwrap(), b"data");
}
