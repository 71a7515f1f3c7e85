//! An archive file of the store, whose tables are in memory while they are used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use wim::{Blob, BlobHash, FileTime, Header, ImageXml, Outline, ReadAt, Version, Warning, XmlData};

use super::trust::FileTrust;
use super::{FileId, Memory, OpenArchive};
use crate::error::{Chain, Error, Result};
use crate::log::{LISTING, READING};
use crate::source::StoredId;

/// An archive file. It is open as long as this lives, so that replacing it under its name does not disturb its readers. Its
/// tables, which may be large, are read when they are needed, and again after they were evicted.
pub(crate) struct ArchiveFile {
    pub(crate) id: FileId,
    /// What its source opens it by.
    pub(crate) stored: StoredId,
    /// How messages call it.
    pub(crate) path: PathBuf,
    /// Its file when it was opened.
    pub(crate) opened: Version,
    /// When it was last written, as far as is known: a number of [`FileTime`].
    written: AtomicU64,
    pub(crate) header: Header,
    pub(crate) images: Vec<ImageEntry>,
    /// Hash of the XML data; `None` if it is damaged.
    xml: Option<BlobHash>,
    source: Arc<dyn ReadAt>,
    /// Which of its bytes have matched; this outlives the tables in memory.
    trust: FileTrust,
    /// Whether the anomalies of the archive were logged.
    told: AtomicBool,
    memory: Arc<Memory>,
}

/// An image of an archive.
#[derive(Debug)]
pub(crate) struct ImageEntry {
    /// Its metadata resource.
    pub(crate) metadata: Blob,
    pub(crate) facts: Facts,
}

/// What the XML data says of an image, as far as a listing shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) name: Option<String>,
    pub(crate) created: Option<FileTime>,
    pub(crate) modified: Option<FileTime>,
    /// Files and directories.
    pub(crate) entries: u64,
}

impl From<&ImageXml> for Facts {
    fn from(xml: &ImageXml) -> Self {
        let entries = xml.file_count.unwrap_or(0).saturating_add(xml.dir_count.unwrap_or(0));
        Self { name: xml.name.clone(), created: xml.created, modified: xml.modified, entries }
    }
}

impl ArchiveFile {
    /// Opens the archive that `source` holds: reads what a list of its images needs. It is listed as `stored`, and
    /// `path` is what messages call it.
    ///
    /// # Errors
    /// As [`OpenArchive::from_source`].
    pub(crate) fn open(stored: StoredId, path: &Path, source: Arc<dyn ReadAt>, memory: &Arc<Memory>) -> Result<Self> {
        // Asked before anything is read: a file that changes meanwhile has another version later.
        let opened = source.version().map_err(|error| Error::io(path, error))?;
        let outline = Outline::read(&*source).map_err(|error| Error::archive(path, error))?;
        let id = FileId::next();
        let file = Self {
            id,
            stored,
            path: path.to_owned(),
            opened,
            written: AtomicU64::new(time_of(opened).0),
            images: image_entries(&outline).map_err(|error| Error::archive(path, error))?,
            xml: hash_of(&outline.xml),
            header: outline.header,
            source,
            trust: FileTrust::new(id),
            told: AtomicBool::new(false),
            memory: Arc::clone(memory),
        };
        file.log_missing_images();
        Ok(file)
    }

    /// Logs that the archive has not the images that its header claims, and its anomalies: nobody may ever enter one.
    fn log_missing_images(&self) {
        let (claimed, found) = (self.header.image_count as usize, self.images.len());
        if self.header.part.number != 1 || claimed == found {
            return;
        }
        let archive = self.path.display();
        LISTING.once(&format!("{archive}: {claimed} images"), || {
            tracing::warn!(%archive, claimed, found, "the archive has not the images that its header claims");
        });
        let _ = self.tables(); // a reader that needs them later gets the reason why they cannot be read
    }

    /// The archive with its tables.
    ///
    /// # Errors
    /// They cannot be read; [`Error::Io`] if they are those of another archive by now.
    pub(crate) fn tables(&self) -> Result<Arc<OpenArchive>> {
        let entries = self.header.blob_table.size / Blob::ENTRY_SIZE;
        self.memory.tables(self.id, entries, || self.read_tables().map(Arc::new))
    }

    /// The archive with tables that nothing keeps: they go with what is returned.
    ///
    /// # Errors
    /// As [`ArchiveFile::tables`].
    pub(crate) fn read_tables(&self) -> Result<OpenArchive> {
        let archive = OpenArchive::of_file(self.path.clone(), Arc::clone(&self.source), &self.trust)?;
        let metadata = archive.wim.blobs().metadata();
        if *archive.wim.header() != self.header || !metadata.iter().eq(self.metadata()) {
            return Err(Error::io(&self.path, io::Error::other("the file was overwritten with another archive")));
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            self.tell(&archive.wim);
        }
        Ok(archive)
    }

    /// The archive with its tables, if they are in memory.
    pub(crate) fn tables_in_memory(&self) -> Option<Arc<OpenArchive>> {
        self.memory.tables_here(self.id)
    }

    /// Logs the anomalies of the archive.
    fn tell(&self, wim: &wim::Archive) {
        let archive = self.path.display();
        let count = wim.warnings().count();
        if count > 0 {
            tracing::info!(%archive, count, "the archive has anomalies");
        }
        for warning in wim.warnings() {
            tracing::debug!(%archive, %warning, "archive is served with less");
        }
        if let Err(error) = wim.integrity() {
            let error = Chain(error);
            READING.once(&format!("{archive}: {error}"), || {
                tracing::warn!(%archive, %error, "archive is served without its integrity table");
            });
        }
    }

    fn metadata(&self) -> impl Iterator<Item = &Blob> {
        self.images.iter().map(|image| &image.metadata)
    }

    /// The size of the file in bytes when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.source.size()
    }

    /// When the file was last written, as of when it was last looked at: who asks must not wait for
    /// its storage.
    pub(crate) fn written(&self) -> FileTime {
        FileTime(self.written.load(Ordering::Relaxed))
    }

    /// Sets when the file was last written.
    pub(crate) fn set_written(&self, now: Version) {
        self.written.store(time_of(now).0, Ordering::Relaxed);
    }

    /// What the file is like now.
    ///
    /// # Errors
    /// The system does not say: a server that was away may have forgotten it.
    pub(crate) fn version(&self) -> std::io::Result<Version> {
        self.source.version()
    }

    /// Whether `later` is what has become of it: the same header, images and XML data, unless that is damaged by now.
    pub(crate) fn is_like(&self, later: &Self) -> bool {
        let same_xml = later.xml.is_none() || self.xml == later.xml;
        self.header == later.header && self.metadata().eq(later.metadata()) && same_xml
    }

    /// The memory that it shares with others.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Drops the trees of its images from memory.
    pub(crate) fn drop_trees(&self) {
        (0..self.images.len()).for_each(|index| self.memory.drop_tree(self.id, index));
    }

    /// The tables may have been written to: they are read again.
    pub(crate) fn touch(&self) {
        self.memory.drop_tables(self.id);
    }
}

/// What is in memory of it goes with it.
impl Drop for ArchiveFile {
    fn drop(&mut self) {
        self.memory.drop_tables(self.id);
        self.drop_trees();
    }
}

fn time_of(version: Version) -> FileTime {
    FileTime::from_unix(version.modified.0, version.modified.1)
}

fn image_entries(outline: &Outline) -> wim::Result<Vec<ImageEntry>> {
    let facts = |number: u32| outline.xml.image(number).map(Facts::from).unwrap_or_default();
    let entry = |(index, &metadata)| ImageEntry { metadata, facts: facts(index as u32 + 1) };
    wim::memory::collect(0, outline.images.iter().enumerate().map(entry))
}

fn hash_of(xml: &XmlData) -> Option<BlobHash> {
    let is_damaged =
        xml.warnings().iter().any(|warning| matches!(warning, Warning::Xml { .. } | Warning::XmlUnreadable(_)));
    (!is_damaged).then(|| BlobHash::of(xml.text().as_bytes()))
}

impl fmt::Debug for ArchiveFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveFile").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::RwLock;
    use testkit::solid::Solid;
    use testkit::{Packing, Wim, file, root};

    use super::*;
    use crate::{BlobRef, ContentOptions, Contents};

    const SIZE: usize = 4 << 20;

    /// A file in memory that counts the bytes read of it.
    struct Disk {
        bytes: RwLock<Vec<u8>>,
        size: u64,
        changes: AtomicU64,
        read: AtomicU64,
    }

    impl Disk {
        fn flip(&self, at: usize) {
            self.bytes.write()[at] ^= 0x10;
            self.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl ReadAt for Disk {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
            self.read.fetch_add(buf.len() as u64, Ordering::SeqCst);
            self.bytes.read().read_at(offset, buf)
        }

        fn size(&self) -> u64 {
            self.size
        }

        fn version(&self) -> io::Result<Version> {
            let modified = (self.changes.load(Ordering::SeqCst) as i64, 0);
            Ok(Version::of_file(1, 1, self.size, modified))
        }
    }

    /// An archive file with one large blob, and what reads it.
    struct Fixture {
        disk: Arc<Disk>,
        file: ArchiveFile,
        data: Vec<u8>,
        contents: Contents,
    }

    impl Fixture {
        fn new(wim: &Wim, data: Vec<u8>, cache_bytes: u64) -> Self {
            let bytes = wim.build().bytes;
            let size = bytes.len() as u64;
            let disk = Disk { bytes: RwLock::new(bytes), size, changes: AtomicU64::new(0), read: AtomicU64::new(0) };
            let disk = Arc::new(disk);
            let source: Arc<dyn ReadAt> = Arc::<Disk>::clone(&disk);
            let memory = Arc::new(Memory::new(64 << 20));
            let file = ArchiveFile::open(StoredId::new("a.wim"), Path::new("a.wim"), source, &memory).unwrap();
            let contents = Contents::new(&ContentOptions { cache_bytes, threads: 1, ..ContentOptions::default() });
            Self { disk, file, data, contents }
        }

        /// Reads a little of the blob. Returns how many bytes of the file that took, those of the tables not counted.
        fn read(&self, offset: usize) -> Result<u64> {
            let archive = self.file.tables()?;
            let index = archive.wim.blobs().find(&BlobHash::of(&self.data)).unwrap();
            self.disk.read.store(0, Ordering::SeqCst);
            let mut buf = [0; 4096];
            self.contents.read_at(&BlobRef { archive, index }, offset as u64, &mut buf)?;
            assert!(buf == self.data[offset..][..4096], "wrong bytes at {offset}");
            Ok(self.disk.read.load(Ordering::SeqCst))
        }

        fn evict(&self) {
            self.file.memory.drop_tables(self.file.id);
            assert!(self.file.tables_in_memory().is_none());
        }
    }

    /// Archives of a blob with a resource of its own and with a solid one, and that blob.
    fn archives() -> Vec<(Wim, Vec<u8>)> {
        let data = testkit::content::text(SIZE);
        let tree = || root([file("f", data.as_slice())]);
        let own = [Packing::Stored, Packing::Xpress(32768)].map(|packing| Wim::new(packing, tree()));
        let solid = Some(Solid::new(Packing::Xpress(65536)));
        let solid = Wim { solid, ..Wim::new(Packing::Lzx(32768), tree()) };
        own.into_iter().chain([solid]).map(|wim| (wim, data.clone())).collect()
    }

    #[test]
    fn what_matched_is_not_hashed_again_when_the_tables_were_evicted() {
        for (wim, data) in archives() {
            let fixture = Fixture::new(&wim, data, 100_000); // the blob does not fit
            let first = fixture.read(0).unwrap();
            assert!(first > fixture.disk.size * 9 / 10, "{first} bytes to hash the blob");
            fixture.evict();
            let second = fixture.read(SIZE / 2).unwrap();
            assert!((1..200_000).contains(&second), "{second} bytes for 4096");
        }
    }

    #[test]
    fn cached_chunks_are_found_when_the_tables_were_evicted() {
        for (wim, data) in archives().into_iter().skip(1) {
            let fixture = Fixture::new(&wim, data, 64 << 20);
            fixture.read(0).unwrap();
            fixture.evict();
            assert_eq!(fixture.read(SIZE / 2).unwrap(), 0);
            fixture.evict();
            fixture.contents.forget(&[fixture.file.id].into());
            assert_eq!(fixture.contents.cached_bytes(), 0, "they go with the file, with or without its tables");
        }
    }

    #[test]
    fn what_matched_in_a_file_that_was_written_to_is_hashed_again() {
        for (wim, data) in archives() {
            let fixture = Fixture::new(&wim, data, 100_000);
            fixture.read(0).unwrap();
            fixture.disk.flip(1_000_000.min(fixture.disk.size as usize / 2));
            fixture.evict();
            let error = fixture.read(SIZE - 4096).unwrap_err();
            assert!(matches!(error, Error::Blob { .. }), "{error:?}");
        }
    }
}
