//! The store as a FUSE mount: translate, ask, reply.
//!
//! [`mount`] mounts a [`fs_core::Filesystem`] on a folder and serves it with threads of the calling
//! process; [`unmount`] ends a mount of another process. `fs_core` alone decides every answer. This
//! crate knows the kernel: its protocol (through fuser, which no other crate names), its list of
//! mounts, mount(2) and fusermount3.
//!
//! For Linux; on other systems the crate is empty.
#![cfg(target_os = "linux")]

mod address_space;
mod answer;
mod ask;
mod attach;
mod attr;
mod callbacks;
mod errno;
mod error;
mod follow;
mod lanes;
mod mountinfo;
mod mountpoint;
mod options;
mod session;
mod umount;

pub use errno::errno;
pub use error::{Error, Result};
pub use mountinfo::{MountEntry, mounted_at};
pub use mountpoint::check_mountpoint;
pub use options::{Access, MountOptions};
pub use session::{Mounted, Unmounter, mount};
pub use umount::unmount;
