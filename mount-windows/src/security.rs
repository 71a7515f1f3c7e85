//! Security descriptors as the drive shows them.
//!
//! WinFsp enforces the descriptors it is given. Images hold descriptors that deny access to the
//! mounting user, so by default every file has one that lets everyone read and no one write.

use access::{Control, Descriptor, Sid, allow};

/// The largest descriptor in bytes that WinFsp requests by name; for a larger one it would repeat
/// the request without end.
pub(crate) const MAX: usize = 1024;

/// `FILE_GENERIC_READ` and `FILE_GENERIC_EXECUTE`.
const READ_AND_EXECUTE: u32 = 0x0012_0089 | 0x0012_00A0;

/// The descriptor of everything: owner and group Administrators; Everyone may read and execute.
pub(crate) fn uniform() -> Vec<u8> {
    let list = allow(&[(READ_AND_EXECUTE, Sid::EVERYONE)]);
    let owner = Sid::ADMINISTRATORS;
    let made = Descriptor::new(Control::DACL_PROTECTED, owner, owner, &list);
    made.expect("the list was written by the same crate").to_bytes()
}

/// The shown form of a stored descriptor: without its SACL, which only privileged users see and
/// which could make it larger than [`MAX`]. `None` where it is not valid, has no owner, group or
/// DACL, or is too large even so.
pub(crate) fn of_stored(stored: &[u8]) -> Option<Vec<u8>> {
    let shown = Descriptor::parse(stored)?.without_sacl();
    let is_whole = shown.owner.is_some() && shown.group.is_some() && shown.dacl.is_some();
    (is_whole && shown.size() <= MAX).then(|| shown.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A descriptor whose DACL has so many entries.
    fn stored(entries: usize) -> Vec<u8> {
        let list = allow(&vec![(0x001f_01ff, Sid::EVERYONE); entries]);
        let inherited = Control(0x0400);
        Descriptor::new(inherited, Sid::EVERYONE, Sid::ADMINISTRATORS, &list).unwrap().to_bytes()
    }

    #[test]
    fn the_uniform_one_lets_everyone_read() {
        let bytes = uniform();
        let uniform = Descriptor::parse(&bytes).unwrap();
        let entries: Vec<_> = uniform.dacl.unwrap().entries().map(|ace| (ace.mask(), ace.sid())).collect();
        assert_eq!(entries, [(0x0012_00a9, Some(Sid::EVERYONE))]);
        assert_eq!((uniform.owner, uniform.group), (Some(Sid::ADMINISTRATORS), Some(Sid::ADMINISTRATORS)));
        assert_eq!(of_stored(&bytes), Some(bytes.clone()), "is valid by our own rules");
    }

    #[test]
    fn the_system_list_is_left_out() {
        let plain = stored(2);
        // The same with a SACL at its end, and the bits about it.
        let mut bytes = plain.clone();
        let at = bytes.len() as u32;
        bytes[12..16].copy_from_slice(&at.to_le_bytes());
        bytes[2] |= 0x10 | 0x20;
        bytes.extend(allow(&[(1, Sid::EVERYONE)]));
        assert!(Descriptor::parse(&bytes).unwrap().sacl.is_some());
        assert_eq!(of_stored(&bytes), Some(plain));
    }

    #[test]
    fn the_limit_is_the_largest_request_of_winfsp() {
        let head = stored(0).len();
        let most = (MAX - head) / 20;
        assert_eq!(of_stored(&stored(most)).unwrap().len(), head + 20 * most);
        assert_eq!(of_stored(&stored(most + 1)), None);
    }

    #[test]
    fn a_descriptor_without_owner_group_or_list_is_not_shown() {
        for (name, at, value) in [("owner", 4, 0), ("group", 8, 0), ("list", 2, 0), ("a valid revision", 0, 2)] {
            let mut bytes = stored(2);
            assert_ne!(bytes[at], value, "{name}");
            bytes[at] = value;
            assert_eq!(of_stored(&bytes), None, "without {name}");
        }
    }
}
