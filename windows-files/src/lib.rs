//! Files through Windows' native calls, each behind a safe function: opening by name in an open
//! folder, and setting attributes that std cannot set.
//!
//! A name is one component, in UTF-16, never a path: so nothing is opened outside the folder, no
//! link is followed, and neither path length nor device names (`CON`) are limits. `name:stream`
//! names a stream of the file. How names and links of other systems are written on Windows
//! ([`shown_name`], [`symlink_buffer`]) is computed on every system.
#![cfg_attr(windows, expect(unsafe_code, reason = "calls of Windows"))]

#[cfg(windows)]
mod call;
#[cfg(windows)]
mod change;
#[cfg(windows)]
mod console;
#[cfg(windows)]
mod folder;
mod name;
#[cfg(windows)]
mod privilege;
mod reparse;
#[cfg(windows)]
mod security;

#[cfg(windows)]
pub use change::{Basic, compress, link, make_sparse, remove, rename, set_basic, set_reparse_point};
#[cfg(windows)]
pub use console::wait_for_ctrl_c;
#[cfg(windows)]
pub use folder::{Access, Make, make_file_at, open, open_folder};
pub use name::{meant_names, shown_name};
#[cfg(windows)]
pub use privilege::{Privilege, enable};
pub use reparse::symlink_buffer;
#[cfg(windows)]
pub use security::{Which, security_descriptor, set_security_descriptor};
