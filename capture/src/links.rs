//! Symbolic links of Unix as reparse points.

use std::path::Path;

use wim::utf16_from_wtf8;

/// The reparse data of a symbolic link: without tag, length and reserved fields.
pub(crate) struct Link {
    /// The data as an archive stores it.
    pub(crate) data: Vec<u8>,
    /// Whether the target is an absolute one that was left as it is.
    pub(crate) is_absolute: bool,
    /// Whether the target was absolute and is now counted from the root of the image.
    pub(crate) is_fixed: bool,
}

/// The flag of links whose target is relative to their folder.
const RELATIVE: u32 = 1;

impl Link {
    /// A link to `target`. With `root`, an absolute target in that folder is counted from the image's
    /// root. `None` if the target is not UTF-8 or too long.
    pub(crate) fn new(target: &[u8], root: Option<&Path>) -> Option<Self> {
        let (inside, is_fixed) = match root.and_then(|root| below(target, root)) {
            Some(inside) => (inside, true),
            None => (target, false),
        };
        let is_absolute = target.starts_with(b"/");
        let mut print = windows_path(&utf16_from_wtf8(inside)?);
        let mut substitute = print.clone();
        if is_absolute {
            let drive: Vec<u16> = "C:".encode_utf16().collect();
            print.splice(0..0, drive.iter().copied());
            substitute.splice(0..0, r"\??\".encode_utf16().chain(drive.iter().copied()));
        }
        let data = data(&substitute, &print, if is_absolute { 0 } else { RELATIVE })?;
        Some(Self { data, is_absolute: is_absolute && !is_fixed, is_fixed })
    }
}

/// The part of an absolute target from `root` on, with its leading slash.
fn below<'a>(target: &'a [u8], root: &Path) -> Option<&'a [u8]> {
    let root = root.as_os_str().as_encoded_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = target.strip_prefix(root)?;
    match rest.first() {
        Some(b'/') => Some(rest),
        None => Some(b"/"),
        Some(_) => None,
    }
}

/// Slashes and backslashes change places, so that each comes back as it was.
fn windows_path(units: &[u16]) -> Vec<u16> {
    const SLASH: u16 = b'/' as u16;
    const BACKSLASH: u16 = b'\\' as u16;
    let swapped = |&unit: &u16| match unit {
        SLASH => BACKSLASH,
        BACKSLASH => SLASH,
        other => other,
    };
    units.iter().map(swapped).collect()
}

/// Both names, each with a NUL that its length does not count, as wimlib writes them.
fn data(substitute: &[u16], print: &[u16], flags: u32) -> Option<Vec<u8>> {
    let bytes = |units: &[u16]| u16::try_from(2 * units.len()).ok();
    let (substitute_bytes, print_bytes) = (bytes(substitute)?, bytes(print)?);
    let print_offset = substitute_bytes.checked_add(2)?;
    let mut data = Vec::new();
    for number in [0, substitute_bytes, print_offset, print_bytes] {
        data.extend(number.to_le_bytes());
    }
    data.extend(flags.to_le_bytes());
    for unit in substitute.iter().chain(&[0]).chain(print).chain(&[0]) {
        data.extend(unit.to_le_bytes());
    }
    Some(data).filter(|data| data.len() <= wim::reparse::MAX_DATA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_become_those_of_windows() {
        let cases: &[(&str, Option<&str>, &str, &str, bool)] = &[
            ("../x/y", None, r"..\x\y", r"..\x\y", true),
            (r"a\b", None, "a/b", "a/b", true),
            ("/etc/passwd", None, r"\??\C:\etc\passwd", r"C:\etc\passwd", false),
            ("/tree/etc/x", Some("/tree"), r"\??\C:\etc\x", r"C:\etc\x", false),
            ("/tree", Some("/tree"), r"\??\C:\", r"C:\", false),
            ("/trees/x", Some("/tree"), r"\??\C:\trees\x", r"C:\trees\x", false),
        ];
        for &(target, root, substitute, print, relative) in cases {
            let link = Link::new(target.as_bytes(), root.map(Path::new)).unwrap();
            let parsed = wim::reparse::parse_link(wim::reparse::SYMLINK, &link.data).unwrap().unwrap();
            let text = |units: &[u16]| String::from_utf16(units).unwrap();
            let found = (text(&parsed.substitute), text(&parsed.print), parsed.relative);
            assert_eq!(found, (substitute.into(), print.into(), relative), "{target}");
        }
        assert!(Link::new(&[b'x'; 9000], None).is_none(), "two names of 9,000 units are too long");
    }
}
