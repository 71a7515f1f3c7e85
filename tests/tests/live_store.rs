//! A store that changes under its mount: what comes, goes and changes is shown.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use testkit::ntfs::Volume;
use testkit::{Image, Packing, Wim, file, root};
use wimstore_tests::{LiveStore, PATIENCE, Unmounted, eventually, in_namespace, one, wimstore};

fn is_absent(live: &LiveStore, path: &str) -> bool {
    fs::metadata(live.path(path)).is_err_and(|error| error.raw_os_error() == Some(Errno::NOENT.raw_os_error()))
}

/// Makes the kernel remember everything that is about to change, absent names too.
fn prime(live: &LiveStore, absent: &[&str]) {
    for group in live.names("") {
        for image in live.names(&group) {
            live.names(&format!("{group}/{image}"));
        }
    }
    for _ in 0..2 {
        assert!(absent.iter().all(|name| is_absent(live, name)), "{absent:?}");
    }
}

#[test]
fn archives_come_and_go() {
    let live = LiveStore::new(&[]);
    prime(&live, &["Group/b", "Group/c"]);
    let untouched = ["Group", "Group/a", "Group/a/file"].map(|path| live.ino(path));
    let check = || assert_eq!(["Group", "Group/a", "Group/a/file"].map(|path| live.ino(path)), untouched);
    let same_time = || {
        let folder = fs::metadata(live.stored("Group")).unwrap();
        let shown = || fs::metadata(live.path("Group")).unwrap();
        assert!(eventually(
            || (shown().mtime(), shown().mtime_nsec() / 100) == (folder.mtime(), folder.mtime_nsec() / 100)
        ));
    };

    let b = live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);
    live.holds("Group/b/file", "second");
    check();
    same_time();

    let number = live.ino("Group/b");
    fs::rename(&b, live.stored("Group/a first.wim")).unwrap();
    assert!(eventually(
        || xattr::get(live.path("Group/b"), "user.wim.file").ok().flatten().as_deref() == Some(b"a first.wim")
    ));
    assert_ne!(live.ino("Group/b"), number);
    check();

    fs::remove_file(live.stored("Group/a first.wim")).unwrap();
    live.shows("Group", &["a"]);
    assert!(is_absent(&live, "Group/b"));
    check();
    same_time();

    live.add("Group", "two.wim", &Wim::of(Packing::Stored, ["b", "c"].map(|name| Image::new(name, root([])))).build());
    live.shows("Group", &["a", "b", "c"]);
    assert!(!is_absent(&live, "Group/b") && !is_absent(&live, "Group/c"));
    check();
}

#[test]
fn groups_come_and_go() {
    let live = LiveStore::new(&[]);
    prime(&live, &["New", "Newer"]);
    let untouched = ["Group", "Group/a/file"].map(|path| live.ino(path));
    let time = || fs::metadata(live.path("")).map(|shown| (shown.mtime(), shown.mtime_nsec())).unwrap();
    let before = time();

    live.add("New", "n.wim", &one("n", "new"));
    live.shows("", &["Group", "New"]);
    live.holds("New/n/file", "new");
    assert_ne!(time(), before, "the root shows when groups came or went");
    live.add("New", "o.wim", &one("o", "other"));
    live.shows("New", &["n", "o"]); // a new group is watched, too

    fs::rename(live.stored("New"), live.stored("Newer")).unwrap();
    live.shows("", &["Group", "Newer"]);
    assert!(is_absent(&live, "New/n/file"));
    live.holds("Newer/n/file", "new");

    fs::remove_dir_all(live.stored("Newer")).unwrap();
    live.shows("", &["Group"]);
    assert!(is_absent(&live, "Newer"));
    assert_eq!(["Group", "Group/a/file"].map(|path| live.ino(path)), untouched);
}

#[test]
fn archives_are_hidden_and_shown_again() {
    let live = LiveStore::new(&[]);
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);
    let sidecar = live.stored("Group/b.wim.wimstore.json");
    fs::write(&sidecar, r#"{"hidden": true}"#).unwrap();
    live.shows("Group", &["a"]);
    fs::write(&sidecar, r#"{"hidden": false}"#).unwrap();
    live.shows("Group", &["a", "b"]);
    let archive = live.stored("Group/b.wim");
    if xattr::set(&archive, "user.DOSATTRIB", b"0x22").is_err() {
        wimstore_tests::skipped("Samba's attribute, which the folder for temporary files cannot have");
        return;
    }
    live.shows("Group", &["a"]);
    xattr::set(&archive, "user.DOSATTRIB", b"0x20").unwrap();
    live.shows("Group", &["a", "b"]);
    live.holds("Group/b/file", "second");
}

#[test]
fn a_replaced_archive_has_other_numbers() {
    let live = LiveStore::new(&[]);
    let before = ["Group/a", "Group/a/file"].map(|path| live.ino(path));
    live.holds("Group/a/file", "first");
    live.add("Group", "a.wim", &one("a", "other"));
    live.holds("Group/a/file", "other");
    let after = ["Group/a", "Group/a/file"].map(|path| live.ino(path));
    assert!(before.iter().all(|number| !after.contains(number)), "{before:?} {after:?}");

    // Written to in place, as `cp` does: the same, once it is whole.
    one("a", "third, and longer").save(&live.stored("Group/a.wim"));
    live.holds("Group/a/file", "third, and longer");
    let xml =
        || String::from_utf8_lossy(&xattr::get(live.path("Group/b"), "user.wim.xml").unwrap().unwrap()).into_owned();
    one("b", "third, and longer").save(&live.stored("Group/a.wim"));
    live.shows("Group", &["b"]);
    assert!(xml().contains("<NAME>b</NAME>"), "{}", xml());

    // Only touched: everything is what it was.
    let before = live.ino("Group/b/file");
    let file = fs::File::options().append(true).open(live.stored("Group/a.wim")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    live.has_seen("Group");
    assert_eq!(live.ino("Group/b/file"), before);
}

#[test]
fn an_archive_being_written_is_tried_until_it_is_whole() {
    let live = LiveStore::new(&[]);
    prime(&live, &["Group/slow"]);
    let whole = Wim::of(Packing::Stored, [Image::new("slow", root([file("file", testkit::content::random(300_000))]))]);
    let bytes = whole.integrity(4096).build().bytes;
    let path = live.stored("Group/slow.wim");
    for part in 1..=4 {
        assert!(is_absent(&live, "Group/slow"), "after {} parts of 4", part - 1);
        use std::io::Write;
        let mut file = fs::File::options().create(true).append(true).open(&path).unwrap();
        file.write_all(&bytes[bytes.len() * (part - 1) / 4..bytes.len() * part / 4]).unwrap();
        live.has_seen("Group");
    }
    live.shows("Group", &["a", "slow"]);
    assert_eq!(fs::read(live.path("Group/slow/file")).unwrap(), testkit::content::random(300_000));
    let complaints = live.log().lines().filter(|line| line.contains("slow.wim") && line.contains("left out")).count();
    assert!(complaints <= 1, "{}", live.log());
}

#[test]
fn names_in_any_case_are_followed() {
    let live = LiveStore::new(&["-o", "ignore_case"]);
    prime(&live, &["GROUP/B", "group/b"]);
    live.holds("GROUP/A/FILE", "first");
    live.add("Group", "b.wim", &one("b", "second"));
    live.holds("GROUP/B/FILE", "second");
    live.holds("group/b/file", "second");
    fs::remove_file(live.stored("Group/a.wim")).unwrap();
    assert!(eventually(|| is_absent(&live, "GROUP/A")) && eventually(|| is_absent(&live, "group/a")));
}

#[test]
fn res_rwm_is_followed() {
    let mut live = LiveStore::unmounted();
    let (metadata, resources) = Wim::of(Packing::Stored, [Image::new("m", root([file("file", "in Res.rwm")]))]).pair();
    live.add("Group", "own.wim", &one("own", "its own"));
    live.add("Group", "m.wim", &metadata);
    let source = live.store().path().to_owned();
    live.mount(&source, &[]);
    let size = |path: &str| fs::metadata(live.path(path)).unwrap().len();
    let cause = || fs::read(live.path("Group/m/file")).err().and_then(|error| error.raw_os_error());
    assert_eq!((size("Group/m/file"), cause()), (1, Some(Errno::IO.raw_os_error())), "data is missing");
    live.holds("Group/own/file", "its own");
    let own = live.ino("Group/own/file");

    live.add("Group", "Res.rwm", &resources);
    live.holds("Group/m/file", "in Res.rwm");
    assert_eq!(size("Group/m/file"), 10);
    let number = live.ino("Group/m/file");

    // Another one with more in it, as when an image is added to the group: nothing moves.
    let more = Wim::of(Packing::Stored, [Image::new("", root([file("1", "in Res.rwm"), file("2", "more")]))]).pair().1;
    let (added, _) = Wim::of(Packing::Stored, [Image::new("n", root([file("file", "more")]))]).pair();
    live.add("Group", "Res.rwm", &more);
    live.add("Group", "n.wim", &added);
    live.holds("Group/n/file", "more");
    live.holds("Group/m/file", "in Res.rwm");
    assert_eq!(live.ino("Group/m/file"), number);

    fs::remove_file(live.stored("Group/Res.rwm")).unwrap();
    assert!(eventually(|| cause() == Some(Errno::IO.raw_os_error())));
    assert_eq!(size("Group/m/file"), 1);
    assert_eq!(live.ino("Group/own/file"), own, "it needs no Res.rwm");
    live.holds("Group/own/file", "its own");
}

#[test]
fn a_group_mounted_by_itself_is_followed() {
    let mut live = LiveStore::unmounted();
    let archive = live.add("Group", "a.wim", &one("a", "first"));
    live.mount(archive.parent().unwrap(), &[]);
    assert!(is_absent(&live, "b"));
    live.shows("", &["a"]);
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("", &["a", "b"]);
    live.holds("b/file", "second");
    fs::remove_file(archive).unwrap();
    live.shows("", &["b"]);
}

#[test]
fn a_file_mounted_by_itself_is_followed() {
    let mut live = LiveStore::unmounted();
    let archive = live.add("Group", "a.wim", &one("a", "first"));
    live.mount(&archive, &[]);
    live.holds("a/file", "first");
    assert!(is_absent(&live, "b"));
    live.add("Group", "a.wim", &one("b", "other"));
    live.shows("", &["b"]);
    live.holds("b/file", "other");
    // While there is no such file, or none that opens, what was there stays.
    fs::remove_file(&archive).unwrap();
    live.logs("a group cannot be listed", 0);
    fs::write(&archive, "not a WIM").unwrap();
    live.logs("left out", 0);
    live.shows("", &["b"]);
    live.holds("b/file", "other");
    live.add("Group", "a.wim", &one("c", "third"));
    live.shows("", &["c"]);
}

#[test]
fn an_image_mounted_by_itself_is_followed() {
    for choice in ["1", "a"] {
        let mut live = LiveStore::unmounted();
        let with = |names: &[&str]| {
            let files: Vec<_> = names.iter().map(|name| file(name, *name)).collect();
            Wim::of(Packing::Stored, [Image::new("a", root(files))]).build()
        };
        let archive = live.add("Group", "a.wim", &with(&["both", "old"]));
        live.mount(&archive, &["--image", choice]);
        live.shows("", &["both", "old"]);
        live.holds("both", "both");
        assert!(is_absent(&live, "new"));
        let (root, before) = (live.ino(""), live.ino("both"));
        live.add("Group", "a.wim", &with(&["both", "new"]));
        live.shows("", &["both", "new"]);
        live.holds("new", "new");
        assert!(is_absent(&live, "old"));
        assert_eq!(live.ino(""), root);
        assert_ne!(live.ino("both"), before);
        // An archive without that image: what was mounted stays.
        live.add("Group", "a.wim", &Wim::of(Packing::Stored, []).build());
        live.logs("the image mounted is no longer there", 0);
        live.shows("", &["both", "new"]);
        live.holds("both", "both");
    }
}

/// A store whose changes are polled for is looked at in time, however often something is mounted
/// elsewhere.
#[test]
fn mounts_elsewhere_do_not_delay_a_look() {
    let mut live = LiveStore::unmounted();
    let elsewhere = live.beside("elsewhere.wim");
    one("a", "first").save(&elsewhere);
    symlink(&elsewhere, live.store().group("Group").join("a.wim")).unwrap();
    let source = live.store().path().to_owned();
    live.mount(&source, &[]);
    live.holds("Group/a/file", "first");

    let mountpoint = live.beside("mountpoint");
    fs::create_dir(&mountpoint).unwrap();
    let (_unmounted, done) = (Unmounted(&mountpoint), AtomicBool::new(false));
    let run = |command: &str, arguments: &[&str]| {
        Command::new(command).args(arguments).arg(&mountpoint).status().is_ok_and(|status| status.success())
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(run("mount", &["-t", "tmpfs", "none"]) && run("umount", &[]), "a mount elsewhere");
            }
        });
        one("a", "other").save(&live.beside("new"));
        fs::rename(live.beside("new"), &elsewhere).unwrap();
        let seen = eventually(|| fs::read(live.path("Group/a/file")).is_ok_and(|content| content == b"other"));
        done.store(true, Ordering::Relaxed);
        assert!(seen, "{}", live.log());
    });
}

#[test]
fn a_folder_of_which_the_kernel_does_not_tell_is_looked_at() {
    // An archive that is a link to one elsewhere.
    let mut live = LiveStore::unmounted();
    let elsewhere = live.beside("elsewhere.wim");
    one("a", "first").save(&elsewhere);
    symlink(&elsewhere, live.store().group("Group").join("a.wim")).unwrap();
    let source = live.store().path().to_owned();
    live.mount(&source, &[]);
    live.holds("Group/a/file", "first");
    one("a", "other").save(&live.beside("new"));
    fs::rename(live.beside("new"), &elsewhere).unwrap();
    live.holds("Group/a/file", "other");

    // A file system that is not the kernel's own, such as a network share or, here, ntfs-3g.
    let mut live = LiveStore::unmounted();
    let volume = Volume::new(&live.beside("volume"), 16 << 20);
    let share = volume.mount(&live.beside("share"));
    let group = share.path().join("Images/Group");
    fs::create_dir_all(&group).unwrap();
    one("a", "first").save(&group.join("a.wim"));
    live.mount(share.path(), &[]);
    live.shows("Group", &["a"]);
    one("b", "second").save(&group.join("b.wim"));
    live.shows("Group", &["a", "b"]);
    live.holds("Group/b/file", "second");
    assert!(live.log().contains("every second"), "{}", live.log());
    drop(live); // it has files of the share open
}

#[test]
fn a_mount_over_a_group_is_seen_beside_another_change() {
    let live = LiveStore::unmounted();
    live.add("Group", "a.wim", &one("a", "first"));
    live.add("Other", "b.wim", &one("b", "second"));
    live.add("New", "c.wim", &one("c", "third"));
    fs::rename(live.stored("Other"), live.beside("other")).unwrap();
    fs::rename(live.stored("New"), live.beside("new")).unwrap();
    fs::create_dir(live.beside("mountpoint")).unwrap();
    // The server stands still until both have come.
    let script = r#"
        cd "$2" && "$1" mount store mountpoint || exit
        trap 'umount --lazy mountpoint' EXIT
        server=$(getfattr --only-values -n user.wimstore.pid mountpoint 2> /dev/null)
        shows() { for _ in $(seq 3000); do [ "$(ls mountpoint/Group)" = "$1" ] && return; sleep 0.1; done; exit 1; }
        shows a
        kill -STOP "$server"
        while grep -qv ') T ' "/proc/$server/task/"*/stat; do sleep 0.05; done
        touch store/Images/Group/note.wim; mount --bind other store/Images/Group
        kill -CONT "$server"
        shows b
        mv new/c.wim other/c.wim
        shows "$(printf 'b\nc')""#;
    let Some(output) = in_namespace(script, &[&wimstore(), &live.beside("")]) else { return };
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_idle_store_costs_nothing() {
    let live = LiveStore::new(&[]);
    live.shows("Group", &["a"]);
    live.add("Group", "b.wim", &one("b", "second"));
    live.shows("Group", &["a", "b"]);
    // Every look opens these folders to list them, and no other program does. What wakes the
    // program without a look does not count: it is told of all mounts that come and go on the
    // machine.
    let opened = inotify::init(CreateFlags::CLOEXEC).unwrap();
    for folder in ["", "Group"] {
        inotify::add_watch(&opened, live.stored(folder), WatchFlags::OPEN).unwrap();
    }
    let looks = |within: Duration| {
        let limit = Timespec::try_from(within).unwrap();
        poll(&mut [PollFd::new(&opened, PollFlags::IN)], Some(&limit)).unwrap() > 0
    };
    // Three times as long as the pause between two looks where there are some without a cause.
    assert!(!looks(Duration::from_secs(3)), "it looks without a cause\n{}", live.log());
    live.add("Group", "c.wim", &one("c", "third"));
    assert!(looks(PATIENCE), "it looks, and this is how that is seen");
    live.shows("Group", &["a", "b", "c"]);
}
