//! Users and groups that commands name: those of the file of users, and those of this system.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use access::Token;
use access::users::{FileError, Refusal, Users, read};
use anyhow::{anyhow, bail};
use fs_core::Principals;

/// Where the file of users is.
#[derive(clap::Args, Debug, Clone, Default)]
pub(crate) struct File {
    /// The file of users [default: /etc/wimstore/users.toml]
    #[arg(long = "users", value_name = "FILE", global = true)]
    users: Option<PathBuf>,
}

impl File {
    /// The file at `path`.
    #[cfg(target_os = "linux")]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { users: Some(path) }
    }

    /// This one if it is named, else the other.
    #[cfg(target_os = "linux")]
    pub(crate) fn or(self, other: Self) -> Self {
        Self { users: self.users.or(other.users) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.users.clone().unwrap_or_else(|| "/etc/wimstore/users.toml".into())
    }

    /// The users; none where no file was named and the default one is not there.
    ///
    /// # Errors
    /// The file cannot be read, others may read or change it, or its text is wrong.
    pub(crate) fn read_if_there(&self) -> Result<Users, FileError> {
        match read(&self.path()) {
            Err(FileError::Io(_, error)) if self.users.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Users::default())
            }
            users => users,
        }
    }
}

/// The token of a user of the file, or else of this system.
///
/// # Errors
/// There is no such user, or it may not log on.
pub(crate) fn token(name: &str, users: &Users) -> anyhow::Result<Token> {
    match users.token(name, SystemTime::now()) {
        Ok(token) => Ok(token),
        Err(Refusal::Disabled) => bail!("{name}: the user is disabled"),
        Err(Refusal::Expired) => bail!("{name}: the time of the user is over"),
        Err(Refusal::Unknown) => {
            let no_user = || anyhow!("{name}: no user of the file of users, and none of this system");
            of_system(name, users).ok_or_else(no_user)
        }
    }
}

/// What names in descriptors stand for, and groups of this system: those that the file of users maps, or as Samba names them.
pub(crate) fn principals(users: &Users) -> Principals {
    let mapped = |line: &Line| Some((line.id()?, users.mapped(&format!("unix:{}", line.name()))?));
    Principals { domain: users.domain(), groups: lines("/etc/group").iter().filter_map(mapped).collect() }
}

fn of_system(name: &str, users: &Users) -> Option<Token> {
    let user = lines("/etc/passwd").into_iter().find(|line| line.name() == name)?;
    let primary = user.field(3)?.parse().ok()?;
    let is_member = |line: &Line| line.field(3).is_some_and(|members| members.split(',').any(|member| member == name));
    let others = lines("/etc/group").into_iter().filter(is_member).filter_map(|line| line.id());
    let principals = principals(users);
    let groups: Vec<_> = std::iter::once(primary).chain(others).map(|gid| principals.group(gid)).collect();
    Some(Token::unix(name, user.id()?, &groups))
}

/// A line of `/etc/passwd` or `/etc/group`.
struct Line(String);

impl Line {
    fn field(&self, index: usize) -> Option<&str> {
        self.0.split(':').nth(index)
    }

    fn name(&self) -> &str {
        self.field(0).unwrap_or_default()
    }

    fn id(&self) -> Option<u32> {
        self.field(2)?.parse().ok()
    }
}

/// The lines of a file of accounts; none where a system has no such file.
fn lines(path: &str) -> Vec<Line> {
    fs::read_to_string(path).unwrap_or_default().lines().map(|line| Line(line.to_owned())).collect()
}
