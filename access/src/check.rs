//! The access check of \[MS-DTYP\] 2.5.3.2.

use crate::condition::{Truth, evaluate};
use crate::{Ace, AceKind, Acl, Descriptor, Sid, Token};

/// Read the data of a file, or list a folder.
pub const READ_DATA: u32 = 0x0000_0001;
/// All rights to a file.
pub const ALL: u32 = 0x001F_01FF;
/// Asks for all rights that are granted.
pub const MAXIMUM_ALLOWED: u32 = 0x0200_0000;

/// The rights to read, write and execute a file that generic ones stand for.
pub(crate) const READ: u32 = 0x0012_0089;
pub(crate) const WRITE: u32 = 0x0012_0116;
pub(crate) const EXECUTE: u32 = 0x0012_00A0;
/// Read or change the SACL: a privilege that nobody has here.
const ACCESS_SYSTEM_SECURITY: u32 = 0x0100_0000;
/// The rights that an owner always has: reading the descriptor and changing the DACL.
const OWNER: u32 = 0x0006_0000;
/// The policy of a label that forbids reading to those below it.
const NO_READ_UP: u32 = 2;

/// The reason for the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The descriptor is invalid: only administrators have access.
    Broken,
    /// The SACL was asked for, a privilege that nobody has.
    Privilege,
    /// A label forbids reading to users below its integrity.
    Label,
    /// A central access policy applies: only administrators go on to the DACL.
    Policy,
    /// There is no DACL.
    NoDacl,
    /// The rights that owners always have suffice.
    Owner,
    /// The entry of the DACL with this index completes what is granted, or takes away what is needed.
    Entry(usize),
    /// No entry of the DACL grants these rights.
    Missing(u32),
    /// Nothing in particular was asked for.
    Nothing,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The rights that are granted; `None` if not all that were asked for are.
    pub granted: Option<u32>,
    /// The reason for the decision.
    pub reason: Reason,
}

impl Decision {
    fn refused(reason: Reason) -> Self {
        Self { granted: None, reason }
    }

    /// Whether all that was asked for is granted.
    pub fn is_granted(&self) -> bool {
        self.granted.is_some()
    }
}

/// Checks whether a descriptor grants the rights `want` to a token, and says what decides.
///
/// Generic rights are those to files. With [`MAXIMUM_ALLOWED`] in `want` all rights are granted that
/// the token has.
///
/// A descriptor with an entry of unknown type, or without a valid principal, is broken, as one is
/// that cannot be parsed: see [`check_broken`].
pub fn check(descriptor: &Descriptor<'_>, token: &Token, want: u32) -> Decision {
    let want = map_generic(want);
    let lists = [descriptor.sacl, descriptor.dacl];
    if !lists.into_iter().flatten().all(|list| list.entries().all(|ace| is_sound(&ace))) {
        return check_broken(token, want);
    }
    if want & ACCESS_SYSTEM_SECURITY != 0 {
        return Decision::refused(Reason::Privilege);
    }
    let forbidden = descriptor.sacl.map_or(0, |list| forbidden_by_labels(list, token));
    if want & forbidden != 0 {
        return Decision::refused(Reason::Label);
    }
    if !token.is_administrator() && descriptor.sacl.is_some_and(has_policy) {
        return Decision::refused(Reason::Policy);
    }
    let mut walk = Walk::new(want);
    match descriptor.dacl {
        None => walk.grant(ALL | walk.need, Reason::NoDacl),
        Some(dacl) => walk.entries(dacl, descriptor.owner, token),
    }
    walk.decide(forbidden)
}

/// Checks access by a descriptor that cannot be read or parsed: administrators have all rights, all
/// others have none.
pub fn check_broken(token: &Token, want: u32) -> Decision {
    let want = map_generic(want);
    if want & ACCESS_SYSTEM_SECURITY != 0 {
        return Decision::refused(Reason::Privilege);
    }
    let need = want & !MAXIMUM_ALLOWED;
    let granted = if want & MAXIMUM_ALLOWED != 0 { need | ALL } else { need };
    Decision { granted: token.is_administrator().then_some(granted), reason: Reason::Broken }
}

/// The rights to files that the generic ones in `mask` stand for, in their place.
pub fn map_generic(mask: u32) -> u32 {
    let generic = [(0x8000_0000, READ), (0x4000_0000, WRITE), (0x2000_0000, EXECUTE), (0x1000_0000, ALL)];
    generic.iter().fold(mask, |mask, &(bit, rights)| if mask & bit != 0 { mask & !bit | rights } else { mask })
}

/// Whether the type is known and, where the check looks at it, the principal valid.
fn is_sound(ace: &Ace<'_>) -> bool {
    match ace.kind() {
        // Alarms, and compound entries, which never grant or deny: nothing of them is needed.
        AceKind::Other(0x03 | 0x04 | 0x07 | 0x08 | 0x0D..=0x10) => true,
        AceKind::Other(_) => false,
        AceKind::Label => ace.sid().is_some_and(|sid| sid.authority() == 16 && sid.parts().len() == 1),
        _ => ace.sid().is_some(),
    }
}

/// The rights that labels forbid to the token.
fn forbidden_by_labels(sacl: Acl<'_>, token: &Token) -> u32 {
    let forbids = |ace: Ace<'_>| {
        let level = ace.sid().and_then(|sid| sid.parts().first().copied()).unwrap_or(u32::MAX);
        ace.kind() == AceKind::Label
            && !ace.flags().inherit_only()
            && ace.mask() & NO_READ_UP != 0
            && level > token.integrity()
    };
    if sacl.entries().any(forbids) { READ } else { 0 }
}

fn has_policy(sacl: Acl<'_>) -> bool {
    sacl.entries().any(|ace| ace.kind() == AceKind::ScopedPolicy)
}

/// The walk over a DACL.
struct Walk {
    need: u32,
    maximum: bool,
    granted: u32,
    denied: u32,
    /// The reason that granted the last of the rights needed.
    completed_by: Option<Reason>,
    /// The first entry that took away rights needed.
    denied_by: Option<Reason>,
}

impl Walk {
    fn new(want: u32) -> Self {
        Self {
            need: want & !MAXIMUM_ALLOWED,
            maximum: want & MAXIMUM_ALLOWED != 0,
            granted: 0,
            denied: 0,
            completed_by: None,
            denied_by: None,
        }
    }

    fn entries(&mut self, dacl: Acl<'_>, owner: Option<Sid>, token: &Token) {
        let owns = owner.is_some_and(|owner| token.has(owner));
        let live = || dacl.entries().enumerate().filter(|(_, ace)| !ace.flags().inherit_only());
        if owns && live().all(|(_, ace)| ace.sid() != Some(Sid::OWNER_RIGHTS)) {
            self.grant(OWNER, Reason::Owner);
        }
        for (index, ace) in live() {
            let Some(sid) = ace.sid() else { continue };
            let is_owner_rights = sid == Sid::OWNER_RIGHTS;
            let applies = if is_owner_rights { owns } else { token.has(sid) };
            let denies = applies || !is_owner_rights && token.is_denied_as(sid);
            let condition = || ace.data().map_or(Truth::Unknown, |data| evaluate(data, token));
            match ace.kind() {
                AceKind::Allow if applies => self.grant(ace.mask(), Reason::Entry(index)),
                AceKind::AllowCallback if applies && condition() == Truth::True => {
                    self.grant(ace.mask(), Reason::Entry(index));
                }
                // The kind of child that an object entry is about is ignored: more is denied.
                AceKind::Deny | AceKind::DenyObject if denies => self.deny(ace.mask(), index),
                AceKind::DenyCallback | AceKind::DenyCallbackObject if denies && condition() != Truth::False => {
                    self.deny(ace.mask(), index);
                }
                _ => {}
            }
        }
    }

    fn grant(&mut self, mask: u32, reason: Reason) {
        let missing = self.need & !self.granted;
        self.granted |= map_generic(mask) & !self.denied;
        if missing != 0 && self.need & !self.granted == 0 {
            self.completed_by = Some(reason);
        }
    }

    fn deny(&mut self, mask: u32, index: usize) {
        self.denied |= map_generic(mask) & !self.granted;
        if self.need & self.denied != 0 {
            self.denied_by.get_or_insert(Reason::Entry(index));
        }
    }

    fn decide(self, forbidden: u32) -> Decision {
        let missing = self.need & !self.granted;
        if missing != 0 {
            return Decision::refused(self.denied_by.unwrap_or(Reason::Missing(missing)));
        }
        let more = if self.maximum { self.granted & !forbidden } else { 0 };
        Decision { granted: Some(self.need | more), reason: self.completed_by.unwrap_or(Reason::Nothing) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AceFlags, AceParts, Control, list};

    fn user(relative: u32) -> Sid {
        Sid::new(5, &[21, 1, 2, 3, relative]).unwrap()
    }

    fn label(level: u32, policy: u32) -> AceParts {
        let sid = Sid::new(16, &[level]).unwrap();
        AceParts::new(AceKind::Label, AceFlags::default(), policy, sid)
    }

    fn ace(kind: AceKind, mask: u32, sid: Sid) -> AceParts {
        AceParts::new(kind, AceFlags::default(), mask, sid)
    }

    /// A condition: membership in `sid`.
    fn member_of(sid: Sid, code: u8) -> Vec<u8> {
        let sid = sid.to_bytes();
        [b"artx\x51", &(sid.len() as u32).to_le_bytes()[..], &sid, &[code]].concat()
    }

    fn conditional(kind: AceKind, mask: u32, sid: Sid, of: Sid, code: u8) -> AceParts {
        AceParts { data: member_of(of, code), ..ace(kind, mask, sid) }
    }

    /// The decision of a descriptor owned by `user(9)`.
    fn decide(sacl: &[AceParts], dacl: Option<&[AceParts]>, token: &Token, want: u32) -> Decision {
        let (sacl, dacl) = (list(sacl).unwrap(), dacl.map(|dacl| list(dacl).unwrap()));
        let dacl = dacl.as_deref().map(|dacl| Acl::parse(dacl).unwrap());
        let control = Control::SACL_PRESENT | Control::DACL_PRESENT;
        check(&Descriptor::of_parts(control, Some(user(9)), None, Acl::parse(&sacl), dacl), token, want)
    }

    fn granted(granted: u32, reason: Reason) -> Decision {
        Decision { granted: Some(granted), reason }
    }

    /// What Samba cannot be asked, since it answers otherwise or not at all.
    #[test]
    fn what_samba_does_not_know() {
        use AceKind::{Allow, AllowCallback, AllowObject, Deny, DenyCallback, DenyCallbackObject, DenyObject};
        let token = Token::exact(user(1), &[user(2)], &[user(3)]);
        let admin = Token::exact(user(1), &[Sid::ADMINISTRATORS], &[]);
        let all = [AceParts::allow(0x1000_0000, user(1))];
        let refused = Decision::refused;
        let list = |sacl: &[AceParts], dacl: &[AceParts], want| decide(sacl, Some(dacl), &token, want);

        // No DACL.
        assert_eq!(decide(&[], None, &token, 0x8000_0000), granted(READ, Reason::NoDacl));
        assert_eq!(decide(&[], None, &token, MAXIMUM_ALLOWED), granted(ALL, Reason::Nothing));
        // The SACL itself.
        assert_eq!(list(&[], &all, ACCESS_SYSTEM_SECURITY | 1), refused(Reason::Privilege));
        // Labels.
        let high = [label(0x3000, NO_READ_UP)];
        assert_eq!(list(&high, &all, 1), refused(Reason::Label));
        assert_eq!(list(&high, &all, 2), granted(2, Reason::Entry(0)), "only reading is forbidden");
        assert_eq!(list(&high, &all, MAXIMUM_ALLOWED), granted(ALL & !READ, Reason::Nothing));
        assert_eq!(decide(&high, None, &token, MAXIMUM_ALLOWED), granted(ALL & !READ, Reason::Nothing));
        assert_eq!(decide(&high, Some(&all), &admin, 1), granted(1, Reason::Entry(0)));
        assert_eq!(list(&[label(0x2000, NO_READ_UP)], &all, 1), granted(1, Reason::Entry(0)));
        assert_eq!(list(&[label(0x4000, 1)], &all, 1), granted(1, Reason::Entry(0)), "no write up");
        let below = [AceParts { flags: AceFlags(8), ..label(0x3000, NO_READ_UP) }];
        assert_eq!(list(&below, &all, 1), granted(1, Reason::Entry(0)), "for what is below it only");
        // Central access policies.
        let policy = [ace(AceKind::ScopedPolicy, 0, Sid::new(17, &[7]).unwrap())];
        assert_eq!(list(&policy, &all, 1), refused(Reason::Policy));
        assert_eq!(decide(&policy, Some(&all), &admin, 1), granted(1, Reason::Entry(0)));
        // Groups for denials only.
        assert_eq!(list(&[], &[AceParts::allow(1, user(3))], 1), refused(Reason::Missing(1)));
        let denied = [ace(Deny, 1, user(3)), AceParts::allow(1, user(1))];
        assert_eq!(list(&[], &denied, 1), refused(Reason::Entry(0)));
        // Conditions.
        let callback = |kind, of, code| [conditional(kind, 1, user(1), of, code), AceParts::allow(2, user(1))];
        for (of, code, is_granted) in [
            (user(2), 0x89, true),
            (user(4), 0x89, false),
            (user(3), 0x89, false), // not known
            (user(3), 0x90, false),
            (user(4), 0x90, true),
            (user(2), 0x77, false), // invalid
        ] {
            let found = list(&[], &callback(AllowCallback, of, code), 1);
            assert_eq!(found.is_granted(), is_granted, "allow if {code:#x} {of}");
        }
        for (of, code, is_denied) in [
            (user(2), 0x89, true),
            (user(4), 0x89, false),
            (user(3), 0x89, true),
            (user(3), 0x90, true),
            (user(4), 0x90, true),
            (user(2), 0x90, false),
            (user(2), 0x77, true),
        ] {
            for kind in [DenyCallback, DenyCallbackObject] {
                let found = list(&[], &callback(kind, of, code), 2);
                assert!(found.is_granted(), "another right");
                let dacl = [&callback(kind, of, code)[..], &all].concat();
                assert_eq!(!list(&[], &dacl, 1).is_granted(), is_denied, "deny {kind:?} if {code:#x} {of}");
            }
        }
        // Entries about objects.
        let guids = [Some([7; 16]), None];
        let about = |kind| [AceParts { guids, ..ace(kind, 1, user(1)) }, AceParts::allow(1, user(2))];
        assert_eq!(list(&[], &about(DenyObject), 1), refused(Reason::Entry(0)));
        assert_eq!(list(&[], &about(AllowObject), 1), granted(1, Reason::Entry(1)), "grants nothing");
        let callback = [AceParts { guids, ..conditional(AceKind::AllowCallbackObject, 1, user(1), user(2), 0x89) }];
        assert_eq!(list(&[], &callback, 1), refused(Reason::Missing(1)));
        assert_eq!(list(&[], &[ace(Allow, 0, user(1))], 0), granted(0, Reason::Nothing));
    }

    #[test]
    fn a_descriptor_with_entries_unknown_here_is_for_administrators() {
        let token = Token::exact(user(1), &[], &[]);
        let admin = Token::exact(user(2), &[Sid::ADMINISTRATORS], &[]);
        let all = AceParts::allow(ALL, user(1));
        let good = AceKind::Other(0x04);
        for kind in [AceKind::Other(0x15), AceKind::Other(0x14), AceKind::Other(0x77), good] {
            let dacl = [all.clone(), ace(kind, 1, user(1))];
            let broken = kind != good;
            assert_eq!(decide(&[], Some(&dacl), &token, 1).is_granted(), !broken, "{kind:?}");
            assert_eq!(decide(&dacl[1..], None, &token, 1).is_granted(), !broken, "{kind:?} in the SACL");
            let found = decide(&[], Some(&dacl), &admin, 1);
            assert_eq!(found.is_granted(), broken, "{kind:?}");
        }
        let odd = AceParts { sid: Sid::EVERYONE, ..label(0, 0) };
        assert_eq!(decide(&[odd], None, &token, 1), Decision::refused(Reason::Broken));
        assert_eq!(check_broken(&admin, MAXIMUM_ALLOWED | 0x8000_0000), granted(ALL, Reason::Broken));
        assert_eq!(check_broken(&admin, ACCESS_SYSTEM_SECURITY), Decision::refused(Reason::Privilege));
        assert_eq!(check_broken(&token, 0).granted, None);
    }

    #[test]
    fn the_entry_that_decides_is_named() {
        use AceKind::{Allow, Deny};
        let token = Token::exact(user(9), &[user(1)], &[]);
        let cases: &[(&[AceParts], u32, Reason)] = &[
            (&[ace(Allow, 1, user(2)), ace(Allow, 1, user(1)), ace(Allow, 1, user(9))], 1, Reason::Entry(1)),
            (&[ace(Allow, 1, user(1)), ace(Allow, 2, user(1))], 3, Reason::Entry(1)),
            (&[ace(Allow, 1, user(1)), ace(Deny, 3, user(1)), ace(Allow, 2, user(1))], 3, Reason::Entry(1)),
            (&[ace(Allow, 1, user(1)), ace(Deny, 1, user(1))], 1, Reason::Entry(0)),
            (&[ace(Allow, 1, user(1))], 3, Reason::Missing(2)),
            (&[], 0x20000, Reason::Owner),
            (&[ace(Allow, 1, Sid::OWNER_RIGHTS)], 0x20000, Reason::Missing(0x20000)),
            (&[ace(Allow, 1, Sid::OWNER_RIGHTS)], 1, Reason::Entry(0)),
        ];
        for (dacl, want, reason) in cases {
            assert_eq!(decide(&[], Some(dacl), &token, *want).reason, *reason, "{dacl:?}");
        }
    }

    fn any_ace() -> impl Strategy<Value = AceParts> {
        let kind = prop::sample::select(vec![AceKind::Allow, AceKind::Deny, AceKind::DenyObject]);
        let mask = prop_oneof![any::<u32>(), Just(1), Just(READ), Just(0x1000_0000)];
        (kind, 0..32_u8, mask, 1..10_u32)
            .prop_map(|(kind, flags, mask, sid)| AceParts::new(kind, AceFlags(flags), mask, user(sid)))
    }

    proptest! {
        #[test]
        fn denying_more_or_allowing_fewer_never_grants(
            dacl in prop::collection::vec(any_ace(), 1..9),
            at in any::<prop::sample::Index>(),
            want in prop_oneof![Just(1_u32), Just(READ), Just(ALL), Just(0x60000)],
            sids in prop::collection::vec(1..10_u32, 1..4),
        ) {
            let sids: Vec<_> = sids.into_iter().map(user).collect();
            let token = Token::exact(sids[0], &sids, &[]);
            let before = decide(&[], Some(&dacl), &token, want).is_granted();
            let mut more = dacl.clone();
            more.insert(at.index(dacl.len()), ace(AceKind::Deny, 1, sids[0]));
            prop_assert!(before || !decide(&[], Some(&more), &token, want).is_granted());
            let mut fewer = dacl.clone();
            let removed = fewer.remove(at.index(dacl.len()));
            if removed.kind == AceKind::Allow {
                prop_assert!(before || !decide(&[], Some(&fewer), &token, want).is_granted());
            }
        }
    }
}
