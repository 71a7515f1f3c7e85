//! A mounted drive, and how it is mounted.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use fs_core::{Filesystem, Stop};
use tracing::info;
use winfsp::FspInit;
use winfsp::host::{FileSystemHost, FileSystemParams, MountPoint, VolumeParams};

use super::{Front, load, notify};
use crate::Share;
use crate::drive::{CLUSTER, Drive, DriveOptions};

/// A store mounted as a drive, served by threads of this process; unmounted when dropped.
pub struct Mounted {
    /// Dropped first: the store is watched only while it is mounted.
    _following: Option<Stop>,
    host: FileSystemHost<Front>,
    _winfsp: FspInit,
}

/// Why a store is not mounted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// WinFsp is not installed.
    #[error("WinFsp is not installed; get it from https://winfsp.dev/rel/ (the newest version, 2.1 or later)")]
    NoWinFsp,
    /// WinFsp cannot create the volume.
    #[error("WinFsp makes no volume (status {0:#010x}); is its driver running?")]
    Volume(u32),
    /// Windows does not run this process as a service.
    #[error("the service does not run (status {0:#010x})")]
    Service(u32),
    /// The mount point is not available.
    #[error("{}: {reason} (status {status:#010x})", .at.display())]
    MountPoint {
        /// The drive or folder.
        at: OsString,
        /// The meaning of the status.
        reason: &'static str,
        /// An `NTSTATUS`.
        status: u32,
    },
}

/// Mounts `filesystem` on `at`: a drive (`X:`), `*` for the next free one from `Z:` down, or a
/// folder on an NTFS volume that does not exist yet. It should find names in any case and show no
/// streams by colons. Returns once requests are answered.
///
/// # Errors
/// WinFsp is not there, or refuses; nothing is mounted then.
pub fn mount(filesystem: Arc<Filesystem>, at: &OsStr, options: DriveOptions) -> Result<Mounted, Error> {
    serve(filesystem, at, options, None)
}

/// As [`mount`], as a network drive that is called `share`. It cannot be a folder.
///
/// # Errors
/// As [`mount`].
pub fn mount_share(
    filesystem: Arc<Filesystem>,
    at: &OsStr,
    options: DriveOptions,
    share: &Share,
) -> Result<Mounted, Error> {
    serve(filesystem, at, options, Some(share))
}

fn serve(
    filesystem: Arc<Filesystem>,
    at: &OsStr,
    options: DriveOptions,
    share: Option<&Share>,
) -> Result<Mounted, Error> {
    let winfsp = load::load()?;
    let drive = Arc::new(Drive::new(Arc::clone(&filesystem), options));
    let mut params = params(&drive);
    if let Some(share) = share {
        params.prefix(share.name());
    }
    let params = FileSystemParams { use_dir_info_by_name: true, ..FileSystemParams::default_params(params) };
    let mut host: FileSystemHost<Front> =
        FileSystemHost::new_with_timer::<(), { notify::INTERVAL }>(params, Front(Arc::clone(&drive)))
            .map_err(|error| Error::Volume(status(error.code().0)))?;
    host.start().map_err(|error| Error::Volume(status(error.code().0)))?;
    let done = if at == "*" { host.mount(MountPoint::NextFreeDrive) } else { host.mount(at.to_owned()) };
    done.map_err(|error| {
        let status = status(error.code().0);
        Error::MountPoint { at: at.to_owned(), reason: reason(status), status }
    })?;
    let following = filesystem.spawn_watcher(move |stale| drive.note(stale));
    info!(mountpoint = %at.display(), "mounted");
    Ok(Mounted { _following: following, host, _winfsp: winfsp })
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.host.unmount();
        self.host.stop();
        info!("unmounted");
    }
}

/// The `NTSTATUS` in an `HRESULT`, which marks it by a bit.
pub(super) fn status(hresult: i32) -> u32 {
    hresult.cast_unsigned() & !0x1000_0000
}

fn reason(status: u32) -> &'static str {
    match status {
        0xC000_0035 => "is there already: name a drive that is free, or a folder that does not exist",
        0xC000_0022 => "access is denied",
        0xC000_00BB => "the file system has no mount points: name a drive, or a folder on an NTFS volume",
        0xC000_0034 | 0xC000_003A => "there is no such drive, or no folder to make it in",
        _ => "WinFsp cannot mount there",
    }
}

fn params(drive: &Drive) -> VolumeParams {
    let volume = drive.volume();
    let mut params = VolumeParams::new();
    params
        .sector_size(512)
        .sectors_per_allocation_unit((CLUSTER / 512) as u16)
        .max_component_length(255)
        .volume_creation_time(volume.created.0)
        .volume_serial_number(volume.serial)
        // No time limit, which also enables Windows' cache of file data; all other times follow it.
        // Changes of the store invalidate the driver's caches by name (`notify`), so a finite time
        // would only disable the cache.
        .file_info_timeout(u32::MAX)
        .case_sensitive_search(false)
        .case_preserved_names(true)
        .unicode_on_disk(true)
        .persistent_acls(true)
        .reparse_points(true)
        .named_streams(true)
        .read_only_volume(true)
        .post_cleanup_when_modified_only(true)
        .pass_query_directory_filename(true)
        .allow_open_in_kernel_mode(true)
        .filesystem_name("NTFS"); // programs that run as administrator insist on it
    params
}
