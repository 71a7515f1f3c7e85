//! What a store holds at one time: its groups, the images in them, and the numbers of both.

mod group;
mod image;
mod image_names;
mod images;
mod ino;
mod lookup_counts;
mod opener;
mod share;
mod slots;
mod storage;

pub use self::ino::{ImageSlot, Ino};
pub use self::storage::Storage;

pub(crate) use self::group::{Group, Step, log_left_out};
pub(crate) use self::image::{Image, Node};
pub(crate) use self::images::GroupImages;
pub(crate) use self::ino::{MAX_GROUPS, Numbering, Place};
pub(crate) use self::lookup_counts::{Retired, Uses};
pub(crate) use self::opener::Opener;
pub(crate) use self::slots::Slots;
