//! Faults of a metadata resource as a whole: its size, security data and root. Its hash is always
//! right.

use super::Outcome::{Opens, Warns};
use super::{Fault, Tree, between, good, row, shows};
use crate::bytes::Bytes;
use crate::dentry::{Children, Dentry, file};
use crate::image::{Image, Metadata};
use crate::resource::Packing;
use crate::wim::{Built, Wim};
use crate::{flag, offset, root};

const FAILS: &[Tree] = &[Tree::Fails, shows(&["two"])];
const SHOWS: &[Tree] = &[shows(&["before", "behind"]), shows(&["two"])];
const EMPTY: &[Tree] = &[super::absent(&[], &["before", "behind"]), shows(&["two"])];
const ALONE: &str = "that image alone fails";

pub(super) const ROWS: &[Fault] = &[
    row("metadata_short", metadata_short, ALONE, Opens(FAILS)).wimlib(21),
    row("security_total_beyond", security_total_beyond, ALONE, Opens(FAILS)).wimlib(21),
    row("security_total_max", security_total_max, ALONE, Opens(FAILS)).wimlib(21),
    row("security_count_huge", security_count_huge, ALONE, Opens(FAILS)).wimlib(21),
    row("security_size_huge", security_size_huge, ALONE, Opens(FAILS)).wimlib(21),
    row("security_size_beyond", security_size_beyond, ALONE, Opens(FAILS)).wimlib(21),
    row("security_total_zero", security_total_zero, "the same as 8", Opens(SHOWS)).wimlib(0),
    row("security_oversized", security_oversized, "usable: real files have it", Opens(SHOWS)).wimlib(0),
    row("security_id_beyond", security_id_beyond, "the file has no descriptor", Warns(SHOWS)).wimlib(0),
    row("security_descriptor_bad", security_descriptor_bad, "given as it is stored", Opens(SHOWS)).wimlib(0),
    row("no_root", no_root, "an empty image", Warns(EMPTY)).wimlib(0),
    row("root_is_file", root_is_file, ALONE, Opens(FAILS)).wimlib(21),
    row("root_is_link", root_is_link, ALONE, Opens(FAILS)).wimlib(21),
    row("root_has_name", root_has_name, "the name is dropped", Warns(SHOWS)).wimlib(0),
    row("root_without_list", root_without_list, "an empty image", Opens(EMPTY)).wimlib(0),
    row("root_beyond_end", root_beyond_end, ALONE, Opens(FAILS)).wimlib(21),
    row("metadata_trailing_zeros", metadata_trailing_zeros, "usable: real files have it", Opens(SHOWS)).wimlib(0),
];

/// Two images: this one, and one that nothing is wrong with.
pub(super) fn beside_a_sound_one(image: Image) -> Built {
    Wim::of(Packing::Stored, [image, Image::new("two", root([good("two")]))]).build()
}

fn tampered(change: impl FnOnce(&mut Metadata)) -> Built {
    let image = Image::new("one", between([])).descriptor(&[1; 20]).descriptor(&[2; 28]);
    beside_a_sound_one(image.tamper(change))
}

/// Four bytes.
pub fn metadata_short() -> Built {
    tampered(|metadata| metadata.bytes.truncate(4))
}

/// The security data is longer than the resource.
pub fn security_total_beyond() -> Built {
    tampered(|metadata| {
        let beyond = metadata.bytes.len() as u32 + 8;
        metadata.bytes.poke_u32(0, beyond);
    })
}

/// The security data has 2^32 − 1 bytes, which is 0 when rounded up in 32 bits.
pub fn security_total_max() -> Built {
    tampered(|metadata| metadata.bytes.poke_u32(0, u32::MAX))
}

/// 2^31 − 1 descriptors.
pub fn security_count_huge() -> Built {
    tampered(|metadata| metadata.bytes.poke_u32(4, i32::MAX as u32))
}

/// A descriptor of 2^63 bytes.
pub fn security_size_huge() -> Built {
    tampered(|metadata| metadata.bytes.poke_u64(8, 1 << 63))
}

/// A descriptor that ends behind the security data.
pub fn security_size_beyond() -> Built {
    tampered(|metadata| metadata.bytes.poke_u64(16, 100))
}

/// No security data, and a length of 0 for it.
pub fn security_total_zero() -> Built {
    beside_a_sound_one(Image::new("one", between([])).tamper(|metadata| metadata.bytes.poke_u32(0, 0)))
}

/// More security data than the descriptors need.
pub fn security_oversized() -> Built {
    let plain = Image::new("one", between([]));
    let mut bytes = plain.metadata().bytes;
    bytes.splice(8..8, [0; 16]);
    bytes.poke_u32(0, 24);
    shift_lists(&mut bytes, &plain.metadata(), 16);
    beside_a_sound_one(Image { raw: Some(bytes), ..plain })
}

/// Moves the subdir offsets of all directories of metadata to which `by` bytes were added in front.
fn shift_lists(bytes: &mut Vec<u8>, before: &Metadata, by: u64) {
    for place in &before.dentries {
        let at = place.at + offset::DENTRY_SUBDIR;
        let subdir = u64::from_le_bytes(before.bytes[at..][..8].try_into().expect("eight bytes"));
        if subdir > 0 {
            bytes.poke_u64(at + by as usize, subdir + by);
        }
    }
}

/// Descriptor 7 of none.
pub fn security_id_beyond() -> Built {
    let tree = root([good("before").security(7), good("behind")]);
    beside_a_sound_one(Image::new("one", tree))
}

/// A descriptor whose parts lie behind its end.
pub fn security_descriptor_bad() -> Built {
    let header = [&[1, 0, 0x14, 0x80][..], &[0xFF; 16]].concat();
    let tree = root([good("before").security(0), good("behind")]);
    beside_a_sound_one(Image::new("one", tree).descriptor(&header))
}

/// The end mark instead of a root.
pub fn no_root() -> Built {
    beside_a_sound_one(Image { name: "one".into(), ..Image::default() })
}

/// A root without the directory attribute.
pub fn root_is_file() -> Built {
    beside_a_sound_one(Image::new("one", file("", "data")))
}

/// A root that is a directory and a reparse point.
pub fn root_is_link() -> Built {
    beside_a_sound_one(Image::new("one", between([]).attributes(flag::DIRECTORY | flag::REPARSE_POINT)))
}

/// A root called `name`.
pub fn root_has_name() -> Built {
    let named = Dentry { name: crate::utf16("name"), ..between([]) };
    beside_a_sound_one(Image::new("one", named))
}

/// A root whose subdir offset is 0.
pub fn root_without_list() -> Built {
    beside_a_sound_one(Image::new("one", Dentry { children: Children::None, ..root([]) }))
}

/// The resource ends inside the root.
pub fn root_beyond_end() -> Built {
    beside_a_sound_one(Image::new("one", root([])).tamper(|metadata| metadata.bytes.truncate(56)))
}

/// Eight more zero bytes than needed.
pub fn metadata_trailing_zeros() -> Built {
    tampered(|metadata| metadata.bytes.extend([0; 8]))
}
