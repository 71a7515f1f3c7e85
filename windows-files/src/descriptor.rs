//! Parses self-relative security descriptors.

/// Size of a descriptor's header: revision, control bits, then the offsets of owner, group, SACL
/// and DACL.
pub(crate) const HEAD: usize = 20;

/// `SE_SELF_RELATIVE`.
const SELF_RELATIVE: u16 = 0x8000;
/// `SE_DACL_PRESENT`.
const DACL_PRESENT: u16 = 0x0004;
/// `SE_SACL_PRESENT`.
const SACL_PRESENT: u16 = 0x0010;
/// `SE_DACL_PROTECTED`: entries of the parent are not inherited.
const DACL_PROTECTED: u16 = 0x1000;

/// The parts of a descriptor, each as stored; all lie inside it and after its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The control bits.
    pub control: u16,
    /// A security identifier.
    pub owner: Option<&'a [u8]>,
    /// A security identifier.
    pub group: Option<&'a [u8]>,
    /// The SACL.
    pub audit: Option<&'a [u8]>,
    /// The DACL; `None` also for a null DACL, which grants everyone full access.
    pub access: Option<&'a [u8]>,
    end: usize,
}

impl<'a> Parts<'a> {
    /// Parses a descriptor; `None` if it is invalid, or one of its parts is invalid or lies
    /// outside.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
        let control = u16::from_le_bytes(*bytes.get(2..)?.first_chunk()?);
        if bytes.len() < HEAD || bytes[0] != 1 || control & SELF_RELATIVE == 0 {
            return None;
        }
        let mut end = HEAD;
        let mut part = |at: usize, find: fn(&[u8]) -> Option<&[u8]>, wanted: bool| {
            let place = word(at)?;
            if place == 0 || !wanted {
                return Some(None);
            }
            let found = find(bytes.get(place..).filter(|_| place >= HEAD)?)?;
            end = end.max(place + found.len());
            Some(Some(found))
        };
        let (owner, group) = (part(4, sid, true)?, part(8, sid, true)?);
        let audit = part(12, list, control & SACL_PRESENT != 0)?;
        let access = part(16, list, control & DACL_PRESENT != 0)?;
        Some(Self { control, owner, group, audit, access, end })
    }

    /// Whether a DACL is present; a null DACL counts.
    pub fn has_access_list(&self) -> bool {
        self.control & DACL_PRESENT != 0
    }

    /// The size of the descriptor in bytes.
    pub fn end(&self) -> usize {
        self.end
    }

    /// `PROTECTED_` or `UNPROTECTED_DACL_SECURITY_INFORMATION`: whether entries may be inherited.
    pub fn inheritance(&self) -> u32 {
        if self.control & DACL_PROTECTED != 0 { 0x8000_0000 } else { 0x2000_0000 }
    }
}

/// The SID at the start of `bytes`.
fn sid(bytes: &[u8]) -> Option<&[u8]> {
    let [1, count @ ..=15, ..] = *bytes else { return None };
    bytes.get(..8 + 4 * usize::from(count))
}

/// The ACL at the start of `bytes`, if all of its entries lie in it.
fn list(bytes: &[u8]) -> Option<&[u8]> {
    let half = |bytes: &[u8], at: usize| Some(usize::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
    let list = bytes.get(..half(bytes, 2)?)?;
    if !matches!(list.first(), Some(2..=4)) {
        return None;
    }
    let mut entries = list.get(8..)?;
    for _ in 0..half(list, 4)? {
        let len = half(entries, 2).filter(|&len| len >= 8 && len % 4 == 0)?;
        entries = entries.get(len..)?;
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];

    fn acl(revision: u8, entries: u8) -> Vec<u8> {
        let entry = [&[0, 3, 20, 0, 0xff, 1, 0x1f, 0][..], &EVERYONE].concat();
        let head = [revision, 0, 8 + 20 * entries, 0, entries, 0, 0, 0];
        [&head[..], &entry.repeat(entries.into())].concat()
    }

    /// SACL, DACL, owner, group, in this order: not that of the header.
    fn descriptor() -> Vec<u8> {
        let (audit, access) = (acl(2, 3), acl(4, 2));
        let mut bytes = vec![1, 0];
        bytes.extend((SELF_RELATIVE | DACL_PRESENT | SACL_PRESENT).to_le_bytes());
        let at_access = HEAD + audit.len();
        let at_owner = at_access + access.len();
        for at in [at_owner, at_owner + EVERYONE.len(), HEAD, at_access] {
            bytes.extend((at as u32).to_le_bytes());
        }
        [&bytes[..], &audit, &access, &EVERYONE, &ADMINISTRATORS].concat()
    }

    #[test]
    fn parts_are_found_where_the_head_says() {
        let bytes = [&descriptor()[..], b"behind it"].concat();
        let parts = Parts::of(&bytes).unwrap();
        assert_eq!((parts.owner, parts.group), (Some(&EVERYONE[..]), Some(&ADMINISTRATORS[..])));
        assert_eq!((parts.audit, parts.access), (Some(&acl(2, 3)[..]), Some(&acl(4, 2)[..])));
        assert_eq!(parts.end(), descriptor().len());
        let none = [&[1, 0, 0, 0x80][..], &[0; 16]].concat();
        let parts = Parts::of(&none).unwrap();
        assert_eq!((parts.owner, parts.group, parts.audit, parts.access, parts.end()), (None, None, None, None, HEAD));
    }

    #[test]
    fn nothing_outside_is_a_part() {
        let good = descriptor();
        let (owner, access) = (good.len() - 28, good.len() - 28 - 48);
        let damage: &[(&str, usize, u8)] = &[
            ("revision", 0, 2),
            ("not self-relative", 3, 0),
            ("owner in the head", 4, 8),
            ("owner behind the end", 5, 1),
            ("group behind the end", 10, 1),
            ("audit list in the head", 12, 4),
            ("access list in the head", 16, 4),
            ("revision of the owner", owner, 0),
            ("too many parts of the owner", owner + 1, 200),
            ("revision of the list", access, 9),
            ("list too long", access + 3, 1),
            ("too many entries", access + 4, 3),
            ("entry of no length", access + 8 + 2, 0),
            ("odd entry", access + 8 + 2, 21),
        ];
        for &(name, at, value) in damage {
            let mut bytes = good.clone();
            assert_ne!(bytes[at], value, "{name}");
            bytes[at] = value;
            assert_eq!(Parts::of(&bytes), None, "{name}");
        }
        for len in 0..good.len() {
            assert_eq!(Parts::of(&good[..len]), None, "cut to {len}");
        }
    }
}
