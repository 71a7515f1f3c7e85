//! The file of users as stored.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use toml_edit::Datetime;

use super::{Group, User, Users, is_name, password, same_name};
use crate::Sid;

/// What is wrong with a file of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsersError(pub(super) String);

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsersError {}

fn wrong<T>(what: impl fmt::Display) -> Result<T, UsersError> {
    Err(UsersError(what.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUsers {
    version: u32,
    domain: Option<String>,
    #[serde(default)]
    user: Vec<RawAccount>,
    #[serde(default)]
    group: Vec<RawAccount>,
    #[serde(default)]
    map: BTreeMap<String, String>,
}

/// A user, or a group, which has but the first fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    name: String,
    rid: Option<u32>,
    sid: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    password: Option<String>,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    disabled: bool,
    expires: Option<Datetime>,
    #[serde(default)]
    principal: Vec<String>,
}

pub(super) fn parse(text: &str) -> Result<Users, UsersError> {
    let raw: RawUsers = toml_edit::de::from_str(text).map_err(|error| UsersError(error.to_string()))?;
    if raw.version != 1 {
        return wrong(format_args!("version {} is unknown", raw.version));
    }
    let domain = raw.domain.as_deref().map(domain_of).transpose()?;
    for accounts in [&raw.user, &raw.group] {
        check_names(accounts)?;
    }
    let with_sid = |accounts: Vec<RawAccount>| {
        let sid = |account: RawAccount| Ok((sid_of(&account, domain)?, account));
        accounts.into_iter().map(sid).collect::<Result<Vec<_>, UsersError>>()
    };
    let (users, groups) = (with_sid(raw.user)?, with_sid(raw.group)?);
    let mut seen = HashSet::new();
    if let Some((_, again)) = users.iter().chain(&groups).find(|(sid, _)| !seen.insert(*sid)) {
        return wrong(format_args!("{}: the identifier is there twice", again.name));
    }
    let group_of = |owner: &str, name: &str| match groups.iter().find(|(_, group)| same_name(&group.name, name)) {
        Some((sid, _)) => Ok(*sid),
        None => wrong(format_args!("{owner}: there is no group {name}")),
    };
    let groups_of = |account: &RawAccount| -> Result<Vec<Sid>, UsersError> {
        account.groups.iter().map(|name| group_of(&account.name, name)).collect()
    };
    Ok(Users {
        domain,
        users: users
            .into_iter()
            .map(|(sid, account)| user(sid, groups_of(&account)?, account))
            .collect::<Result<_, _>>()?,
        groups: groups
            .iter()
            .map(|(sid, account)| group(*sid, groups_of(account)?, account))
            .collect::<Result<_, _>>()?,
        map: raw
            .map
            .iter()
            .map(|(foreign, name)| Ok((foreign.clone(), group_of(&format!("[map] {foreign}"), name)?)))
            .collect::<Result<_, UsersError>>()?,
    })
}

fn domain_of(text: &str) -> Result<Sid, UsersError> {
    match text.parse::<Sid>() {
        Ok(sid) if sid.authority() == 5 && matches!(sid.parts(), [21, _, _, _]) => Ok(sid),
        _ => wrong(format_args!("the domain {text} is none: S-1-5-21-A-B-C")),
    }
}

fn check_names(accounts: &[RawAccount]) -> Result<(), UsersError> {
    let mut seen = HashSet::new();
    for RawAccount { name, .. } in accounts {
        if !is_name(name) {
            return wrong(format_args!("{}: not a name", name.escape_debug()));
        }
        if !seen.insert(name.to_lowercase()) {
            return wrong(format_args!("{name}: the name is there twice"));
        }
    }
    Ok(())
}

fn sid_of(account: &RawAccount, domain: Option<Sid>) -> Result<Sid, UsersError> {
    let name = &account.name;
    match (account.rid, &account.sid) {
        (Some(rid), None) => match domain.and_then(|domain| domain.child(rid)) {
            Some(sid) => Ok(sid),
            None => wrong(format_args!("{name}: an rid, but the file has no domain")),
        },
        (None, Some(text)) => match text.parse::<Sid>() {
            Ok(sid) if sid.is_of_domain() => Ok(sid),
            _ => wrong(format_args!("{name}: {text} is no account of a domain")),
        },
        _ => wrong(format_args!("{name}: neither or both of rid and sid")),
    }
}

fn user(sid: Sid, groups: Vec<Sid>, account: RawAccount) -> Result<User, UsersError> {
    let name = account.name;
    if account.password.as_deref().is_some_and(|hash| !password::is_hash(hash)) {
        return wrong(format_args!("{name}: the password is no argon2id hash"));
    }
    let expires = match account.expires {
        None => None,
        Some(date) => match time_of(date) {
            Some(time) => Some(time),
            None => return wrong(format_args!("{name}: expires is no date since 1970")),
        },
    };
    Ok(User {
        sid,
        is_administrator: account.admin,
        is_disabled: account.disabled,
        expires,
        principals: account.principal,
        password: account.password,
        groups,
        name,
    })
}

fn group(sid: Sid, groups: Vec<Sid>, account: &RawAccount) -> Result<Group, UsersError> {
    let of_users = account.password.is_some()
        || account.admin
        || account.disabled
        || account.expires.is_some()
        || !account.principal.is_empty();
    if of_users {
        return wrong(format_args!("{}: a group has but name, rid or sid, and groups", account.name));
    }
    Ok(Group { name: account.name.clone(), sid, groups })
}

/// The time of a date, which begins at midnight UTC, or of a date with a time, without offset UTC.
fn time_of(date: Datetime) -> Option<SystemTime> {
    let day = date.date?;
    let (year, month) = (i64::from(day.year), i64::from(day.month));
    // Years begin in March, so that the day that some have more is their last.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + i64::from(day.day) - 719_469;
    let time = date.time.map_or(0, |time| {
        i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0))
    });
    let offset = match date.offset {
        Some(toml_edit::Offset::Custom { minutes }) => i64::from(minutes) * 60,
        _ => 0,
    };
    let seconds = u64::try_from(days * 86_400 + time - offset).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_times() {
        for (text, seconds) in [
            ("1970-01-01", Some(0)),
            ("1972-02-29", Some(789 * 86_400)),
            ("2000-03-01", Some(951_868_800)),
            ("2027-01-01", Some(1_798_761_600)),
            ("2027-01-01T01:02:03Z", Some(1_798_765_323)),
            ("2027-01-01T01:02:03+01:00", Some(1_798_761_723)),
            ("1969-12-31", None),
            ("01:02:03", None),
        ] {
            let time = time_of(text.parse().unwrap());
            let want = seconds.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(time, want, "{text}");
        }
    }
}
