//! Who may see a file or folder of a store: its security descriptor, from the first source that has one.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{Security, Sid, Source, Stored};
use parking_lot::Mutex;
use tracing::error;

use super::attributes;
use crate::log::LISTING;

/// The most files and folders whose security is remembered, about 300 bytes each.
const MAX_REMEMBERED: usize = 100_000;

/// What names in descriptors and groups of Unix stand for.
#[derive(Debug, Clone, Default)]
pub struct Principals {
    /// The domain of names such as `DA` in sidecars.
    pub domain: Option<Sid>,
    /// The principals of groups of Unix; those that are not here are as Samba names them.
    pub groups: HashMap<u32, Sid>,
}

impl Principals {
    /// The principal of a group of Unix.
    pub fn group(&self, gid: u32) -> Sid {
        self.groups.get(&gid).copied().unwrap_or_else(|| Sid::unix_group(gid))
    }
}

/// Reads what protects files and folders, and remembers it as long as they do not change.
#[derive(Debug, Default)]
pub(super) struct Securities {
    principals: Principals,
    known: Mutex<HashMap<PathBuf, (State, Own)>>,
}

/// Which file or folder it was with which attributes, and which sidecar lay beside it.
type State = (Option<Place>, Option<Place>);

/// What changes with everything but the time of the last access: device, inode, and time of the last change.
type Place = (u64, u64, i64, i64);

/// What protects a file or folder by itself.
#[derive(Debug, Clone)]
enum Own {
    /// A descriptor of its own.
    Stored(Arc<Security>),
    /// None; this is what its mode stands for.
    Mode(Arc<Security>),
}

impl Securities {
    pub(super) fn new(principals: Principals) -> Self {
        Self { principals, known: Mutex::default() }
    }

    /// What protects the group's folder, or an archive in the `group` with this security, at `path`.
    ///
    /// Looked for are an NTFS driver's descriptor, Samba's, and the text in the sidecar; then what a
    /// group's folder passes on to its files; then the mode of the file. A source that has a descriptor
    /// which is invalid or cannot be read protects it for administrators only, and is logged.
    pub(super) fn of(&self, path: &Path, group: Option<&Security>) -> Arc<Security> {
        let security = match (self.own(path), group) {
            (Own::Stored(security), _) | (Own::Mode(security), None) => security,
            (Own::Mode(security), Some(group)) => Security::inherited(group).map_or(security, Arc::new),
        };
        if security.descriptor().is_none() && security.source() != Source::Inherited {
            let (path, source) = (path.display(), security.source().name());
            LISTING.once(&format!("{path}: descriptor"), || {
                error!(%path, source, "broken security descriptor: only administrators see it");
            });
        }
        security
    }

    fn own(&self, path: &Path) -> Own {
        let state = [path, &attributes::sidecar_path(path)].map(|path| fs::metadata(path).ok().and_then(|m| place(&m)));
        let state = (state[0], state[1]);
        if let Some((then, own)) = self.known.lock().get(path)
            && *then == state
            && state.0.is_some()
        {
            return own.clone();
        }
        let own = self.read(path);
        let mut known = self.known.lock();
        if known.len() >= MAX_REMEMBERED {
            known.clear();
        }
        known.insert(path.to_owned(), (state, own.clone()));
        own
    }

    fn read(&self, path: &Path) -> Own {
        let (security, is_stored) = match stored(path) {
            Some(stored) => (Security::of_stored(&stored, self.principals.domain), true),
            None => (by_mode(path, &self.principals), false),
        };
        let security = Arc::new(security);
        if is_stored { Own::Stored(security) } else { Own::Mode(security) }
    }
}

#[cfg(unix)]
fn place(found: &Metadata) -> Option<Place> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino(), found.ctime(), found.ctime_nsec()))
}

/// Nothing is remembered: Windows' library tells no time of the last change.
#[cfg(not(unix))]
fn place(_: &Metadata) -> Option<Place> {
    None
}

/// The descriptor that a source keeps of the file or folder itself.
fn stored(path: &Path) -> Option<Stored<'static>> {
    if let Some(stored) = attribute(path) {
        return Some(stored);
    }
    match attributes::sidecar(&attributes::sidecar_path(path)) {
        Ok(sidecar) => sidecar.sddl.map(|text| Stored::Text(text.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(Stored::Unreadable(Source::Sidecar)),
    }
}

#[cfg(unix)]
fn attribute(path: &Path) -> Option<Stored<'static>> {
    let names =
        [("system.ntfs_security", Source::Ntfs), ("system.ntfs_acl", Source::Ntfs), (access::NTACL, Source::Samba)];
    names.into_iter().find_map(|(name, source)| match xattr::get_deref(path, name) {
        Ok(None) => None,
        Ok(Some(value)) if source == Source::Samba => Some(Stored::Ntacl(value.into())),
        Ok(Some(value)) => Some(Stored::Bytes(source, value.into())),
        Err(error) if is_unsupported(&error) => None,
        Err(_) => Some(Stored::Unreadable(source)),
    })
}

/// Whether the file system has no such attributes.
#[cfg(unix)]
fn is_unsupported(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    let code = Some(rustix::io::Errno::OPNOTSUPP.raw_os_error());
    #[cfg(not(target_os = "linux"))]
    let code = None;
    error.kind() == io::ErrorKind::Unsupported || code.is_some() && error.raw_os_error() == code
}

#[cfg(not(unix))]
fn attribute(_: &Path) -> Option<Stored<'static>> {
    None
}

#[cfg(unix)]
fn by_mode(path: &Path, principals: &Principals) -> Security {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(found) => {
            let group = principals.group(found.gid());
            Security::of_unix(access::UnixMode { uid: found.uid(), group, mode: found.mode() })
        }
        Err(_) => Security::broken(Source::Unix),
    }
}

/// Windows is not asked for descriptors yet, so only administrators see what has no sidecar.
#[cfg(not(unix))]
fn by_mode(_: &Path, _: &Principals) -> Security {
    Security::broken(Source::Native)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn found(path: &Path, group: Option<&Security>) -> (Source, Option<String>) {
        let security = Securities::default().of(path, group);
        (security.source(), security.sddl())
    }

    #[test]
    fn the_first_source_that_has_a_descriptor_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wim");
        fs::write(&file, b"").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let (source, by_mode) = found(&file, None);
        assert!(source == Source::Unix && !by_mode.unwrap().contains("AU"));

        let group = Security::of_stored(&Stored::Text("O:BAG:BAD:(A;OICI;FR;;;WD)".into()), None);
        let inherited = (Source::Inherited, Some("O:BAG:BAD:AI(A;ID;FR;;;WD)".to_owned()));
        assert_eq!(found(&file, Some(&group)), inherited);
        let made_up = Security::default_of_wds();
        assert_eq!(found(&file, Some(&made_up)).0, Source::Unix);

        let sidecar = folder.path().join("a.wim.wimstore.json");
        fs::write(&sidecar, r#"{"hidden": true}"#).unwrap();
        assert_eq!(found(&file, Some(&group)), inherited, "a sidecar without text");
        fs::write(&sidecar, r#"{"sddl": "O:BAD:(A;;FA;;;BA)"}"#).unwrap();
        assert_eq!(found(&file, Some(&group)), (Source::Sidecar, Some("O:BAD:(A;;FA;;;BA)".into())));
        for broken in [r#"{"sddl": "O:BAD:(A;;FA;;;DA)"}"#, r#"{"sddl": 7}"#, "{"] {
            fs::write(&sidecar, broken).unwrap();
            assert_eq!(found(&file, Some(&group)), (Source::Sidecar, None), "{broken}");
        }
    }

    #[test]
    fn a_descriptor_of_samba_counts_before_a_sidecar() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.wim");
        fs::write(&file, b"").unwrap();
        fs::write(folder.path().join("a.wim.wimstore.json"), r#"{"sddl": "O:BAD:(A;;FA;;;WD)"}"#).unwrap();
        let bytes = access::sddl::parse("O:SYD:(A;;FA;;;BA)", None).unwrap();
        let mut value = vec![1, 0, 1, 0, 0, 0, 2, 0];
        value.extend(&bytes);
        for field in [4, 8, 12, 16] {
            let at = 8 + field;
            let offset = u32::from_le_bytes(value[at..at + 4].try_into().unwrap());
            let offset = if offset == 0 { 0 } else { offset + 8 };
            value[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        }
        if let Err(error) = xattr::set(&file, access::NTACL, &value) {
            println!("skipped: security.NTACL cannot be set: {error}");
            return;
        }
        assert_eq!(found(&file, None), (Source::Samba, Some("O:SYD:(A;;FA;;;BA)".into())));
        xattr::set(&file, access::NTACL, b"\x01\0\x01\0").unwrap();
        assert_eq!(found(&file, None), (Source::Samba, None));
    }
}
