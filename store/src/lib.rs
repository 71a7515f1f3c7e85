//! Manages stores: groups of images, their data stored once, verified, safe at every instant.
//!
//! Every verb prepares what nobody looks at, decides in one atomic step, and applies what can be
//! applied any number of times. After a crash the next verb in the group finishes it or sweeps up.
//! All access to disks goes through [`write::Disk`].

#[cfg(test)]
mod crash;
mod error;
mod folders;
mod group;
mod image;
mod intent;
mod layout;
mod lock;
mod names;
mod recovery;
pub mod requests;
mod sidecar;
mod source;
mod status;
mod store;
#[cfg(test)]
mod testing;
mod verify;

pub use error::{Error, Result};
pub use image::{ImageEntry, Listed};
pub use recovery::Repaired;
pub use requests::Request;
pub use status::{GroupStatus, StoreStatus};
pub use store::{Done, Store, Work};
