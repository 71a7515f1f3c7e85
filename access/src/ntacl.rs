//! The descriptor in Samba's extended attribute `security.NTACL`.

use crate::descriptor::HEAD;
use crate::{u16_at, u32_at};

/// The extended attribute in which Samba's `acl_xattr` keeps a descriptor.
pub const NTACL: &str = "security.NTACL";

/// The bytes of the self-relative descriptor in the value of [`NTACL`]; `None` if the version is
/// unknown or the value is cut short.
///
/// The value is an NDR structure: version, the version again, a pointer that is not null, then what
/// the version keeps of the file when the descriptor was written, which tells Samba that somebody
/// else has changed the mode since. The offsets in the descriptor count from the start of the value,
/// those that are returned from the start of the descriptor.
pub fn descriptor_in(value: &[u8]) -> Option<Vec<u8>> {
    let version = u16_at(value, 0)?;
    if u16_at(value, 2)? != version || u32_at(value, 4)? == 0 {
        return None;
    }
    let at = match version {
        1 => 8,
        2 => 28, // another pointer and a hash of 16 bytes
        3 => 80, // another pointer, the kind of hash, and 64 bytes of it
        4 => {
            // As in version 3, then a text with its end, a time and another hash.
            let text = value.get(78..)?;
            let end = 78 + text.iter().position(|&byte| byte == 0)? + 1;
            end.next_multiple_of(4) + 8 + 64
        }
        _ => return None,
    };
    let mut descriptor = value.get(at..).filter(|rest| rest.len() >= HEAD)?.to_vec();
    for field in [4, 8, 12, 16] {
        let offset = u32_at(&descriptor, field)?;
        if offset != 0 {
            let offset = offset.checked_sub(at as u32)?;
            descriptor[field..field + 4].copy_from_slice(&offset.to_le_bytes());
        }
    }
    Some(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Descriptor, testing};

    /// A value of some version around the bytes of a descriptor.
    fn value(version: u8, descriptor: &[u8]) -> Vec<u8> {
        let head = [version, 0, version, 0, 0, 0, 2, 0];
        let middle = match version {
            1 => Vec::new(),
            2 => [&[4, 0, 2, 0][..], &[7; 16]].concat(),
            3 => [&[4, 0, 2, 0, 1, 0][..], &[7; 64], &[0; 2]].concat(),
            _ => [&[4, 0, 2, 0, 1, 0][..], &[7; 64], b"posix_acl\0", &[5; 8], &[9; 64]].concat(),
        };
        let at = (head.len() + middle.len()) as u32;
        let mut stored = descriptor.to_vec();
        for field in [4, 8, 12, 16] {
            let offset = u32_at(descriptor, field).unwrap() + at;
            stored[field..field + 4].copy_from_slice(&offset.to_le_bytes());
        }
        [&head[..], &middle, &stored].concat()
    }

    #[test]
    fn every_version_has_a_descriptor() {
        let descriptor = testing::descriptor();
        for version in 1..=4 {
            let stored = value(version, &descriptor);
            assert_eq!(descriptor_in(&stored).as_ref(), Some(&descriptor), "version {version}");
            let len = stored.len() - descriptor.len();
            for len in 0..=len {
                assert_eq!(descriptor_in(&stored[..len]), None, "version {version} cut to {len}");
            }
            assert!(Descriptor::parse(&descriptor).is_some());
        }
        for (at, byte) in [(0, 5), (0, 0), (2, 9), (6, 0)] {
            let mut stored = value(1, &descriptor);
            stored[at] = byte;
            assert_eq!(descriptor_in(&stored), None, "{at} is {byte}");
        }
    }
}
