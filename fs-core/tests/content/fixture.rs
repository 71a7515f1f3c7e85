//! Archives in memory that can be changed while they are open.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_core::wim::{BlobHash, ReadAt, Version};
use fs_core::{BlobRef, ContentOptions, Contents, Error, OpenArchive, Release, StreamError, Verify};
use parking_lot::{Mutex, RwLock};
use testkit::{Built, Packing, Wim, file, root};

/// A file that is changed by [`Disk::write`] and looks, as a real one does, different afterwards.
#[derive(Default)]
pub(crate) struct Disk {
    bytes: RwLock<(Vec<u8>, u64)>,
    size: u64,
    /// How many bytes were read since the last look.
    read: AtomicU64,
    /// Called before each read, with its offset and length.
    before_read: Mutex<Option<Box<BeforeRead>>>,
}

type BeforeRead = dyn FnMut(&Disk, u64, usize) -> io::Result<()> + Send;

impl Disk {
    pub(crate) fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { size: bytes.len() as u64, bytes: RwLock::new((bytes, 0)), ..Self::default() })
    }

    /// Changes the file.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.bytes.write();
        change(&mut bytes.0);
        bytes.1 += 1;
    }

    /// How many bytes were read since this was asked last.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.swap(0, Ordering::SeqCst)
    }

    /// Has every read preceded by `action`, which may fail it.
    pub(crate) fn before_read(&self, action: impl FnMut(&Self, u64, usize) -> io::Result<()> + Send + 'static) {
        *self.before_read.lock() = Some(Box::new(action));
    }
}

impl ReadAt for Disk {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(action) = self.before_read.lock().as_mut() {
            action(self, offset, buf.len())?;
        }
        self.read.fetch_add(buf.len() as u64, Ordering::SeqCst);
        self.bytes.read().0.read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn version(&self) -> io::Result<Version> {
        let bytes = self.bytes.read();
        Ok(Version::of_file(1, 1, bytes.0.len() as u64, (bytes.1 as i64, 0)))
    }
}

/// An open archive of some files, and what they hold.
pub(crate) struct Fixture {
    pub(crate) disk: Arc<Disk>,
    pub(crate) archive: Arc<OpenArchive>,
    pub(crate) built: Built,
    pub(crate) files: Vec<Vec<u8>>,
    blobs: Vec<BlobRef>,
}

impl Fixture {
    /// An archive of these files, which must differ from each other.
    pub(crate) fn new(packing: Packing, integrity: Option<usize>, files: Vec<Vec<u8>>) -> Self {
        let entries: Vec<_> =
            files.iter().enumerate().map(|(index, data)| file(&format!("{index:04}"), data.as_slice())).collect();
        let built = Wim { integrity, ..Wim::new(packing, root(entries)) }.build();
        Self::open(built, files)
    }

    /// The same of an archive that was made otherwise, or damaged.
    pub(crate) fn open(built: Built, files: Vec<Vec<u8>>) -> Self {
        let disk = Disk::new(built.bytes.clone());
        let source: Arc<dyn ReadAt> = Arc::<Disk>::clone(&disk);
        let archive = Arc::new(OpenArchive::from_source("test.wim", source).expect("the archive opens"));
        disk.bytes_read();
        let blobs = files.iter().filter(|data| !data.is_empty()).map(|data| blob_of(&archive, data)).collect();
        Self { disk, archive, built, files, blobs }
    }

    /// The blob of a file; none of the files before it may be empty.
    pub(crate) fn blob(&self, file: usize) -> &BlobRef {
        &self.blobs[file]
    }

    /// Where the file's resource is.
    pub(crate) fn place(&self, file: usize) -> &testkit::Place {
        self.built.resource(&self.files[file])
    }

    /// Changes the file that the archive is open on.
    pub(crate) fn flip(&self, offset: usize) {
        self.disk.write(|bytes| bytes[offset] ^= 0x10);
    }

    /// Streams the file. Returns the bytes that were handed out, and how the stream ended.
    pub(crate) fn stream(&self, contents: &Contents, file: usize, release: Release) -> (Vec<u8>, Result<(), Error>) {
        let mut bytes = Vec::new();
        let ended = contents.stream(self.blob(file), release, &mut |more| {
            bytes.extend_from_slice(more);
            Ok::<_, Error>(())
        });
        (bytes, ended.map_err(StreamError::merge))
    }

    /// Whether the file reads as it should; panics if it gives other bytes.
    pub(crate) fn reads(&self, contents: &Contents, file: usize) -> Result<(), Error> {
        let mut bytes = vec![0xAA; self.files[file].len() + 1];
        let filled = contents.read_at(self.blob(file), 0, &mut bytes)?;
        assert!(bytes[..filled] == self.files[file], "wrong bytes of file {file}");
        Ok(())
    }
}

pub(crate) fn blob_of(archive: &Arc<OpenArchive>, data: &[u8]) -> BlobRef {
    let index = archive.wim.blobs().find(&BlobHash::of(data)).expect("the blob is in the table");
    BlobRef { archive: Arc::clone(archive), index }
}

pub(crate) fn contents(cache_bytes: u64, verify: Verify) -> Contents {
    Contents::new(&ContentOptions { cache_bytes, verify, threads: 3, ..ContentOptions::default() })
}

/// Strict, with a cache in which everything has room.
pub(crate) fn strict() -> Contents {
    contents(64 << 20, Verify::Strict)
}

/// Text that is different for each `seed`.
pub(crate) fn text(seed: usize, len: usize) -> Vec<u8> {
    let mut bytes = testkit::content::text(len);
    let mark = format!("<{seed}>");
    let len = mark.len().min(bytes.len());
    bytes[..len].copy_from_slice(&mark.as_bytes()[..len]);
    bytes
}

/// As [`strict`], but bytes are checked in this way.
pub(crate) fn checked(verify: Verify) -> Contents {
    contents(64 << 20, verify)
}

/// The ways to check bytes.
pub(crate) const WAYS: [Verify; 2] = [Verify::Strict, Verify::Blocks];

/// Without and with an integrity table of blocks so small that a file has several, and so large that
/// files share one; and the ways to check bytes that differ there.
pub(crate) const INTEGRITY: [(Option<usize>, Verify); 5] = [
    (None, Verify::Strict),
    (Some(8192), Verify::Strict),
    (Some(10 << 20), Verify::Strict),
    (Some(8192), Verify::Blocks),
    (Some(10 << 20), Verify::Blocks),
];

/// The same without the large blocks.
pub(crate) const SMALL_BLOCKS: [(Option<usize>, Verify); 3] = [INTEGRITY[0], INTEGRITY[1], INTEGRITY[3]];

pub(crate) fn files() -> Vec<Vec<u8>> {
    vec![text(1, 20_000), text(2, 300_000), testkit::content::random(50_000), text(4, 32769), text(5, 1_000_000)]
}

/// The error of a blob that reads as damaged; panics if it can be read or fails otherwise.
pub(crate) fn damage(result: Result<(), Error>) -> String {
    let error = result.expect_err("a damaged blob must not be readable");
    assert!(error.is_damage());
    assert!(matches!(error, Error::Blob { .. }), "{error:?}");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

/// Reads a file in ranges: each of them must be right or fail. Returns how many failed.
pub(crate) fn failing_ranges(fixture: &Fixture, contents: &Contents, file: usize) -> usize {
    let mut buf = vec![0; 4096];
    let ranges = fixture.files[file].chunks(4096).enumerate();
    let failed =
        ranges.filter(|(index, want)| match contents.read_at(fixture.blob(file), *index as u64 * 4096, &mut buf) {
            Ok(filled) => {
                assert!(buf[..filled] == **want, "wrong bytes");
                false
            }
            Err(error) => {
                assert!(error.is_damage());
                true
            }
        });
    failed.count()
}
