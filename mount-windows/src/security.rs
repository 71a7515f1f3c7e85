//! Security descriptors.
//!
//! WinFsp enforces the descriptors it is given. Images hold descriptors that deny access to the
//! mounting user, so by default every file has one that lets everyone read and no one write.

use windows_files::Parts;

/// The largest descriptor in bytes that WinFsp requests by name; for a larger one it would repeat
/// the request without end.
pub(crate) const MAX: usize = 1024;

/// Size of a descriptor's header: revision, then the offsets of owner, group, SACL and DACL.
const HEAD: usize = 20;
/// `SE_SACL_PRESENT` and the bits that depend on it.
const SACL_BITS: u16 = 0x0010 | 0x0020 | 0x0200 | 0x0800 | 0x2000;
const SELF_RELATIVE: u16 = 0x8000;
const DACL_PRESENT: u16 = 0x0004;
const DACL_PROTECTED: u16 = 0x1000;

/// `FILE_GENERIC_READ` and `FILE_GENERIC_EXECUTE`.
const READ_AND_EXECUTE: u32 = 0x0012_0089 | 0x0012_00A0;

/// S-1-5-32-544, Administrators.
const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
/// S-1-1-0, Everyone.
const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

/// The descriptor of everything: owner and group Administrators; Everyone may read and execute.
pub(crate) fn uniform() -> Vec<u8> {
    let mut entry = vec![0u8, 0, 20, 0]; // an allowing ACE without inheritance
    entry.extend(READ_AND_EXECUTE.to_le_bytes());
    entry.extend(EVERYONE);
    let mut list = vec![2u8, 0];
    list.extend((8 + entry.len() as u16).to_le_bytes());
    list.extend([1, 0, 0, 0]);
    list.extend(entry);
    assemble(DACL_PRESENT | DACL_PROTECTED, [&ADMINISTRATORS, &ADMINISTRATORS, &list])
}

/// The shown form of a stored descriptor: without its SACL, which only privileged users see and
/// which could make it larger than [`MAX`]. `None` where it is not valid, has no owner, group or
/// DACL, or is too large even so.
pub(crate) fn of_stored(stored: &[u8]) -> Option<Vec<u8>> {
    let parts = Parts::of(stored)?;
    let descriptor =
        assemble(parts.control & !(SELF_RELATIVE | SACL_BITS), [parts.owner?, parts.group?, parts.access?]);
    (descriptor.len() <= MAX).then_some(descriptor)
}

/// A descriptor without SACL.
fn assemble(control: u16, [owner, group, list]: [&[u8]; 3]) -> Vec<u8> {
    let [at_owner, at_group] = [HEAD, HEAD + owner.len()];
    let at_list = at_group + group.len();
    let mut descriptor = vec![1, 0];
    descriptor.extend((control | SELF_RELATIVE).to_le_bytes());
    for at in [at_owner, at_group, 0, at_list] {
        descriptor.extend((at as u32).to_le_bytes());
    }
    descriptor.extend([owner, group, list].concat());
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor with owner, group, SACL and a DACL of `entries` ACEs, in an unusual order.
    fn stored(entries: usize) -> Vec<u8> {
        let entry = [&[0u8, 3, 20, 0, 0xff, 1, 0x1f, 0][..], &EVERYONE].concat();
        let list = |revision: u8, count: usize| {
            let mut list = vec![revision, 0];
            list.extend((8 + 20 * count as u16).to_le_bytes());
            list.extend([count as u8, (count >> 8) as u8, 0, 0]);
            list.extend(entry.repeat(count));
            list
        };
        let (system, access) = (list(2, 3), list(4, entries));
        let mut bytes = vec![1, 0];
        bytes.extend((SELF_RELATIVE | DACL_PRESENT | 0x0010 | 0x0400).to_le_bytes());
        let at_access = HEAD + system.len();
        let at_owner = at_access + access.len();
        for at in [at_owner, at_owner + EVERYONE.len(), HEAD, at_access] {
            bytes.extend((at as u32).to_le_bytes());
        }
        bytes.extend([&system[..], &access, &EVERYONE, &ADMINISTRATORS].concat());
        bytes
    }

    #[test]
    fn the_uniform_one_is_what_windows_would_write() {
        // D:P(A;;0x1200a9;;;WD), owner and group BA
        let mut want = vec![1, 0, 4, 0x90, 20, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 52, 0, 0, 0];
        want.extend([ADMINISTRATORS, ADMINISTRATORS].concat());
        want.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xa9, 0, 0x12, 0]);
        want.extend(EVERYONE);
        assert_eq!(uniform(), want);
        assert_eq!(of_stored(&uniform()), Some(want), "is valid by our own rules");
    }

    #[test]
    fn the_system_list_is_left_out() {
        let shown = of_stored(&stored(2)).unwrap();
        let control = u16::from_le_bytes([shown[2], shown[3]]);
        assert_eq!(control, SELF_RELATIVE | DACL_PRESENT | 0x0400);
        assert_eq!(shown[12..16], [0; 4], "no system list");
        assert_eq!(shown[HEAD..][..12], EVERYONE);
        assert_eq!(shown[HEAD + 12..][..16], ADMINISTRATORS);
        assert_eq!(shown[HEAD + 28..].len(), 8 + 40);
        assert_eq!(of_stored(&shown), Some(shown.clone()));
    }

    #[test]
    fn the_limit_is_what_winfsp_asks_for() {
        let head = HEAD + 12 + 16 + 8;
        let most = (MAX - head) / 20;
        assert_eq!(of_stored(&stored(most)).unwrap().len(), head + 20 * most);
        assert_eq!(of_stored(&stored(most + 1)), None);
    }

    #[test]
    fn what_is_no_descriptor_is_not_shown() {
        let good = stored(2);
        let (owner, list) = (good.len() - 28, good.len() - 28 - 48);
        let damage: &[(&str, usize, u8)] = &[
            ("revision", 0, 2),
            ("not self-relative", 3, 0x04),
            ("no access list", 2, 0x10),
            ("owner in the head", 4, 8),
            ("owner behind the end", 5, 1),
            ("group behind the end", 10, 1),
            ("list in the head", 16, 4),
            ("revision of the owner", owner, 0),
            ("too many parts of the owner", owner + 1, 200),
            ("revision of the list", list, 9),
            ("list too long", list + 3, 1),
            ("too many entries", list + 4, 3),
            ("entry of no length", list + 8 + 2, 0),
            ("odd entry", list + 8 + 2, 21),
        ];
        assert!(of_stored(&good).is_some());
        for &(name, at, value) in damage {
            let mut bytes = good.clone();
            assert_ne!(bytes[at], value, "{name}");
            bytes[at] = value;
            assert_eq!(of_stored(&bytes), None, "{name}");
        }
        for len in 0..good.len() {
            assert_eq!(of_stored(&good[..len]), None, "cut to {len}");
        }
    }
}
