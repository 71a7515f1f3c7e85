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

    /// The type byte.
    pub fn byte(self) -> u8 {
        match self {
            Self::Allow => 0x00,
            Self::Deny => 0x01,
            Self::Audit => 0x02,
            Self::AllowObject => 0x05,
            Self::DenyObject => 0x06,
            Self::AllowCallback => 0x09,
            Self::DenyCallback => 0x0A,
            Self::AllowCallbackObject => 0x0B,
            Self::DenyCallbackObject => 0x0C,
            Self::Label => 0x11,
            Self::ResourceAttribute => 0x12,
            Self::ScopedPolicy => 0x13,
            Self::Other(byte) => byte,
        }
    }

    /// Whether GUIDs may come before the principal.
    pub fn is_of_object(self) -> bool {
        matches!(self, Self::AllowObject | Self::DenyObject | Self::AllowCallbackObject | Self::DenyCallbackObject)
    }

    /// Whether a condition follows the principal.
    pub fn is_conditional(self) -> bool {
        matches!(self, Self::AllowCallback | Self::DenyCallback | Self::AllowCallbackObject | Self::DenyCallbackObject)
    }

    /// The offset of the principal in an entry of this kind; `None` if the kind has none known here.
    fn sid_offset(self, entry: &[u8]) -> Option<usize> {
        match self {
            Self::Other(_) => None,
            _ if self.is_of_object() => {
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
    /// The entry comes from the parent's list.
    pub const INHERITED: Self = Self(0x10);
    /// The bits about inheritance by files and by folders.
    pub(crate) const FILES_AND_FOLDERS: u8 = 0x03;
    /// The bit of entries that do not apply to the object itself.
    pub(crate) const INHERIT_ONLY: u8 = 0x08;
    /// All bits about inheritance.
    pub(crate) const INHERITANCE: u8 = 0x1F;

    /// Files inherit the entry.
    pub fn inherited_by_files(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Folders inherit the entry.
    pub fn inherited_by_folders(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// Children inherit the entry, and do not pass it on to theirs.
    pub fn no_propagate(self) -> bool {
        self.0 & 0x04 != 0
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

    /// The type of the property or child that it is about, and the type of object that inherits it.
    pub fn guids(&self) -> [Option<[u8; 16]>; 2] {
        if !self.kind().is_of_object() {
            return [None; 2];
        }
        let flags = u32_at(self.0, HEAD).unwrap_or_default();
        let mut at = HEAD + 4;
        [1, 2].map(|bit| {
            let guid = self.0.get(at..).and_then(<[u8]>::first_chunk).copied().filter(|_| flags & bit != 0);
            at += if guid.is_some() { 16 } else { 0 };
            guid
        })
    }

    /// The entry taken apart; `None` if its principal is invalid.
    pub fn parts(&self) -> Option<AceParts> {
        Some(AceParts {
            kind: self.kind(),
            flags: self.flags(),
            mask: self.mask(),
            guids: self.guids(),
            sid: self.sid()?,
            data: self.data()?.to_vec(),
        })
    }

    /// The bytes after the principal: of conditional entries the condition, of others padding.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.0.get(self.kind().sid_offset(self.0)? + self.sid()?.size()..)
    }
}

/// An entry to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AceParts {
    /// The kind of the entry.
    pub kind: AceKind,
    /// How it is inherited.
    pub flags: AceFlags,
    /// The access rights that it is about.
    pub mask: u32,
    /// The type of the property or child that it is about, and the type of object that inherits it;
    /// of object entries only.
    pub guids: [Option<[u8; 16]>; 2],
    /// The principal that it is about.
    pub sid: Sid,
    /// The bytes after the principal, filled with zeros to a multiple of four.
    pub data: Vec<u8>,
}

impl AceParts {
    /// An entry that allows, without inheritance.
    pub fn allow(mask: u32, sid: Sid) -> Self {
        Self::new(AceKind::Allow, AceFlags::default(), mask, sid)
    }

    /// An entry without GUIDs and data.
    pub fn new(kind: AceKind, flags: AceFlags, mask: u32, sid: Sid) -> Self {
        Self { kind, flags, mask, guids: [None; 2], sid, data: Vec::new() }
    }

    /// The bytes that [`Ace`] reads; `None` if they are more than an entry has.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![self.kind.byte(), self.flags.0, 0, 0];
        bytes.extend(self.mask.to_le_bytes());
        if self.kind.is_of_object() {
            let bits = u32::from(self.guids[0].is_some()) | u32::from(self.guids[1].is_some()) << 1;
            bytes.extend(bits.to_le_bytes());
            bytes.extend(self.guids.iter().flatten().flatten());
        }
        bytes.extend(self.sid.to_bytes());
        bytes.extend(&self.data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let size = u16::try_from(bytes.len()).ok()?;
        bytes[2..4].copy_from_slice(&size.to_le_bytes());
        Some(bytes)
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
            assert_eq!(ace.parts().unwrap().to_bytes().as_deref(), Some(ace.as_bytes()), "{want:?}");
        }
        let other = entry(0x04, &[], b"");
        assert_eq!(Ace::split_from(&other).unwrap().0.sid(), None);
        let cut = [0, 0, 8, 0, 7, 0, 0, 0];
        let (ace, _) = Ace::split_from(&cut).unwrap();
        assert_eq!((ace.mask(), ace.sid(), ace.data()), (7, None, None));
    }
}
