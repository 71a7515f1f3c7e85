//! Names of groups and of image files: such that Windows, too, can have them.

use crate::{Error, Result};

/// The most UTF-16 units of a name: a sidecar's name is longer.
const MAX_UNITS: usize = 200;

/// What no name on Windows may contain.
const FORBIDDEN: &str = "/\\:*?\"<>|";

/// Checks the name of a group.
///
/// # Errors
/// [`Error::Usage`].
pub(crate) fn check_group(name: &str) -> Result<()> {
    check(name, "a group")
}

/// Checks the name of an image's file, and returns it with its extension.
///
/// # Errors
/// [`Error::Usage`].
pub(crate) fn check_file(name: &str) -> Result<String> {
    check(name, "an image's file")?;
    Ok(if has_extension(name, "wim") { name.into() } else { format!("{name}.wim") })
}

/// Whether a file is called as archives with images are.
pub(crate) fn is_archive(name: &str) -> bool {
    !name.starts_with(['.', '~']) && has_extension(name, "wim")
}

/// Whether a name ends with a dot and this extension, in any case.
pub(crate) fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, found)| !stem.is_empty() && found.eq_ignore_ascii_case(extension))
}

/// A file's name without its extension: the name of the image's folder.
pub(crate) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Two names are one for Windows if this is equal.
pub(crate) fn folded(name: &str) -> String {
    name.to_uppercase()
}

fn check(name: &str, of: &str) -> Result<()> {
    let reason = match () {
        () if name.is_empty() => "is empty",
        () if name.encode_utf16().count() > MAX_UNITS => "is longer than 200 characters",
        () if name.contains(|c: char| c.is_control() || FORBIDDEN.contains(c)) => {
            "has a character that Windows has in no name: / \\ : * ? \" < > | or a control character"
        }
        () if name.ends_with(['.', ' ']) => "ends with a dot or a space, which Windows drops",
        () if name.starts_with(['.', '~']) => "begins as the names of hidden and temporary files do",
        () if is_device(name) => "is the name of a device on Windows",
        () => return Ok(()),
    };
    Err(Error::Usage(format!("{name:?} cannot be the name of {of}: it {reason}")))
}

/// Whether Windows takes the name for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut rest = rest.chars();
            rest.next().is_some_and(|digit| "123456789¹²³".contains(digit)) && rest.next().is_none()
        })
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_that_windows_can_have_them() {
        for name in ["Sales", "Büro 2", "a", "com", "COM10", "console", "日本語", &"x".repeat(200)] {
            assert!(check_group(name).is_ok(), "{name}");
        }
        let long = "x".repeat(300);
        for name in [
            "",
            "..",
            ".",
            "..\\x.wim",
            "../x",
            "a/b",
            "a:b",
            "CON",
            "con.wim",
            "Lpt1",
            "COM².x",
            "a.",
            "a ",
            ".hidden",
            "~tmp",
            "a\nb",
            "a|b",
            &long,
        ] {
            assert!(matches!(check_group(name), Err(Error::Usage(_))), "{name}");
        }
        assert_eq!(check_file("w11").unwrap(), "w11.wim");
        assert_eq!(check_file("w11.WIM").unwrap(), "w11.WIM");
        assert_eq!(check_file("Res.rwm").unwrap(), "Res.rwm.wim");
        assert_eq!(stem("a.b.wim"), "a.b");
        assert!(is_archive("a.WIM") && !is_archive(".wim") && !is_archive("~1.wim") && !is_archive("wim"));
    }
}
