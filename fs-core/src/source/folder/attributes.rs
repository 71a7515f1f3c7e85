//! The Windows file attributes of an archive's file: its hidden attribute disables its images.
//!
//! Off NTFS they are taken from the first source that has them: the attributes of an NTFS driver, those that Samba keeps,
//! then a sidecar of our own, `<file>.wimstore.json`.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{LastLink, open_regular};
use crate::error::{Error, Problem};

const HIDDEN: u32 = wim::Attributes::HIDDEN.0;

/// The largest sidecar that is read, in bytes.
const MAX_SIDECAR: u64 = 64 << 10;

/// The file attributes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Bits as Windows defines them.
    pub bits: u32,
    /// Who said so.
    pub source: AttributeSource,
}

impl Attributes {
    /// Whether the images in the file are disabled: not shown to anybody.
    pub fn is_hidden(self) -> bool {
        self.bits & HIDDEN != 0
    }
}

/// Where the attributes of an archive's file were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttributeSource {
    /// Nowhere: no attribute is set.
    #[default]
    Default,
    /// Windows itself.
    Native,
    /// An NTFS driver's extended attribute `system.ntfs_attrib` (ntfs3, ntfs-3g).
    Ntfs,
    /// Samba's extended attribute `user.DOSATTRIB`.
    Samba,
    /// The file `<file>.wimstore.json` beside it.
    Sidecar,
}

/// The attributes of the file at `path`, with the source that had them. What cannot be read counts as absent; of a sidecar
/// it is added to `warnings`.
pub(crate) fn of(path: &Path, warnings: &mut Vec<Problem>) -> Attributes {
    if let Some(attributes) = native(path) {
        return attributes;
    }
    let path = sidecar_path(path);
    match sidecar(&path) {
        Ok(sidecar) => Attributes { bits: if sidecar.hidden { HIDDEN } else { 0 }, source: AttributeSource::Sidecar },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Attributes::default(),
        Err(error) => {
            warnings.push(Problem::new(&path, Error::io(&path, error)));
            Attributes::default()
        }
    }
}

#[cfg(windows)]
fn native(path: &Path) -> Option<Attributes> {
    use std::os::windows::fs::MetadataExt;
    let bits = std::fs::metadata(path).ok()?.file_attributes();
    Some(Attributes { bits, source: AttributeSource::Native })
}

#[cfg(unix)]
fn native(path: &Path) -> Option<Attributes> {
    let value = |name: &str| xattr::get_deref(path, name).ok().flatten();
    let ntfs = value("system.ntfs_attrib").and_then(|v| Some(u32::from_le_bytes(v.try_into().ok()?)));
    let samba = || value("user.DOSATTRIB").and_then(|v| samba_bits(&v));
    ntfs.map(|bits| Attributes { bits, source: AttributeSource::Ntfs })
        .or_else(|| samba().map(|bits| Attributes { bits, source: AttributeSource::Samba }))
}

/// The bits in Samba's attribute: old versions store text such as `0x22`; newer ones an NDR structure that begins with such
/// a text (perhaps empty), then version, the version again as the switch of a union, a mask of valid fields, and the bits.
#[cfg(any(unix, test))]
fn samba_bits(value: &[u8]) -> Option<u32> {
    let text_len = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    let (text, rest) = value.split_at(text_len);
    if let Some(digits) = std::str::from_utf8(text).ok()?.strip_prefix("0x") {
        return u32::from_str_radix(digits, 16).ok();
    }
    let word = |at: usize| Some(u32::from_le_bytes(value.get(at..at + 4)?.try_into().ok()?));
    let version_at = (text_len + 1).next_multiple_of(2);
    let switch_at = (version_at + 2).next_multiple_of(4);
    let has_bits = !rest.is_empty() && word(switch_at + 4)? & 1 != 0;
    if has_bits { word(switch_at + 8) } else { None }
}

/// What we keep beside an archive where the file system has no room for it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sidecar {
    #[serde(default)]
    hidden: bool,
    /// The security descriptor as text.
    pub(super) sddl: Option<String>,
}

pub(super) fn sidecar_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".wimstore.json");
    name.into()
}

/// Reads the sidecar at `path`, where a writer of the folder may have put anything.
pub(super) fn sidecar(path: &Path) -> io::Result<Sidecar> {
    let mut text = Vec::new();
    open_regular(path, LastLink::Refused)?.take(MAX_SIDECAR + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_SIDECAR {
        return Err(io::Error::other("larger than 64 KiB"));
    }
    serde_json::from_slice(&text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samba_writes_the_bits_in_two_ways() {
        let ndr = |version: u8, valid: u8, bits: u8| {
            let mut v = vec![0, 0, version, 0, version, 0, 0, 0, valid, 0, 0, 0, bits, 0, 0, 0];
            v.extend([0; 24]);
            v
        };
        let cases: &[(&str, Vec<u8>, Option<u32>)] = &[
            ("text", b"0x22\0".to_vec(), Some(0x22)),
            ("text without its NUL", b"0x2".to_vec(), Some(2)),
            ("text before NDR of version 3", [&b"0x20\0\0"[..], &ndr(3, 0x11, 0x20)[2..]].concat(), Some(0x20)),
            ("NDR of version 4", ndr(4, 0x51, 0x22), Some(0x22)),
            ("NDR of version 5", ndr(5, 0x11, 0x02), Some(2)),
            ("NDR without bits", ndr(5, 0x10, 0x02), None),
            ("cut short", ndr(5, 0x11, 2)[..14].to_vec(), None),
            ("no number", b"0xzz\0".to_vec(), None),
            ("empty", Vec::new(), None),
        ];
        for (name, value, want) in cases {
            assert_eq!(samba_bits(value), *want, "{name}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn windows_says_what_is_hidden() {
        use std::os::windows::fs::OpenOptionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (name, bits) in [("hidden.wim", 2), ("shown.wim", 0x20), ("both.wim", 0x22)] {
            let path = dir.path().join(name);
            std::fs::OpenOptions::new().write(true).create_new(true).attributes(bits).open(&path).unwrap();
            std::fs::write(sidecar_path(&path), r#"{"hidden": true}"#).unwrap(); // is not asked
            let found = of(&path, &mut Vec::new());
            assert_eq!((found.bits & bits, found.source), (bits, AttributeSource::Native), "{name}");
            assert_eq!(found.is_hidden(), bits & 2 != 0, "{name}");
        }
    }

    #[cfg(unix)] // Windows always has attributes
    #[test]
    fn a_sidecar_hides_where_no_attribute_does() {
        let dir = tempfile::tempdir().unwrap();
        let wim = dir.path().join("a.wim");
        std::fs::write(&wim, b"").unwrap();
        let look = || {
            let mut warnings = Vec::new();
            let found = of(&wim, &mut warnings);
            (found.is_hidden(), found.source, warnings.len())
        };
        assert_eq!(look(), (false, AttributeSource::Default, 0));
        let padded = |len: usize| format!(r#"{{"hidden": true{}}}"#, " ".repeat(len - 16));
        for (text, hidden, source, warnings) in [
            (r#"{"hidden": true}"#, true, AttributeSource::Sidecar, 0),
            (r#"{"hidden": false, "later": 1}"#, false, AttributeSource::Sidecar, 0),
            ("{}", false, AttributeSource::Sidecar, 0),
            ("not json", false, AttributeSource::Default, 1),
            (&padded(64 << 10), true, AttributeSource::Sidecar, 0),
            (&padded((64 << 10) + 1), false, AttributeSource::Default, 1),
        ] {
            std::fs::write(sidecar_path(&wim), text).unwrap();
            assert_eq!(look(), (hidden, source, warnings), "{text:.30}");
        }
        std::fs::rename(sidecar_path(&wim), dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", sidecar_path(&wim)).unwrap();
        assert_eq!(look(), (false, AttributeSource::Default, 1), "a link is not followed");
    }
}
