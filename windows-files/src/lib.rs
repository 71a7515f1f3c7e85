//! Files by Windows' own calls, each behind a safe function: opened by name in a folder that is open, and given what
//! std gives no file.
//!
//! A name is one component, in UTF-16, never a path: so nothing is opened outside the folder, no link is followed, and
//! neither the length of a path nor names of old devices (`CON`) are in the way. `name:stream` names a stream of the
//! file. Only [`Parts`], which takes descriptors apart, is there on other systems too.
#![cfg_attr(windows, expect(unsafe_code, reason = "calls of Windows"))]

#[cfg(windows)]
mod call;
#[cfg(windows)]
mod change;
mod descriptor;
#[cfg(windows)]
mod folder;
#[cfg(windows)]
mod privilege;
#[cfg(windows)]
mod security;

#[cfg(windows)]
pub use change::{Basic, compress, link, make_sparse, remove, rename, set_basic, set_reparse_point};
pub use descriptor::Parts;
#[cfg(windows)]
pub use folder::{Access, Make, make_file_at, open, open_folder};
#[cfg(windows)]
pub use privilege::{Privilege, enable};
#[cfg(windows)]
pub use security::{Which, security_descriptor, set_security_descriptor};
