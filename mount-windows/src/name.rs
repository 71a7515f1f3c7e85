//! Paths as WinFsp passes them, and names in any case.

use fs_core::wim;
use windows_files::shown_name;

const COLON: u16 = b':' as u16;
const BACKSLASH: u16 = b'\\' as u16;

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
    let names: Option<Vec<_>> = names.map(shown_name).collect();
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
    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
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
}
