//! Chunk tables: where the chunks of a compressed resource begin.

use std::ops::Range;

use crate::solid::{SOLID_HEADER_SIZE, SolidResource};
use crate::{Compression, Error, ReadAt, ResourceHeader, Result, memory, read_exact_at};

/// Where the chunks of a compressed resource lie, checked: every chunk has at least one byte, none
/// has more than its data, and they fill the resource; a solid one may have unused bytes behind
/// them.
#[derive(Debug)]
pub(crate) struct ChunkTable {
    /// The archive's bytes that the table takes.
    table: Range<u64>,
    /// The archive's byte where chunk 0 begins, or the size before it.
    data: u64,
    /// How many bytes before each chunk tell its size: none, or 4 in pipable archives.
    prefix: u64,
    /// The archive's byte behind the last chunk, without such sizes.
    end: u64,
    /// Where chunk 1, 2, … begin, counted from `data`.
    starts: Starts,
}

/// The entries, as wide as they are stored.
#[derive(Debug)]
enum Starts {
    Narrow(Box<[u32]>),
    Wide(Box<[u64]>),
}

impl Starts {
    fn get(&self, index: usize) -> u64 {
        match self {
            Self::Narrow(starts) => u64::from(starts[index]),
            Self::Wide(starts) => starts[index],
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Narrow(starts) => starts.len(),
            Self::Wide(starts) => starts.len(),
        }
    }
}

/// The sizes in bytes that pipable archives have before each chunk.
const PREFIX: u64 = 4;

/// The size in bytes of the table of the resource at `place`, which is not empty, and of an entry
/// in it.
///
/// # Errors
/// [`Error::Invalid`] when the resource would have more chunks than stored bytes, so that what is
/// allocated for chunks is bounded by the archive's size.
pub(crate) fn size_of_table(place: &ResourceHeader, chunk_size: u32, pipable: bool) -> Result<(usize, u64)> {
    let count = place.size.div_ceil(u64::from(chunk_size));
    let width = if place.size > u64::from(u32::MAX) { 8 } else { 4 };
    // Every chunk stores at least one byte.
    let chunks = if pipable { PREFIX + 1 } else { 1 };
    if count > place.stored_size || (count - 1) * width + count * chunks > place.stored_size {
        let rule = "more chunks than the stored bytes can hold";
        let (what, at, value) = ("uncompressed size of the resource", place.offset, place.size);
        return Err(Error::Invalid { what, at, value, rule });
    }
    Ok((((count - 1) * width) as usize, width))
}

impl ChunkTable {
    /// Reads the table of the resource at `place`, which lies inside `source` and is not empty: at
    /// its start, in pipable archives at its end.
    ///
    /// A resource of one chunk has no table, and nothing is read or allocated.
    pub(crate) fn read(source: &dyn ReadAt, place: &ResourceHeader, chunk_size: u32, pipable: bool) -> Result<Self> {
        let (len, width) = size_of_table(place, chunk_size, pipable)?;
        let (count, end) = (len as u64 / width + 1, place.offset + place.stored_size);
        let table = if pipable { end - len as u64..end } else { place.offset..place.offset + len as u64 };
        let mut bytes = memory::zeros(table.start, len)?;
        if len > 0 {
            read_exact_at(source, "chunk table", table.start, &mut bytes)?;
        }
        let starts = if width == 4 {
            let entries = bytes.as_chunks().0.iter().map(|&entry| u32::from_le_bytes(entry));
            Starts::Narrow(memory::collect(table.start, entries)?.into())
        } else {
            let entries = bytes.as_chunks().0.iter().map(|&entry| u64::from_le_bytes(entry));
            Starts::Wide(memory::collect(table.start, entries)?.into())
        };
        let table = if pipable {
            Self { data: place.offset, prefix: PREFIX, end: table.start - PREFIX * count, table, starts }
        } else {
            Self { data: table.end, prefix: 0, end, table, starts }
        };
        table.check(place, chunk_size, width)?;
        Ok(table)
    }

    /// Reads the stored sizes of the chunks of a solid resource, which lies inside `source`.
    pub(crate) fn read_solid(source: &dyn ReadAt, solid: &SolidResource) -> Result<Self> {
        let SolidResource { place, chunk_size, .. } = *solid;
        let count = solid.chunk_count();
        let available = place.stored_size - SOLID_HEADER_SIZE - 4 * count; // held against each other when the header was read
        let table = place.offset + SOLID_HEADER_SIZE;
        let mut sizes = memory::zeros(table, 4 * count as usize)?;
        read_exact_at(source, "chunk table", table, &mut sizes)?;
        let mut starts = memory::list(table, (count as usize).saturating_sub(1))?;
        let (mut end, mut left) = (0, place.size);
        for (at, &size) in (table..).step_by(4).zip(sizes.as_chunks().0) {
            let stored = u64::from(u32::from_le_bytes(size));
            let len = left.min(chunk_size.into());
            check_stored_size(stored, len, available - end, solid.compression).map_err(|rule| Error::Invalid {
                what: "stored size of the solid chunk",
                at,
                value: stored,
                rule,
            })?;
            if end > 0 {
                starts.push(end); // chunk 0 begins where the data does
            }
            (end, left) = (end + stored, left - len);
        }
        let data = table + sizes.len() as u64;
        Ok(Self { table: place.offset..data, data, prefix: 0, end: data + end, starts: Starts::Wide(starts.into()) })
    }

    /// Holds every chunk's stored size against its data.
    fn check(&self, place: &ResourceHeader, chunk_size: u32, width: u64) -> Result<()> {
        let last = self.starts.len();
        let mut start = 0;
        for index in 0..last {
            let next = self.starts.get(index);
            if next <= start || next - start > u64::from(chunk_size) {
                let rule =
                    if next <= start { "not behind the entry before it" } else { "too far behind the entry before it" };
                let at = self.table.start + index as u64 * width;
                return Err(Error::Invalid { what: "chunk table entry", at, value: next, rule });
            }
            start = next;
        }
        let last_len = place.size - last as u64 * u64::from(chunk_size);
        let stored = (self.end - self.data).checked_sub(start).filter(|stored| (1..=last_len).contains(stored));
        stored.map(|_| ()).ok_or(Error::Invalid {
            what: "start of the last chunk of the resource",
            at: place.offset,
            value: start,
            rule: "behind the resource's end, or leaves more stored bytes than data",
        })
    }

    /// The bytes of the archive that chunk `chunk` takes.
    pub(crate) fn place(&self, chunk: u64) -> Range<u64> {
        let prefixes = self.prefix * (chunk + 1);
        let chunk = chunk as usize;
        let start = if chunk == 0 { self.data } else { self.data + self.starts.get(chunk - 1) };
        let end = if chunk == self.starts.len() { self.end } else { self.data + self.starts.get(chunk) };
        start + prefixes..end + prefixes
    }

    /// The bytes of the archive that the table takes, in a solid resource with the header before
    /// it.
    pub(crate) fn table(&self) -> Range<u64> {
        self.table.clone()
    }
}

/// Holds the stored size of a solid chunk against the `len` bytes of its data and what is `left` of the resource.
///
/// # Errors
/// The rule that it breaks.
fn check_stored_size(stored: u64, len: u64, left: u64, compression: Compression) -> Result<(), &'static str> {
    if stored == 0 || stored > len {
        Err("outside 1..=bytes of its data")
    } else if compression == Compression::None && stored < len {
        Err("not the bytes of its data, although nothing is compressed")
    } else if stored > left {
        Err("more than the resource has left")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceFlags;

    const CHUNK: u32 = 0x8000;

    /// A resource at byte 16 of an archive that ends with it.
    fn table(entries: &[u8], size: u64, data: usize) -> Result<ChunkTable> {
        let archive = [vec![0xEE; 16], entries.to_vec(), vec![0xDD; data]].concat();
        let stored_size = (entries.len() + data) as u64;
        let place = ResourceHeader { offset: 16, stored_size, size, flags: ResourceFlags::COMPRESSED };
        ChunkTable::read(&archive, &place, CHUNK, false)
    }

    fn narrow(entries: &[u32]) -> Vec<u8> {
        entries.iter().flat_map(|entry| entry.to_le_bytes()).collect()
    }

    #[test]
    fn places_chunks() {
        let one = table(&[], 10, 7).unwrap();
        assert_eq!(one.place(0), 16..23);
        let three = table(&narrow(&[100, 101]), 2 * u64::from(CHUNK) + 5, 105).unwrap();
        assert_eq!([three.place(0), three.place(1), three.place(2)], [24..124, 124..125, 125..129]);
    }

    /// A resource of a pipable archive, at byte 16 of it.
    fn piped(entries: &[u32], size: u64, data: usize) -> Result<ChunkTable> {
        let archive = [vec![0xEE; 16], vec![0xDD; data], narrow(entries)].concat();
        let place = ResourceHeader {
            offset: 16,
            stored_size: archive.len() as u64 - 16,
            size,
            flags: ResourceFlags::COMPRESSED,
        };
        ChunkTable::read(&archive, &place, CHUNK, true)
    }

    #[test]
    fn places_chunks_of_pipable_archives() {
        let one = piped(&[], 10, 11).unwrap();
        assert_eq!((one.place(0), one.table()), (20..27, 27..27));
        let three = piped(&[100, 101], 2 * u64::from(CHUNK) + 5, 12 + 105).unwrap();
        assert_eq!([three.place(0), three.place(1), three.place(2)], [20..120, 124..125, 129..133]);
        assert_eq!(three.table(), 133..141);
        let error = piped(&[], 10, 4).unwrap_err().to_string();
        assert!(error.contains("more chunks than the stored bytes can hold"), "{error}");
        let error = piped(&[0], u64::from(CHUNK) + 5, 13).unwrap_err().to_string();
        assert_eq!(error, "chunk table entry at 0x1d is 0x0, not behind the entry before it");
        assert!(piped(&[105], u64::from(CHUNK) + 5, 8 + 104).is_err(), "the last chunk begins behind the end");
    }

    #[test]
    fn entries_are_eight_bytes_from_4_gib_on() {
        let count = 0x1_0000_0000 / u64::from(CHUNK);
        let entries: Vec<u8> = (1..count).flat_map(u64::to_le_bytes).collect();
        let wide = table(&entries, 0x1_0000_0000, count as usize).unwrap();
        let data = 16 + 8 * (count - 1);
        assert_eq!(wide.place(0), data..data + 1);
        assert_eq!(wide.place(count - 1), data + count - 1..data + count);
        let narrow = narrow(&(1..count as u32).collect::<Vec<_>>());
        assert_eq!(
            table(&narrow, 0xFFFF_FFFF, count as usize).unwrap().place(5),
            16 + 4 * (count - 1) + 5..16 + 4 * (count - 1) + 6
        );
    }

    #[test]
    fn says_what_is_wrong() {
        let two = u64::from(CHUNK) + 10;
        let backwards = "chunk table entry at 0x14 is 0x9, not behind the entry before it";
        let last = "start of the last chunk of the resource at 0x10 is";
        let rule = "behind the resource's end, or leaves more stored bytes than data";
        let cases: &[(&str, &[u32], u64, usize, &str)] = &[
            ("first chunk empty", &[0], two, 9, "chunk table entry at 0x10 is 0x0, not behind the entry before it"),
            ("backwards", &[10, 9], two + u64::from(CHUNK), 20, backwards),
            (
                "first too long",
                &[CHUNK + 1],
                two,
                0x8005,
                "chunk table entry at 0x10 is 0x8001, too far behind the entry before it",
            ),
            ("last empty", &[20], two, 20, &format!("{last} 0x14, {rule}")),
            ("behind the end", &[21], two, 20, &format!("{last} 0x15, {rule}")),
            ("last too long", &[9], two, 20, &format!("{last} 0x9, {rule}")),
        ];
        for (name, entries, size, data, want) in cases {
            let error = table(&narrow(entries), *size, *data).expect_err(name).to_string();
            assert_eq!(error, *want, "{name}");
        }
    }

    /// The solid resource of so many bytes at byte 16 of an archive, with this table and `data`
    /// bytes behind it.
    fn solid(compression: Compression, sizes: &[u32], size: u64, data: usize) -> Result<ChunkTable> {
        let archive = [vec![0xEE; 32], narrow(sizes), vec![0xDD; data]].concat();
        let stored_size = (archive.len() - 16) as u64;
        let place = ResourceHeader { offset: 16, stored_size, size, flags: ResourceFlags::SOLID };
        ChunkTable::read_solid(&archive, &SolidResource { place, compression, chunk_size: CHUNK })
    }

    #[test]
    fn places_solid_chunks() {
        let three = solid(Compression::Lzx, &[100, 1, 5], 2 * u64::from(CHUNK) + 5, 120).unwrap();
        assert_eq!([three.place(0), three.place(1), three.place(2)], [44..144, 144..145, 145..150]);
        let raw = solid(Compression::None, &[CHUNK, 5], u64::from(CHUNK) + 5, CHUNK as usize + 5).unwrap();
        assert_eq!(raw.place(1), 40 + u64::from(CHUNK)..45 + u64::from(CHUNK));
        assert!(solid(Compression::Lzx, &[], 0, 0).is_ok());
    }

    #[test]
    fn says_what_is_wrong_with_solid_chunks() {
        let two = u64::from(CHUNK) + 10;
        let stored = "stored size of the solid chunk at";
        let (empty, behind) = ("outside 1..=bytes of its data", "more than the resource has left");
        type Case<'a> = (&'a str, Compression, &'a [u32], u64, usize, &'a str);
        let cases: &[Case<'_>] = &[
            ("empty", Compression::Lzx, &[0, 9], two, 20, &format!("{stored} 0x20 is 0x0, {empty}")),
            ("too long", Compression::Lzx, &[CHUNK + 1, 9], two, 20, &format!("{stored} 0x20 is 0x8001, {empty}")),
            ("last too long", Compression::Lzx, &[5, 11], two, 20, &format!("{stored} 0x24 is 0xb, {empty}")),
            ("behind the end", Compression::Lzx, &[15, 9], two, 23, &format!("{stored} 0x24 is 0x9, {behind}")),
            (
                "raw",
                Compression::None,
                &[CHUNK, 9],
                two,
                50_000,
                &format!("{stored} 0x24 is 0x9, not the bytes of its data, although nothing is compressed"),
            ),
        ];
        for (name, compression, sizes, size, data, want) in cases {
            let error = solid(*compression, sizes, *size, *data).expect_err(name).to_string();
            assert_eq!(error, *want, "{name}");
        }
    }

    #[test]
    fn allocates_nothing_that_is_not_there() {
        for size in [u64::from(CHUNK) * 21, u64::MAX, 1 << 56] {
            let error = table(&[], size, 20).unwrap_err().to_string();
            let want = format!(
                "uncompressed size of the resource at 0x10 is {size:#x}, more chunks than the stored bytes can hold"
            );
            assert_eq!(error, want);
        }
    }
}
