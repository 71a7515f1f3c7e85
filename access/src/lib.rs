//! Windows access control as values: security identifiers, access control lists and security
//! descriptors, parsed from bytes and written back; and what they grant to whom.
//!
//! A [`Descriptor`] names an owner and a group ([`Sid`]) and holds two lists ([`Acl`]) of entries
//! ([`Ace`]): the DACL grants and denies access, the SACL requests auditing. Bytes may come from
//! anywhere: every offset and length is checked, and invalid bytes are `None`, never a panic.
//! [`check`] decides which rights a descriptor grants to a [`Token`], the principals that a user
//! acts as, and names the entry that decided.
//! [`sddl`] writes descriptors as text and parses that, and [`inherit`] makes those of new children.
//! [`Security`] is what protects a file of a store, wherever its descriptor is kept.
//! Nothing here allocates by a stored number; only [`users`] asks an operating system, or reads a
//! file: that of users.
//!
//! ```
//! use access::{AceKind, Control, Descriptor, Sid, allow};
//!
//! # fn main() -> Result<(), &'static str> {
//! let dacl = allow(&[(0x0012_0089, Sid::EVERYONE)]);
//! let owner = Sid::ADMINISTRATORS;
//! let made = Descriptor::new(Control::default(), owner, owner, &dacl).ok_or("not a list")?;
//! let bytes = made.to_bytes();
//!
//! let parsed = Descriptor::parse(&bytes).ok_or("not a descriptor")?;
//! assert_eq!(parsed.owner, Some(Sid::ADMINISTRATORS));
//! let entry = parsed.dacl.and_then(|list| list.entries().next()).ok_or("no entry")?;
//! assert_eq!((entry.kind(), entry.mask()), (AceKind::Allow, 0x0012_0089));
//! assert_eq!(entry.sid(), Some(Sid::EVERYONE));
//! # Ok(())
//! # }
//! ```

mod ace;
mod acl;
mod check;
mod condition;
mod descriptor;
mod inherit;
mod ntacl;
pub mod sddl;
mod security;
mod sid;
#[cfg(test)]
mod testing;
mod token;
pub mod users;

pub use ace::{Ace, AceFlags, AceKind, AceParts};
pub use acl::{Acl, allow, list};
pub use check::{ALL, Decision, MAXIMUM_ALLOWED, READ_DATA, Reason, check, check_broken, map_generic};
pub use condition::{Truth, evaluate};
pub use descriptor::{Control, Descriptor};
pub use inherit::inherit;
pub use ntacl::{NTACL, descriptor_in};
pub use security::{Security, Source, Stored, UnixMode};
pub use sid::{ParseSidError, Sid};
pub use token::{Builtin, Membership, Origin, Token};

/// The little-endian number of two bytes at `at`.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian number of four bytes at `at`.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
