//! Mount options, seen from outside: what the kernel lists, who may look, mount(8) and fstab, and
//! the log.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::io::Errno;
use testkit::{Image, Packing, Store, Wim, file, hex, need, root, sha1};
use wimstore_tests::{Mount, PATIENCE, SmallStore, Unmounted, eventually, in_namespace, run, wimstore};

/// The user `nobody` of every Debian.
const NOBODY: &str = "65534";

/// The line of mountinfo for a mount, from its mountpoint on.
fn listed(mount: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.split(' ').nth(4) == mount.to_str()).expect("it is mounted");
    line.splitn(5, ' ').nth(4).unwrap().split_once(' ').unwrap().1.to_owned()
}

#[test]
fn the_kernel_lists_the_mount_by_its_source_and_type() {
    let small = SmallStore::new();
    let odd = small.at("a, b\\c");
    fs::rename(small.path(), &odd).unwrap();
    let source = odd.to_str().unwrap().replace('\\', "\\134").replace(' ', "\\040");
    let cases: &[(&[&str], &str, &str, &str)] = &[
        (&[], "ro,nosuid,nodev,relatime", &source, ""),
        (&["-o", "noexec,noatime"], "ro,nosuid,nodev,noexec,noatime", &source, ""),
        (&["-o", "fsname=images"], "ro,nosuid,nodev,relatime", "images", ""),
        (&["-o", "dev,suid,ro,nofail,x-gvfs-show"], "ro,relatime", &source, ""),
        (&["-o", "allow_other"], "ro,nosuid,nodev,relatime", &source, ",allow_other"),
        (&["-o", "noallow_other"], "ro,nosuid,nodev,relatime", &source, "-"),
    ];
    for (options, flags, source, access) in cases {
        let mount = Mount::new(&odd, options);
        let line = listed(mount.path());
        let (shown, rest) = line.split_once(' ').unwrap();
        let (_, rest) = rest.split_once("- ").unwrap();
        assert_eq!(shown, *flags, "{options:?}: {line}");
        assert!(rest.starts_with(&format!("fuse.wimstore {source} ro,user_id=0,")), "{options:?}: {line}");
        assert!(rest.contains("default_permissions"), "{options:?}: {line}");
        assert!(access.is_empty() || rest.contains("allow_other") == (*access != "-"), "{options:?}: {line}");
    }
}

#[test]
fn owner_and_permissions_are_as_asked() {
    let small = SmallStore::new();
    let cases: &[(&[&str], u32, u32, u32, u32)] = &[
        (&[], 0, 0, 0o555, 0o444),
        (&["-o", "uid=12,gid=34"], 12, 34, 0o555, 0o444),
        (&["-o", "umask=027"], 0, 0, 0o550, 0o440),
        (&["-o", "umask=0777,fmask=0", "-o", "dmask=022"], 0, 0, 0o555, 0o444),
    ];
    for (options, uid, gid, directories, files) in cases {
        let mount = Mount::new(&small.path(), options);
        for (path, kind, permissions) in [
            (".", 0o040_000, directories),
            ("Group", 0o040_000, directories),
            ("Group/a", 0o040_000, directories),
            ("Group/a/docs", 0o040_000, directories),
            ("Group/a/docs/hello.txt", 0o100_000, files),
        ] {
            let seen = fs::metadata(mount.path().join(path)).unwrap();
            assert_eq!((seen.uid(), seen.gid()), (*uid, *gid), "{options:?}: {path}");
            assert_eq!(seen.mode(), kind | permissions, "{options:?}: {path} has {:o}", seen.mode());
        }
    }
}

/// Runs a command as another user, without any of root's powers.
fn as_nobody(program: &str, arguments: &[&Path]) -> Output {
    let mut command = Command::new(need("setpriv", "util-linux"));
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", program]);
    testkit::output(command.args(arguments))
}

#[test]
fn others_see_what_root_lets_them_see() {
    let small = SmallStore::new();
    let cases: &[(&str, bool, bool)] = &[
        ("ro", true, true), // root's mounts are for everybody, as those of ntfs-3g
        ("allow_other", true, true),
        ("noallow_other", false, false),
        ("allow_root", false, false),
        ("fmask=077", true, false),
        ("umask=077", false, false),
        ("umask=077,uid=65534", true, true),
    ];
    for (options, lists, reads) in cases {
        let mount = Mount::new(&small.path(), &["-o", options]);
        fs::set_permissions(mount.path().parent().unwrap(), Permissions::from_mode(0o1777)).unwrap();
        let (folder, file) = (mount.path().join("Group/a"), mount.path().join("Group/a/big"));
        assert_eq!(as_nobody("ls", &[&folder]).status.success(), *lists, "ls with {options}");
        assert_eq!(as_nobody("cat", &[&file]).stdout == SmallStore::big(), *reads, "cat with {options}");
        assert_eq!(fs::read(&file).unwrap(), SmallStore::big(), "{options}");
    }
}

#[test]
fn nothing_can_be_written() {
    type Attempt = fn(&Path) -> io::Result<()>;
    let attempts: &[(&str, Attempt)] = &[
        ("create", |d| File::create_new(d.join("new")).map(drop)),
        ("mkdir", |d| fs::create_dir(d.join("new"))),
        ("symlink", |d| symlink("x", d.join("new"))),
        ("link", |d| fs::hard_link(d.join("hello.txt"), d.join("new"))),
        ("unlink", |d| fs::remove_file(d.join("hello.txt"))),
        ("rmdir", |d| fs::remove_dir(d)),
        ("rename", |d| fs::rename(d.join("hello.txt"), d.join("new"))),
        ("chmod", |d| fs::set_permissions(d.join("hello.txt"), Permissions::from_mode(0o777))),
        ("truncate", |d| OpenOptions::new().write(true).truncate(true).open(d.join("hello.txt")).map(drop)),
        ("write", |d| OpenOptions::new().write(true).open(d.join("hello.txt"))?.write_all_at(b"x", 0)),
        ("append", |d| OpenOptions::new().append(true).open(d.join("hello.txt"))?.write_all(b"x")),
        ("setxattr", |d| xattr::set(d.join("hello.txt"), "user.x", b"x")),
        ("removexattr", |d| xattr::remove(d.join("hello.txt"), "user.wim.sha1")),
        ("times", |d| File::open(d.join("hello.txt"))?.set_modified(std::time::SystemTime::now())),
    ];
    let small = SmallStore::new();
    let mount = Mount::new(&small.path(), &["-o", "ro"]);
    let docs = mount.path().join("Group/a/docs");
    for how in ["ro", "rw"] {
        // Once remounted writable the kernel passes writes on: to us, who refuse them.
        testkit::run(Command::new("mount").args(["-i", "-o", &format!("remount,{how}")]).arg(mount.path()));
        for (name, attempt) in attempts {
            let error = attempt(&docs).expect_err(name);
            assert_eq!(error.raw_os_error(), Some(Errno::ROFS.raw_os_error()), "{name}, {how}: {error}");
        }
    }
    assert_eq!(fs::read(docs.join("hello.txt")).unwrap(), b"hello");
    assert_eq!(fs::read_dir(&docs).unwrap().count(), 1);
}

/// Runs a shell script in a namespace in which `/sbin` has nothing but links to `wimstore` under
/// the names by which mount(8) and umount(8) look for it. `$1` is wimstore, `$2` the store, `$3` an
/// empty folder.
fn with_helpers(small: &SmallStore, script: &str) -> Option<Output> {
    let preparations = r#"
        trap 'umount --lazy "$3" 2> /dev/null' EXIT
        set -e; mount -t tmpfs none /sbin; ln -s "$1" /sbin/mount.wimstore; ln -s "$1" /sbin/umount.fuse.wimstore; set +e"#;
    let mountpoint = small.make("mountpoint");
    in_namespace(&format!("{preparations}{script}"), &[wimstore(), small.path(), mountpoint])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn mount_8_calls_the_program_by_its_helper_names() {
    let small = SmallStore::new();
    let script = r#"
        mount -t wimstore "$2" "$3" -o ro,uid=12,x-gvfs-show,nofail || exit 1
        stat -c %u "$3/Group/a/docs/hello.txt"; cat "$3/Group/a/docs/hello.txt"; echo
        findmnt --noheadings --output FSTYPE --mountpoint "$3"
        umount "$3"; echo "umount $?"; findmnt --mountpoint "$3"
        mount -f -t wimstore "$2" "$3"; echo "fake $?"; findmnt --mountpoint "$3"
        mount -t wimstore "$2" "$3" -o ro,frobnicate; echo "unknown $?"
        mount -s -t wimstore "$2" "$3" -o ro,frobnicate; echo "sloppy $?"
        mount -t wimstore "$2" "$3"; echo "twice $?"
        umount --lazy "$3"; echo "lazy $?"
        mount -t wimstore "$2" "$3"; echo "rw $?"; umount "$3""#;
    let Some(output) = with_helpers(&small, script) else { return };
    let want = "12\nhello\nfuse.wimstore\numount 0\nfake 0\nunknown 2\nsloppy 0\ntwice 2\nlazy 0\nrw 0\n";
    assert_eq!(text(&output.stdout), want, "{}", text(&output.stderr));
    let complaints = text(&output.stderr);
    for want in [
        "mount option frobnicate is not known; `wimstore mount --help` lists those that are",
        "mount option frobnicate is not known and ignored",
        "is mounted on",
        "it is mounted read-only",
    ] {
        assert!(complaints.contains(want), "{want}: {complaints}");
    }
}

#[test]
fn links_of_the_helper_names_are_enough() {
    let small = SmallStore::new();
    let mountpoint = small.make("mountpoint");
    let _unmounted = Unmounted(&mountpoint);
    for name in ["mount.wimstore", "mount.fuse.wimstore", "umount.wimstore", "umount.fuse.wimstore"] {
        symlink(wimstore(), small.at(name)).unwrap();
    }
    let call = |name: &str, before: &[&Path], after: &str| {
        let mut command = Command::new(small.at(name));
        testkit::output(command.args(before).args(after.split_whitespace()))
    };
    let store = small.path();
    for kind in ["wimstore", "fuse.wimstore"] {
        let flags = "-n -v -o rw,uid=12,_netdev -t fuse.wimstore";
        let mounted = call(&format!("mount.{kind}"), &[&store, &mountpoint], flags);
        assert_eq!(mounted.status.code(), Some(0), "{}", text(&mounted.stderr));
        let owner = fs::metadata(mountpoint.join("Group")).map(|seen| seen.uid());
        let unmounted = call(&format!("umount.{kind}"), &[&mountpoint], "-n -t fuse.wimstore");
        assert_eq!(unmounted.status.code(), Some(0), "{}", text(&unmounted.stderr));
        assert_eq!(owner.unwrap(), 12);
        assert!(fs::read_dir(&mountpoint).unwrap().next().is_none());
    }
    assert_eq!(call("mount.wimstore", &[&store, &mountpoint], "-o frobnicate").status.code(), Some(2));
    assert_eq!(call("mount.wimstore", &[&store, &mountpoint], "-f -s -o frobnicate").status.code(), Some(0));
    assert!(fs::read_dir(&mountpoint).unwrap().next().is_none());
}

#[test]
fn fstab_mounts_a_store() {
    let small = SmallStore::new();
    let fields = |path: PathBuf| path.to_str().unwrap().replace(' ', "\\040");
    let (store, mountpoint) = (fields(small.path()), fields(small.at("mountpoint")));
    let line =
        format!("{store} {mountpoint} wimstore ro,nofail,_netdev,x-systemd.automount,umask=027,comment=store 0 0\n");
    fs::write(small.at("fstab"), line).unwrap();
    let script = r#"
        tab="$(dirname "$2")/fstab"
        mount --fstab "$tab" "$3"; echo "$?"
        stat -c %a "$3/Group"; cat "$3/Group/a/docs/hello.txt"; echo
        umount "$3"; echo "$?"
        mount --fstab "$tab" --all; echo "$?"; umount "$3"; echo "$?""#;
    let Some(output) = with_helpers(&small, script) else { return };
    assert_eq!(text(&output.stdout), "0\n550\nhello\n0\n0\n0\n", "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn ordinary_users_mount_through_fusermount3() {
    let small = SmallStore::new();
    need("fusermount3", "fuse3");
    for folder in [small.folder(), &small.at("mountpoint")] {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::chown(small.at("mountpoint"), Some(65534), Some(65534)).unwrap();
    // A copy of the program where nobody can run it, and a FUSE device that everybody may open, as
    // on a desktop.
    fs::copy(wimstore(), small.at("wimstore")).unwrap();
    let script = r#"
        trap 'umount --lazy "$1/mountpoint" 2> /dev/null' EXIT
        set -e; cd "$1"; mknod fuse c 10 229; chmod 666 fuse; mount --bind fuse /dev/fuse; set +e
        user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
        user ./wimstore mount store mountpoint -o 'fsname=a\,b\c'; echo "mount $?"
        user cat mountpoint/Group/a/docs/hello.txt; echo
        user stat -c '%u %g' mountpoint/Group
        findmnt --noheadings --raw --output FSTYPE,SOURCE --mountpoint "$1/mountpoint"
        cat mountpoint/Group/a/docs/hello.txt; echo "root $?"
        user ./wimstore mount store mountpoint; echo "again $?"
        user sh -c 'exec 3< mountpoint/Group/a/big; ./wimstore umount mountpoint; echo "busy $?"'
        user ./wimstore umount mountpoint; echo "umount $?"
        user ./wimstore mount store mountpoint -o allow_other; echo "others $?"
        setpriv --reuid 65534 --clear-groups ./wimstore mount --foreground store mountpoint & server=$!
        until findmnt --mountpoint "$1/mountpoint" > found; do sleep 0.05; done
        kill $server; wait $server; echo "signal $?"; findmnt --mountpoint "$1/mountpoint"
        PATH=/nowhere; /usr/bin/setpriv --reuid 65534 --clear-groups ./wimstore mount store mountpoint; echo "alone $?""#;
    let Some(output) = in_namespace(script, &[small.folder()]) else { return };
    let want = "mount 0\nhello\n65534 65534\nfuse.wimstore a,b\\x5cc\nroot 1\nagain 2\nbusy 2\numount 0\nothers 2\nsignal 0\n\
        alone 2\n";
    let complaints = text(&output.stderr);
    assert_eq!(text(&output.stdout), want, "{complaints}");
    for want in ["Permission denied", "is in use by open files", "user_allow_other", "install the package fuse3"] {
        assert!(complaints.contains(want), "{want}: {complaints}");
    }
}

#[test]
fn damage_leaves_one_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = testkit::content::text(200_000);
    let tree = root([file("bad", data.clone()), file("good", "good")]);
    let mut built = Wim::of(Packing::Lzx(32768), [Image::new("a", tree)]).build();
    let place = built.resource(&data).clone();
    built.flip(place.chunks[3].start + 100, 2);
    let archive = Store::new(&folder.path().join("store")).add("Group", "a.wim", &built);
    let log = folder.path().join("log");
    let mount = Mount::new(&folder.path().join("store"), &["--log-file", log.to_str().unwrap()]);
    for _ in 0..3 {
        let error = fs::read(mount.path().join("Group/a/bad")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()));
    }
    assert_eq!(fs::read(mount.path().join("Group/a/good")).unwrap(), b"good");
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    let facts = [
        "ERROR".to_owned(),
        "Group/a/bad: ".to_owned(),
        archive.display().to_string(),
        hex(&sha1(&data)),
        format!("{:#x}", place.range.start),
    ];
    for fact in facts {
        assert!(log.contains(&fact), "{fact}: {log}");
    }
}

/// Makes a store whose file `Group/a/bad` cannot be read.
fn damaged(folder: &Path) -> PathBuf {
    let data = testkit::content::text(100_000);
    let mut built = Wim::of(Packing::Xpress(32768), [Image::new("a", root([file("bad", data.clone())]))]).build();
    let chunk = built.resource(&data).chunks[1].start;
    built.flip(chunk + 100, 2);
    Store::new(&folder.join("store")).add("Group", "a.wim", &built);
    folder.join("store")
}

#[test]
fn a_mount_without_a_log_file_logs_to_syslog() {
    let folder = tempfile::tempdir().unwrap();
    let store = damaged(folder.path());
    let syslog = std::os::unix::net::UnixDatagram::bind(folder.path().join("syslog")).unwrap();
    syslog.set_read_timeout(Some(PATIENCE)).unwrap();
    let script = r#"
        trap 'umount --lazy "$3/mountpoint" 2> /dev/null' EXIT; set -e
        cd "$3"; mkdir mountpoint dev; mount -t tmpfs none dev; touch dev/fuse dev/null dev/log
        mount --bind /dev/fuse dev/fuse; mount --bind /dev/null dev/null; mount --bind syslog dev/log; mount --move dev /dev
        "$1" mount "$2" mountpoint; set +e
        cat mountpoint/Group/a/bad > copy; cat mountpoint/Group/a/bad > copy
        readlink "/proc/$(getfattr --only-values -n user.wimstore.pid mountpoint)/fd/2" | cut -d: -f1
        "$1" umount mountpoint; echo "$?""#;
    let Some(output) = in_namespace(script, &[&wimstore(), &store, folder.path()]) else { return };
    // The runtime's message before it aborts reaches the system's log, too.
    assert_eq!(text(&output.stdout), "socket\n0\n", "{}", text(&output.stderr));
    let mut buffer = [0; 4096];
    let len = syslog.recv(&mut buffer).unwrap();
    let message = text(&buffer[..len]);
    assert!(message.starts_with("<27>wimstore[") && message.contains("ERROR Group/a/bad: "), "{message}");
    assert!(!message.contains('\n') && !message.contains('\u{1b}'), "{message:?}");
    syslog.set_nonblocking(true).unwrap();
    assert_eq!(syslog.recv(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock, "one message");
}

#[test]
fn a_verbose_log_has_a_line_for_each_request() {
    let small = SmallStore::new();
    let log = small.at("log");
    let mount = Mount::new(&small.path(), &["-vv", "--log-file", log.to_str().unwrap()]);
    assert_eq!(fs::read(mount.path().join("Group/a/docs/hello.txt")).unwrap(), b"hello");
    xattr::list(mount.path().join("Group/a/big")).unwrap().count();
    let ino = fs::metadata(mount.path().join("Group/a/docs/hello.txt")).unwrap().ino();
    assert!(run(["umount".as_ref(), mount.path().as_os_str()]).status.success());
    let log = fs::read_to_string(log).unwrap();
    let read = format!("op=\"read\" ino={ino} offset=0 size=");
    for want in ["INFO mounted", "op=\"lookup\" ino=1 name=\"Group\"", &read, "op=\"listxattr\"", "INFO unmounted"] {
        assert_eq!(log.lines().filter(|line| line.contains(want)).count(), 1, "{want}: {log}");
    }
}

#[test]
fn a_mount_outlives_its_log() {
    let small = SmallStore::new();
    let mountpoint = small.make("mountpoint");
    let _unmounted = Unmounted(&mountpoint);
    let mut command = Command::new(wimstore());
    command.args(["mount", "--foreground", "-vv"]).args([small.path(), mountpoint.clone()]).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut first = [0; 1];
    server.stderr.take().unwrap().read_exact(&mut first).unwrap(); // it has begun to log; now nobody reads on
    let answers =
        eventually(|| fs::read(mountpoint.join("Group/a/docs/hello.txt")).is_ok_and(|bytes| bytes == b"hello"));
    let rounds = (0..100).all(|round| !mountpoint.join(format!("Group/a/absent-{round}")).exists());
    let big = fs::read(mountpoint.join("Group/a/big")).is_ok_and(|bytes| bytes == SmallStore::big());
    let unmounted = run(["umount".as_ref(), mountpoint.as_os_str()]);
    let code = server.wait().unwrap().code();
    assert!(answers && rounds && big, "{answers} {rounds} {big}");
    assert_eq!((unmounted.status.code(), code), (Some(0), Some(0)), "{}", text(&unmounted.stderr));
}

#[test]
fn a_process_that_cannot_open_its_log_says_so() {
    let small = SmallStore::new();
    let mountpoint = small.make("mountpoint");
    let output =
        run(["mount", "--log-file", "/no/such/log"].map(Path::new).into_iter().chain([&*small.path(), &mountpoint]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/no/such/log: cannot write the log"), "{}", text(&output.stderr));
    assert!(eventually(|| fs::read_dir(&mountpoint).unwrap().next().is_none()));
}
