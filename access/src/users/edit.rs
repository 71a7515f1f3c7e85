//! Changes of a file of users, which keep its comments and its order.

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::raw::UsersError;
use super::{Users, same_name};

/// The first relative identifier of a user or group of ours.
const FIRST: u32 = 1000;

/// A change of a file of users.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// Adds a user.
    AddUser {
        /// The name.
        name: &'a str,
        /// Whether it becomes an administrator.
        administrator: bool,
        /// The hash of a password.
        password: Option<&'a str>,
    },
    /// Gives a user another password, by its hash.
    SetPassword(&'a str, &'a str),
    /// Keeps a user from logging on, or allows it again.
    SetDisabled(&'a str, bool),
    /// Removes a user.
    RemoveUser(&'a str),
    /// Adds a group.
    AddGroup(&'a str),
    /// Removes a group, and takes everybody out of it.
    RemoveGroup(&'a str),
    /// Puts the user or group of the first name in the group of the second.
    Join(&'a str, &'a str),
    /// Takes the user or group of the first name out of the group of the second.
    Leave(&'a str, &'a str),
}

/// The text after a change. `random` makes the domain of a file that has none yet.
///
/// # Errors
/// The file is invalid, or would be; or there is nobody of the name.
pub(super) fn apply(text: &str, edit: Edit<'_>, random: [u32; 3]) -> Result<String, UsersError> {
    let mut users = Users::default();
    let mut document = DocumentMut::new();
    if text.trim().is_empty() {
        document["version"] = value(1);
    } else {
        users = Users::parse(text)?;
        document = text.parse().map_err(|error: toml_edit::TomlError| UsersError(error.to_string()))?;
    }
    change(&mut document, &users, edit, random)?;
    let text = document.to_string();
    Users::parse(&text)?;
    Ok(text)
}

fn change(document: &mut DocumentMut, users: &Users, edit: Edit<'_>, random: [u32; 3]) -> Result<(), UsersError> {
    match edit {
        Edit::AddUser { name, administrator, password } => {
            let mut user = account(document, users, name, random);
            if let Some(hash) = password {
                user["password"] = value(hash);
            }
            if administrator {
                user["admin"] = value(true);
            }
            tables(document, "user")?.push(user);
        }
        Edit::AddGroup(name) => {
            let group = account(document, users, name, random);
            tables(document, "group")?.push(group);
        }
        Edit::SetPassword(name, hash) => find(document, "user", name)?["password"] = value(hash),
        Edit::SetDisabled(name, true) => find(document, "user", name)?["disabled"] = value(true),
        Edit::SetDisabled(name, false) => drop(find(document, "user", name)?.remove("disabled")),
        Edit::RemoveUser(name) => remove(document, "user", name)?,
        Edit::RemoveGroup(name) => {
            remove(document, "group", name)?;
            for kind in ["user", "group"] {
                tables(document, kind)?.iter_mut().for_each(|table| leave(table, name));
            }
            if let Some(map) = document.get_mut("map").and_then(Item::as_table_like_mut) {
                let keys: Vec<_> = map
                    .iter()
                    .filter(|(_, to)| to.as_str().is_some_and(|to| same_name(to, name)))
                    .map(|(key, _)| key.to_owned())
                    .collect();
                keys.iter().for_each(|key| drop(map.remove(key)));
            }
        }
        Edit::Join(member, group) => {
            let groups = find_member(document, users, member)?.entry("groups").or_insert(value(Array::new()));
            let groups = groups.as_array_mut().ok_or_else(|| UsersError(format!("{member}: groups is no list")))?;
            if !groups.iter().any(|to| to.as_str().is_some_and(|to| same_name(to, group))) {
                groups.push(group);
            }
        }
        Edit::Leave(member, group) => {
            let is_member = |table: &Table| {
                let groups = table.get("groups").and_then(Item::as_array);
                groups.is_some_and(|all| all.iter().any(|to| to.as_str().is_some_and(|to| same_name(to, group))))
            };
            let table = find_member(document, users, member)?;
            if !is_member(table) {
                return Err(UsersError(format!("{member} is not in {group}")));
            }
            leave(table, group);
        }
    }
    Ok(())
}

/// A new user or group, whose relative identifier no other has had of those that are there.
fn account(document: &mut DocumentMut, users: &Users, name: &str, [a, b, c]: [u32; 3]) -> Table {
    if users.domain().is_none() {
        document["domain"] = value(format!("S-1-5-21-{a}-{b}-{c}"));
    }
    let sids = users.users().iter().map(|user| user.sid).chain(users.groups().iter().map(|group| group.sid));
    let ours = sids.filter(|sid| users.domain().is_some_and(|domain| sid.parts().starts_with(domain.parts())));
    let last = ours.filter_map(|sid| sid.parts().last().copied()).max();
    let rid = last.map_or(FIRST, |last| last.saturating_add(1).max(FIRST));
    let mut table = Table::new();
    table["name"] = value(name);
    table["rid"] = value(i64::from(rid));
    table
}

/// The tables of all users or groups.
fn tables<'a>(document: &'a mut DocumentMut, kind: &str) -> Result<&'a mut ArrayOfTables, UsersError> {
    let item = document.entry(kind).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or_else(|| UsersError(format!("{kind} is not written as [[{kind}]]")))
}

fn is_named(table: &Table, name: &str) -> bool {
    table.get("name").and_then(Item::as_str).is_some_and(|found| same_name(found, name))
}

fn find<'a>(document: &'a mut DocumentMut, kind: &str, name: &str) -> Result<&'a mut Table, UsersError> {
    let found = tables(document, kind)?.iter_mut().find(|table| is_named(table, name));
    found.ok_or_else(|| UsersError(format!("there is no {kind} {name}")))
}

/// The user of a name, or else the group.
fn find_member<'a>(document: &'a mut DocumentMut, users: &Users, name: &str) -> Result<&'a mut Table, UsersError> {
    find(document, if users.user(name).is_some() { "user" } else { "group" }, name)
}

fn remove(document: &mut DocumentMut, kind: &str, name: &str) -> Result<(), UsersError> {
    find(document, kind, name)?;
    tables(document, kind)?.retain(|table| !is_named(table, name));
    Ok(())
}

fn leave(table: &mut Table, group: &str) {
    if let Some(groups) = table.get_mut("groups").and_then(Item::as_array_mut) {
        groups.retain(|to| !to.as_str().is_some_and(|to| same_name(to, group)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u32; 3] = [7, 8, 9];

    fn after(text: &str, edits: &[Edit<'_>]) -> Result<String, UsersError> {
        edits.iter().try_fold(text.to_owned(), |text, edit| apply(&text, *edit, RANDOM))
    }

    #[test]
    fn changes_keep_the_rest_as_it_was() {
        let add = |name| Edit::AddUser { name, administrator: false, password: None };
        let text = after("", &[add("alice"), Edit::AddGroup("Deployers"), Edit::Join("ALICE", "Deployers")]).unwrap();
        let want = "version = 1\ndomain = \"S-1-5-21-7-8-9\"\n\n[[user]]\nname = \"alice\"\nrid = 1000\n\
                    groups = [\"Deployers\"]\n\n[[group]]\nname = \"Deployers\"\nrid = 1001\n";
        assert_eq!(text, want);
        let commented = format!("# Ours.\n{text}# The end.\n");
        let root = Edit::AddUser { name: "root", administrator: true, password: None };
        let more = after(&commented, &[root, Edit::SetDisabled("alice", true)]).unwrap();
        assert!(more.starts_with("# Ours.\n") && more.contains("# The end."), "{more}");
        let users = Users::parse(&more).unwrap();
        assert!(users.user("alice").unwrap().is_disabled && users.user("root").unwrap().is_administrator);
        assert_eq!(users.user("root").unwrap().sid.to_string(), "S-1-5-21-7-8-9-1002");
        let back = [Edit::RemoveUser("root"), Edit::SetDisabled("alice", false)];
        assert_eq!(after(&more, &back).unwrap(), commented);
        let none = after(&text, &[Edit::RemoveGroup("deployers")]).unwrap();
        assert!(Users::parse(&none).unwrap().groups().is_empty(), "{none}");
        let nested = [Edit::AddGroup("All"), Edit::Join("Deployers", "All"), Edit::Join("all", "deployers")];
        assert!(after(&text, &nested).is_ok(), "a cycle");
    }

    #[test]
    fn changes_that_cannot_be_made_are_errors() {
        let text = "version = 1\ndomain = \"S-1-5-21-1-2-3\"\n[[user]]\nname = \"a\"\nrid = 1000\n";
        let add = |name| Edit::AddUser { name, administrator: false, password: None };
        for (edit, want) in [
            (add("A"), "A: the name is there twice"),
            (add("a/b"), "a/b: not a name"),
            (Edit::RemoveUser("b"), "there is no user b"),
            (Edit::SetPassword("a", "secret"), "a: the password is no argon2id hash"),
            (Edit::Join("a", "b"), "a: there is no group b"),
            (Edit::Leave("a", "b"), "a is not in b"),
            (Edit::Join("b", "b"), "there is no group b"),
        ] {
            assert_eq!(apply(text, edit, RANDOM).unwrap_err().to_string(), want);
        }
        assert!(apply("nonsense", add("b"), RANDOM).is_err());
    }
}
