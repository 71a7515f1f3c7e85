//! Builds reparse points as Windows reads them.

use fs_core::wim::reparse::SYMLINK;
use fs_core::{Kind, ReparsePoint};

use crate::name;

/// `SYMLINK_FLAG_RELATIVE`.
const RELATIVE: u32 = 1;

/// The `REPARSE_DATA_BUFFER` of a reparse point. `None` if a target does not fit or has a name that
/// Windows cannot have.
pub fn buffer(point: ReparsePoint) -> Option<Vec<u8>> {
    match point {
        ReparsePoint::Stored(bytes) => Some(bytes),
        ReparsePoint::Link(target) => symlink(&target),
    }
}

/// The buffer of a relative symbolic link with a target as the filesystem writes it: `/` between
/// names.
fn symlink(target: &[u8]) -> Option<Vec<u8>> {
    let names: Option<Vec<Vec<u16>>> = target.split(|&byte| byte == b'/').map(name::shown).collect();
    let target: Vec<u8> = names?.join(&u16::from(b'\\')).into_iter().flat_map(u16::to_le_bytes).collect();
    let len = u16::try_from(target.len()).ok().filter(|&len| len <= (u16::MAX - 12) / 2)?;
    let mut buffer = SYMLINK.to_le_bytes().to_vec();
    buffer.extend((12 + 2 * len).to_le_bytes());
    buffer.extend([0, 0]);
    for number in [0, len, len, len] {
        buffer.extend(number.to_le_bytes()); // offset and length of the target, and of its print name
    }
    buffer.extend(RELATIVE.to_le_bytes());
    buffer.extend([&target[..], &target].concat());
    Some(buffer)
}

/// The size that a file shows: 0 for links on Windows.
pub(crate) fn size(kind: Kind, size: u64) -> u64 {
    match kind {
        Kind::Symlink => 0,
        _ => size,
    }
}

#[cfg(test)]
mod tests {
    use testkit::reparse;

    use super::*;

    #[test]
    fn rewritten_links_are_relative() {
        let cases = [
            ("../Users/Public", r"..\Users\Public"),
            ("a", "a"),
            (".", "."),
            ("../..", r"..\.."),
            ("a:b/c\\d", "a\u{f03a}b\\c\u{f05c}d"),
        ];
        for (target, want) in cases {
            let buffer = buffer(ReparsePoint::Link(target.into())).unwrap();
            let data = reparse::symlink(want, want, true); // without the header
            let mut head = SYMLINK.to_le_bytes().to_vec();
            // The two names share no bytes in testkit's either.
            head.extend((data.len() as u16).to_le_bytes());
            head.extend([0, 0]);
            assert_eq!(buffer, [head, data].concat(), "{target}");
        }
    }

    #[test]
    fn stored_ones_are_passed() {
        assert_eq!(buffer(ReparsePoint::Stored(vec![1, 2, 3])), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_target_may_be_too_long() {
        let long = |names: usize| ReparsePoint::Link(vec!["n".repeat(254); names].join("/").into_bytes());
        assert!(buffer(long(60)).is_some());
        assert_eq!(buffer(long(70)), None);
        assert_eq!(buffer(ReparsePoint::Link("n".repeat(300).into_bytes())), None);
    }
}
