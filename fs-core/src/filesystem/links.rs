//! The targets of symbolic links and junctions, turned into links that stay inside their image.
//!
//! Windows resolves `..` in a target by its text, before any link in it is followed. So do we, and what is left is a target
//! with `..` at its head only, no more of them than the link lies deep, then names: by induction no chain of links leads out.

use wim::{NodeId, ReparseLink};

/// Whether a reparse point with this tag is a link to another name.
pub(crate) fn is_link(tag: u32) -> bool {
    matches!(tag, wim::reparse::SYMLINK | wim::reparse::MOUNT_POINT)
}

/// What a target's path starts from.
#[derive(Debug, PartialEq, Eq)]
enum Base {
    /// The root of the image.
    Root,
    /// The directory that holds the link.
    Here,
}

/// A directory on the way to a target, or its end: the name it has or is called by, and its node if it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: Vec<u16>,
    pub(crate) node: Option<NodeId>,
}

/// Finds what a directory has for a name written in any case.
type Child<'a> = dyn FnMut(NodeId, &[u16]) -> Option<Step> + 'a;

/// The target as a relative Unix path in UTF-16 units, for a link in the directory that these steps lead to from the
/// image's root. Each name is looked up once, in the directory before it.
pub(crate) fn unix_target(target: &ReparseLink, directory: &[Step], child: &mut Child<'_>) -> Vec<u16> {
    let (base, rest) = split_base(target);
    let mut path: Vec<Step> = if base == Base::Root { Vec::new() } else { directory.to_vec() };
    for component in rest.split(|&u| u == u16::from(b'\\')) {
        match component {
            [] => {}
            [0x2e] => {}
            [0x2e, 0x2e] => {
                path.pop(); // at the root `..` is the root
            }
            name => {
                let name = swap_slashes(name);
                let here = path.last().map_or(Some(NodeId::ROOT), |step| step.node);
                let found = here.and_then(|here| child(here, &name));
                path.push(found.unwrap_or(Step { name, node: None }));
            }
        }
    }
    relative(directory, &path)
}

/// Whether the target of a link that lies `depth` directories below its image's root is relative, and on its way never
/// above that root.
pub(crate) fn stays_inside(target: &ReparseLink, depth: usize) -> bool {
    let mut left = Some(depth);
    for component in target.substitute.split(|&u| u == u16::from(b'\\')) {
        left = match component {
            [] | [0x2e] => left,
            [0x2e, 0x2e] => left.and_then(|left| left.checked_sub(1)),
            _ => left.map(|left| left + 1),
        };
    }
    left.is_some() && target.relative && target.substitute.first().is_some_and(|&u| u != u16::from(b'\\'))
}

/// Splits a device, drive or volume off an absolute target: the image's root stands for all of them.
fn split_base(target: &ReparseLink) -> (Base, &[u16]) {
    let text = &target.substitute[..];
    if target.relative {
        // `\dir` is relative to the current drive.
        return if text.first() == Some(&u16::from(b'\\')) { (Base::Root, text) } else { (Base::Here, text) };
    }
    for prefix in [r"\??\", r"\DosDevices\", r"\Device\", r"\\?\"] {
        if let Some(rest) = strip_prefix(text, prefix) {
            let device = rest.iter().position(|&u| u == u16::from(b'\\')).unwrap_or(rest.len());
            return (Base::Root, &rest[device..]);
        }
    }
    match text {
        [_, colon, rest @ ..] if *colon == u16::from(b':') => (Base::Root, rest),
        _ => (Base::Root, text),
    }
}

fn strip_prefix<'a>(text: &'a [u16], prefix: &str) -> Option<&'a [u16]> {
    let mut rest = text;
    for unit in prefix.encode_utf16() {
        let (first, tail) = rest.split_first()?;
        if wim::upcase(*first) != wim::upcase(unit) {
            return None;
        }
        rest = tail;
    }
    Some(rest)
}

/// A backslash of a Unix target is stored as a slash; NUL gets its stand-in, as in names.
fn swap_slashes(name: &[u16]) -> Vec<u16> {
    name.iter().map(|&u| if u == u16::from(b'/') { u16::from(b'\\') } else { stand_in(u) }).collect()
}

fn stand_in(unit: u16) -> u16 {
    if unit == 0 { 0xF000 } else { unit }
}

/// The way from one directory to a path, both as names from the same root.
fn relative(from: &[Step], to: &[Step]) -> Vec<u16> {
    let common = from.iter().zip(to).take_while(|(a, b)| a.name == b.name).count();
    let ups = std::iter::repeat_n(vec![u16::from(b'.'); 2], from.len() - common);
    let names: Vec<Vec<u16>> = ups.chain(to[common..].iter().map(|step| step.name.clone())).collect();
    if names.is_empty() { vec![u16::from(b'.')] } else { names.join(&u16::from(b'/')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn target(text: &str, relative: bool) -> ReparseLink {
        ReparseLink { substitute: units(text), print: Vec::new(), relative }
    }

    fn unix(text: &str, relative: bool, directory: &[&str]) -> String {
        let directory: Vec<_> = directory.iter().map(|n| Step { name: units(n), node: None }).collect();
        String::from_utf16(&unix_target(&target(text, relative), &directory, &mut |_, _| None)).unwrap()
    }

    #[test]
    fn targets_stay_inside_the_image() {
        let cases: &[(&str, &str, bool, &[&str], &str)] = &[
            ("plain", r"file", true, &["a"], "file"),
            ("up and down", r"..\b\file", true, &["a"], "../b/file"),
            ("dots vanish", r".\x\.\y\..\z", true, &["a"], "x/z"),
            ("to itself", r"..\a", true, &["a"], "."),
            ("leads out", r"..\..\..\etc\passwd", true, &["a"], "../etc/passwd"),
            ("leads out behind a name", r"x\..\..\..\etc", true, &[], "etc"),
            ("current drive", r"\Users", true, &["a", "b"], "../../Users"),
            ("drive", r"\??\C:\Users\All", false, &["Docs"], "../Users/All"),
            ("drive, inside its own directory", r"\??\C:\Docs\All", false, &["Docs"], "All"),
            ("drive root", r"\??\C:\", false, &["a", "b"], "../.."),
            ("drive without slash", r"\??\C:", false, &[], "."),
            ("volume", r"\??\Volume{26a21bda-a627-11d7-9931-806e6f6e6963}\x", false, &[], "x"),
            ("device", r"\Device\HarddiskVolume2\x", false, &[], "x"),
            ("dos devices, any case", r"\dosdevices\D:\x", false, &[], "x"),
            ("bare drive", r"C:\x", false, &["a"], "../x"),
            ("absolute out", r"\??\C:\..\..\x", false, &["a"], "../x"),
            ("Unix backslash", r"a/b", true, &[], r"a\b"),
            ("empty", "", true, &["a"], "."),
        ];
        for (name, text, relative, directory, want) in cases {
            assert_eq!(unix(text, *relative, directory), *want, "{name}");
        }
    }

    #[test]
    fn what_stays_inside_needs_no_rewriting() {
        let cases: &[(&str, bool, usize, bool)] = &[
            ("file", true, 0, true),
            (r"..\b\file", true, 1, true),
            (r"..\b\file", true, 0, false),
            (r"a\..\..\b", true, 0, false),
            (r"a\.\\..\..\b", true, 1, true),
            (r"..\..\..\a\b\c\d", true, 2, false),
            (r"\Users", true, 3, false),
            (r"\??\C:\x", false, 3, false),
            ("x", false, 3, false),
            ("", true, 3, false),
        ];
        for &(text, relative, depth, want) in cases {
            assert_eq!(stays_inside(&target(text, relative), depth), want, "{text} at {depth}");
        }
    }

    #[test]
    fn names_are_written_as_the_directory_has_them() {
        let mut asked = Vec::new();
        let here = [Step { name: units("x"), node: Some(NodeId(9)) }];
        let got = unix_target(&target(r"\??\C:\users\PUBLIC\more", false), &here, &mut |directory, name| {
            asked.push((directory, name.to_vec()));
            (name == units("users")).then(|| Step { name: units("Users"), node: Some(NodeId(5)) })
        });
        assert_eq!(String::from_utf16(&got).unwrap(), "../Users/PUBLIC/more");
        assert_eq!(asked, [(NodeId::ROOT, units("users")), (NodeId(5), units("PUBLIC"))]);
    }
}
