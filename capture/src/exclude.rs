//! The files that a capture leaves out.

use std::fs;
use std::path::Path;

use crate::{Error, Result};

/// Files of a running Windows that mean nothing in an image: the log of NTFS, memory on disk, restore
/// points and the bin.
const DEFAULT: &[&str] = &[
    r"\$ntfs.log",
    r"\hiberfil.sys",
    r"\pagefile.sys",
    r"\swapfile.sys",
    r"\System Volume Information",
    r"\$RECYCLE.BIN",
    r"\RECYCLER",
    r"\$Windows.~BT",
    r"\$Windows.~LS",
    r"\Windows\CSC",
];

/// Patterns of paths that are left out, and of those that are not in spite of them.
///
/// A pattern with a separator at its start is matched against the path from the captured folder, others
/// against the last name. `*` stands for any characters, `?` for one; case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusions {
    excluded: Vec<Pattern>,
    kept: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Characters in lower case, with `/` as separator.
    text: Vec<char>,
    is_path: bool,
}

impl Default for Exclusions {
    /// Files of a running Windows: page file, hibernation, restore points, the bin and the like.
    fn default() -> Self {
        Self { excluded: DEFAULT.iter().map(|text| Pattern::new(text)).collect(), kept: Vec::new() }
    }
}

impl Exclusions {
    /// Leaves nothing out.
    #[must_use]
    pub fn none() -> Self {
        Self { excluded: Vec::new(), kept: Vec::new() }
    }

    /// Reads a list in the form of `WimScript.ini`: patterns a line below `[ExclusionList]` and
    /// `[ExclusionException]`. Other sections are ignored, as are comments, which begin with `#` or `;`.
    ///
    /// # Errors
    /// The file cannot be read, or has a line before its first section.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let mut found = Self::none();
        let mut section: Option<String> = None;
        for (number, line) in (1..).zip(text.trim_start_matches('\u{FEFF}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = Some(name.to_ascii_lowercase());
                continue;
            }
            let pattern = Pattern::new(line.trim_matches('"'));
            match section.as_deref() {
                Some("exclusionlist") => found.excluded.push(pattern),
                Some("exclusionexception") => found.kept.push(pattern),
                Some(_) => {}
                None => {
                    let reason = "a pattern before the first section, such as [ExclusionList]";
                    return Err(Error::Exclusions { path: path.to_owned(), line: number, reason });
                }
            }
        }
        Ok(found)
    }

    /// Whether a path is left out; `path` is that from the captured folder, with `/` between names.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(path));
        matches(&self.excluded) && !matches(&self.kept)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text: Vec<char> = text.replace('\\', "/").chars().flat_map(char::to_lowercase).collect();
        let is_path = text.first() == Some(&'/');
        Self { text: text.into_iter().skip(usize::from(is_path)).collect(), is_path }
    }

    fn matches(&self, path: &str) -> bool {
        let subject = if self.is_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        let subject: Vec<char> = subject.chars().flat_map(char::to_lowercase).collect();
        is_match(&self.text, &subject)
    }
}

/// Matches without recursion: after a failure the last `*` takes one more character.
fn is_match(pattern: &[char], subject: &[char]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < subject.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(&c) if c == subject[pos] || c == '?' && subject[pos] != '/' => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((star_at, star_pos)) = star.filter(|&(_, star_pos)| subject[star_pos] != '/') else {
                    return false;
                };
                star = Some((star_at, star_pos + 1));
                at = star_at + 1;
                pos = star_pos + 1;
            }
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_paths_or_names() {
        let cases: &[(&str, &str, bool)] = &[
            (r"\pagefile.sys", "pagefile.sys", true),
            (r"\pagefile.sys", "PageFile.SYS", true),
            (r"\pagefile.sys", "folder/pagefile.sys", false),
            ("*.tmp", "folder/a.tmp", true),
            ("*.tmp", "folder/a.tmp/file", false),
            (r"\Windows\*.log", "Windows/a.log", true),
            (r"\Windows\*.log", "Windows/Logs/a.log", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xxaxxaxb", true),
            ("*a*b", "xxaxxaxbx", false),
        ];
        for &(pattern, path, want) in cases {
            assert_eq!(Pattern::new(pattern).matches(path), want, "{pattern} and {path}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_exponential_time() {
        let pattern = Pattern::new(&"*a".repeat(500));
        assert!(!pattern.matches(&"a".repeat(400)) && pattern.matches(&"a".repeat(500)));
    }

    #[test]
    fn lists_have_sections() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("WimScript.ini");
        fs::write(&path, "; a comment\n[ExclusionList]\n\\a\n*.bak\n[Other]\n*.c\n[ExclusionException]\nkeep.bak\n")
            .unwrap();
        let list = Exclusions::read(&path).unwrap();
        let cases = [("a", true), ("x/b.bak", true), ("x/keep.bak", false), ("x.c", false)];
        for (path, want) in cases {
            assert_eq!(list.excludes(path), want, "{path}");
        }
        fs::write(&path, "\n*.bak\n").unwrap();
        let error = Exclusions::read(&path).unwrap_err().to_string();
        assert!(error.ends_with("WimScript.ini:2: a pattern before the first section, such as [ExclusionList]"));
    }
}
