//! `--as USER`: a store as one user may see it, by every command and as a mount.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use testkit::{Image, Packing, Wim, dir, file, root};
use wimstore_tests::{Mount, eventually, run, say};

/// Who may read what others may not: a group that alice is in, and bob is not.
const STAFF: &str = "S-1-5-21-1-2-3-1100";

/// A store with a file of users.
struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let ground = Self { folder: tempfile::tempdir().unwrap() };
        ground.add("Sales", "b.wim", "Office", 1_700_000_000);
        ground.add("Zebra", "c.wim", "Office", 1_700_000_100);
        fs::create_dir(ground.images().join("Bare")).unwrap();
        let users = "version = 1\ndomain = \"S-1-5-21-1-2-3\"\n\
             [[group]]\nname = \"staff\"\nrid = 1100\n\
             [[user]]\nname = \"alice\"\nrid = 1001\ngroups = [\"staff\"]\n\
             [[user]]\nname = \"bob\"\nrid = 1002\n";
        fs::write(ground.users(), users).unwrap();
        fs::set_permissions(ground.users(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        ground
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn images(&self) -> PathBuf {
        self.store().join("Images")
    }

    fn users(&self) -> PathBuf {
        self.folder.path().join("users.toml")
    }

    fn add(&self, group: &str, name: &str, image: &str, written: u64) {
        let path = self.images().join(group).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let tree = root([dir("docs", [file("readme", format!("{group} {image}"))]), file("x", "x")]);
        Wim::of(Packing::Xpress(32768), [Image::new(image, tree)]).build().save(&path);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(written);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }

    /// Lets only administrators and `others` read a group or a file.
    fn protect(&self, name: &str, others: &str) {
        let path = self.images().join(format!("{name}.wimstore.json"));
        let text = format!(r#"{{"sddl": "O:BAG:BAD:(A;OICI;FA;;;BA){others}"}}"#);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// Things that only administrators may see.
    fn add_secrets(&self) {
        self.add("Sales", "a.wim", "Office", 1_710_000_000);
        self.add("Sales", "z.wim", "Late", 1_710_000_000);
        fs::write(self.images().join("Sales/torn.wim"), "no archive").unwrap();
        self.add("Secret", "s.wim", "Secret", 1_710_000_000);
        self.add("Bare", "n.wim", "Not for all", 1_710_000_000);
        for name in ["Sales/a.wim", "Sales/z.wim", "Sales/torn.wim", "Secret", "Bare/n.wim"] {
            self.protect(name, "");
        }
    }

    fn mount(&self, user: &str) -> Mount {
        let users = self.users();
        Mount::new(&self.store(), &[OsStr::new("--as"), user.as_ref(), "--users".as_ref(), users.as_os_str()])
    }

    /// What a command says to a user, with the path of the store left out.
    fn said(&self, user: &str, arguments: &[&str]) -> String {
        let (store, users) = (self.store(), self.users());
        let (command, rest) = arguments.split_first().unwrap();
        let mut all = vec![*command, store.to_str().unwrap()];
        all.extend(rest);
        all.extend(["--as", user, "--users", users.to_str().unwrap()]);
        let said = run(all);
        let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        format!("{:?} {}", said.status.code(), text.replace(self.folder.path().to_str().unwrap(), ""))
    }
}

/// Everything that a mount says of itself: names, attributes, extended attributes, contents, and the sizes of the file system.
fn everything(mount: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![mount.to_owned()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let shown = path.strip_prefix(mount).unwrap().display();
        let numbers =
            (found.ino(), found.nlink(), found.size(), found.blocks(), found.mode(), found.mtime(), found.ctime());
        lines.push(format!("{shown} {numbers:?}"));
        for name in xattr::list(&path).unwrap() {
            let value = xattr::get(&path, &name).unwrap();
            lines.push(format!("{shown} {} {value:?}", name.display()));
        }
        if found.is_dir() {
            let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            lines.push(format!("{shown} {names:?}").replace(mount.to_str().unwrap(), ""));
            names.sort();
            waiting.extend(names);
        } else {
            lines.push(format!("{shown} {:?}", fs::read(&path).unwrap()));
        }
    }
    let sizes = rustix::fs::statvfs(mount).unwrap();
    lines.push(format!("{:?}", (sizes.f_blocks, sizes.f_bfree, sizes.f_files, sizes.f_ffree, sizes.f_namemax)));
    lines
}

#[test]
fn what_is_forbidden_leaves_no_trace() {
    let (with, without) = (Ground::new(), Ground::new());
    with.add_secrets();
    for arguments in
        [&["ls", "-R"][..], &["ls", "--json"], &["ls", "-lR"], &["info"], &["verify"], &["cat", "Secret/Secret/x"]]
    {
        let want = without.said("bob", arguments);
        assert!(want.contains("Office") || arguments[0] != "ls" || arguments[1] == "--json", "{want}");
        assert_eq!(with.said("bob", arguments), want, "{arguments:?}");
    }
    let mounts = [&with, &without].map(|ground| ground.mount("bob"));
    let [got, want] = mounts.each_ref().map(|mount| everything(mount.path()));
    assert!(want.len() > 24, "{want:?}");
    assert_eq!(got, want);
    // The store has more for others.
    let all = say(&["ls", "-R", with.store().to_str().unwrap()]);
    assert!(all.out.contains("Secret") && all.out.contains("/Sales/Late"), "{all:?}");
}

#[test]
fn a_mount_follows_rights() {
    let ground = Ground::new();
    ground.add_secrets();
    let (alice, bob) = (ground.mount("alice"), ground.mount("bob"));
    let shows = |mount: &Mount, path: &str| mount.path().join(path).exists();
    assert!(!shows(&alice, "Sales/Late") && !shows(&alice, "Secret") && shows(&alice, "Sales/Office"));
    ground.protect("Sales/z.wim", &format!("(A;;FR;;;{STAFF})"));
    eventually(|| shows(&alice, "Sales/Late/x"));
    ground.protect("Secret", &format!("(A;OICI;FR;;;{STAFF})"));
    eventually(|| shows(&alice, "Secret/Secret/x"));
    ground.protect("Sales/b.wim", "");
    for mount in [&alice, &bob] {
        eventually(|| !shows(mount, "Sales/Office"));
    }
    ground.protect("Zebra", &format!("(A;OICI;FR;;;{STAFF})"));
    eventually(|| !shows(&bob, "Zebra"));
    assert!(shows(&alice, "Zebra/Office/x") && !shows(&bob, "Sales/Late") && !shows(&bob, "Secret"));
}

#[test]
fn a_user_that_is_not_there_sees_nothing() {
    let ground = Ground::new();
    let said = ground.said("mallory", &["ls"]);
    assert!(said.starts_with("Some(2) wimstore: mallory: no user of the file of users"), "{said}");
    ground.protect("Sales", "");
    let (group, users) = (ground.images().join("Sales"), ground.users());
    let said = say(&["ls", group.to_str().unwrap(), "--as", "bob", "--users", users.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
    assert!(!said.err.contains("Office") && !said.err.contains("b.wim"), "{said:?}");
}
