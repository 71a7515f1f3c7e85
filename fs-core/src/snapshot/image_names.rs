//! The directory names of images: their names in the XML data, made valid everywhere and unique in the group.

use std::collections::HashSet;

/// Room for a suffix is left below the 255 bytes that a name may have.
const MAX_NAME: usize = 180;
const MAX_FILE_NAME: usize = 60;

/// Hands out the directory names of one group's images, in the order of the archives.
///
/// An image is called by its name; by `NAME (FILE NUMBER)` where an image before it has that name, in any case of letters;
/// and by `FILE NUMBER` where it has none.
#[derive(Debug, Default)]
pub(crate) struct ImageNames {
    taken: HashSet<String>,
}

impl ImageNames {
    /// The name for image `number` of the file `file`, whose name in the XML data is `name`.
    pub(crate) fn name(&mut self, name: Option<&str>, file: &str, number: usize) -> String {
        let file = cut(&valid(file), MAX_FILE_NAME);
        let place = format!("{file} {number}");
        let wanted = name.map(|n| cut(&valid(n), MAX_NAME)).filter(|n| !n.is_empty());
        let candidates = match wanted {
            Some(name) => [name.clone(), format!("{name} ({place})")],
            None => [place.clone(), format!("{place} ({place})")],
        };
        let found = candidates.iter().find(|c| !self.taken.contains(&c.to_lowercase())).cloned();
        let name = found.unwrap_or_else(|| self.counted(&candidates[1]));
        self.taken.insert(name.to_lowercase());
        name
    }

    /// The last resort, when one image is called like another's place.
    fn counted(&self, base: &str) -> String {
        let mut count = 2_usize;
        loop {
            let name = format!("{base} {count}");
            if !self.taken.contains(&name.to_lowercase()) {
                return name;
            }
            count += 1;
        }
    }
}

/// The text with every character that some platform refuses in a name replaced by `_`; empty where nothing is left.
fn valid(text: &str) -> String {
    let replaced: String =
        text.chars()
            .map(|c| {
                if c.is_control() || matches!(c, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|') {
                    '_'
                } else {
                    c
                }
            })
            .collect();
    replaced.trim().trim_end_matches(['.', ' ']).to_owned()
}

/// At most `limit` bytes of the text, whole characters.
fn cut(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim_end_matches(['.', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_get_valid_unique_names() {
        let mut names = ImageNames::default();
        let long = "é".repeat(300);
        let cases: &[(Option<&str>, &str, usize, &str)] = &[
            (Some("Windows 11"), "w11.wim", 1, "Windows 11"),
            (Some("WINDOWS 11"), "w11.wim", 2, "WINDOWS 11 (w11.wim 2)"),
            (Some("Windows 11"), "w10.wim", 1, "Windows 11 (w10.wim 1)"),
            (None, "w10.wim", 2, "w10.wim 2"),
            (Some(""), "w10.wim", 3, "w10.wim 3"),
            (Some(".."), "w10.wim", 4, "w10.wim 4"),
            (Some("w10.wim 5"), "w10.wim", 9, "w10.wim 5"),
            (None, "w10.wim", 5, "w10.wim 5 (w10.wim 5)"),
            (Some("a/b\\c: \"x\" <y>|z?*\u{1}. "), "f.wim", 1, "a_b_c_ _x_ _y__z___"),
            (Some(&long), "f.wim", 2, &"é".repeat(90)),
        ];
        for (name, file, number, want) in cases {
            assert_eq!(names.name(*name, file, *number), *want);
        }
    }

    #[test]
    fn a_name_taken_twice_over_is_counted() {
        let mut names = ImageNames::default();
        assert_eq!(names.name(Some("A (f.wim 2)"), "f.wim", 1), "A (f.wim 2)");
        assert_eq!(names.name(Some("A"), "g.wim", 1), "A");
        assert_eq!(names.name(Some("A"), "f.wim", 2), "A (f.wim 2) 2");
    }

    #[test]
    fn every_name_fits_a_directory_entry() {
        let mut names = ImageNames::default();
        let long = "x".repeat(1000);
        for number in 1..4 {
            let name = names.name(Some(&long), &long, number);
            assert!(name.len() <= 255, "{} bytes", name.len());
        }
    }
}
