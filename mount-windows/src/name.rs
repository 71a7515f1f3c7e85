//! Names: how Windows sees a name of the filesystem, and which names it can mean.
//!
//! Windows refuses some characters in names. They are shown by stand-ins, as Samba and others do:
//! U+F000 and their code.

use fs_core::wim;

/// The longest name that Windows accepts, in UTF-16 units.
const MAX: usize = 255;

/// First of the stand-ins.
const STAND_IN: u16 = 0xF000;

const COLON: u16 = b':' as u16;
const BACKSLASH: u16 = b'\\' as u16;

fn is_refused(unit: u16) -> bool {
    (1..0x20).contains(&unit) || br#""*:<>?|\"#.iter().any(|&c| unit == u16::from(c))
}

/// The name (WTF-8, as the filesystem lists it) as Windows sees it, or `None` if it is too long for
/// Windows.
pub fn shown(name: &[u8]) -> Option<Vec<u16>> {
    let mut units = wim::utf16_from_wtf8(name)?;
    for unit in &mut units {
        if is_refused(*unit) {
            *unit += STAND_IN;
        }
    }
    (units.len() <= MAX).then_some(units)
}

/// The names in the filesystem that a name from Windows can mean, the likeliest first: with
/// stand-ins replaced by their characters, and unchanged.
pub(crate) fn meant(units: &[u16]) -> Vec<Vec<u8>> {
    let back = |&unit: &u16| if unit >= STAND_IN && is_refused(unit - STAND_IN) { unit - STAND_IN } else { unit };
    let restored: Vec<u16> = units.iter().map(back).collect();
    let mut names = vec![wim::wtf8_from_utf16(units.iter().copied())];
    if restored != units {
        names.insert(0, wim::wtf8_from_utf16(restored));
    }
    names
}

/// Whether two names are the same to Windows: NTFS's upper case, one unit at a time.
pub(crate) fn same(a: &[u16], b: &[u16]) -> bool {
    let upper = |units: &[u16]| units.iter().map(|&unit| wim::upcase(unit)).collect::<Vec<_>>();
    a.len() == b.len() && upper(a) == upper(b)
}

/// A path as WinFsp passes it: names, and optionally a stream of the last one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    /// From the root down.
    pub(crate) names: Vec<&'a [u16]>,
    /// The name of a stream; `None` for the file itself.
    pub(crate) stream: Option<&'a [u16]>,
}

impl<'a> Path<'a> {
    /// Parses `\name\name:stream:type`. No name has a colon, which Windows would refuse.
    pub(crate) fn parse(path: &'a [u16]) -> Self {
        let mut parts = path.split(|&unit| unit == COLON);
        let file = parts.next().unwrap_or_default();
        Self {
            names: file.split(|&unit| unit == BACKSLASH).filter(|name| !name.is_empty()).collect(),
            stream: parts.next().filter(|stream| !stream.is_empty()),
        }
    }
}

/// The path in Windows of a path in the filesystem (WTF-8, names joined by `/`, without a leading
/// one); `None` if Windows cannot have one of its names.
pub(crate) fn shown_path(path: &[u8]) -> Option<Vec<u16>> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
    let names: Option<Vec<_>> = names.map(shown).collect();
    Some(join(&names?, None))
}

/// Joins names, and optionally a stream, to a path.
pub(crate) fn join(names: &[Vec<u16>], stream: Option<&[u16]>) -> Vec<u16> {
    let mut path: Vec<u16> = names.iter().flat_map(|name| [&[BACKSLASH], &name[..]].concat()).collect();
    if path.is_empty() {
        path.push(BACKSLASH);
    }
    match stream {
        Some(stream) => with_stream(path, stream),
        None => path,
    }
}

/// The path of a stream of the object at this path.
pub(crate) fn with_stream(mut path: Vec<u16>, stream: &[u16]) -> Vec<u16> {
    path.push(COLON);
    path.extend(stream);
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn what_windows_refuses_gets_a_stand_in() {
        let cases: &[(&str, &str)] = &[
            ("plain.txt", "plain.txt"),
            ("a:b*c?\"<>|\\", "a\u{f03a}b\u{f02a}c\u{f03f}\u{f022}\u{f03c}\u{f03e}\u{f07c}\u{f05c}"),
            ("tab\there", "tab\u{f009}here"),
            ("\u{f02f}\u{f000}", "\u{f02f}\u{f000}"), // the filesystem's own stand-ins
            (". ", ". "),
        ];
        for (name, want) in cases {
            let shown = shown(name.as_bytes()).unwrap();
            assert_eq!(String::from_utf16(&shown).unwrap(), *want, "{name:?}");
            assert_eq!(meant(&shown)[0], name.as_bytes(), "{name:?}");
        }
        assert_eq!(meant(&units("\u{f03a}")), [b":".to_vec(), "\u{f03a}".into()]);
    }

    #[test]
    fn names_have_at_most_255_units() {
        assert_eq!(shown("é".repeat(255).as_bytes()).unwrap().len(), 255);
        assert_eq!(shown("é".repeat(256).as_bytes()), None);
        assert_eq!(shown("😀".repeat(127).as_bytes()).unwrap().len(), 254);
        assert_eq!(shown("😀".repeat(128).as_bytes()), None);
    }

    #[test]
    fn names_are_compared_unit_by_unit() {
        let cases = [
            ("ReadMe.TXT", "readme.txt", true),
            ("straße", "STRASSE", false), // no unit becomes two
            ("straße", "STRAßE", true),
            ("été", "ÉTÉ", true),
            ("ﬁ", "FI", false),
            ("ı", "I", false), // no locale
            ("a", "ab", false),
            ("\u{10428}", "\u{10400}", false), // pairs of surrogates have no case
        ];
        for (a, b, want) in cases {
            assert_eq!(same(&units(a), &units(b)), want, "{a} {b}");
        }
    }

    #[test]
    fn paths_are_taken_apart() {
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            (r"\", &[], None),
            (r"\a", &["a"], None),
            (r"\a\b c", &["a", "b c"], None),
            (r"\a:s", &["a"], Some("s")),
            (r"\a\b:s:$DATA", &["a", "b"], Some("s")),
            (r"\a::$DATA", &["a"], None),
            (r"\:s", &[], Some("s")),
        ];
        for (path, names, stream) in cases {
            let path_units = units(path);
            let parsed = Path::parse(&path_units);
            let text = |units: &&[u16]| String::from_utf16(units).unwrap();
            assert_eq!(parsed.names.iter().map(text).collect::<Vec<_>>(), *names, "{path}");
            assert_eq!(parsed.stream.as_ref().map(text).as_deref(), *stream, "{path}");
            let owned: Vec<Vec<u16>> = parsed.names.iter().map(|name| name.to_vec()).collect();
            let joined = String::from_utf16(&join(&owned, parsed.stream)).unwrap();
            assert!(path.starts_with(&joined), "{joined}");
        }
    }

    #[test]
    fn paths_of_the_filesystem_are_windows_too() {
        let shown = |path: &str| shown_path(path.as_bytes()).map(|path| String::from_utf16(&path).unwrap());
        assert_eq!(shown("").as_deref(), Some(r"\"));
        assert_eq!(shown("Group/a:b/x").as_deref(), Some("\\Group\\a\u{f03a}b\\x"));
        assert_eq!(shown(&format!("a/{}/b", "n".repeat(256))), None);
    }

    proptest! {
        #[test]
        fn every_name_is_found_by_what_is_shown_of_it(units in prop::collection::vec(any::<u16>(), 1..20)) {
            let name = wim::wtf8_from_utf16(units.iter().copied());
            let shown = shown(&name).unwrap();
            prop_assert!(!shown.iter().copied().any(is_refused));
            // A name that contains stand-ins itself is the second guess or, with replaced
            // characters in it, none.
            let has_stand_ins = units.iter().any(|&unit| unit >= STAND_IN && is_refused(unit - STAND_IN));
            prop_assert!(meant(&shown).contains(&name) || has_stand_ins && units.iter().copied().any(is_refused));
        }
    }
}
