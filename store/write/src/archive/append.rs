//! An archive that grows in place: everything is written behind its end, and one write of the
//! header publishes it. Until then the old header is true.
//!
//! A note next to the archive says that the bytes behind its end are ours, so that the next append
//! cuts them off if this one never came to its end.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::write::{BlobEntry, HeaderBytes, XmlDocument};
use wim::{Archive, BlobHash, HEADER_SIZE, HeaderFlags, IntegrityTable, ReadAt, ResourceFlags, XmlData, read_exact_at};

use super::verify::{verify, verify_header};
use super::{ArchiveWriter, Place, Summary};
use crate::blocks::Blocks;
use crate::disk::{Access, Disk, DiskFile};
use crate::images::check_xml;
use crate::pipeline::Target;
use crate::sink::Sink;
use crate::{Error, Options, Result};

/// The sizes of blocks that an integrity table keeps.
const BLOCKS: std::ops::RangeInclusive<u32> = 4 << 10..=128 << 20;

/// An archive before anything was appended.
pub(super) struct Appended {
    path: PathBuf,
    note: PathBuf,
    file: Arc<dyn DiskFile>,
    /// Its end.
    end: u64,
    images: usize,
    integrity: bool,
}

impl<'a> ArchiveWriter<'a> {
    /// Opens the archive at `path` to append to it. Its compression, chunk size and GUID stay.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Refused`] for archives that must not be changed or whose end is
    /// not clear, and those of reading.
    pub fn append(disk: &'a dyn Disk, path: &Path, options: Options<'a>) -> Result<Self> {
        let file = disk.open(path, Access::Write).map_err(Error::disk("opening", path))?;
        if !file.try_lock().map_err(Error::disk("locking", path))? {
            return Err(Error::Locked { path: path.to_owned() });
        }
        let reader = disk.open(path, Access::Read).map_err(Error::disk("opening", path))?;
        let mut header = [0; HEADER_SIZE as usize];
        read_exact_at(&*reader, "header", 0, &mut header).map_err(Error::destination(path))?;
        let header = HeaderBytes::from_bytes(header);
        let old = Archive::open(Arc::new(reader)).map_err(Error::destination(path))?;
        check_appendable(path, &old)?;
        check_readable(path, &old)?;
        let xml = read_xml(path, &old)?;
        let entries = read_entries(path, &old)?;
        let end = end_of(&old, &entries);
        let note = note_path(path);
        cut_tail(disk, path, &*file, old.source().size(), end, &note, &header)?;
        let table = old.integrity().ok().flatten();
        let blocks = blocks(&options, &old, table, end).map_err(Error::destination(path))?;
        write_note(disk, path, &note, &note_text(path, end, &header))?;

        let sink = Sink::new(Arc::clone(&file), path, end, blocks);
        let place = Appended {
            path: path.to_owned(),
            note,
            file,
            end,
            images: old.image_count(),
            integrity: options.integrity || table.is_some(),
        };
        let (compression, chunk_size) = (old.header().compression, old.header().chunk_size);
        Ok(Self {
            disk,
            options,
            target: Target { compression, chunk_size, recompress: options.recompress },
            sink,
            header,
            place: Place::Appended(place),
            blobs: index(&entries, &old),
            entries,
            images: Vec::new(),
            old_images: old.blobs().metadata().iter().map(|blob| blob.place).collect(),
            xml,
            boot: old.header().boot_index,
            part: old.header().part.number,
            summary: Summary::default(),
        })
    }

    /// Publishes what was appended.
    pub(super) fn finish_appended(&mut self) -> Result<Summary> {
        let Place::Appended(Appended { end, integrity, .. }) = self.place else {
            unreachable!("only called for archives that grow")
        };
        let tail = self.write_tables(end, integrity)?;
        let Place::Appended(appended) = &self.place else { unreachable!("as above") };
        let Appended { path, file, .. } = appended;
        file.sync_data().map_err(Error::disk("syncing", path))?;
        verify(Arc::clone(file), path, &tail, end, appended.images)?;
        let summary = Summary { size: tail.end, ..self.summary };
        // The step that publishes: 208 bytes, less than the 512 that disks write in one piece.
        file.write_at(0, tail.header.as_bytes()).map_err(Error::disk("writing", path))?;
        let Place::Appended(appended) = std::mem::replace(&mut self.place, Place::Done) else {
            unreachable!("as above")
        };
        let Appended { path, file, .. } = &appended;
        let synced = file.sync_data().map_err(|source| Error::NotDurable { path: path.clone(), source });
        file.forget_cached();
        if let Err(error @ Error::Written { .. }) = verify_header(&**file, path, &tail.header) {
            return Err(appended.take_back(self.disk, &self.header, error));
        }
        appended.remove_note(self.disk);
        synced.map(|()| summary)
    }
}

impl Appended {
    /// Writes the old header again, where the medium made another one of the new one.
    fn take_back(self, disk: &dyn Disk, old: &HeaderBytes, error: Error) -> Error {
        match self.file.write_at(0, old.as_bytes()).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                self.abandon(disk);
                error
            }
            Err(source) => Error::disk("writing the old header again", &self.path)(source),
        }
    }

    /// Cuts off what was appended. The note goes last: without it nobody may cut.
    pub(super) fn abandon(&self, disk: &dyn Disk) {
        match self.file.set_len(self.end) {
            Ok(()) => self.remove_note(disk),
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "what was appended cannot be cut off; it is not used");
            }
        }
    }

    fn remove_note(&self, disk: &dyn Disk) {
        if let Err(error) = disk.remove(&self.note) {
            tracing::warn!(file = %self.note.display(), %error, "the note of an append cannot be removed");
        }
    }
}

fn check_appendable(path: &Path, old: &Archive) -> Result<()> {
    let header = old.header();
    let flagged = |flag| header.flags.contains(flag);
    let reason = match () {
        () if header.pipable => "a pipable archive, which cannot grow; export its images to a new one",
        () if flagged(HeaderFlags::READ_ONLY) => "marked as read-only",
        () if flagged(HeaderFlags::SPANNED) => "part of a split archive, which cannot grow; join the parts first",
        () if flagged(HeaderFlags::WRITE_IN_PROGRESS) => "another program is writing to it, or was interrupted",
        () if header.blob_table.flags.contains(ResourceFlags::COMPRESSED) => {
            "its blob table is compressed, as no known program writes it; export its images to a new archive"
        }
        () => return Ok(()),
    };
    Err(Error::refused(path, reason))
}

/// XML data and integrity table are not needed to read an archive, so that opening tolerates what is
/// wrong with them. Here they would be lost.
fn check_readable(path: &Path, old: &Archive) -> Result<()> {
    check_xml(path, old)?;
    old.integrity().map(drop).map_err(|error| {
        Error::refused(path, format!("its integrity table cannot be read; export its images to a new archive: {error}"))
    })
}

/// The blob table as stored.
fn read_entries(path: &Path, old: &Archive) -> Result<Vec<BlobEntry>> {
    let place = old.header().blob_table;
    let mut bytes = vec![0; place.stored_size as usize]; // opening has held it against the file
    read_exact_at(old.source(), "blob table", place.offset, &mut bytes).map_err(Error::destination(path))?;
    Ok(BlobEntry::entries_of(&bytes).to_vec())
}

/// The end of everything that the header reaches.
fn end_of(old: &Archive, entries: &[BlobEntry]) -> u64 {
    let header = old.header();
    let own = entries.iter().filter(|entry| entry.part() == header.part.number);
    let resources = own.filter_map(|entry| entry.resource_end(header.is_solid()));
    let tables = [header.blob_table, header.xml, header.integrity].map(|place| place.offset + place.stored_size);
    resources.chain(tables).fold(HEADER_SIZE, u64::max)
}

fn index(entries: &[BlobEntry], old: &Archive) -> HashMap<BlobHash, (usize, u64)> {
    let mut blobs = HashMap::new();
    for (number, entry) in entries.iter().enumerate() {
        let hash = entry.hash();
        if let Some(found) = old.blobs().find(&hash) {
            blobs.entry(hash).or_insert((number, old.blobs().get(found).size()));
        }
    }
    blobs
}

/// The XML data, with as many images as there are.
fn read_xml(path: &Path, old: &Archive) -> Result<XmlDocument> {
    let bytes = XmlData::read_bytes(old.source(), old.header()).map_err(Error::destination(path))?;
    let mut xml = if bytes.is_empty() { Ok(XmlDocument::default()) } else { XmlDocument::parse(&bytes) }
        .map_err(|error| Error::refused(path, format!("cannot grow: {error}")))?;
    xml.set_image_count(old.image_count() as u32);
    Ok(xml)
}

fn blocks(options: &Options<'_>, old: &Archive, table: Option<&IntegrityTable>, end: u64) -> wim::Result<Blocks> {
    match table.filter(|table| BLOCKS.contains(&table.chunk_size())) {
        Some(table) => {
            // The last block may have been short.
            let whole = ((table.covered().end - HEADER_SIZE) / u64::from(table.chunk_size())) as usize;
            Blocks::resume(table.chunk_size(), old.source(), end, (0..whole).map(|index| table.hash(index)))
        }
        None => Blocks::resume(options.block_size, old.source(), end, std::iter::empty()),
    }
}

/// The file that says whose the bytes behind the end of the archive are.
fn note_path(path: &Path) -> PathBuf {
    let mut name = OsString::from("~");
    name.push(path.file_name().unwrap_or_default());
    name.push(".append.tmp");
    path.with_file_name(name)
}

/// What the note says. It is compared, not parsed.
fn note_text(path: &Path, end: u64, header: &HeaderBytes) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{{\"file\":{name:?},\"end\":{end},\"header\":\"{}\"}}\n", BlobHash::of(header.as_bytes()))
}

/// Cuts off what an append left that never came to its end.
fn cut_tail(
    disk: &dyn Disk,
    path: &Path,
    file: &dyn DiskFile,
    size: u64,
    end: u64,
    note: &Path,
    header: &HeaderBytes,
) -> Result<()> {
    if size < end {
        return Err(Error::refused(path, format!("cut off: it ends at {size:#x}, but its tables reach to {end:#x}")));
    }
    if size == end {
        return Ok(());
    }
    if read_note(disk, note).map_err(Error::disk("reading", note))? != note_text(path, end, header).as_bytes() {
        let reason = format!("bytes behind its end at {end:#x}: another program is writing to it, or was interrupted");
        return Err(Error::refused(path, reason));
    }
    file.set_len(end).map_err(Error::disk("cutting", path))
}

/// Nothing if there is no note.
fn read_note(disk: &dyn Disk, note: &Path) -> io::Result<Vec<u8>> {
    match disk.open(note, Access::Read) {
        Ok(file) => {
            let mut bytes = vec![0; file.size().min(1 << 16) as usize];
            let read = file.read_at(0, &mut bytes)?;
            bytes.truncate(read);
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Writes the note and makes it durable; a note of an append before is replaced. Leaves none if it
/// fails.
fn write_note(disk: &dyn Disk, path: &Path, note: &Path, text: &str) -> Result<()> {
    let write = || {
        if disk.exists(note)? {
            disk.remove(note)?;
        }
        let file = disk.create(note)?;
        file.write_at(0, text.as_bytes())?;
        file.sync_data()?;
        disk.sync_dir(path.parent().unwrap_or(Path::new("")))
    };
    write().map_err(|error| {
        let _ = disk.remove(note); // it may not be there
        Error::disk("writing", note)(error)
    })
}
