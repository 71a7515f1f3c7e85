//! A share of smbd with `acl_xattr`: what clients set as security of its files and folders decides
//! here as it does there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use testkit::content::Random;
use testkit::{Packing, Wim, file, need, output, root, run};
use wimstore_tests::{eventually, say, skipped};

/// The password of all users; `smbd_answers.py` has it, too.
const PASSWORD: &str = "password";
/// Users that every Debian has.
const USERS: [&str; 2] = ["games", "man"];
/// How many servers this process has started: each has an address of its own.
static SERVERS: AtomicU8 = AtomicU8::new(0);
/// What `access` and smbd answer, by path and user.
type Answers = BTreeMap<(String, String), bool>;

/// An smbd on a loopback address of its own, with a share `store`. Dropping it ends its processes.
struct Server {
    folder: tempfile::TempDir,
    address: Ipv4Addr,
    smbd: Child,
    /// The security identifiers of each user's log-on.
    sids: BTreeMap<&'static str, Vec<String>>,
}

impl Server {
    /// The share has the group Sales with these archives, which smbd protects.
    fn start(archives: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [_, high, middle, low] = std::process::id().to_be_bytes(); // at most 22 bits
        let address = Ipv4Addr::new(127, 64 * (1 + SERVERS.fetch_add(1, Ordering::Relaxed)) + high, middle, low);
        let place = folder.path();
        for name in ["private", "lock", "state", "cache", "pid", "rpc", "store/Images/Sales"] {
            fs::create_dir_all(place.join(name)).unwrap();
        }
        for archive in archives {
            let path = place.join("store/Images/Sales").join(archive);
            Wim::new(Packing::Stored, root([file("x", "x")])).build().save(&path);
        }
        // Users of the share go through these folders as users of the system.
        for name in ["", "store", "store/Images", "store/Images/Sales"] {
            fs::set_permissions(place.join(name), Permissions::from_mode(0o777)).unwrap();
        }
        fs::write(place.join("smb.conf"), configuration(place.to_str().unwrap(), address)).unwrap();
        for user in ["root", USERS[0], USERS[1]] {
            add_user(&place.join("smb.conf"), user);
        }
        let sids = USERS.map(|user| (user, sids(&place.join("smb.conf"), user))).into();
        let mut smbd = Command::new(need("smbd", "samba"));
        smbd.args(["--foreground", "--no-process-group", "--configfile"]).arg(place.join("smb.conf"));
        let log = fs::File::create(place.join("out")).unwrap();
        smbd.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let smbd = smbd.spawn().unwrap();
        let mut server = Self { folder, address, smbd, sids };
        let is_up = eventually(|| {
            let ended = server.smbd.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(server.folder.path().join("out")).unwrap());
            TcpStream::connect((server.address, 445)).is_ok()
        });
        assert!(is_up, "smbd does not listen");
        server
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("smb.conf")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Sets the security of a file or folder as an administrator does it by hand.
    fn smbcacls(&self, path: &str, sddl: &str) {
        let mut command = Command::new(need("smbcacls", "smbclient"));
        command.arg("--configfile").arg(self.conf()).args(["--sddl", "--set", sddl]);
        command.args([&format!("//{}/store", self.address), path, "--user", &format!("root%{PASSWORD}")]);
        run(&mut command);
    }

    /// Sets security over SMB where there is a text; then all users open all paths.
    fn answers(&self, paths: &[(String, String)]) -> Answers {
        let mut command = Command::new("/usr/bin/python3"); // the one that Debian's python3-samba is for
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smbd_answers.py"));
        command.arg(self.conf()).arg(self.address.to_string()).args(USERS);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input: String = paths.iter().map(|(path, sddl)| format!("{path}\t{sddl}\n")).collect();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "smbd_answers.py: `scripts/setup test` installs what it needs");
        writer.join().unwrap().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answer = |line: &str| {
            let [path, user, answer] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let path = path.strip_prefix("Images/").unwrap();
            ((path.to_owned(), user.to_owned()), answer == "granted")
        };
        text.lines().map(answer).collect()
    }

    /// What we answer about everything in the store; all descriptors are those that smbd has stored.
    fn ours(&self) -> Answers {
        let mut answers = Answers::new();
        for (user, sids) in &self.sids {
            let said = say(&["access", self.store().to_str().unwrap(), "--json", "--sids", &sids.join(",")]);
            assert!(said.code == 0, "{said:?}");
            for line in said.out.lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(record["source"], "samba", "{line}");
                let rights = record["rights"].as_u64().unwrap();
                answers.insert((record["path"].as_str().unwrap().into(), (*user).into()), rights & 1 != 0);
            }
        }
        answers
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.smbd);
        let _ = kill_process_group(group, Signal::TERM);
        if !eventually(|| !matches!(self.smbd.try_wait(), Ok(None))) {
            let _ = self.smbd.kill();
        }
        let _ = self.smbd.wait();
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A server that is nobody's member, with all its files in `place`.
fn configuration(place: &str, address: Ipv4Addr) -> String {
    format!(
        "[global]
netbios name = WDS
server role = standalone server
interfaces = {address}/8
bind interfaces only = yes
smb ports = 445
disable netbios = yes
private dir = {place}/private
lock directory = {place}/lock
state directory = {place}/state
cache directory = {place}/cache
pid directory = {place}/pid
ncalrpc dir = {place}/rpc
log file = {place}/log
load printers = no
disable spoolss = yes
passdb backend = tdbsam
[store]
path = {place}/store
read only = no
admin users = root
vfs objects = acl_xattr
acl_xattr:ignore system acls = yes
"
    )
}

fn add_user(conf: &Path, user: &str) {
    let mut command = Command::new(need("smbpasswd", "samba"));
    command.arg("-c").arg(conf).args(["-s", "-a", user]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{user}");
}

/// The user's identifier, those of its groups there and as Unix, and those of every log-on over a
/// network.
fn sids(conf: &Path, user: &str) -> Vec<String> {
    let said = run(Command::new(need("pdbedit", "samba")).arg("-s").arg(conf).args(["-L", "-v", user]));
    let field = |name: &str| {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{said}"));
        line.split_whitespace().last().unwrap().to_owned()
    };
    let id = |option: &str| run(Command::new("id").args([option, user])).trim().to_owned();
    let unix = [format!("S-1-22-1-{}", id("-u")), format!("S-1-22-2-{}", id("-g"))];
    let all = ["S-1-1-0", "S-1-5-2", "S-1-5-11"].map(String::from);
    [field("User SID"), field("Primary Group SID")].into_iter().chain(unix).chain(all).collect()
}

/// Descriptors that decide in every way that a table of DACLs is read: order, owner, group, generic
/// and single rights, entries that are only inherited.
fn chosen(server: &Server) -> Vec<String> {
    let [games, man] = USERS.map(|user| server.sids[user][0].clone());
    [
        "O:BAG:BAD:(A;;0x1f01ff;;;WD)".into(),
        "O:BAG:BAD:(A;;0x1f01ff;;;BA)".into(),
        "O:BAG:BAD:".into(),
        format!("O:BAG:BAD:(A;;0x120089;;;{games})"),
        format!("O:BAG:BAD:(D;;0x1;;;{games})(A;;0x1200a9;;;AU)"),
        format!("O:BAG:BAD:(A;;0x1200a9;;;AU)(D;;0x1;;;{games})"),
        format!("O:BAG:BAD:(A;OICIIO;0x1200a9;;;AU)(A;;0x1;;;{man})"),
        format!("O:{man}G:BAD:(A;;0x1f01ff;;;BA)"),
        format!("O:{man}G:BAD:(A;;0x1;;;OW)"),
        format!("O:{games}G:BAD:(D;;0x1;;;OW)(A;;0x1200a9;;;WD)"),
        "O:BAG:BAD:(A;;0x1200a9;;;S-1-22-2-12)(A;;0x1200a9;;;S-1-22-1-5)".into(),
        "O:BAG:BAD:PAI(A;OICI;0x1f01ff;;;BA)(A;ID;0x1200a9;;;S-1-5-2)".into(),
    ]
    .into()
}

fn random_descriptor(random: &mut Random, principals: &[&str]) -> String {
    const MASKS: [&str; 6] = ["0x1", "0x120089", "0x1200a9", "0x1f01ff", "0x20000", "0x120116"];
    let of = |random: &mut Random, count: usize| random.below(count as u64) as usize;
    let owner = principals[of(random, principals.len())];
    let entries: String = (0..of(random, 6))
        .map(|_| {
            let kind = ["A", "A", "D"][of(random, 3)];
            let flags = ["", "", "OICIIO", "ID"][of(random, 4)];
            let sid = principals[of(random, principals.len())];
            format!("({kind};{flags};{};;;{sid})", MASKS[of(random, MASKS.len())])
        })
        .collect();
    format!("O:{owner}G:BAD:{entries}")
}

#[test]
fn what_clients_of_smbd_set_decides_here_as_there() {
    if !rustix::process::geteuid().is_root() {
        return skipped("smbd serves several users only as root");
    }
    let names: Vec<_> = (0..312).map(|number| format!("{number:03}.wim")).collect();
    let server = Server::start(&names);
    let by_hand = chosen(&server);
    let mut paths: Vec<_> = names.iter().map(|name| (format!("Images/Sales/{name}"), String::new())).collect();
    for ((path, _), sddl) in paths.iter().zip(&by_hand) {
        server.smbcacls(path, sddl);
    }
    let all = server.sids.values().flatten().map(String::as_str);
    let principals: Vec<_> = all.chain(["S-1-3-4", "S-1-3-0", "S-1-5-32-544", "S-1-22-1-0"]).collect();
    let mut random = Random::new(11);
    for (_, sddl) in &mut paths[by_hand.len()..] {
        *sddl = random_descriptor(&mut random, &principals);
    }
    paths.insert(0, ("Images/Sales".into(), "O:BAG:BAD:(A;OICI;0x1200a9;;;WD)".into()));
    let theirs = server.answers(&paths);
    let granted = theirs.values().filter(|granted| **granted).count();
    assert!(theirs.len() == 626 && granted > 100 && granted < 526, "{granted} of {}", theirs.len());
    let ours = server.ours();
    let differ: Vec<_> = theirs.iter().filter(|(key, granted)| ours.get(key) != Some(granted)).collect();
    assert!(differ.is_empty() && ours.len() == theirs.len(), "{differ:?} {} {}", ours.len(), theirs.len());
}

#[test]
fn a_file_that_a_client_makes_has_what_its_group_passes_on() {
    if !rustix::process::geteuid().is_root() {
        return skipped("smbd serves several users only as root");
    }
    let server = Server::start(&[]);
    let games = &server.sids["games"][0];
    server.smbcacls("Images/Sales", &format!("O:BAG:BAD:(A;OICI;0x1f01ff;;;BA)(A;OICI;0x1200a9;;;{games})"));
    let archive = server.folder.path().join("new.wim");
    Wim::new(Packing::Stored, root([file("x", "x")])).build().save(&archive);
    let mut command = Command::new(need("smbclient", "smbclient"));
    command.arg("--configfile").arg(server.conf()).arg(format!("//{}/store", server.address));
    command.args(["--user", &format!("root%{PASSWORD}"), "--command"]);
    command.arg(format!("put {} Images\\Sales\\new.wim", archive.display()));
    let put = output(&mut command);
    assert!(put.status.success(), "{put:?}");
    let paths = ["Images/Sales", "Images/Sales/new.wim"].map(|path| (path.to_owned(), String::new()));
    let theirs = server.answers(&paths);
    let key = |path: &str, user: &str| (path.to_owned(), user.to_owned());
    let want = [("Sales", "games", true), ("Sales", "man", false), ("Sales/new.wim", "games", true)];
    let want = want.into_iter().chain([("Sales/new.wim", "man", false)]);
    assert_eq!(theirs, want.map(|(path, user, granted)| (key(path, user), granted)).collect());
    assert_eq!(server.ours(), theirs);
}
