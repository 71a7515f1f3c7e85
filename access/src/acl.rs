//! Access control lists.

use crate::{Ace, AceParts, Sid, u16_at};

/// Bytes before the entries: revision, size of the list, count of the entries.
const HEAD: usize = 8;

/// A list of entries, in their stored order, all of which lie in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acl<'a>(&'a [u8]);

impl<'a> Acl<'a> {
    /// The list at the start of `bytes`, which may be longer; `None` if it is invalid or one of its
    /// entries lies outside.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let list = bytes.get(..u16_at(bytes, 2)?.into())?;
        if !matches!(list.first(), Some(2..=4)) {
            return None;
        }
        let mut rest = list.get(HEAD..)?;
        for _ in 0..u16_at(list, 4)? {
            (_, rest) = Ace::split_from(rest)?;
        }
        Some(Self(list))
    }

    /// The list as stored.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The entries, first to last.
    pub fn entries(&self) -> impl Iterator<Item = Ace<'a>> + use<'a> {
        let count = u16_at(self.0, 4).unwrap_or_default();
        let mut rest = self.0.get(HEAD..).unwrap_or_default();
        (0..count).map_while(move |_| {
            let (entry, after) = Ace::split_from(rest)?;
            rest = after;
            Some(entry)
        })
    }
}

/// The bytes of a list that grants each principal the rights of a mask, without inheritance.
///
/// # Panics
/// The entries need more than 65,535 bytes.
pub fn allow(entries: &[(u32, Sid)]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|&(mask, sid)| AceParts::allow(mask, sid)).collect();
    list(&entries).expect("a list has at most 65,535 bytes")
}

/// The bytes of a list of entries; `None` if they are more than a list has.
pub fn list(entries: &[AceParts]) -> Option<Vec<u8>> {
    let body = entries.iter().map(AceParts::to_bytes).collect::<Option<Vec<_>>>()?.concat();
    let of_objects = entries.iter().any(|entry| entry.kind.is_of_object());
    let mut list = vec![if of_objects { 4 } else { 2 }, 0];
    list.extend(u16::try_from(HEAD + body.len()).ok()?.to_le_bytes());
    list.extend(u16::try_from(entries.len()).ok()?.to_le_bytes());
    list.extend([0, 0]);
    list.extend(body);
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AceKind;

    #[test]
    fn a_list_has_its_entries_in_order() {
        let bytes = allow(&[(1, Sid::EVERYONE), (2, Sid::ADMINISTRATORS)]);
        let list = Acl::parse(&bytes).unwrap();
        let entries: Vec<_> = list.entries().map(|ace| (ace.kind(), ace.mask(), ace.sid().unwrap())).collect();
        assert_eq!(entries, [(AceKind::Allow, 1, Sid::EVERYONE), (AceKind::Allow, 2, Sid::ADMINISTRATORS)]);
        assert_eq!(list.as_bytes(), bytes);
        assert_eq!(Acl::parse(&allow(&[])).unwrap().entries().count(), 0);
    }
}
