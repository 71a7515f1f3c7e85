//! The archives that a user names as references: files, or patterns for the names of files in a folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The files that `reference` means: itself, or those in its folder that its last part matches, ordered by name. In patterns
/// `*` stands for any text, `?` for any character, `[a-z5]` for one of these and `[!a-z5]` for any other, as in a shell; a name
/// that begins with a dot is matched by none but a dot.
///
/// # Errors
/// [`Error::NoMatch`] when a pattern matches no file, [`Error::Io`] when its folder cannot be listed.
pub(crate) fn expand(reference: &Path) -> Result<Vec<PathBuf>> {
    let name = reference.file_name().unwrap_or_default();
    let is_pattern = name.as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
    if !is_pattern || reference.exists() {
        return Ok(vec![reference.to_owned()]);
    }
    let folder = reference.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        let path = folder.join(entry.file_name());
        if matches(name, &entry.file_name()) && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Error::NoMatch { pattern: reference.to_owned() });
    }
    found.sort();
    Ok(found)
}

fn matches(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.to_string_lossy(), name.to_string_lossy());
    let shows_dots = pattern.starts_with('.') || !name.starts_with('.');
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    shows_dots && is_match(&parts(&pattern), &name)
}

/// What a part of a pattern stands for.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text,
    Character,
    /// One of these, or with `not` none of them: ranges, both ends inclusive.
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
    Literal(&'a char),
}

impl Part<'_> {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Text | Self::Character => true,
            Self::Class { not, ranges } => ranges.iter().any(|&(from, to)| (from..=to).contains(&c)) != *not,
            Self::Literal(literal) => **literal == c,
        }
    }
}

fn parts(mut pattern: &[char]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some((first, rest)) = pattern.split_first() {
        let (part, behind) = match first {
            '*' => (Part::Text, rest),
            '?' => (Part::Character, rest),
            '[' => class(rest).unwrap_or((Part::Literal(first), rest)),
            _ => (Part::Literal(first), rest),
        };
        parts.push(part);
        pattern = behind;
    }
    parts
}

/// The class whose `[` is in front of `pattern`, and what follows its `]`; `None` without one: the `[` then means
/// itself.
fn class(pattern: &[char]) -> Option<(Part<'_>, &[char])> {
    let not = matches!(pattern.first(), Some('!' | '^'));
    let members = &pattern[usize::from(not)..];
    // A `]` at the start is a member.
    let end = 1 + members.iter().skip(1).position(|&c| c == ']')?;
    let (mut left, mut ranges) = (&members[..end], Vec::new());
    while let Some((&from, rest)) = left.split_first() {
        let (to, behind) = if let ['-', to, behind @ ..] = rest { (*to, behind) } else { (from, rest) };
        ranges.push((from, to));
        left = behind;
    }
    Some((Part::Class { not, ranges }, &members[end + 1..]))
}

/// Whether a pattern matches all of a name, in time of the product of their lengths.
fn is_match(pattern: &[Part<'_>], name: &[char]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last `*` was met, and how much of the name it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match (pattern.get(at), star) {
            (Some(Part::Text), _) => {
                star = Some((at, from));
                at += 1;
            }
            (Some(part), _) if part.takes(name[from]) => (at, from) = (at + 1, from + 1),
            (_, Some((star_at, start))) => {
                star = Some((star_at, start + 1));
                (at, from) = (star_at + 1, start + 1);
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|part| *part == Part::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, yes, no) in [
            ("x*.swm", &["x.swm", "x2.swm", "x.swm.swm"][..], &["x2.swm.old", "y.swm", "x.wim", ".x.swm"][..]),
            ("x?.swm", &["x2.swm", "xä.swm"], &["x.swm", "x10.swm"]),
            ("*", &["a", "*"], &[".a"]),
            (".*", &[".a"], &["a"]),
            ("*a*b*", &["ab", "xaxbx", "aabb"], &["ba", "a"]),
            ("**", &["a"], &[]),
            ("x[2-4].swm", &["x2.swm", "x4.swm"], &["x.swm", "x5.swm", "x22.swm"]),
            ("[ax-z]", &["a", "x", "y"], &["b", "-", "ax"]),
            ("[!a-c]", &["d", "]"], &["a", "c", "", "dd", ".a"]),
            ("[^a]", &["b"], &["a"]),
            ("[]a]", &["]", "a"], &["[", "b"]),
            ("[!]]", &["a"], &["]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("*[0-9].swm", &["a1.swm", "1.swm"], &["a.swm", "1a.swm"]),
            ("[z-a]", &[], &["a", "m", "z"]),
            ("a[b", &["a[b"], &["ab"]),
            ("[.]a", &[], &[".a"]),
        ] {
            for name in yes {
                assert!(matches(pattern.as_ref(), name.as_ref()), "{pattern} {name}");
            }
            for name in no {
                assert!(!matches(pattern.as_ref(), name.as_ref()), "{pattern} {name}");
            }
        }
        let (pattern, name) = ("*[a-c]".repeat(2000) + "d", "a".repeat(20_000));
        assert!(!matches(pattern.as_ref(), name.as_ref()), "and this ends soon");
    }

    #[test]
    fn patterns_become_the_files_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["x.swm", "x10.swm", "x2.swm", "y.swm"] {
            fs::write(path(name), b"").unwrap();
        }
        fs::create_dir(path("x3.swm")).unwrap();
        assert_eq!(expand(&path("x*.swm")).unwrap(), [path("x.swm"), path("x10.swm"), path("x2.swm")]);
        assert_eq!(expand(&path("x[2-9]*.swm")).unwrap(), [path("x2.swm")]);
        assert_eq!(expand(&path("y.swm")).unwrap(), [path("y.swm")]);
        #[cfg(unix)] // Windows has no such names
        {
            fs::write(path("odd*.wim"), b"").unwrap();
            assert_eq!(expand(&path("odd*.wim")).unwrap(), [path("odd*.wim")], "a file of that very name");
        }
        assert_eq!(expand(&path("none.wim")).unwrap(), [path("none.wim")], "opening it tells that it is not there");
        let error = expand(&path("z*.swm")).unwrap_err().to_string();
        assert!(error.ends_with("z*.swm: no file matches"), "{error}");
    }
}
