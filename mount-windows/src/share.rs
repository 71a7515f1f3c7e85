//! The network name of a drive: `\server\share`.

use std::str::FromStr;

/// The longest name that WinFsp accepts, in UTF-16 units.
const MAX: usize = 191;

/// The name of a network drive: `\\server\share`, optionally followed by more names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share(String);

impl Share {
    /// The name, with one `\` at its beginning.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Share {
    type Err = &'static str;

    /// Accepts the name with one leading `\` or two.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix(r"\\").or_else(|| text.strip_prefix('\\')).unwrap_or(text);
        let parts: Vec<&str> = name.split('\\').collect();
        let is_name = |part: &&str| !part.is_empty() && !part.contains(['/', ':', '"', '<', '>', '|', '*', '?']);
        if parts.len() < 2 || name == text || !parts.iter().all(is_name) {
            return Err(r"it is no name such as \server\share");
        }
        if name.encode_utf16().count() >= MAX {
            return Err("it is too long");
        }
        Ok(Self(format!(r"\{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_has_a_server_and_a_name() {
        for (text, want) in [
            (r"\wimstore\images", Some(r"\wimstore\images")),
            (r"\\wimstore\images", Some(r"\wimstore\images")),
            (r"\wimstore\a b\deeper", Some(r"\wimstore\a b\deeper")),
            (r"wimstore\images", None),
            (r"\wimstore", None),
            (r"\wimstore\", None),
            (r"\\\images", None),
            (r"\wimstore\C:", None),
            ("/wimstore/images", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Share>().ok().as_ref().map(Share::name), want, "{text}");
        }
        assert!(format!(r"\s\{}", "n".repeat(188)).parse::<Share>().is_ok());
        assert_eq!(format!(r"\s\{}", "n".repeat(189)).parse::<Share>(), Err("it is too long"));
    }
}
