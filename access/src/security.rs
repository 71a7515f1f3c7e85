//! The descriptor of a file or folder of a store, wherever it is kept.

use std::borrow::Cow;

use crate::{
    AceFlags, AceKind, AceParts, Control, Decision, Descriptor, Sid, Token, check, check_broken, descriptor_in,
    inherit, list, sddl,
};

/// The largest descriptor that counts, in bytes.
const MAX_SIZE: usize = 64 << 10;

/// Where a descriptor was found, first to last in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Windows itself.
    Native,
    /// An NTFS driver's extended attribute (ntfs3, ntfs-3g).
    Ntfs,
    /// Samba's extended attribute.
    Samba,
    /// The sidecar beside the file or folder.
    Sidecar,
    /// The group's folder, from which the file inherits.
    Inherited,
    /// The owner and the mode of a Unix file.
    Unix,
    /// Nowhere: what WDS gives by default.
    Default,
}

impl Source {
    /// The name that reports have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Ntfs => "ntfs",
            Self::Samba => "samba",
            Self::Sidecar => "sidecar",
            Self::Inherited => "inherited",
            Self::Unix => "unix",
            Self::Default => "default",
        }
    }
}

/// A descriptor as one of its sources keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<'a> {
    /// A self-relative descriptor.
    Bytes(Source, Cow<'a, [u8]>),
    /// The value of [`NTACL`](crate::NTACL).
    Ntacl(Cow<'a, [u8]>),
    /// SDDL of a sidecar.
    Text(Cow<'a, str>),
    /// A source has one that cannot be read.
    Unreadable(Source),
}

/// Owner, group and permission bits of a Unix file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnixMode {
    /// The owner.
    pub uid: u32,
    /// The principal of its group: [`Sid::unix_group`], or the one that a file of users maps it to.
    pub group: Sid,
    /// The permission bits.
    pub mode: u32,
}

/// What protects a file or folder: a descriptor, or where that is broken, access for administrators
/// only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Security {
    source: Source,
    /// `None` if it is broken.
    bytes: Option<Vec<u8>>,
}

impl Security {
    /// The descriptor that a source keeps. Names of domain accounts in a sidecar need `domain`.
    pub fn of_stored(stored: &Stored<'_>, domain: Option<Sid>) -> Self {
        match stored {
            Stored::Bytes(source, bytes) => Self::of_bytes(*source, Some(bytes.to_vec())),
            Stored::Ntacl(value) => Self::of_bytes(Source::Samba, descriptor_in(value)),
            Stored::Text(text) => Self::of_bytes(Source::Sidecar, sddl::parse(text, domain).ok()),
            Stored::Unreadable(source) => Self::broken(*source),
        }
    }

    /// One that only administrators get past.
    pub fn broken(source: Source) -> Self {
        Self { source, bytes: None }
    }

    /// What a file inherits from its group's folder; broken if that is. `None` if the group has
    /// nothing that is inherited: what is made up for a folder of Unix is made up for its files, too.
    pub fn inherited(group: &Self) -> Option<Self> {
        if matches!(group.source, Source::Unix | Source::Default) {
            return None;
        }
        let full = |sid| AceParts::allow(crate::ALL, sid);
        let default = [full(Sid::SYSTEM), full(Sid::ADMINISTRATORS)];
        let bytes = group.descriptor().and_then(|parent| {
            let owner = parent.owner.unwrap_or(Sid::ADMINISTRATORS);
            inherit(&parent, false, owner, parent.group.unwrap_or(owner), &default)
        });
        Some(Self::of_bytes(Source::Inherited, bytes))
    }

    /// What the mode of a Unix file says: the system and administrators have all rights, those read
    /// who may read on Unix.
    ///
    /// Unix asks the owner's bits alone of an owner and the group's of a member, so where these do
    /// not let them read but others', they are denied it.
    pub fn of_unix(file: UnixMode) -> Self {
        let owner = Sid::unix_user(file.uid);
        let [by_owner, by_group, by_others] = [0o400, 0o040, 0o004].map(|bit| file.mode & bit != 0);
        let read = |sid| AceParts::allow(crate::check::READ | crate::check::EXECUTE, sid);
        let deny = |sid| AceParts::new(AceKind::Deny, AceFlags::default(), crate::READ_DATA, sid);
        let full = |sid| AceParts::allow(crate::ALL, sid);
        let mut entries = Vec::new();
        entries.extend((!by_owner && (by_group || by_others)).then(|| deny(owner)));
        entries.extend(by_owner.then(|| read(owner)));
        entries.extend((!by_group && by_others).then(|| deny(file.group)));
        entries.extend([full(Sid::SYSTEM), full(Sid::ADMINISTRATORS)]);
        entries.extend(by_group.then(|| read(file.group)));
        entries.extend(by_others.then(|| read(Sid::AUTHENTICATED_USERS)));
        let dacl = list(&entries).unwrap_or_default();
        let made = Descriptor::new(Control::default(), owner, file.group, &dacl);
        Self::of_bytes(Source::Unix, made.map(|made| made.to_bytes()))
    }

    /// What WDS gives a file or group: the system and administrators have all rights, all users who
    /// log on read.
    pub fn default_of_wds() -> Self {
        let text = "O:BAG:BAD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;AU)";
        Self::of_bytes(Source::Default, sddl::parse(text, None).ok())
    }

    /// Keeps bytes that are a descriptor; all else is broken.
    fn of_bytes(source: Source, bytes: Option<Vec<u8>>) -> Self {
        let sound = |bytes: &Vec<u8>| bytes.len() <= MAX_SIZE && Descriptor::parse(bytes).is_some();
        Self { source, bytes: bytes.filter(sound) }
    }

    /// Where it was found.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The descriptor; `None` if it is broken.
    pub fn descriptor(&self) -> Option<Descriptor<'_>> {
        Descriptor::parse(self.bytes.as_deref()?)
    }

    /// Checks access, as [`check`](crate::check()) does; if it is broken, for administrators only.
    pub fn check(&self, token: &Token, want: u32) -> Decision {
        match self.descriptor() {
            Some(descriptor) => check(&descriptor, token, want),
            None => check_broken(token, want),
        }
    }

    /// The descriptor as text, where it has one.
    pub fn sddl(&self) -> Option<String> {
        sddl::write(&self.descriptor()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Membership, READ_DATA};

    fn read(security: &Security, token: &Token) -> bool {
        security.check(token, READ_DATA).is_granted()
    }

    fn text(text: &str) -> Security {
        Security::of_stored(&Stored::Text(text.into()), None)
    }

    fn user(sid: &str) -> Token {
        Token::exact(sid.parse().unwrap(), &[Sid::AUTHENTICATED_USERS], &[])
    }

    fn administrator() -> Token {
        Token::exact(Sid::SYSTEM, &[Sid::ADMINISTRATORS], &[])
    }

    #[test]
    fn a_broken_descriptor_is_for_administrators() {
        let good = crate::allow(&[(1, Sid::AUTHENTICATED_USERS)]);
        let good = Descriptor::new(Control::default(), Sid::SYSTEM, Sid::SYSTEM, &good).unwrap().to_bytes();
        let bytes = |bytes: Vec<u8>| Security::of_stored(&Stored::Bytes(Source::Ntfs, bytes.into()), None);
        assert!(read(&bytes(good.clone()), &user("S-1-5-99")));
        let large = [good.clone(), vec![0; MAX_SIZE]].concat();
        for (name, broken) in [
            ("cut", bytes(good[..30].to_vec())),
            ("empty", bytes(Vec::new())),
            ("too large", bytes(large)),
            ("no NTACL", Security::of_stored(&Stored::Ntacl(b"\x09\0\x09\0"[..].into()), None)),
            ("no SDDL", text("O:BAD:(A;;FR;;;")),
            ("a domain that is not known", text("O:BAD:(A;;FA;;;DA)(A;;FR;;;AU)")),
            ("unreadable", Security::of_stored(&Stored::Unreadable(Source::Samba), None)),
            ("a file of a broken group", Security::inherited(&Security::broken(Source::Ntfs)).unwrap()),
        ] {
            assert_eq!((broken.descriptor(), broken.sddl()), (None, None), "{name}");
            assert!(read(&broken, &administrator()) && !read(&broken, &user("S-1-5-99")), "{name}");
        }
    }

    #[test]
    fn files_inherit_from_their_group() {
        let group = text("O:BAG:BAD:(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;AU)(D;;FA;;;AN)");
        let file = Security::inherited(&group).unwrap();
        assert_eq!(file.sddl().as_deref(), Some("O:BAG:BAD:AI(A;ID;FA;;;BA)(A;ID;0x1200a9;;;AU)"));
        assert_eq!(file.source(), Source::Inherited);
        let nothing = Security::inherited(&text("O:BAD:(A;;FA;;;AU)")).unwrap();
        assert!(!read(&nothing, &user("S-1-5-99")) && read(&nothing, &administrator()));
        assert_eq!(Security::inherited(&Security::default_of_wds()), None);
    }

    #[test]
    fn the_mode_says_who_may_read() {
        let unix = |mode| Security::of_unix(UnixMode { uid: 7, group: Sid::unix_group(8), mode });
        let unix_token = |uid, gid| Token::unix("", uid, &[Sid::unix_group(gid)]);
        let (owner, member, other) = (unix_token(7, 8), unix_token(9, 8), unix_token(10, 9));
        for mode in 0..0o1000 {
            let found = [&owner, &member, &other].map(|token| read(&unix(mode), token));
            assert_eq!(found, [0o400, 0o040, 0o004].map(|bit| mode & bit != 0), "{mode:o}");
            assert!(read(&unix(mode), &administrator()), "{mode:o}");
        }
        let want = "O:S-1-22-1-7G:S-1-22-2-8D:(A;;0x1200a9;;;S-1-22-1-7)(A;;FA;;;SY)(A;;FA;;;BA)\
                    (A;;0x1200a9;;;S-1-22-2-8)(A;;0x1200a9;;;AU)";
        assert_eq!(unix(0o644).sddl().as_deref(), Some(want));
    }

    #[test]
    fn the_default_is_that_of_wds() {
        let domain = "S-1-5-21-1-2-3-1000".parse().unwrap();
        let groups: &[(Sid, Membership)] = &[];
        let token = Token::log_on("a", crate::Origin::Users, domain, groups, &crate::Builtin::default());
        assert!(read(&Security::default_of_wds(), &token.unwrap()));
        assert!(!read(&Security::default_of_wds(), &Token::exact("S-1-5-7".parse().unwrap(), &[], &[])));
    }
}
