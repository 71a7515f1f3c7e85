//! The store as a drive on Windows, through WinFsp: translate, ask, reply.
//!
//! `fs_core` alone decides what is shown. This crate translates it into Windows' terms (names,
//! descriptors, reparse points, statuses: modules that work, and are tested, on every platform) and
//! contains WinFsp's callbacks, in `front`, which only a build for Windows has. It alone names the
//! `winfsp` crate, and has unsafe code. Linked with that crate, it is GPL-3.0-only.

#[cfg_attr(not(any(windows, test)), expect(dead_code, reason = "only Windows has a front that asks it"))]
mod drive;
#[cfg(windows)]
mod front;
mod name;
mod reparse;
mod security;
mod share;
mod status;

pub use drive::{DriveOptions, Security};
#[cfg(windows)]
pub use front::{Error, Mounted, mount, mount_share, register, serve, unregister};
pub use share::Share;
pub use status::{Status, ntstatus};
