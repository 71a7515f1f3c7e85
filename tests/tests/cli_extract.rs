//! `wimstore extract`.

use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::fs::inotify;
use testkit::content::{code, random, text};
use testkit::ntfs::Volume;
use testkit::{
    Bytes, Data, Dentry, Image, Packing, Store, Wim, capture, dir, file, flag, reparse, root, units, wimlib,
};
use wimstore_tests::{
    Look, Share, Tree, answer, assert_same, corpus, eventually, in_namespace, is_running, run, say, skipped, walk,
    wimstore,
};

fn look(folder: &Path) -> Tree {
    walk(folder, &Look::default())
}

fn saved(folder: &Path, wim: &Wim) -> String {
    let path = folder.join("a.wim");
    wim.build().save(&path);
    path.into_os_string().into_string().expect("UTF-8")
}

#[test]
fn parts_of_an_image_are_extracted_by_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let (source, archive) = (corpus(folder.path(), "source"), folder.path().join("a.wim"));
    capture(&source, &archive, &["--compress=xpress"]);
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    for path in ["text", "links", "case/README", "bin/perl"] {
        answer(&["extract", archive.to_str().unwrap(), "--image=1", path, ours.to_str().unwrap()]);
        wimlib(["extract", archive.to_str().unwrap(), "1", path, "--dest-dir", theirs.to_str().unwrap()]);
    }
    let (mut ours, mut theirs) = (look(&ours), look(&theirs));
    assert!(ours.contains_key(Path::new("README")) && ours.contains_key(Path::new("links/deeper/chain")));
    // The folder itself was made by each of them, and wimextract leaves links to within the image
    // absolute.
    for name in ["", "links/inside"] {
        assert!(ours.remove(Path::new(name)).is_some() && theirs.remove(Path::new(name)).is_some(), "{name}");
    }
    assert_same("extracted", &ours, &theirs);
}

#[test]
fn a_store_gives_images_groups_and_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("store"));
    let wim = |name: &str| Wim::of(Packing::Lzx(32768), [Image::new(name, root([dir("d", [file("f", name)])]))]);
    store.add_with_resources("G", &[("a.wim", wim("A")), ("b.wim", wim("B"))]);
    store.add("H", "c.wim", &wim("C").build());
    let store = store.path().to_str().unwrap();
    let files = |path: &[&str]| {
        let to = tempfile::tempdir().unwrap();
        answer(&[&["extract", store], path, &[to.path().to_str().unwrap()]].concat());
        let files = look(to.path()).into_iter().filter(|(_, node)| node.kind == "file");
        files.map(|(path, _)| path.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(files(&[]), ["G/A/d/f", "G/B/d/f", "H/C/d/f"]);
    assert_eq!(files(&["G"]), ["A/d/f", "B/d/f"]);
    assert_eq!(files(&["G/B"]), ["d/f"]);
    assert_eq!(files(&["G/B/d"]), ["d/f"]);
    assert_eq!(files(&["H\\C\\d\\f"]), ["f"]);
}

#[test]
fn times_and_permissions_are_restored() {
    let folder = tempfile::tempdir().unwrap();
    let time = 132_500_000_000_000_001;
    let tree = root([
        dir("d", [file("f", "x").times(time, time + 10_000_001, time + 20_000_002)]).times(0, time, time + 30_000_003),
        file("read-only", "x").attributes(flag::READONLY),
        file("old", "x").times(0, 0, 0),
    ]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree.times(1, time, time + 40_000_004)));
    let to = folder.path().join("to");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 027; exec \"$0\" \"$@\""]).arg(wimstore());
    assert!(command.args(["extract", &archive, "--image=1"]).arg(&to).status().unwrap().success());
    let facts = |name: &str| {
        let metadata = to.join(name).symlink_metadata().unwrap();
        let times = [(metadata.atime(), metadata.atime_nsec()), (metadata.mtime(), metadata.mtime_nsec())];
        (metadata.mode() & 0o7777, times)
    };
    let seconds = 1_605_526_400;
    assert_eq!(facts("d/f"), (0o640, [(seconds + 1, 200), (seconds + 2, 300)]));
    assert_eq!(facts("d").0, 0o750);
    assert_eq!(facts("d").1[1], (seconds + 3, 400));
    assert_eq!(facts("").1[1], (seconds + 4, 500));
    assert_eq!(facts("read-only").0, 0o440);
}

#[test]
fn unix_data_is_restored_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let tree = root([
        file("tool", "#!").unix(1000, 1001, 0o104_755, 0),
        file("pipe", "").unix(3, 4, 0o010_620, 0),
        file("null", "").unix(0, 0, 0o020_666, 0x0103),
        dir("closed", [file("f", "x").unix(5, 6, 0o100_000, 0)]).unix(7, 8, 0o040_000, 0),
        file("plain", "x"),
    ]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree));
    let (plain, unix) = (folder.path().join("plain"), folder.path().join("unix"));
    answer(&["extract", &archive, "--image=1", plain.to_str().unwrap()]);
    let metadata = plain.join("tool").metadata().unwrap();
    assert_eq!((metadata.mode() & 0o7000, metadata.uid()), (0, uid()));
    assert!(plain.join("pipe").metadata().unwrap().is_file());

    if uid() != 0 {
        let said = say(&["extract", &archive, "--image=1", "--unix-data", unix.to_str().unwrap()]);
        assert_eq!(said.code, 2, "an owner cannot be given by a user: {said:?}");
        return;
    }
    answer(&["extract", &archive, "--image=1", "--unix-data", unix.to_str().unwrap()]);
    let facts = |name: &str| {
        let metadata = unix.join(name).symlink_metadata().unwrap();
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    };
    assert_eq!(facts("tool"), (0o4755, 1000, 1001));
    assert_eq!(facts("pipe"), (0o620, 3, 4));
    assert!(unix.join("pipe").metadata().unwrap().file_type().is_fifo());
    let null = unix.join("null").metadata().unwrap();
    assert_eq!((null.file_type().is_char_device(), null.rdev()), (true, 0x0103));
    assert_eq!(facts("closed"), (0, 7, 8));
    assert_eq!(facts("closed/f"), (0, 5, 6));
    assert_eq!(facts("plain"), (0o644, 0, 0));
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Replaces each FIFO that is made in a folder by a planted link, as soon as it is made.
struct Attacker<'a> {
    folder: &'a Path,
    planted: &'a Path,
    swapped: usize,
}

impl Attacker<'_> {
    /// Attacks until a program has ended.
    fn attack(&mut self, program: &mut Command) -> ExitStatus {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
        inotify::add_watch(&watch, self.folder, inotify::WatchFlags::CREATE).expect("a watch");
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut child = program.spawn().expect("the program starts");
        loop {
            let mut events = inotify::Reader::new(&watch, &mut buffer);
            while let Ok(event) = events.next() {
                let name = OsStr::from_bytes(event.file_name().map_or(b"", |name| name.to_bytes()));
                self.swap(&self.folder.join(name));
            }
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                return status;
            }
        }
    }

    fn swap(&mut self, made: &Path) {
        if made.symlink_metadata().is_ok_and(|now| now.file_type().is_fifo()) {
            let planted = self.planted.join(self.swapped.to_string());
            self.swapped += usize::from(fs::rename(planted, made).is_ok());
        }
    }
}

#[test]
fn what_is_swapped_while_it_is_made_stays_as_it_is() {
    if uid() != 0 {
        skipped("only root can give files away");
        return;
    }
    const ROUNDS: u32 = 4000;
    let folder = tempfile::tempdir().unwrap();
    let [to, planted, victim] = ["to", "planted", "victim"].map(|name| folder.path().join(name));
    let pipes = (0..ROUNDS).map(|n| file(&format!("{n:04}"), "").unix(1000, 1000, 0o010_666, 0));
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root(pipes.collect::<Vec<_>>())));
    for folder in [&to, &planted] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(&victim, "secret").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    (0..ROUNDS).for_each(|number| symlink(&victim, planted.join(number.to_string())).unwrap());
    let facts = || {
        let now = victim.metadata().unwrap();
        (now.mode(), now.uid(), now.gid(), now.mtime(), now.mtime_nsec(), now.ctime(), now.ctime_nsec())
    };
    let before = facts();
    let mut attacker = Attacker { folder: &to, planted: &planted, swapped: 0 };
    let mut program = Command::new(wimstore());
    program.args(["extract", &archive, "--image=1", "--unix-data"]).arg(&to).stderr(Stdio::null());
    let status = attacker.attack(&mut program);
    assert!(status.code().is_some_and(|code| code == 0 || code == 2), "{status:?}");
    assert_eq!(facts(), before, "after {} entries were swapped", attacker.swapped);
}

#[test]
fn capabilities_survive_the_change_of_owner() {
    if uid() != 0 {
        println!("skipped: only root can give files away");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [source, archive, to] = ["source", "a.wim", "to"].map(|name| folder.path().join(name));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("tool"), "#!").unwrap();
    std::os::unix::fs::chown(source.join("tool"), Some(1000), Some(1001)).unwrap();
    // Version 2, effective; permitted: CAP_NET_BIND_SERVICE.
    let capability = [[1, 0, 0, 2], [0, 4, 0, 0], [0; 4], [0; 4], [0; 4]].concat();
    xattr::set(source.join("tool"), "security.capability", &capability).unwrap();
    capture(&source, &archive, &["--unix-data"]);
    answer(&["extract", archive.to_str().unwrap(), "--image=1", "--unix-data", to.to_str().unwrap()]);
    assert_eq!(to.join("tool").metadata().unwrap().uid(), 1000);
    assert_eq!(xattr::get(to.join("tool"), "security.capability").unwrap(), Some(capability));
}

#[test]
fn named_streams_become_extended_attributes_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let tree = root([
        file("f", "data").stream("big", random(70_000)).stream("note", "a stream").link(7),
        file("g", "data").stream("big", random(70_000)).stream("note", "a stream").link(7),
        dir("d", []).stream("of a folder", "x"),
    ]);
    let archive = saved(folder.path(), &Wim::new(Packing::Xpress(32768), tree));
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    answer(&["extract", &archive, "--image=1", without.to_str().unwrap()]);
    assert_eq!(xattr::list(without.join("f")).unwrap().count(), 0);

    let said = say(&["extract", &archive, "--image=1", "--streams", with.to_str().unwrap()]);
    assert_eq!(xattr::get(with.join("f"), "user.note").unwrap().unwrap(), b"a stream");
    assert_eq!(xattr::get(with.join("d"), "user.of a folder").unwrap().unwrap(), b"x");
    assert_eq!(fs::read(with.join("f")).unwrap(), b"data");
    assert_eq!(said.code, 2, "the large one does not fit: {said:?}");
    assert!(said.err.contains("/with/f: ") && said.err.contains("user.big"), "{said:?}");
    assert_eq!(said.err.lines().count(), 1, "and keeps nothing else from being made: {said:?}");
    assert_eq!(with.join("g").metadata().unwrap().nlink(), 2);
}

#[test]
fn encrypted_files_are_extracted_raw_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let raw = random(5000);
    let secret = file("secret", &raw).attributes(flag::ENCRYPTED | flag::ARCHIVE);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root([secret, file("plain", "plain")])));
    let to = folder.path().join("to");
    let refused = say(&["extract", &archive, "--image=1", to.to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("secret: ") && refused.err.contains("--efs-raw"), "{refused:?}");
    assert_eq!(look(&to).keys().filter(|path| path.as_os_str() != "").collect::<Vec<_>>(), [Path::new("plain")]);
    answer(&["extract", &archive, "--image=1", "--efs-raw", "--overwrite", to.to_str().unwrap()]);
    assert!(fs::read(to.join("secret")).unwrap() == raw);
    assert!(say(&["cat", &archive, "--image=1", "secret"]).err.contains("--efs-raw"));
    assert!(run(["cat", &archive, "--image=1", "--efs-raw", "secret"]).stdout == raw);
}

#[test]
fn what_is_there_stays_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let link = file("link", "").reparse(reparse::SYMLINK, reparse::symlink("new", "new", true));
    let tree = root([file("a", "new"), dir("d", [file("b", "new")]), file("e", "new"), link, file("z", "new")]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree));
    let to = folder.path().join("to");
    fs::create_dir_all(to.join("d")).unwrap();
    fs::create_dir_all(to.join("e/mine")).unwrap();
    for name in ["a", "d/b", "d/mine", "link"] {
        fs::write(to.join(name), "old").unwrap();
    }
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(to.join("d"), mode.clone()).unwrap();

    let said = say(&["extract", &archive, "--image=1", to.to_str().unwrap()]);
    assert_eq!(said.code, 2);
    for name in ["a", "d/b", "e", "link"] {
        let line = format!("wimstore: {}: is there already", to.join(name).display());
        assert!(said.err.contains(&line), "{name}: {said:?}");
    }
    let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
    assert_eq!(["a", "d/b", "d/mine", "link", "z"].map(read), ["old", "old", "old", "old", "new"]);

    let said = say(&["extract", &archive, "--image=1", "--overwrite", to.to_str().unwrap()]);
    assert_eq!(said.code, 2, "a folder is never replaced: {said:?}");
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    assert_eq!(["a", "d/b", "d/mine", "z"].map(read), ["new", "new", "old", "new"]);
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("new"));
    assert!(to.join("e/mine").is_dir());
    assert_eq!(
        fs::metadata(to.join("d")).unwrap().permissions().mode() & 0o7777,
        0o700,
        "what was there keeps its looks"
    );
}

#[test]
fn a_damaged_file_is_left_out_and_the_rest_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let bad = text(300_000);
    let lost = file("lost", Data::Hash(testkit::sha1(b"nowhere")));
    let tree_of = root([
        file("bad", &bad).link(5),
        file("bad too", &bad).link(5),
        dir("d", [file("good", "good")]),
        lost,
        file("last", code(100_000)),
    ]);
    let mut archive = Wim::new(Packing::Lzx(32768), tree_of).build();
    let chunk = archive.resource(&bad).chunks[8].clone();
    archive.flip(chunk.start + 9, 0);
    let path = folder.path().join("a.wim");
    archive.save(&path);
    let to = folder.path().join("to");
    let said = say(&["extract", path.to_str().unwrap(), "--image=1", to.to_str().unwrap()]);
    let found: Vec<PathBuf> = look(&to).into_keys().collect();
    assert_eq!(found, ["", "d", "d/good", "last"].map(PathBuf::from), "nothing of the bad file is left");
    assert_eq!(fs::read(to.join("last")).unwrap(), code(100_000));
    for words in
        ["wimstore: bad: ", &testkit::hex(&testkit::sha1(&bad)), "wimstore: lost: ", "/to/bad too: is a hard link to "]
    {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    assert_eq!(said.code, 1, "{said:?}");
}

#[test]
fn a_link_without_data_is_left_out_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let link = file("link", "").reparse(reparse::SYMLINK, "");
    let junction = dir("junction", []).reparse(reparse::JUNCTION, "");
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root([link, junction, file("there", "x")])));
    let to = folder.path().join("to");
    let said = say(&["extract", &archive, "--image=1", to.to_str().unwrap()]);
    assert_eq!((said.code, said.err.lines().count()), (1, 2), "{said:?}");
    assert_eq!(names(&to), ["there"]);
    let said = say(&["extract", &archive, "--image=1", "link/x", to.to_str().unwrap()]);
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "what leads there is damaged: {said:?}");
}

/// An index that a folder claims to have does not make it an image, whose content would go directly
/// into the destination; and no attribute with a name of ours is written.
#[test]
fn attributes_of_ours_are_not_forged() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Vec::new();
    index.u16(14);
    index.u16(0);
    index.u32(1);
    index.extend(b"user.wim.index1");
    index.resize(index.len().next_multiple_of(4), 0);
    let forged = |name: &str| dir(name, [file("f", "x").stream("wim.sha1", "forged")]);
    let tree = root([forged("stream").stream("wim.index", "1"), forged("linux").tagged(0x337D_D874, &index)]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree));
    for (number, options) in [&[][..], &["--unix-data"], &["--streams"]].into_iter().enumerate() {
        for name in ["stream", "linux"] {
            let to = folder.path().join(format!("{name}{number}"));
            let arguments = [&["extract", &archive, "--image=1", name, to.to_str().unwrap()], options].concat();
            let said = say(&arguments);
            assert_eq!(names(&to), [name], "{arguments:?}: {said:?}");
            for made in [to.join(name), to.join(name).join("f")] {
                assert_eq!(xattr::list(made).unwrap().count(), 0, "{arguments:?}: {said:?}");
            }
            let refused = options.contains(&"--streams");
            assert_eq!(said.code, if refused { 2 } else { 0 }, "{said:?}");
            assert_eq!(said.err.contains("user.wim.sha1"), refused, "{said:?}");
        }
    }
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().into_string();
    let mut names: Vec<String> = entries.map(|entry| name(entry).expect("text")).collect();
    names.sort();
    names
}

/// Everything in `folder` but `to` and its own time, which changes when `to` is made.
fn outside(folder: &Path) -> Tree {
    look(folder).into_iter().filter(|(path, _)| !path.starts_with("to") && path != Path::new("")).collect()
}

#[test]
fn nothing_is_written_outside_whatever_the_archive_says() {
    let evil = |name: &[u16]| file("", "evil").raw_name(&units(name));
    let text = |name: &str| name.encode_utf16().collect::<Vec<_>>();
    let link = |name: &str, target: &str, relative| {
        dir(name, []).reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
    };
    let cases: Vec<(&str, Vec<Dentry>)> = vec![
        ("slash", vec![evil(&text("../evil")), evil(&text("/evil")), evil(&text("a/../../evil"))]),
        ("dots", vec![evil(&text("..")), evil(&text(".")), dir("..", [file("evil", "evil")])]),
        ("NUL", vec![evil(&[0]), evil(&[0x2e, 0x2e, 0, 0x2f])]),
        ("empty", vec![evil(&[])]),
        // A link, and then a directory of the same name with a file in it.
        ("link, then directory", vec![link("x", "..\\victim", true), dir("x", [file("evil", "evil")])]),
        ("directory, then link", vec![dir("x", [file("evil", "evil")]), link("x", "..\\victim", true)]),
        ("absolute", vec![link("x", r"\??\C:\..\..\victim", false), dir("x", [file("evil", "evil")])]),
        ("backslash", vec![evil(&text("..\\evil")), file("C:\\evil", "x")]),
    ];
    for (name, children) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("victim")).unwrap();
        fs::write(folder.path().join("victim/file"), "mine").unwrap();
        let archive = saved(folder.path(), &Wim::new(Packing::Stored, root(children)));
        let before = outside(folder.path());
        let to = folder.path().join("to");
        for options in [&[][..], &["--overwrite"]] {
            let said = say(&[&["extract", &archive, "--image=1"], options, &[to.to_str().unwrap()]].concat());
            assert!(said.code <= 2, "{name}: {said:?}");
            assert_eq!(outside(folder.path()), before, "{name}: {said:?}");
        }
    }
}

#[test]
fn links_in_the_destination_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "mine").unwrap();
    let tree_of = root([dir("d", [file("evil", "x")]), file("f", "x"), file("ok", "x")]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree_of));
    let to = folder.path().join("to");
    fs::create_dir(&to).unwrap();
    symlink("../victim", to.join("d")).unwrap();
    symlink("../victim/file", to.join("f")).unwrap();
    let before = outside(folder.path());
    for options in [&[][..], &["--overwrite"]] {
        let said = say(&[&["extract", &archive, "--image=1"], options, &[to.to_str().unwrap()]].concat());
        assert_eq!(said.code, 2, "{said:?}");
        assert_eq!(outside(folder.path()), before, "{said:?}");
    }
    assert_eq!(fs::read(to.join("ok")).unwrap(), b"x");
    assert!(to.join("d").is_symlink());
    assert!(!to.join("f").is_symlink(), "with --overwrite the link itself was replaced");
}

#[test]
fn links_stay_inside_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let link = |name: &str, target: &str, relative| {
        file(name, "").reparse(reparse::SYMLINK, reparse::symlink(target, target, relative))
    };
    let junction = dir("junction", []).reparse(reparse::JUNCTION, reparse::junction(r"\??\C:\d\e", r"C:\d\e"));
    let tree_of = root([
        dir("d", [dir("e", [link("up", r"\??\C:\d", false), link("relative", "..\\e", true)])]),
        link("top", r"\??\C:\d\e", false),
        junction,
    ]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree_of));
    let to = folder.path().join("to");
    answer(&["extract", &archive, "--image=1", to.to_str().unwrap()]);
    for (name, target) in [("d/e/up", "d"), ("d/e/relative", "d/e"), ("top", "d/e"), ("junction", "d/e")] {
        let found = to.join(name).canonicalize().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, to.join(target).canonicalize().unwrap(), "{name}");
    }
}

#[test]
fn zeros_take_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let content = [vec![1; 10], vec![0; 4 << 20], vec![2; 10], vec![0; 1 << 20]].concat();
    let archive = saved(folder.path(), &Wim::new(Packing::Lzx(32768), root([file("f", &content)])));
    let to = folder.path().join("to");
    answer(&["extract", &archive, "--image=1", to.to_str().unwrap()]);
    let file = to.join("f");
    assert_eq!(fs::read(&file).unwrap(), content);
    let room = file.metadata().unwrap().blocks() * 512;
    assert!(room < 200_000, "{room} bytes for 20 that are not zero");
}

/// Starts an extraction of 40 files of 3 MB by a shell that first does `before`, and sends it a
/// signal once it has begun.
fn interrupted(before: &str, signal: &str, to: &Path) -> ExitStatus {
    let folder = tempfile::tempdir().expect("a folder");
    let data = random(3_000_000);
    let files = (0..40).map(|n| file(&format!("f{n:02}"), [&data[..], &[n]].concat()));
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root(files.collect::<Vec<_>>())));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(wimstore());
    let mut child = command.args(["extract", &archive, "--image=1"]).arg(to).spawn().expect("a shell");
    assert!(eventually(|| to.join("f01").exists()), "it has begun");
    // It may be done before the signal comes; what holds then holds too.
    let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
    child.wait().expect("a child")
}

#[test]
fn an_interrupt_leaves_no_partial_file() {
    for (signal, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1)] {
        let to = tempfile::tempdir().unwrap();
        let status = interrupted("", signal, to.path());
        for (path, node) in look(to.path()).iter().filter(|(_, node)| node.kind == "file") {
            assert_eq!(node.size, 3_000_001, "{}", path.display());
        }
        assert!(status.signal() == Some(number) || status.success(), "{status:?}");
    }
}

/// Extracts the archive of a share where each read takes 20 ms, and kills the program in the middle
/// of its only file, of `size` bytes. False if the file was whole already.
fn killed_in_mid_file(share: &Share, options: &[&str], to: &Path, size: u64) -> bool {
    let mut command = Command::new(wimstore());
    command.arg("extract").args(options).args(["--image=1".as_ref(), share.path().join("a.wim").as_os_str()]);
    let mut child = command.arg(to).spawn().expect("wimstore starts");
    let growing = |size: u64| {
        fs::read_dir(to).is_ok_and(|mut entries| {
            entries.any(|entry| {
                let len = entry.and_then(|entry| entry.metadata()).map_or(0, |metadata| metadata.len());
                (1..size).contains(&len) && len != OLD.len() as u64
            })
        })
    };
    assert!(eventually(|| growing(size) || !is_running(child.id())), "it has begun");
    child.kill().expect("it is not waited for yet");
    child.wait().expect("a child").signal() == Some(9) && growing(size)
}

const OLD: &str = "what was there before";

#[test]
fn a_killed_run_leaves_no_cut_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let data = random(12_000_000);
    Wim::new(Packing::Stored, root([file("f", &data)])).build().save(&store.path().join("a.wim"));
    let share = Share::new(store.path(), 1);
    for options in [&[][..], &["--overwrite"]] {
        share.fails("slow 100");
        let to = (0..20).map(|round| folder.path().join(format!("to{round}{}", options.len()))).find(|to| {
            fs::create_dir(to).unwrap();
            if !options.is_empty() {
                fs::write(to.join("f"), OLD).unwrap();
            }
            killed_in_mid_file(&share, options, to, data.len() as u64)
        });
        let to = to.expect("one of 20 runs is killed in the middle of the file");
        let old = fs::read(to.join("f")).ok();
        assert_eq!(old.as_deref(), (!options.is_empty()).then_some(OLD.as_bytes()), "the name has what it had");

        share.fails("");
        let archive = share.path().join("a.wim");
        let again = [&["extract", archive.to_str().unwrap(), "--image=1"], options, &[to.to_str().unwrap()]].concat();
        answer(&again);
        assert!(fs::read(to.join("f")).unwrap() == data, "whole");
        assert_eq!(names(&to), ["f"], "what the killed run left is gone");
    }
}

/// ntfs-3g does not know the call that renames only to a new name.
#[test]
fn what_is_there_stays_on_ntfs_3g_too() {
    let folder = tempfile::tempdir().unwrap();
    let link = file("link", "").reparse(reparse::SYMLINK, reparse::symlink("new", "new", true));
    let tree = root([file("a", "new"), file("b", "new").link(3), file("c", "new").link(3), link, file("z", "new")]);
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, tree));
    let mounted = Volume::new(&folder.path().join("volume"), 16 << 20).mount(&folder.path().join("ntfs"));
    let to = mounted.path().join("to");
    fs::create_dir(&to).unwrap();
    for name in ["a", "c"] {
        fs::write(to.join(name), "old").unwrap();
    }
    let extract =
        |options: &[&str]| say(&[&["extract", &archive, "--image=1", to.to_str().unwrap()], options].concat());
    let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
    let said = extract(&[]);
    assert_eq!((said.code, said.err.lines().count()), (2, 2), "{said:?}");
    assert_eq!(["a", "b", "c", "z"].map(read), ["old", "new", "old", "new"]);
    let said = extract(&["--overwrite"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(["a", "b", "c", "z"].map(read), ["new"; 4]);
    assert_eq!(names(&to), ["a", "b", "c", "link", "z"]);
    assert_eq!((to.join("b").metadata().unwrap().nlink(), to.join("link").is_symlink()), (2, true));
}

#[test]
fn a_signal_that_is_to_be_ignored_is() {
    let to = tempfile::tempdir().unwrap();
    let status = interrupted("trap '' HUP;", "-HUP", to.path());
    assert!(status.success(), "{status:?}");
    assert_eq!(look(to.path()).len(), 41);
}

#[test]
fn a_full_disk_ends_it_with_one_complaint_a_thread() {
    let folder = tempfile::tempdir().unwrap();
    let data = random(100_000);
    let files: Vec<Dentry> = (0..200).map(|n| file(&format!("f{n:03}"), [&data[..], &[n]].concat())).collect();
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root(files)));
    let to = folder.path().join("to");
    fs::create_dir(&to).unwrap();
    // A small disk that goes away with the program: mounts of a namespace of its own.
    let script = "mount -t tmpfs -o size=4m tmpfs \"$2\" && \"$1\" extract \"$3\" --image=1 \"$2\"
        code=$?; ls \"$2\"; exit $code";
    let Some(output) = in_namespace(script, &[wimstore(), to, archive.into()]) else { return };
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(2), "{out}{err}");
    assert!((20..42).contains(&out.lines().count()), "what fits is there: {out}");
    let full = err
        .lines()
        .filter(|line| line.starts_with("wimstore: ") && line.ends_with(": No space left on device (os error 28)"));
    assert!((1..=64).contains(&full.count()) && err.lines().count() < 100, "{err}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let archive = saved(folder.path(), &Wim::new(Packing::Stored, root([file("f", "x")])));
    let to = folder.path().join("to");
    let to = to.to_str().unwrap();
    let in_file = format!("{archive}/to");
    let cases: &[(&[&str], &str)] = &[
        (
            &["extract", &archive, "gone", to],
            "wimstore: gone: no such file or directory; `wimstore ls` shows what paths begin with, or choose an image",
        ),
        (&["extract", &archive, "--image=2", to], ": no image 2; there are 1 "),
        (&["extract", &archive, &in_file], ": cannot extract into it: "),
    ];
    for (arguments, words) in cases {
        let said = say(arguments);
        assert!(said.code == 2 && said.err.contains(words), "{said:?}");
        assert!(!Path::new(to).exists(), "nothing was made: {said:?}");
    }
}
