//! `wimstore access`, `wimstore user` and `wimstore group`.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use testkit::{Packing, Wim, file, root};
use wimstore_tests::{run, wimstore};

/// A store with the groups Sales, which has two archives and a `Res.rwm`, and Secret.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let store = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["Sales/a.wim", "Sales/b.wim", "Sales/Res.rwm", "Secret/c.wim"] {
            let path = store.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            Wim::new(Packing::Stored, root([file("x", "x")])).build().save(&path);
        }
        store
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("Images")
    }

    fn users(&self) -> PathBuf {
        self.folder.path().join("users.toml")
    }

    /// Writes the sidecar of a group or an archive.
    fn protect(&self, name: &str, sddl: &str) {
        let path = self.path().join(format!("{name}.wimstore.json"));
        fs::write(path, format!(r#"{{"sddl": "{sddl}"}}"#)).unwrap();
    }

    /// Runs `access` and returns what it says of each path: access, what decided, and where it is from.
    fn asked(&self, arguments: &[&str]) -> Vec<(String, String, String, String)> {
        let (path, users) = (self.path(), self.users());
        let mut all = vec!["access", path.to_str().unwrap(), "--json"];
        if users.exists() {
            all.extend(["--users", users.to_str().unwrap()]);
        }
        all.extend(arguments);
        let output = run(all);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let field = |object: &serde_json::Value, name: &str| object[name].as_str().unwrap().to_owned();
        let record = |line: &str| {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["type"], "access");
            let ace = object["ace"].as_str().map_or_else(|| field(&object, "decided_by"), String::from);
            (field(&object, "path"), field(&object, "access"), ace, field(&object, "source"))
        };
        text.lines().map(record).collect()
    }
}

fn with_password(arguments: &[&str], users: &Path, password: &str) -> Output {
    let mut command = Command::new(wimstore());
    command.args(arguments).arg("--users").arg(users).arg("--password-stdin");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn row(path: &str, access: &str, decided_by: &str, source: &str) -> (String, String, String, String) {
    (path.into(), access.into(), decided_by.into(), source.into())
}

#[test]
fn the_entry_that_decides_is_named() {
    let store = Store::new();
    store.protect("Sales", "O:BAG:BAD:(A;OICI;FA;;;BA)(A;OICI;FR;;;S-1-5-21-1-2-3-1100)");
    store.protect("Sales/b.wim", "O:BAG:BAD:(D;;FR;;;S-1-5-21-1-2-3-1101)(A;;FR;;;WD)");
    store.protect("Secret", "O:BAG:BAD:(A;OICI;FA;;;BA)");
    let member = "S-1-5-21-1-2-3-1000,S-1-1-0,S-1-5-21-1-2-3-1100";
    let all = [
        row("Sales", "listed", "(A;OICI;FR;;;S-1-5-21-1-2-3-1100)", "sidecar"),
        row("Sales/a.wim", "readable", "(A;ID;FR;;;S-1-5-21-1-2-3-1100)", "inherited"),
        row("Sales/b.wim", "readable", "(A;;FR;;;WD)", "sidecar"),
        row("Secret", "hidden", "no entry grants it", "sidecar"),
        row("Secret/c.wim", "hidden", "no entry grants it", "inherited"),
    ];
    assert_eq!(store.asked(&["--sids", member]), all);
    assert_eq!(store.asked(&["--sids", member, "Sales/b.wim"]), all[2..3]);
    assert_eq!(store.asked(&["--sids", member, "Secret"]), all[3..]);
    let denied = store.asked(&["--sids", &format!("{member},S-1-5-21-1-2-3-1101"), "Sales/b.wim"]);
    assert_eq!(denied, [row("Sales/b.wim", "hidden", "(D;;FR;;;S-1-5-21-1-2-3-1101)", "sidecar")]);

    store.protect("Sales/Res.rwm", "O:BAG:BAD:(A;;FA;;;BA)");
    let access: Vec<_> = store.asked(&["--sids", member, "Sales"]).into_iter().map(|row| row.1).collect();
    assert_eq!(access, ["listed", "visible", "visible"], "its data is not readable");
    let stranger = store.asked(&["--sids", "S-1-5-21-1-2-3-1000,S-1-1-0", "Sales/b.wim"]);
    assert_eq!(stranger, [row("Sales/b.wim", "hidden", "its group is hidden", "sidecar")]);

    store.protect("Sales", "O:BAD:(A;;FA;;;DA)");
    for (sid, access) in [("S-1-1-0", "hidden"), ("S-1-5-32-544", "listed")] {
        let found = store.asked(&["--sids", sid, "Sales"]).swap_remove(0);
        assert_eq!(found, row("Sales", access, "broken descriptor: administrators only", "sidecar"));
    }
    let path = store.path();
    let broken = run(["access", path.to_str().unwrap(), "--sids", "S-1-5-32-544", "Sales"]);
    assert_eq!(broken.status.code(), Some(1), "something in the store is bad: {broken:?}");
    let gone = run(["access", path.to_str().unwrap(), "--sids", "S-1-1-0", "Sales/gone.wim"]);
    assert_eq!(gone.status.code(), Some(2), "{gone:?}");
}

#[test]
fn users_are_added_changed_and_removed() {
    let store = Store::new();
    let users = store.users();
    let path = users.to_str().unwrap();
    let with = |arguments: &[&str]| run([arguments, &["--users", path]].concat());
    let done = |arguments: &[&str]| {
        let output = with(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (name, more) in [("alice", &[][..]), ("root", &["--admin"])] {
        let output = with_password(&[&["user", "add", name], more].concat(), &users, "secret\n");
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    }
    assert_eq!(fs::metadata(&users).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&users).unwrap();
    assert!(text.matches("$argon2id$v=19$m=19456,t=2,p=1$").count() == 2 && !text.contains("secret"), "{text}");
    let domain = text.lines().find_map(|line| line.strip_prefix("domain = ")).unwrap().trim_matches('"').to_owned();
    assert_eq!(done(&["user", "list"]), format!("alice  {domain}-1000\nroot  {domain}-1001  admin\n"));

    done(&["group", "add", "Deployers"]);
    done(&["group", "join", "Deployers", "alice"]);
    assert_eq!(done(&["group", "list"]), format!("Deployers  {domain}-1002\n"));
    store.protect("Sales", &format!("O:BAD:(A;OICI;FA;;;BA)(A;OICI;FR;;;{domain}-1002)"));
    let listed = |user| store.asked(&["--user", user, "Sales"]).swap_remove(0);
    let by_group = format!("(A;OICI;FR;;;{domain}-1002)");
    assert_eq!(listed("ALICE"), row("Sales", "listed", &by_group, "sidecar"));
    assert_eq!(listed("root"), row("Sales", "listed", "(A;OICI;FA;;;BA)", "sidecar"));
    done(&["group", "leave", "Deployers", "alice"]);
    assert_eq!(listed("alice"), row("Sales", "hidden", "no entry grants it", "sidecar"));

    let before = fs::read_to_string(&users).unwrap();
    assert!(with_password(&["user", "passwd", "alice"], &users, "other\n").status.success());
    assert_ne!(fs::read_to_string(&users).unwrap(), before);
    done(&["user", "disable", "alice"]);
    assert!(done(&["user", "list"]).starts_with(&format!("alice  {domain}-1000  disabled\n")));
    let store_path = store.path();
    let refused = with(&["access", store_path.to_str().unwrap(), "--user", "alice"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(String::from_utf8(refused.stderr).unwrap(), "wimstore: alice: the user is disabled\n");
    done(&["user", "disable", "--undo", "alice"]);
    done(&["user", "remove", "root"]);
    assert_eq!(done(&["user", "list"]), format!("alice  {domain}-1000\n"));

    for (arguments, want) in [
        (&["user", "remove", "root"][..], "there is no user root"),
        (&["group", "add", "deployers"], "deployers: the name is there twice"),
        (&["user", "add", "bob"], "no terminal to ask for a password: use --password-stdin"),
    ] {
        let output = with(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains(want), "{arguments:?}: {error}");
    }
    let empty = with_password(&["user", "passwd", "alice"], &users, "\n");
    assert_eq!(empty.status.code(), Some(2), "{empty:?}");
    fs::set_permissions(&users, fs::Permissions::from_mode(0o644)).unwrap();
    let readable = with(&["user", "list"]);
    let error = String::from_utf8(readable.stderr).unwrap();
    assert!(readable.status.code() == Some(2) && error.contains("mode 0644"), "{error}");
}

#[test]
fn users_of_this_system_have_rights_by_the_mode() {
    let store = Store::new();
    let secret = store.path().join("Secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(store.path().join("Sales"), fs::Permissions::from_mode(0o755)).unwrap();
    let access = |user| -> Vec<String> {
        let rows = store.asked(&["--user", user]);
        assert!(rows.iter().all(|row| row.3 == "unix"), "{rows:?}");
        rows.into_iter().filter(|row| !row.0.contains('/')).map(|row| row.1).collect()
    };
    assert_eq!(access("nobody"), ["listed", "hidden"]);
    let owner = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    assert_eq!(access(owner.trim()), ["listed", "listed"]);
}
