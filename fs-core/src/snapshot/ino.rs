//! Inode numbers: arithmetic, so that there is no table to grow, leak or lock.

use wim::InodeId;

use crate::source::Shape;

/// The number of a file or directory of the mounted tree; the same at every mount of an unchanged store.
///
/// From the top: group (10 bits), image in its group + 1 (14), stream + 1 (16), inode in the image + 1 (24). Where the image
/// part is 0 the number means a folder of the store itself: 1 the root, `group << 54 | 2` a group. In a mount of one group or
/// archive the image has the bits of the group, too: see `Numbering`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ino(pub u64);

/// Number of an image in a mount: its group and its place there, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageSlot {
    /// Index of the group.
    pub group: u32,
    /// Index of the image in its group.
    pub image: u32,
}

/// What an inode number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The root of the mount.
    Root,
    /// A group's folder.
    Group(u32),
    /// A file or directory of an image.
    Inode(ImageSlot, InodeId),
    /// A named stream of a file or directory of an image, by its index among the extra streams.
    Stream(ImageSlot, InodeId, u16),
}

const INODE_BITS: u32 = 24;
const STREAM_BITS: u32 = 16;
const IMAGE_BITS: u32 = 14;
const IMAGE_SHIFT: u32 = INODE_BITS + STREAM_BITS;
const GROUP_SHIFT: u32 = IMAGE_SHIFT + IMAGE_BITS;

/// The most groups a mount numbers; those behind are left out and reported.
pub(crate) const MAX_GROUPS: usize = 1 << (64 - GROUP_SHIFT);
/// The most images of a group that a mount of a store numbers; they are shared out among its archives.
pub(crate) const MAX_IMAGES: usize = (1 << IMAGE_BITS) - 1;
/// Likewise in a mount of one group or archive: four archives of 65,535 images, which is the most that one can have. More
/// would fit into a number, but not all into memory.
pub(crate) const MAX_IMAGES_ALONE: usize = (1 << 18) - 1;
/// The most inodes of an image: more than fit in a metadata resource of 1 GiB.
pub(crate) const MAX_INODES: usize = (1 << INODE_BITS) - 1;

/// Which bits of a number are the group's. [`Ino::of`] is the same for both: a single group is number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// Those of a store, with its groups.
    Groups,
    /// None, since there is but one group.
    OneGroup,
}

impl Numbering {
    pub(crate) fn of(shape: Shape) -> Self {
        if shape == Shape::Store { Self::Groups } else { Self::OneGroup }
    }

    /// The most images of a group that are numbered.
    pub(crate) fn max_images(self) -> usize {
        match self {
            Self::Groups => MAX_IMAGES,
            Self::OneGroup => MAX_IMAGES_ALONE,
        }
    }
}

const fn field(number: u64, shift: u32, bits: u32) -> u64 {
    (number >> shift) & ((1 << bits) - 1)
}

impl Ino {
    /// The root of every mount.
    pub const ROOT: Self = Self(1);

    pub(crate) fn of(place: Place) -> Self {
        let image = |slot: ImageSlot, stream: u64, inode: InodeId| {
            Self(
                u64::from(slot.group) << GROUP_SHIFT
                    | (u64::from(slot.image) + 1) << IMAGE_SHIFT
                    | stream << INODE_BITS
                    | (u64::from(inode.0) + 1),
            )
        };
        match place {
            Place::Root => Self::ROOT,
            Place::Group(group) => Self(u64::from(group) << GROUP_SHIFT | 2),
            Place::Inode(slot, inode) => image(slot, 0, inode),
            Place::Stream(slot, inode, stream) => image(slot, u64::from(stream) + 1, inode),
        }
    }

    /// What the number means; `None` for one that `of` never makes. Whether the place exists is for the caller to see.
    pub(crate) fn place(self, numbering: Numbering) -> Option<Place> {
        let (group, image) = match numbering {
            Numbering::Groups => (field(self.0, GROUP_SHIFT, 64 - GROUP_SHIFT), field(self.0, IMAGE_SHIFT, IMAGE_BITS)),
            Numbering::OneGroup => (0, field(self.0, IMAGE_SHIFT, 64 - IMAGE_SHIFT)),
        };
        let group = u32::try_from(group).ok()?;
        let stream = field(self.0, INODE_BITS, STREAM_BITS);
        let inode = field(self.0, 0, INODE_BITS);
        if image == 0 {
            return match (self.0, stream, inode) {
                (1, ..) => Some(Place::Root),
                (_, 0, 2) => Some(Place::Group(group)),
                _ => None,
            };
        }
        let slot = ImageSlot { group, image: u32::try_from(image - 1).ok()? };
        let inode = InodeId(u32::try_from(inode.checked_sub(1)?).ok()?);
        Some(match stream.checked_sub(1) {
            None => Place::Inode(slot, inode),
            Some(stream) => Place::Stream(slot, inode, u16::try_from(stream).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_places_are_the_same_thing() {
        let slot = |group, image| ImageSlot { group, image };
        let last_image = u32::try_from(MAX_IMAGES - 1).unwrap();
        let last_group = u32::try_from(MAX_GROUPS - 1).unwrap();
        let last_inode = InodeId(u32::try_from(MAX_INODES - 1).unwrap());
        let places = [
            (Place::Root, 1),
            (Place::Group(0), 2),
            (Place::Group(1), 1 << 54 | 2),
            (Place::Group(last_group), 1023 << 54 | 2),
            (Place::Inode(slot(0, 0), InodeId(0)), 1 << 40 | 1),
            (Place::Inode(slot(1, 2), InodeId(3)), 1 << 54 | 3 << 40 | 4),
            (Place::Inode(slot(last_group, last_image), last_inode), 1023 << 54 | 0x3fff << 40 | 0xff_ffff),
            (Place::Stream(slot(0, 0), InodeId(0), 0), 1 << 40 | 1 << 24 | 1),
            (Place::Stream(slot(0, 0), InodeId(0), 65534), 1 << 40 | 65535 << 24 | 1),
        ];
        for (place, number) in places {
            assert_eq!(Ino::of(place), Ino(number), "{place:?}");
            assert_eq!(Ino(number).place(Numbering::Groups), Some(place), "{number:#x}");
        }
        for number in [0, 3, 1 << 24, 1 << 40, 1 << 54, 1 << 54 | 1] {
            assert_eq!(Ino(number).place(Numbering::Groups), None, "{number:#x}");
        }
    }
    #[test]
    fn a_single_group_has_the_numbers_of_all() {
        for image in [0, 1, 0x3ffe, 0x3fff, 65_534, MAX_IMAGES_ALONE as u32 - 1] {
            let place = Place::Inode(ImageSlot { group: 0, image }, InodeId(7));
            assert_eq!(Ino::of(place).place(Numbering::OneGroup), Some(place), "{image}");
            assert_eq!(Ino::of(place).place(Numbering::Groups) == Some(place), image < 0x3fff, "{image}");
        }
        assert_eq!(Ino::ROOT.place(Numbering::OneGroup), Some(Place::Root));
    }
}
