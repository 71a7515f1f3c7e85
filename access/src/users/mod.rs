//! The file of users, `users.toml`: who may log on without a directory, and in which groups.
//!
//! ```toml
//! version = 1
//! domain = "S-1-5-21-1-2-3"       # random, made with the first user
//!
//! [[user]]
//! name = "alice"                  # compared without case
//! rid = 1000                      # or sid = "S-1-5-21-…", an account of another domain
//! password = "$argon2id$…"        # absent: no log-on by password
//! groups = ["Deployers"]
//! # admin = true, disabled = true, expires = 2027-01-01, principal = ["alice@EXAMPLE.ORG"]
//!
//! [[group]]
//! name = "Deployers"
//! rid = 1100
//! # groups = ["All"]: groups may be nested, also in a cycle
//!
//! [map]                           # foreign groups into those of this file
//! "unix:deploy" = "Deployers"
//! ```

mod edit;
mod file;
mod password;
mod raw;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::{Builtin, Membership, Origin, Sid, Token};

pub use edit::Edit;
pub use file::{FileError, UsersFile, read};
pub use password::{MAX_PASSWORD, hash_password};
pub use raw::UsersError;

/// The longest name of a user or group, in characters.
const MAX_NAME: usize = 104;

/// Users and groups that are consistent: names and identifiers are unique, and groups exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    domain: Option<Sid>,
    users: Vec<User>,
    groups: Vec<Group>,
    /// Foreign groups, and the groups here that their members belong to.
    map: BTreeMap<String, Sid>,
}

/// A user of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, in its own case.
    pub name: String,
    /// The identifier of the account.
    pub sid: Sid,
    /// Whether it is in the built-in group of administrators.
    pub is_administrator: bool,
    /// Whether it may not log on.
    pub is_disabled: bool,
    /// When it ceases to be allowed to log on.
    pub expires: Option<SystemTime>,
    /// Names of Kerberos principals that are this user.
    pub principals: Vec<String>,
    /// The hash of the password, if it may log on by one.
    password: Option<String>,
    /// Groups that it is put in, without those that these are in.
    groups: Vec<Sid>,
}

/// A group of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name, in its own case.
    pub name: String,
    /// The identifier of the group.
    pub sid: Sid,
    /// Groups whose members its members are, too.
    groups: Vec<Sid>,
}

/// Why a user has no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No user has this name.
    Unknown,
    /// The user is disabled.
    Disabled,
    /// The time of the user is over.
    Expired,
}

impl User {
    /// Whether it may log on by a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether `password` is its password. Takes as long as hashing does.
    pub fn verify(&self, password: &str) -> bool {
        self.password.as_ref().is_some_and(|hash| password::verify(hash, password))
    }
}

impl Users {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// It is not TOML, or not consistent.
    pub fn parse(text: &str) -> Result<Self, UsersError> {
        raw::parse(text)
    }

    /// The domain of the accounts that have but a relative identifier.
    pub fn domain(&self) -> Option<Sid> {
        self.domain
    }

    /// The users, in their stored order.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// The groups, in their stored order.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The user of this name, in any case.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| same_name(&user.name, name))
    }

    /// The group of this name, in any case.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| same_name(&group.name, name))
    }

    /// The group here that members of a foreign one belong to, such as `unix:deploy`.
    pub fn mapped(&self, foreign: &str) -> Option<Sid> {
        self.map.get(foreign).copied()
    }

    /// The token of a user who logs on at the time `now`.
    ///
    /// # Errors
    /// The user may not log on.
    pub fn token(&self, name: &str, now: SystemTime) -> Result<Token, Refusal> {
        let user = self.user(name).ok_or(Refusal::Unknown)?;
        if user.is_disabled {
            return Err(Refusal::Disabled);
        }
        if user.expires.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        let groups: Vec<_> = self.closure(&user.groups).into_iter().map(|sid| (sid, Membership::Enabled)).collect();
        let administrators = if user.is_administrator { vec![user.sid] } else { Vec::new() };
        let builtin = Builtin { administrators, users: Vec::new() };
        Token::log_on(&user.name, Origin::Users, user.sid, &groups, &builtin).ok_or(Refusal::Unknown)
    }

    /// Groups and those that they are in, however deep; each is visited once.
    fn closure(&self, direct: &[Sid]) -> BTreeSet<Sid> {
        let mut seen = BTreeSet::new();
        let mut stack = direct.to_vec();
        while let Some(sid) = stack.pop() {
            if seen.insert(sid) {
                let group = self.groups.iter().find(|group| group.sid == sid);
                stack.extend(group.iter().flat_map(|group| &group.groups));
            }
        }
        seen
    }
}

/// Whether two names are those of the same user or group.
fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Whether users and groups may have this name, which also Windows allows.
fn is_name(name: &str) -> bool {
    let allowed = |char: char| !char.is_control() && !"/\"\\[]:;|=,+*?<>@".contains(char);
    !name.is_empty() && name.trim() == name && name.chars().count() <= MAX_NAME && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TEXT: &str = r#"
        version = 1
        domain = "S-1-5-21-1-2-3"
        [[user]]
        name = "Alice"
        rid = 1000
        groups = ["deployers"]
        principal = ["alice@EXAMPLE.ORG"]
        [[user]]
        name = "root"
        sid = "S-1-5-21-9-9-9-500"
        admin = true
        [[user]]
        name = "gone"
        rid = 1001
        disabled = true
        [[user]]
        name = "guest"
        rid = 1002
        expires = 2027-01-01
        [[group]]
        name = "Deployers"
        rid = 1100
        groups = ["All"]
        [[group]]
        name = "All"
        rid = 1101
        groups = ["Deployers"]
        [map]
        "unix:deploy" = "all"
    "#;

    #[test]
    fn users_have_tokens() {
        let users = Users::parse(TEXT).unwrap();
        let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600); // 2027-01-01T00:00:00Z
        let at = |name, seconds| users.token(name, new_year - Duration::from_secs(seconds));
        let alice = at("ALICE", 0).unwrap();
        let account = |relative| users.domain().unwrap().child(relative).unwrap();
        assert_eq!((alice.name(), alice.user()), ("Alice", account(1000)));
        assert!(alice.has(account(1100)) && alice.has(account(1101)) && !alice.is_administrator());
        let root = at("root", 0).unwrap();
        assert!(root.is_administrator() && !root.has(account(1101)));
        assert_eq!(at("gone", 0), Err(Refusal::Disabled));
        assert_eq!(at("guest", 0), Err(Refusal::Expired));
        assert!(at("guest", 1).is_ok());
        assert_eq!(at("nobody", 0), Err(Refusal::Unknown));
        assert_eq!(users.mapped("unix:deploy"), Some(account(1101)));
        assert!(!users.user("alice").unwrap().verify(""), "no password, no log-on");
    }

    #[test]
    fn inconsistent_files_are_refused() {
        let head = "version = 1\ndomain = \"S-1-5-21-1-2-3\"\n";
        let user = |rest: &str| format!("{head}[[user]]\nname = \"a\"\n{rest}");
        for (text, want) in [
            (String::new(), "missing field `version`"),
            ("version = 2".into(), "version 2 is unknown"),
            (format!("{head}more = 1"), "unknown field `more`"),
            ("version = 1\ndomain = \"S-1-5-32\"".into(), "the domain S-1-5-32 is none: S-1-5-21-A-B-C"),
            ("version = 1\n[[user]]\nname = \"a\"\nrid = 1".into(), "a: an rid, but the file has no domain"),
            (user(""), "a: neither or both of rid and sid"),
            (user("rid = 1\nsid = \"S-1-5-21-1-2-3-4\""), "a: neither or both of rid and sid"),
            (user("sid = \"S-1-5-32-544\""), "a: S-1-5-32-544 is no account of a domain"),
            (user("rid = 1\ngroups = [\"b\"]"), "a: there is no group b"),
            (user("rid = 1\npassword = \"secret\""), "a: the password is no argon2id hash"),
            (user("rid = 1\n[[user]]\nname = \"A\"\nrid = 2"), "A: the name is there twice"),
            (user("rid = 1\n[[group]]\nname = \"b\"\nrid = 1"), "b: the identifier is there twice"),
            (user("rid = 1\n[map]\nx = \"b\""), "[map] x: there is no group b"),
            (format!("{head}[[user]]\nname = \"a@b\"\nrid = 1"), "a@b: not a name"),
        ] {
            let error = Users::parse(&text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}\n{error}\n{want}");
        }
    }
}
