//! A descriptor to take apart, written byte by byte.

use crate::Sid;
use crate::descriptor::HEAD;

/// A list of entries that give everyone all rights, and that children inherit.
pub(crate) fn acl(revision: u8, entries: u8) -> Vec<u8> {
    let entry = [&[0, 3, 20, 0, 0xff, 1, 0x1f, 0][..], &Sid::EVERYONE.to_bytes()].concat();
    let head = [revision, 0, 8 + 20 * entries, 0, entries, 0, 0, 0];
    [&head[..], &entry.repeat(entries.into())].concat()
}

/// SACL, DACL, owner, group, in this order: not that of the header.
pub(crate) fn descriptor() -> Vec<u8> {
    let audit = acl(2, 3);
    let access = acl(4, 2);
    let at_access = HEAD + audit.len();
    let at_owner = at_access + access.len();
    let at_group = at_owner + Sid::EVERYONE.size();
    let mut bytes = vec![1, 0];
    bytes.extend((0x8000_u16 | 0x0004 | 0x0010).to_le_bytes());
    for at in [at_owner, at_group, HEAD, at_access] {
        bytes.extend((at as u32).to_le_bytes());
    }
    [&bytes[..], &audit, &access, &Sid::EVERYONE.to_bytes(), &Sid::ADMINISTRATORS.to_bytes()].concat()
}
