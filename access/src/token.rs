//! Tokens: the principals that a user acts as.

use std::collections::BTreeSet;

use crate::Sid;

/// Where the identity of a token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file of users.
    Users,
    /// A directory, or the PAC of a Kerberos ticket.
    Directory,
    /// User and groups of a Unix system.
    Unix,
    /// Identifiers that an administrator gave one by one.
    Given,
}

/// What a membership in a group is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Entries that grant and entries that deny apply.
    Enabled,
    /// Only entries that deny apply.
    DenyOnly,
}

/// Groups whose members also belong to a built-in group here.
///
/// A source of users cannot put anyone into a built-in group by itself: what a domain controller
/// calls `S-1-5-32-544` are the administrators of that controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Builtin {
    /// Their members are administrators (`S-1-5-32-544`).
    pub administrators: Vec<Sid>,
    /// Their members are users (`S-1-5-32-545`).
    pub users: Vec<Sid>,
}

impl Builtin {
    /// The groups that a computer which joins a domain takes: Domain Admins and Domain Users. `None`
    /// if `domain` has no relative identifiers.
    pub fn of_domain(domain: Sid) -> Option<Self> {
        Some(Self { administrators: vec![domain.child(512)?], users: vec![domain.child(513)?] })
    }
}

/// The principals that a user acts as, against which entries are matched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    name: String,
    origin: Origin,
    user: Sid,
    /// Sorted; the user is among them.
    sids: Vec<Sid>,
    /// Sorted; none of them is in `sids`.
    deny_only: Vec<Sid>,
    integrity: u32,
}

/// The relative identifier of the account that every domain has for guests.
const GUEST: u32 = 501;
/// Integrity of ordinary users and of administrators.
const MEDIUM: u32 = 0x2000;
const HIGH: u32 = 0x3000;

impl Token {
    /// The token of a user who logs on with memberships in `groups`, nested ones included; `None` if
    /// `user` is no account of this kind of origin.
    ///
    /// Groups that the origin has no say in, above all built-in ones, are left out. Added are those
    /// that every log-on over a network has, and built-in ones by `builtin`.
    pub fn log_on(
        name: &str,
        origin: Origin,
        user: Sid,
        groups: &[(Sid, Membership)],
        builtin: &Builtin,
    ) -> Option<Self> {
        if !issues(origin, user) {
            return None;
        }
        let of = |membership| groups.iter().filter(move |(sid, is)| *is == membership && issues(origin, *sid));
        let mut sids = BTreeSet::from([user, Sid::EVERYONE, Sid::NETWORK]);
        sids.extend(of(Membership::Enabled).map(|(sid, _)| *sid));
        if !(user.is_of_domain() && user.parts().last() == Some(&GUEST)) {
            sids.insert(Sid::AUTHENTICATED_USERS);
        }
        if origin == Origin::Directory {
            sids.insert(Sid::THIS_ORGANIZATION);
        }
        let mut deny_only: BTreeSet<_> = of(Membership::DenyOnly).map(|(sid, _)| *sid).collect();
        for set in [&mut sids, &mut deny_only] {
            let members = |of: &[Sid]| of.iter().any(|sid| set.contains(sid));
            let (administrators, users) = (members(&builtin.administrators), members(&builtin.users));
            set.extend(administrators.then_some(Sid::ADMINISTRATORS));
            set.extend(users.then_some(Sid::USERS));
        }
        Some(Self::of_sets(name, origin, user, sids, deny_only))
    }

    /// The token of a Unix user, as Samba names it: of groups there ([`Sid::unix_group`]), or those
    /// that a file of users maps them to.
    pub fn unix(name: &str, uid: u32, groups: &[Sid]) -> Self {
        let groups: Vec<_> = groups.iter().map(|&group| (group, Membership::Enabled)).collect();
        Self::log_on(name, Origin::Unix, Sid::unix_user(uid), &groups, &Builtin::default())
            .expect("identifiers of Unix are issued by Unix")
    }

    /// The token of exactly these identifiers, without what a log-on adds.
    ///
    /// Placeholders for owners, creators and the object itself are left out: nobody is one of them.
    pub fn exact(user: Sid, sids: &[Sid], deny_only: &[Sid]) -> Self {
        let real = |sid: &&Sid| !sid.is_placeholder();
        let sids = [&[user], sids].concat().iter().filter(real).copied().collect();
        let deny_only = deny_only.iter().filter(real).copied().collect();
        Self::of_sets(&user.to_string(), Origin::Given, user, sids, deny_only)
    }

    fn of_sets(name: &str, origin: Origin, user: Sid, sids: BTreeSet<Sid>, deny_only: BTreeSet<Sid>) -> Self {
        let integrity = if sids.contains(&Sid::ADMINISTRATORS) { HIGH } else { MEDIUM };
        let deny_only = deny_only.difference(&sids).copied().collect();
        Self { name: name.into(), origin, user, sids: sids.into_iter().collect(), deny_only, integrity }
    }

    /// The name of the user, as its origin writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the identity comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The user itself.
    pub fn user(&self) -> Sid {
        self.user
    }

    /// The user and its groups, sorted.
    pub fn sids(&self) -> &[Sid] {
        &self.sids
    }

    /// Groups that only entries which deny apply to, sorted.
    pub fn deny_only(&self) -> &[Sid] {
        &self.deny_only
    }

    /// The level of integrity that labels are compared with.
    pub fn integrity(&self) -> u32 {
        self.integrity
    }

    /// Whether entries that grant access to `sid` apply.
    pub fn has(&self, sid: Sid) -> bool {
        self.sids.binary_search(&sid).is_ok()
    }

    /// Whether entries that deny access to `sid` apply although those that grant do not.
    pub fn is_denied_as(&self, sid: Sid) -> bool {
        self.deny_only.binary_search(&sid).is_ok()
    }

    /// Whether it is an administrator's.
    pub fn is_administrator(&self) -> bool {
        self.has(Sid::ADMINISTRATORS)
    }
}

/// Whether an origin can name this principal: accounts of domains, of Entra ID (`S-1-12-1`) and how
/// the log-on was made (`S-1-18-1`, `S-1-18-2`); of Unix, and what its groups are mapped to.
fn issues(origin: Origin, sid: Sid) -> bool {
    match origin {
        Origin::Given => !sid.is_placeholder(),
        Origin::Unix => sid.authority() == 22 && matches!(sid.parts(), [1 | 2, _]) || sid.is_of_domain(),
        Origin::Users | Origin::Directory => {
            sid.is_of_domain() || matches!((sid.authority(), sid.parts()), (18, [1 | 2]) | (12, [1, _, ..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    fn texts(sids: &[Sid]) -> Vec<String> {
        sids.iter().map(Sid::to_string).collect()
    }

    #[test]
    fn a_log_on_keeps_accounts_and_adds_what_all_have() {
        let enabled = |text| (sid(text), Membership::Enabled);
        let groups = [
            enabled("S-1-5-21-1-2-3-513"),
            enabled("S-1-5-21-1-2-3-1104"),
            enabled("S-1-18-1"),
            enabled("S-1-12-1-7-8"),
            enabled("S-1-5-32-544"), // a controller's own alias, and others that no source may give
            enabled("S-1-5-18"),
            enabled("S-1-3-4"),
            enabled("S-1-16-16384"),
            enabled("S-1-22-1-0"),
            (sid("S-1-5-21-1-2-3-512"), Membership::DenyOnly),
            (sid("S-1-5-21-1-2-3-1104"), Membership::DenyOnly), // enabled by another way
        ];
        let builtin = Builtin::of_domain(sid("S-1-5-21-1-2-3")).unwrap();
        let user = sid("S-1-5-21-1-2-3-1103");
        let token = Token::log_on("alice", Origin::Directory, user, &groups, &builtin).unwrap();
        let want = [
            "S-1-1-0",
            "S-1-5-2",
            "S-1-5-11",
            "S-1-5-15",
            "S-1-5-21-1-2-3-513",
            "S-1-5-21-1-2-3-1103",
            "S-1-5-21-1-2-3-1104",
            "S-1-5-32-545",
            "S-1-12-1-7-8",
            "S-1-18-1",
        ];
        let mut found = texts(token.sids());
        found.sort_unstable();
        let mut want = want.map(String::from);
        want.sort_unstable();
        assert_eq!(found, want);
        assert_eq!(texts(token.deny_only()), ["S-1-5-21-1-2-3-512", "S-1-5-32-544"]);
        assert_eq!((token.integrity(), token.is_administrator()), (MEDIUM, false));
        assert!(token.sids().is_sorted() && token.has(user) && !token.is_denied_as(user));
    }

    #[test]
    fn administrators_are_made_here() {
        let builtin = Builtin::of_domain(sid("S-1-5-21-1-2-3")).unwrap();
        let admins = [(sid("S-1-5-21-1-2-3-512"), Membership::Enabled)];
        let user = sid("S-1-5-21-1-2-3-500");
        let token = Token::log_on("root", Origin::Users, user, &admins, &builtin).unwrap();
        assert_eq!((token.integrity(), token.is_administrator()), (HIGH, true));
        let foreign = [(sid("S-1-5-21-9-9-9-512"), Membership::Enabled)];
        let token = Token::log_on("root", Origin::Users, user, &foreign, &builtin).unwrap();
        assert!(!token.is_administrator());
    }

    #[test]
    fn guests_and_strangers() {
        let guest = Token::log_on("guest", Origin::Users, sid("S-1-5-21-1-2-3-501"), &[], &Builtin::default());
        assert!(!guest.unwrap().has(Sid::AUTHENTICATED_USERS));
        for user in ["S-1-5-7", "S-1-5-18", "S-1-5-32-544", "S-1-22-1-0", "S-1-5-21"] {
            let token = Token::log_on("x", Origin::Directory, sid(user), &[], &Builtin::default());
            assert_eq!(token, None, "{user}");
        }
        let unix = Token::unix("daniel", 1000, &[100, 27].map(Sid::unix_group));
        let want = ["S-1-1-0", "S-1-5-2", "S-1-5-11", "S-1-22-1-1000", "S-1-22-2-27", "S-1-22-2-100"];
        assert_eq!(texts(unix.sids()), want);
    }

    #[test]
    fn nobody_is_a_placeholder() {
        let all = ["S-1-3-0", "S-1-3-1", "S-1-3-4", "S-1-5-10", "S-1-5-18"].map(sid);
        assert_eq!(texts(Token::exact(sid("S-1-5-7"), &all, &all).sids()), ["S-1-5-7", "S-1-5-18"]);
    }
}
