//! Links that other users put into a store which root mounts: none leads out of it. Only root can
//! make them for others.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::geteuid;
use wimstore_tests::{LiveStore, Said, eventually, one, say, skipped};

/// A user who is neither root nor the owner of a store.
const SOMEBODY: u32 = 1234;

/// The user of whom nothing is known.
const NOBODY: u32 = 65534;

fn link(owner: u32, target: impl AsRef<Path>, path: &Path) {
    symlink(target, path).unwrap();
    lchown(path, Some(owner), Some(owner)).unwrap();
}

/// A store with the archive `a.wim` in `Group`, and beside it `secret/s.wim`, which only root may
/// read.
fn store() -> Option<(LiveStore, PathBuf)> {
    if !geteuid().is_root() {
        skipped("only root can give links to others");
        return None;
    }
    let live = LiveStore::unmounted();
    live.add("Group", "a.wim", &one("a", "first"));
    let secret = live.beside("secret/s.wim");
    fs::create_dir(live.beside("secret")).unwrap();
    one("s", "secret").save(&secret);
    Some((live, secret))
}

fn ls(arguments: &[&Path]) -> Said {
    let mut all: Vec<&Path> = vec!["ls".as_ref()];
    all.extend(arguments);
    say(&all)
}

/// The exit code and the names, sorted.
fn listed(said: &Said) -> (i32, Vec<&str>) {
    let mut names: Vec<_> = said.out.lines().collect();
    names.sort_unstable();
    (said.code, names)
}

/// Mounts and lists a directory: it has `shown` without the option, and with it `all`; `left_out`
/// are the links reported.
fn check(live: &mut LiveStore, directory: &str, shown: &[&str], all: &[&str], left_out: &[&str]) {
    let store = live.store().path().to_owned();
    let said = ls(&[&store, directory.as_ref()]);
    assert_eq!(listed(&said), (i32::from(!left_out.is_empty()), shown.to_vec()), "{}", said.err);
    live.mount(&store, &[]);
    assert_eq!(live.names(directory), shown, "{}", live.log());
    for name in left_out {
        let line =
            |line: &str| line.contains(&format!("{name}: a link that leads out")) && line.contains("--follow-links");
        assert!(said.err.lines().any(line), "{name}: {}", said.err);
        assert!(live.log().lines().any(line), "{name}: {}", live.log());
    }
    let said = ls(&["--follow-links".as_ref(), &store, directory.as_ref()]);
    assert_eq!(listed(&said), (0, all.to_vec()), "{}", said.err);
    live.mount(&store, &["-o", "follow_links"]);
    assert_eq!(live.names(directory), all);
}

#[test]
fn links_of_archives() {
    let Some((mut live, secret)) = store() else { return };
    live.add("Other", "b.wim", &one("b", "second"));
    let path = |name: &str| live.stored("Group").join(name);
    for (name, owner) in [("own.wim", 0), ("planted.wim", SOMEBODY), ("unknown.wim", NOBODY)] {
        let target = live.beside(&format!("secret/{name}"));
        one(name.trim_end_matches(".wim"), name).save(&target);
        link(owner, target, &path(name));
    }
    // By way of `..`, which ends where an absolute one does.
    link(SOMEBODY, "../../../secret/s.wim", &path("up.wim"));
    // In the store, by a relative path and by an absolute one.
    one("inside", "inside").save(&live.stored("Other/deep"));
    link(SOMEBODY, "../Other/deep", &path("inside.wim"));
    one("absolute", "absolute").save(&live.stored("Other/deeper"));
    link(SOMEBODY, live.stored("Other/deeper"), &path("absolute.wim"));
    // Root's link to a place where somebody else puts a link.
    one("chain", "chain").save(&live.beside("secret/chain"));
    link(SOMEBODY, live.beside("secret/chain"), &live.beside("hop"));
    link(0, live.beside("hop"), &path("chain.wim"));
    // Somebody's link in the store to what root's link leads to.
    fs::create_dir(live.beside("more")).unwrap();
    one("through", "through").save(&live.beside("more/through"));
    link(0, live.beside("more"), &live.stored("More"));
    link(SOMEBODY, "../More/through", &path("through.wim"));
    link(SOMEBODY, "nothing", &path("nothing.wim"));
    link(SOMEBODY, "loop.wim", &path("loop.wim"));
    drop(secret);
    let shown = ["a", "absolute", "inside", "own"];
    let all = ["a", "absolute", "chain", "inside", "own", "planted", "s", "through", "unknown"];
    let left_out = ["Group/planted.wim", "Group/unknown.wim", "Group/up.wim", "hop", "Group/through.wim"];
    check(&mut live, "Group", &shown, &all, &left_out);
}

#[test]
fn links_of_groups_and_of_the_images_folder() {
    let Some((mut live, secret)) = store() else { return };
    let outside = secret.parent().unwrap();
    link(0, outside, &live.stored("Linked"));
    link(SOMEBODY, outside, &live.stored("Planted"));
    link(SOMEBODY, "Group", &live.stored("Alias"));
    check(&mut live, "", &["Alias", "Group", "Linked"], &["Alias", "Group", "Linked", "Planted"], &["Images/Planted"]);
    let (store, images) = (live.store().path().to_owned(), live.beside("store/Images"));
    // Where root's link leads is a part of the store, and what lies beside it is not.
    link(SOMEBODY, "s.wim", &outside.join("alias.wim"));
    link(SOMEBODY, "../store/Images/Group/a.wim", &outside.join("beside.wim"));
    let linked = ls(&[&store, "Linked".as_ref()]);
    assert_eq!(listed(&linked), (1, vec!["s", "s (s.wim 1)"]), "{}", linked.err);
    assert!(linked.err.contains("/beside.wim: a link that leads out"), "{}", linked.err);

    fs::rename(&images, live.beside("images elsewhere")).unwrap();
    link(SOMEBODY, live.beside("images elsewhere"), &images);
    let refused = ls(&[&store]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("Images: a link that leads out of the store"), "{}", refused.err);
    assert_eq!(ls(&["--follow-links".as_ref(), &store]).code, 0);
    lchown(&images, Some(0), Some(0)).unwrap();
    assert_eq!(ls(&[&store]).out, "Alias\nGroup\nLinked\n");
}

#[test]
fn links_of_those_who_own_the_store_are_followed() {
    let Some((mut live, secret)) = store() else { return };
    link(SOMEBODY, &secret, &live.stored("Group/s.wim"));
    lchown(live.store().path(), Some(SOMEBODY), None).unwrap();
    check(&mut live, "Group", &["a", "s"], &["a", "s"], &[]);
    // A stand-in for owners that are not known owns nothing.
    lchown(live.store().path(), Some(NOBODY), None).unwrap();
    lchown(live.stored("Group/s.wim"), Some(NOBODY), None).unwrap();
    check(&mut live, "Group", &["a"], &["a", "s"], &["Group/s.wim"]);
}

#[test]
fn links_of_resources_parts_references_and_sources() {
    let Some((live, secret)) = store() else { return };
    let archive = live.stored("Group/a.wim");
    let planted = live.stored("Group/planted.wim");
    link(SOMEBODY, &secret, &planted);
    link(SOMEBODY, &secret, &live.stored("Group/Res.rwm"));
    fs::create_dir(live.beside("set")).unwrap();
    fs::copy(&archive, live.beside("set/x.swm")).unwrap();
    link(SOMEBODY, &secret, &live.beside("set/x2.swm"));
    let (store, pattern) = (live.store(), live.stored("Group/plant*"));
    let cases: [(&[&Path], i32, &str); 6] = [
        (&[store.path(), "Group".as_ref()], 1, "Res.rwm"),
        (&[&planted], 2, "planted.wim"),
        (&[&archive, "--ref".as_ref(), &planted], 2, "planted.wim"),
        (&[&archive, "--ref".as_ref(), &pattern], 2, "planted.wim"),
        (&[&live.beside("set/x.swm")], 1, "x2.swm"),
        (&[&live.stored("Group")], 1, "planted.wim"),
    ];
    for (arguments, code, name) in cases {
        let said = ls(arguments);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(&format!("{name}: a link that leads out")), "{arguments:?}: {}", said.err);
        assert!(!said.out.contains('s'), "{arguments:?}: {}", said.out);
    }
    for arguments in [&[planted.as_path()] as &[&Path], &[&archive, "--ref".as_ref(), &planted]] {
        assert_eq!(ls(&[&["--follow-links".as_ref()], arguments].concat()).code, 0);
    }
    for command in ["info", "verify"] {
        assert_eq!(say(&[command, "--follow-links", planted.to_str().unwrap()]).code, 0, "{command}");
        assert_eq!(say(&[command, planted.to_str().unwrap()]).code, 2, "{command}");
    }
    let planted = planted.to_str().unwrap();
    assert_eq!(say(&["cat", "--follow-links", planted, "s/file"]).out, "secret");
    let to = live.beside("to");
    assert_eq!(say(&["extract", "--follow-links", planted, "", to.to_str().unwrap()]).code, 0);
}

#[test]
fn a_link_that_comes_later_is_not_followed() {
    let Some((mut live, secret)) = store() else { return };
    live.add("Group", "b.wim", &one("b", "second"));
    let store = live.store().path().to_owned();
    live.mount(&store, &[]);
    live.shows("Group", &["a", "b"]);
    let replace = |live: &LiveStore| {
        link(SOMEBODY, &secret, &live.beside("new"));
        fs::rename(live.beside("new"), live.stored("Group/b.wim")).unwrap();
    };
    replace(&live);
    live.shows("Group", &["a"]);
    assert!(live.log().contains("a link that leads out"), "{}", live.log());

    // The archive that is mounted by itself stays what it was.
    fs::remove_file(live.stored("Group/b.wim")).unwrap();
    let archive = live.add("Group", "b.wim", &one("b", "second"));
    live.mount(&archive, &[]);
    live.holds("b/file", "second");
    replace(&live);
    fs::write(live.stored("Group/noticed"), "").unwrap();
    assert!(eventually(|| live.log().contains("cannot be listed")), "{}", live.log());
    assert_eq!(live.names(""), ["b"]);
}

/// An archive is exchanged for somebody's link to a secret one and back without a pause, while root
/// opens it again and again.
#[test]
fn nothing_comes_between_the_check_and_the_opening() {
    let Some((live, secret)) = store() else { return };
    let path = live.stored("Group/a.wim");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let new = live.beside("new");
                if round % 2 == 0 {
                    link(SOMEBODY, &secret, &new);
                } else {
                    one("a", "first").save(&new);
                }
                fs::rename(&new, &path).unwrap();
            }
        });
        let end = scope.spawn(|| {
            let (mut opened, mut refused) = (0, 0);
            for _ in 0..150 {
                let said = ls(&[&path]);
                assert_ne!(said.out, "s\n", "the secret archive was opened");
                if said.code == 0 { opened += 1 } else { refused += 1 }
            }
            (opened, refused)
        });
        let counts = end.join();
        done.store(true, Ordering::Relaxed);
        let (opened, refused) = counts.unwrap();
        assert!(opened > 0 && refused > 0, "both were met: {opened} {refused}");
    });
}

/// The links of an ordinary user lead anywhere in mounts and lists of that user.
#[test]
fn own_links_are_followed() {
    let Some((live, secret)) = store() else { return };
    let folder = live.beside("");
    for path in [&*folder, secret.parent().unwrap()] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let planted = live.stored("Group/s.wim");
    link(SOMEBODY, &secret, &planted);
    let program = live.beside("wimstore");
    fs::copy(wimstore_tests::wimstore(), &program).unwrap();
    let list = |user: u32| {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()]);
        let said = command.arg(&program).arg("ls").arg(&planted).output().unwrap();
        (said.status.code(), String::from_utf8(said.stdout).unwrap())
    };
    assert_eq!(File::open(&planted).unwrap().metadata().unwrap().uid(), 0);
    assert_eq!(list(SOMEBODY), (Some(0), "s\n".into()));
    assert_eq!(list(SOMEBODY + 1), (Some(2), String::new()));
}
