//! Builds reparse points as Windows reads them.

use wim::reparse::SYMLINK;

use crate::shown_name;

/// `SYMLINK_FLAG_RELATIVE`.
const RELATIVE: u32 = 1;

/// The `REPARSE_DATA_BUFFER` of a relative symbolic link to a target (WTF-8, `/` between names).
/// `None` if the target does not fit or has a name that Windows cannot have.
pub fn symlink_buffer(target: &[u8]) -> Option<Vec<u8>> {
    let names: Option<Vec<Vec<u16>>> = target.split(|&byte| byte == b'/').map(shown_name).collect();
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
            let buffer = symlink_buffer(target.as_bytes()).unwrap();
            let data = reparse::symlink(want, want, true); // without the header
            let mut head = SYMLINK.to_le_bytes().to_vec();
            // The two names share no bytes in testkit's either.
            head.extend((data.len() as u16).to_le_bytes());
            head.extend([0, 0]);
            assert_eq!(buffer, [head, data].concat(), "{target}");
        }
    }

    #[test]
    fn a_target_may_be_too_long() {
        let long = |names: usize| vec!["n".repeat(254); names].join("/").into_bytes();
        assert!(symlink_buffer(&long(60)).is_some());
        assert_eq!(symlink_buffer(&long(70)), None);
        assert_eq!(symlink_buffer("n".repeat(300).as_bytes()), None);
    }
}
