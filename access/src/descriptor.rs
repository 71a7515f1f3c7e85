//! Self-relative security descriptors.

use crate::{Acl, Sid, u16_at, u32_at};

/// Size of a descriptor's header: revision, control bits, then the offsets of owner, group, SACL
/// and DACL.
pub(crate) const HEAD: usize = 20;

/// The control bits of a descriptor, by \[MS-DTYP\] 2.4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Control(pub u16);

impl Control {
    /// A DACL is present.
    pub const DACL_PRESENT: Self = Self(0x0004);
    /// A SACL is present.
    pub const SACL_PRESENT: Self = Self(0x0010);
    /// The DACL has what it inherits.
    pub const DACL_AUTO_INHERITED: Self = Self(0x0400);
    /// The SACL has what it inherits.
    pub const SACL_AUTO_INHERITED: Self = Self(0x0800);
    /// Entries of the parent's DACL are not inherited.
    pub const DACL_PROTECTED: Self = Self(0x1000);
    /// The parts follow the header, which holds their offsets.
    pub const SELF_RELATIVE: Self = Self(0x8000);
    /// All bits about the SACL: present, defaulted, inherited, protected.
    const SACL: u16 = 0x0010 | 0x0020 | 0x0200 | 0x0800 | 0x2000;

    /// Whether all `bits` are set.
    pub fn has(self, bits: Self) -> bool {
        self.0 & bits.0 == bits.0
    }
}

impl std::ops::BitOr for Control {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A descriptor taken apart; all parts lie inside its bytes and after its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor<'a> {
    /// The control bits.
    pub control: Control,
    /// The owner, who may always read and change the DACL.
    pub owner: Option<Sid>,
    /// The primary group.
    pub group: Option<Sid>,
    /// The list that requests auditing.
    pub sacl: Option<Acl<'a>>,
    /// The list that grants and denies access; `None` also for a null DACL, which grants everyone
    /// full access.
    pub dacl: Option<Acl<'a>>,
    size: usize,
}

impl<'a> Descriptor<'a> {
    /// Parses a self-relative descriptor, after which other bytes may follow; `None` if it is
    /// invalid, or one of its parts is invalid or lies outside.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let control = Control(u16_at(bytes, 2)?);
        if bytes.len() < HEAD || bytes[0] != 1 || !control.has(Control::SELF_RELATIVE) {
            return None;
        }
        let mut size = HEAD;
        let mut sid = |field| {
            let Some((start, part)) = part(bytes, field)? else { return Some(None) };
            let sid = Sid::parse(part)?;
            size = size.max(start + sid.size());
            Some(Some(sid))
        };
        let owner = sid(4)?;
        let group = sid(8)?;
        let mut list = |field, is_present: bool| {
            if !is_present {
                return Some(None);
            }
            let Some((start, part)) = part(bytes, field)? else { return Some(None) };
            let list = Acl::parse(part)?;
            size = size.max(start + list.as_bytes().len());
            Some(Some(list))
        };
        let sacl = list(12, control.has(Control::SACL_PRESENT))?;
        let dacl = list(16, control.has(Control::DACL_PRESENT))?;
        Some(Self { control, owner, group, sacl, dacl, size })
    }

    /// A descriptor without SACL, with further `control` bits and a DACL as [`allow`](crate::allow)
    /// writes it; `None` if the list is invalid.
    pub fn new(control: Control, owner: Sid, group: Sid, dacl: &'a [u8]) -> Option<Self> {
        let dacl = Some(Acl::parse(dacl)?);
        Some(Self::of_parts(control | Control::DACL_PRESENT, Some(owner), Some(group), None, dacl))
    }

    /// A descriptor of these parts; lists count only where `control` says that they are present.
    pub(crate) fn of_parts(
        control: Control,
        owner: Option<Sid>,
        group: Option<Sid>,
        sacl: Option<Acl<'a>>,
        dacl: Option<Acl<'a>>,
    ) -> Self {
        Self { control: control | Control::SELF_RELATIVE, owner, group, sacl, dacl, size: 0 }.sized()
    }

    /// The descriptor without its SACL, and without the control bits about that.
    pub fn without_sacl(self) -> Self {
        Self { control: Control(self.control.0 & !Control::SACL), sacl: None, ..self }.sized()
    }

    fn sized(self) -> Self {
        Self { size: HEAD + self.parts().iter().map(Vec::len).sum::<usize>(), ..self }
    }

    /// Whether a DACL is present; a null DACL counts.
    pub fn has_dacl(&self) -> bool {
        self.control.has(Control::DACL_PRESENT)
    }

    /// The size in bytes: of a parsed descriptor as stored, otherwise as [`Descriptor::to_bytes`]
    /// writes it.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The bytes that [`Descriptor::parse`] reads: header, owner, group, SACL, DACL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts = self.parts();
        let mut bytes = vec![1, 0];
        bytes.extend(self.control.0.to_le_bytes());
        let mut at = HEAD;
        for part in &parts {
            let offset = if part.is_empty() { 0 } else { at as u32 };
            bytes.extend(offset.to_le_bytes());
            at += part.len();
        }
        bytes.extend(parts.concat());
        bytes
    }

    /// Owner, group, SACL and DACL as stored; empty where there is none.
    fn parts(&self) -> [Vec<u8>; 4] {
        let sid = |sid: Option<Sid>| sid.map_or_else(Vec::new, |sid| sid.to_bytes());
        let list = |list: Option<Acl<'_>>| list.map_or_else(Vec::new, |list| list.as_bytes().to_vec());
        [sid(self.owner), sid(self.group), list(self.sacl), list(self.dacl)]
    }
}

/// The offset at `field` of the header, and the bytes from there on: `Some(None)` if there is no
/// such part, `None` if it lies outside or in the header.
fn part(bytes: &[u8], field: usize) -> Option<Option<(usize, &[u8])>> {
    match u32_at(bytes, field)? as usize {
        0 => Some(None),
        start if start >= HEAD => Some(Some((start, bytes.get(start..)?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, acl};

    #[test]
    fn parts_are_found_at_the_offsets_of_the_header() {
        let bytes = [&testing::descriptor()[..], b"after it"].concat();
        let found = Descriptor::parse(&bytes).unwrap();
        assert_eq!((found.owner, found.group), (Some(Sid::EVERYONE), Some(Sid::ADMINISTRATORS)));
        let list = |list: Option<Acl<'_>>| list.unwrap().as_bytes().to_vec();
        assert_eq!((list(found.sacl), list(found.dacl)), (acl(2, 3), acl(4, 2)));
        assert_eq!(found.size(), testing::descriptor().len());
        let unused = [&[1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0][..], &[3; 8]].concat();
        assert_eq!(Descriptor::parse(&unused).map(|found| found.size()), Some(HEAD), "lists are not present");
        let none = [&[1, 0, 0, 0x80][..], &[0; 16]].concat();
        let empty = Descriptor::parse(&none).unwrap();
        assert_eq!((empty.owner, empty.group, empty.sacl, empty.dacl), (None, None, None, None));
        assert_eq!((empty.size(), empty.has_dacl()), (HEAD, false));
    }

    /// The table of damage: descriptors that no part of the program accepts.
    #[test]
    fn no_part_may_be_invalid_or_lie_outside() {
        let good = testing::descriptor();
        let owner = good.len() - 28;
        let dacl = owner - 48;
        let damage: &[(&str, usize, u8)] = &[
            ("revision", 0, 2),
            ("not self-relative", 3, 0x04),
            ("owner in the header", 4, 8),
            ("owner after the end", 5, 1),
            ("group after the end", 10, 1),
            ("SACL in the header", 12, 4),
            ("DACL in the header", 16, 4),
            ("revision of the owner", owner, 0),
            ("too many parts of the owner", owner + 1, 200),
            ("revision of the list", dacl, 9),
            ("list too long", dacl + 3, 1),
            ("too many entries", dacl + 4, 3),
            ("entry of no length", dacl + 8 + 2, 0),
            ("entry of 21 bytes", dacl + 8 + 2, 21),
        ];
        for &(name, at, value) in damage {
            let mut bytes = good.clone();
            assert_ne!(bytes[at], value, "{name}");
            bytes[at] = value;
            assert_eq!(Descriptor::parse(&bytes), None, "{name}");
        }
        for len in 0..good.len() {
            assert_eq!(Descriptor::parse(&good[..len]), None, "cut to {len}");
        }
    }

    #[test]
    fn the_sacl_can_be_left_out() {
        let bytes = testing::descriptor();
        let shown = Descriptor::parse(&bytes).unwrap().without_sacl();
        assert_eq!(shown.control.0, 0x8000 | 0x0004);
        let written = shown.to_bytes();
        assert_eq!(written.len(), shown.size());
        assert_eq!(written[12..16], [0; 4], "no SACL");
        assert_eq!(Descriptor::parse(&written), Some(shown));
    }

    #[test]
    fn what_is_written_is_what_windows_writes() {
        // O:BAG:BAD:P(A;;0x1200a9;;;WD)
        let list = crate::allow(&[(0x0012_00a9, Sid::EVERYONE)]);
        let control = Control::DACL_PROTECTED;
        let made = Descriptor::new(control, Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, &list).unwrap();
        let administrators = Sid::ADMINISTRATORS.to_bytes();
        let mut want = vec![1, 0, 4, 0x90, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0];
        want.extend([&administrators[..], &administrators].concat());
        want.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xa9, 0, 0x12, 0]);
        want.extend(Sid::EVERYONE.to_bytes());
        assert_eq!(made.to_bytes(), want);
        assert_eq!(Descriptor::new(control, Sid::EVERYONE, Sid::EVERYONE, &list[1..]), None);
    }

    /// Bytes that begin as a descriptor does, so that its parts are reached.
    fn near_descriptor() -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
        changes.prop_map(|changes| {
            let mut bytes = testing::descriptor();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_writing_leads_back(
            bytes in prop_oneof![near_descriptor(), prop::collection::vec(any::<u8>(), 0..200)],
        ) {
            let Some(found) = Descriptor::parse(&bytes) else { return Ok(()) };
            prop_assert!(found.size() <= bytes.len());
            for ace in [found.sacl, found.dacl].into_iter().flatten().flat_map(|list| list.entries()) {
                prop_assert!(ace.data().is_none_or(|data| data.len() < ace.as_bytes().len()));
            }
            let written = found.to_bytes();
            let again = Descriptor::parse(&written).unwrap();
            prop_assert_eq!((again.control, again.owner, again.group), (found.control, found.owner, found.group));
            prop_assert_eq!((again.sacl, again.dacl), (found.sacl, found.dacl));
        }
    }
}
