//! Access control entries.

use crate::{Sid, u16_at, u32_at};

/// Bytes of the header (type, flags, size) and of the access mask after it.
const HEAD: usize = 8;

/// The kind of an entry, by the type byte of \[MS-DTYP\] 2.4.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AceKind {
    /// Grants access.
    Allow,
    /// Denies access.
    Deny,
    /// Requests auditing.
    Audit,
    /// Grants access to a property or a kind of child.
    AllowObject,
    /// Denies access to a property or a kind of child.
    DenyObject,
    /// Grants access under a condition.
    AllowCallback,
    /// Denies access under a condition.
    DenyCallback,
    /// Grants access to a property or a kind of child under a condition.
    AllowCallbackObject,
    /// Denies access to a property or a kind of child under a condition.
    DenyCallbackObject,
    /// An integrity label.
    Label,
    /// Attributes of the resource.
    ResourceAttribute,
    /// A central access policy.
    ScopedPolicy,
    /// Another type byte.
    Other(u8),
}

impl AceKind {
    fn of(byte: u8) -> Self {
        match byte {
            0x00 => Self::Allow,
            0x01 => Self::Deny,
            0x02 => Self::Audit,
            0x05 => Self::AllowObject,
            0x06 => Self::DenyObject,
            0x09 => Self::AllowCallback,
            0x0A => Self::DenyCallback,
            0x0B => Self::AllowCallbackObject,
            0x0C => Self::DenyCallbackObject,
            0x11 => Self::Label,
            0x12 => Self::ResourceAttribute,
            0x13 => Self::ScopedPolicy,
            other => Self::Other(other),
        }
    }

    /// The offset of the principal in an entry of this kind; `None` if the kind has none known here.
    fn sid_offset(self, entry: &[u8]) -> Option<usize> {
        match self {
            Self::Other(_) => None,
            Self::AllowObject | Self::DenyObject | Self::AllowCallbackObject | Self::DenyCallbackObject => {
                // Each of the two lowest bits announces a GUID before the principal.
                let guids = (u32_at(entry, HEAD)? & 3).count_ones() as usize;
                Some(HEAD + 4 + 16 * guids)
            }
            _ => Some(HEAD),
        }
    }
}

/// How an entry is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// Files inherit the entry.
    pub fn inherited_by_files(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Folders inherit the entry.
    pub fn inherited_by_folders(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// The entry does not apply to the object itself.
    pub fn inherit_only(self) -> bool {
        self.0 & 0x08 != 0
    }
}

/// An entry of an [`Acl`](crate::Acl): the access that it is about, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ace<'a>(&'a [u8]);

impl<'a> Ace<'a> {
    /// The entry at the start of `bytes`, and the bytes after it; `None` if its size is not one that
    /// an entry can have.
    pub(crate) fn split_from(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let size = usize::from(u16_at(bytes, 2)?);
        if size < HEAD || !size.is_multiple_of(4) {
            return None;
        }
        let (entry, rest) = bytes.split_at_checked(size)?;
        Some((Self(entry), rest))
    }

    /// The entry as stored.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The kind of the entry.
    pub fn kind(&self) -> AceKind {
        AceKind::of(self.0[0])
    }

    /// How the entry is inherited.
    pub fn flags(&self) -> AceFlags {
        AceFlags(self.0[1])
    }

    /// The access rights that it is about.
    pub fn mask(&self) -> u32 {
        u32_at(self.0, 4).unwrap_or_default() // always there: an entry has at least eight bytes
    }

    /// The principal that it is about; `None` if it is invalid, or the kind has none known here.
    pub fn sid(&self) -> Option<Sid> {
        Sid::parse(self.0.get(self.kind().sid_offset(self.0)?..)?)
    }

    /// The bytes after the principal: of conditional entries the condition, of others padding.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.0.get(self.kind().sid_offset(self.0)? + self.sid()?.size()..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_is_after_the_guids() {
        let entry = |kind: u8, head: &[u8], tail: &[u8]| {
            let body = [head, &Sid::EVERYONE.to_bytes(), tail].concat();
            let mut bytes = vec![kind, 0x0B];
            bytes.extend((8 + body.len() as u16).to_le_bytes());
            bytes.extend(7_u32.to_le_bytes());
            bytes.extend(body);
            bytes
        };
        let guids = |flags: u32, guids: usize| [&flags.to_le_bytes()[..], &vec![9; 16 * guids]].concat();
        for (kind, head, want) in [
            (0x00, vec![], AceKind::Allow),
            (0x01, vec![], AceKind::Deny),
            (0x11, vec![], AceKind::Label),
            (0x05, guids(0, 0), AceKind::AllowObject),
            (0x06, guids(2, 1), AceKind::DenyObject),
            (0x0C, guids(3, 2), AceKind::DenyCallbackObject),
        ] {
            let bytes = [entry(kind, &head, b"cond"), vec![1, 2, 3]].concat();
            let (ace, rest) = Ace::split_from(&bytes).unwrap();
            assert_eq!((ace.kind(), ace.mask(), ace.sid()), (want, 7, Some(Sid::EVERYONE)));
            assert_eq!((ace.data(), rest), (Some(&b"cond"[..]), &[1, 2, 3][..]), "{want:?}");
            let flags = ace.flags();
            assert!(flags.inherited_by_files() && flags.inherited_by_folders() && flags.inherit_only());
        }
        let other = entry(0x04, &[], b"");
        assert_eq!(Ace::split_from(&other).unwrap().0.sid(), None);
        let cut = [0, 0, 8, 0, 7, 0, 0, 0];
        let (ace, _) = Ace::split_from(&cut).unwrap();
        assert_eq!((ace.mask(), ace.sid(), ace.data()), (7, None, None));
    }
}
