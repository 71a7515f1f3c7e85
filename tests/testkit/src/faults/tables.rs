//! Faults of where the tables are, of XML data, and of the integrity table.

use super::Outcome::{Opens, Refused, Warns};
use super::{Fault, NEIGHBOURS, changed, row, shows, wim};
use crate::bytes::Bytes;
use crate::image::Image;
use crate::resource::{Packed, Packing, ResourceHeader, chunked};
use crate::wim::{Built, Wim};
use crate::xml::{self, Xml};
use crate::{file, flag, offset, root};

const TWO: &[super::Tree] = &[shows(&["one"]), shows(&["two"])];

pub(super) const ROWS: &[Fault] = &[
    row("blob_table_beyond_end", blob_table_beyond_end, "refused: truncated", Refused).wimlib(65),
    row("blob_table_huge", blob_table_huge, "refused before anything is allocated", Refused).wimlib(39),
    row("blob_table_wraps", blob_table_wraps, "refused: offset + size overflows", Refused).wimlib(50),
    row("blob_table_compressed", blob_table_compressed, "the same as a plain one", Opens(&[NEIGHBOURS])).wimlib(0),
    row(
        "blob_table_million",
        blob_table_million,
        "linear time: the first of equal entries counts",
        Warns(&[NEIGHBOURS]),
    )
    .wimlib(0),
    row("xml_compressed", xml_compressed, "the same as plain", Opens(&[NEIGHBOURS])).wimlib(0),
    row("xml_beyond_end", xml_beyond_end, "the image has no name", Warns(&[NEIGHBOURS])).wimlib(65),
    row("xml_missing", xml_missing, "the image has no name", Warns(&[NEIGHBOURS])).wimlib(73),
    row("xml_garbage", xml_garbage, "the image has no name", Warns(&[NEIGHBOURS])).wimlib(73),
    row("xml_odd_length", xml_odd_length, "usable; the odd byte is ignored or the names are", Opens(&[NEIGHBOURS]))
        .wimlib(0),
    row("xml_without_mark", xml_without_mark, "the same as with a byte order mark", Opens(&[NEIGHBOURS])).wimlib(0),
    row("xml_deep", xml_deep, "no stack runs over", Opens(&[NEIGHBOURS])).wimlib(73),
    row("xml_entities", xml_entities, "no entity is expanded: memory stays small", Opens(&[NEIGHBOURS])).wimlib(73),
    row("xml_lone_surrogate", xml_lone_surrogate, "usable", Opens(&[NEIGHBOURS])).wimlib(73),
    row("xml_fewer_images", xml_fewer_images, "both images are there, one without a name", Warns(TWO)).wimlib(10),
    row("xml_more_images", xml_more_images, "one image is there", Warns(&[NEIGHBOURS])).wimlib(10),
    row("xml_index_wrong", xml_index_wrong, "the image is there", Warns(&[NEIGHBOURS])).wimlib(73),
    row("image_count_below", image_count_below, "both images are there", Warns(TWO)).wimlib(10),
    row("image_count_above", image_count_above, "one image is there", Warns(&[NEIGHBOURS])).wimlib(10),
    row("metadata_entry_missing", metadata_entry_missing, "one image is there", Warns(&[shows(&["one"])])).wimlib(0),
    row("integrity_beyond_end", integrity_beyond_end, "blobs' own hashes are used", Warns(&[NEIGHBOURS])).wimlib(65),
    row("integrity_size_wrong", integrity_size_wrong, "blobs' own hashes are used", Warns(&[NEIGHBOURS])).wimlib(19),
    row("integrity_count_wrong", integrity_count_wrong, "blobs' own hashes are used", Warns(&[NEIGHBOURS])).wimlib(19),
    row("integrity_chunk_zero", integrity_chunk_zero, "blobs' own hashes are used", Warns(&[NEIGHBOURS])).wimlib(19),
];

fn poked(change: impl FnOnce(&mut Vec<u8>)) -> Built {
    changed(&wim([]), |built| change(&mut built.bytes))
}

/// The blob table lies behind the end of the file.
pub fn blob_table_beyond_end() -> Built {
    poked(|bytes| bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_OFFSET, 1 << 40))
}

/// The blob table claims 2^56 − 1 bytes.
pub fn blob_table_huge() -> Built {
    poked(|bytes| {
        bytes.poke(offset::BLOB_TABLE, &[0xFF; 7]);
        bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_SIZE, (1 << 56) - 1);
    })
}

/// The blob table's offset is 2^64 − 10.
pub fn blob_table_wraps() -> Built {
    poked(|bytes| bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_OFFSET, u64::MAX - 9))
}

/// An archive of LZX, of fifty files, whose header names this resource, behind all others, as one
/// of its tables.
fn with_table(at: usize, pack: impl FnOnce(&Built) -> Packed) -> Built {
    let files: Vec<_> = (0..50).map(|number| super::good(&number.to_string())).collect();
    changed(&Wim { packing: Some(Packing::Lzx(32768)), ..wim(files) }, |built| {
        let packed = pack(built);
        let flags = flag::METADATA | packed.flags;
        let place = ResourceHeader {
            stored_size: packed.bytes.len() as u64,
            flags,
            offset: built.bytes.len() as u64,
            size: packed.size,
        };
        built.bytes.poke(at, &place.bytes());
        built.bytes.extend(packed.bytes);
    })
}

/// The blob table in an LZX chunk, which Microsoft never writes.
pub fn blob_table_compressed() -> Built {
    with_table(offset::BLOB_TABLE, |built| {
        let table = &built.bytes[built.places.blob_table.clone()];
        chunked(table.len() as u64, &[Packing::Lzx(32768).encode(table)])
    })
}

/// A blob table that becomes 49 MB: its entries, and one of them a million times more.
pub fn blob_table_million() -> Built {
    with_table(offset::BLOB_TABLE, |built| {
        let table = &built.bytes[built.places.blob_table.clone()];
        // After 25 chunks entries and chunks begin together again.
        let more = table[..offset::BLOB_END].repeat(25 * 32768 / offset::BLOB_END);
        let first = [table, &more[table.len()..]].concat();
        let encode = |period: &[u8]| -> Vec<Vec<u8>> {
            period.chunks(32768).map(|chunk| Packing::Lzx(32768).encode(chunk)).collect()
        };
        let chunks = [encode(&first), vec![encode(&more); 59].concat()].concat();
        chunked(60 * more.len() as u64, &chunks)
    })
}

/// The XML data in an LZX chunk, which Microsoft never writes.
pub fn xml_compressed() -> Built {
    with_table(offset::XML, |built| {
        // Short texts do not become shorter.
        let xml = [&built.bytes[built.places.xml.clone()], &b" \0".repeat(2000)].concat();
        chunked(xml.len() as u64, &[Packing::Lzx(32768).encode(&xml)])
    })
}

/// The XML data lies behind the end of the file.
pub fn xml_beyond_end() -> Built {
    poked(|bytes| bytes.poke_u64(offset::XML + offset::RESOURCE_OFFSET, 1 << 40))
}

fn with_xml(xml: Xml) -> Built {
    Wim { xml, ..wim([]) }.build()
}

/// No XML data.
pub fn xml_missing() -> Built {
    with_xml(Xml::None)
}

/// XML data that is not XML.
pub fn xml_garbage() -> Built {
    with_xml(Xml::Text("<WIM><IMAGE INDEX=\"1\"><NAME>x</WIM".to_owned()))
}

/// XML data whose number of bytes is not even.
pub fn xml_odd_length() -> Built {
    let mut bytes = xml::encode(&xml::text(&wim([]).images, 0));
    bytes.push(0);
    with_xml(Xml::Bytes(bytes))
}

/// XML data without byte order mark.
pub fn xml_without_mark() -> Built {
    with_xml(Xml::Bytes(xml::encode(&xml::text(&wim([]).images, 0))[2..].to_vec()))
}

/// 100,000 elements, each in the one before.
pub fn xml_deep() -> Built {
    with_xml(Xml::Text(format!("<WIM>{}{}</WIM>", "<A>".repeat(100_000), "</A>".repeat(100_000))))
}

/// Entities that would expand to 10^9 letters.
pub fn xml_entities() -> Built {
    let entities: String =
        (1..10).map(|level| format!("<!ENTITY e{level} \"{}\">", format!("&e{};", level - 1).repeat(10))).collect();
    let images = "<IMAGE INDEX=\"1\"><NAME>&e9;</NAME></IMAGE>";
    with_xml(Xml::Text(format!("<!DOCTYPE WIM [<!ENTITY e0 \"ha\">{entities}]><WIM>{images}</WIM>")))
}

/// Half of a surrogate pair in the name.
pub fn xml_lone_surrogate() -> Built {
    let mut bytes = xml::encode("<WIM><IMAGE INDEX=\"1\"><NAME>");
    bytes.extend([0x00, 0xD8]);
    bytes.extend(&xml::encode("</NAME></IMAGE></WIM>")[2..]);
    with_xml(Xml::Bytes(bytes))
}

fn two_images() -> Wim {
    Wim::of(Packing::Stored, ["one", "two"].map(|name| Image::new(name, root([file(name, name)]))))
}

/// Two images, one IMAGE element.
pub fn xml_fewer_images() -> Built {
    let xml = Xml::Text(xml::text(&two_images().images[..1], 0));
    Wim { xml, ..two_images() }.build()
}

/// One image, two IMAGE elements.
pub fn xml_more_images() -> Built {
    with_xml(Xml::Text(xml::text(&two_images().images, 0)))
}

/// One image, whose IMAGE element has INDEX 5.
pub fn xml_index_wrong() -> Built {
    with_xml(Xml::Text(xml::text(&wim([]).images, 0).replace("INDEX=\"1\"", "INDEX=\"5\"")))
}

/// Two images, of which the header counts one.
pub fn image_count_below() -> Built {
    changed(&two_images(), |built| built.bytes.poke_u32(offset::IMAGE_COUNT, 1))
}

/// One image, and the header counts two.
pub fn image_count_above() -> Built {
    poked(|bytes| bytes.poke_u32(offset::IMAGE_COUNT, 2))
}

/// Header and XML name two images; the second's entry is cut off the blob table.
pub fn metadata_entry_missing() -> Built {
    changed(&two_images(), |built| {
        let table = built.places.blob_table.len() as u64 - offset::BLOB_END as u64;
        built.bytes.poke(offset::BLOB_TABLE, &table.to_le_bytes()[..7]);
        built.bytes.poke_u64(offset::BLOB_TABLE + offset::RESOURCE_SIZE, table);
    })
}

fn integrity(change: impl FnOnce(&mut Built)) -> Built {
    changed(&wim([]).integrity(4096), change)
}

fn integrity_field(field: usize, value: u32) -> Built {
    integrity(|built| {
        let at = built.places.integrity.start + field;
        built.bytes.poke_u32(at, value);
    })
}

/// The integrity table lies behind the end of the file.
pub fn integrity_beyond_end() -> Built {
    integrity(|built| built.bytes.poke_u64(offset::INTEGRITY + offset::RESOURCE_OFFSET, 1 << 40))
}

/// The integrity table's own size says 4 GiB − 1.
pub fn integrity_size_wrong() -> Built {
    integrity_field(offset::INTEGRITY_SIZE, u32::MAX)
}

/// The integrity table says it has 2^32 − 1 entries.
pub fn integrity_count_wrong() -> Built {
    integrity_field(offset::INTEGRITY_COUNT, u32::MAX)
}

/// The integrity table says its chunks have no bytes.
pub fn integrity_chunk_zero() -> Built {
    integrity_field(offset::INTEGRITY_CHUNK, 0)
}
