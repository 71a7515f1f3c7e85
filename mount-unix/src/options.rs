//! How a store is mounted: who may use the mount, its flags, its threads.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::mount::MountFlags;

use crate::lanes::SPARE_THREADS;

/// The users, in addition to the mounter, with access to a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Nobody, not even root.
    #[default]
    Mounter,
    /// Root.
    MounterAndRoot,
    /// Everybody whom the permission bits allow. An ordinary user needs `user_allow_other` in
    /// `/etc/fuse.conf` for it.
    Everybody,
}

/// How a store is mounted. [`fs_core::Options`] decides what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// The store's path. A mountpoint that contains it is refused.
    pub source: PathBuf,
    /// What `/proc/mounts` names as the source.
    pub name: OsString,
    /// The users with access.
    pub access: Access,
    /// Threads that answer requests that wait for one storage, at least 1; as many more are left to
    /// other storages.
    pub threads: usize,
    /// Whether a mountpoint is accepted that is not empty or already has a mount.
    pub nonempty: bool,
    /// Whether device files of an image work as devices; only root can ask for it.
    pub dev: bool,
    /// Whether set-user-id and set-group-id bits of an image work; only root can ask for it.
    pub suid: bool,
    /// Whether files of an image can be executed, given their permission bits.
    pub exec: bool,
    /// Whether the mount has the flag `noatime`; no time ever changes in it, either way.
    pub noatime: bool,
}

impl MountOptions {
    /// Options for mounting `source`: the mounter's own, a few threads more than processors, no
    /// devices, no set-user-id programs.
    pub fn new(source: PathBuf) -> Self {
        Self {
            name: source.clone().into(),
            source,
            access: Access::default(),
            threads: default_threads(),
            nonempty: false,
            dev: false,
            suid: false,
            exec: true,
            noatime: false,
        }
    }

    /// Threads that take requests from the kernel.
    pub(crate) fn session_threads(&self) -> usize {
        2 * self.threads.max(1) + SPARE_THREADS
    }

    /// The flags for mount(2): always read-only.
    pub(crate) fn flags(&self) -> MountFlags {
        let mut flags = MountFlags::RDONLY;
        flags.set(MountFlags::NODEV, !self.dev);
        flags.set(MountFlags::NOSUID, !self.suid);
        flags.set(MountFlags::NOEXEC, !self.exec);
        flags.set(MountFlags::NOATIME, self.noatime);
        flags
    }

    /// The mount options for the kernel's FUSE in addition to device and owner.
    pub(crate) fn kernel_options(&self) -> &'static str {
        // Permission bits are always enforced by the kernel, which knows them for ever and so does
        // not ask again.
        match self.access {
            Access::Mounter => "default_permissions",
            Access::MounterAndRoot | Access::Everybody => "default_permissions,allow_other",
        }
    }

    /// The value of `-o` for fusermount3. In the name, commas and backslashes are escaped for it.
    pub(crate) fn helper_options(&self) -> Vec<u8> {
        let mut options = b"fsname=".to_vec();
        options.extend(escape(&self.name));
        options.extend(b",subtype=wimstore,ro,");
        options.extend(self.kernel_options().as_bytes());
        let flags = [(self.dev, "dev"), (self.suid, "suid"), (!self.exec, "noexec"), (self.noatime, "noatime")];
        for (_, name) in flags.iter().filter(|(set, _)| *set) {
            options.push(b',');
            options.extend(name.as_bytes());
        }
        options
    }
}

/// As many threads as can decode at once, and some that answer while those wait for the disk or
/// each other.
fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(4, |processors| (processors.get() + 2).clamp(4, 32))
}

fn escape(name: &OsStr) -> impl Iterator<Item = u8> {
    name.as_bytes().iter().flat_map(|&byte| {
        let escape = matches!(byte, b',' | b'\\').then_some(b'\\');
        escape.into_iter().chain([byte])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut MountOptions);

    #[test]
    fn options_reach_the_kernel_and_the_helper() {
        use MountFlags as F;
        let safe = F::RDONLY | F::NODEV | F::NOSUID;
        let cases: &[(&str, Change, F, &str, &str)] = &[
            ("plain", |_| (), safe, "default_permissions", ""),
            ("all", |o| o.access = Access::Everybody, safe, "default_permissions,allow_other", ""),
            ("root", |o| o.access = Access::MounterAndRoot, safe, "default_permissions,allow_other", ""),
            ("noexec", |o| o.exec = false, safe | F::NOEXEC, "default_permissions", ",noexec"),
            ("noatime", |o| o.noatime = true, safe | F::NOATIME, "default_permissions", ",noatime"),
            ("dev", |o| o.dev = true, F::RDONLY | F::NOSUID, "default_permissions", ",dev"),
            ("suid", |o| o.suid = true, F::RDONLY | F::NODEV, "default_permissions", ",suid"),
        ];
        for (name, change, flags, kernel, helper) in cases {
            let mut options = MountOptions::new("/a,b\\c".into());
            change(&mut options);
            assert_eq!((options.flags(), options.kernel_options()), (*flags, *kernel), "{name}");
            let want = format!("fsname=/a\\,b\\\\c,subtype=wimstore,ro,{kernel}{helper}");
            assert_eq!(String::from_utf8(options.helper_options()).unwrap(), want, "{name}");
        }
    }
}
