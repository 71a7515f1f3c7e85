//! Reads contents in order, in pieces of whole chunks.

use std::sync::Arc;

use wim::{Archive, Blob, BlobHash, BlobHasher, ReadAt, Resource, Scratch, Version, read_exact_at};

use super::Target;
use super::unit::{Input, Piece, Window};
use crate::disk::{Access, Disk};
use crate::{Error, Job, Result, Source, SourceArchive};

/// The most uncompressed bytes of a piece, where chunks are not larger.
pub(super) const PIECE: u64 = 1 << 20;
/// The largest content that is read whole, to hash it before it is encoded.
pub(super) const WHOLE: u64 = 8 << 20;

/// Reads jobs.
pub(super) struct Reader<'a> {
    disk: &'a dyn Disk,
    target: Target,
    scratch: Scratch,
    solid: Option<SolidChunk>,
}

/// The chunk of a solid resource that was read last: blobs next to each other share it.
struct SolidChunk {
    archive: Arc<Archive>,
    number: u32,
    resource: Resource,
    chunk: u64,
    data: Vec<u8>,
}

/// What a content is read from, open.
enum Opened<'a> {
    Bytes(&'a [u8]),
    File { file: Arc<dyn ReadAt>, seen: Version },
    Stored { archive: &'a SourceArchive, resource: Resource },
    Chunks { archive: &'a SourceArchive, resource: Arc<Resource> },
    Solid { archive: &'a SourceArchive, blob: &'a Blob, number: u32 },
}

/// Why a file was not read to its end.
enum Failure {
    /// It is not what was seen.
    Changed,
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(disk: &'a dyn Disk, target: Target) -> Self {
        Self { disk, target, scratch: Scratch::default(), solid: None }
    }

    /// Reads a content and gives its pieces to `each`; `whole` makes it one piece.
    ///
    /// A file that is not what was seen when it was listed, or changes meanwhile, is read once
    /// more, and then is another one from its first piece on.
    pub(super) fn read(
        &mut self,
        number: usize,
        job: &Job,
        whole: bool,
        each: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<()> {
        let opened = self.open(job)?;
        match self.pieces(number, job, &opened, whole, each) {
            Err(Failure::Other(error)) => return Err(error),
            Err(Failure::Changed) => {}
            Ok(()) => return Ok(()),
        }
        let again = self.open_again(job)?;
        match self.pieces(number, job, &again, whole, each) {
            Err(Failure::Other(error)) => Err(error),
            Err(Failure::Changed) => Err(Error::Changed { path: job.path().to_owned() }),
            Ok(()) => Ok(()),
        }
    }

    /// The hash of a content, which is read for it.
    pub(super) fn hash(&mut self, number: usize, job: &Job) -> Result<BlobHash> {
        let mut hasher = BlobHasher::default();
        let mut scratch = Scratch::default();
        self.read(number, job, false, &mut |piece| {
            if piece.first {
                hasher = BlobHasher::default();
            }
            hasher.update(&plain(piece.input, job, &mut scratch)?);
            Ok(())
        })?;
        Ok(hasher.finish())
    }

    fn open<'j>(&self, job: &'j Job) -> Result<Opened<'j>> {
        Ok(match &job.source {
            Source::Bytes(bytes) => Opened::Bytes(bytes),
            Source::File { path, seen } => {
                let file = self.disk.open(path, Access::Read).map_err(Error::disk("opening", path))?;
                Opened::File { file, seen: *seen }
            }
            Source::Content(content) => {
                let file = content.open().map_err(Error::disk("opening", content.path()))?;
                let seen = file.version().map_err(Error::disk("reading", content.path()))?;
                Opened::File { file, seen }
            }
            Source::Blob { archive, blob } => match blob.solid_resource() {
                Some(number) => Opened::Solid { archive, blob, number },
                None => {
                    let resource = archive.wim.resource(blob).map_err(Error::source(&archive.path))?;
                    if resource.is_stored() {
                        Opened::Stored { archive, resource }
                    } else {
                        Opened::Chunks { archive, resource: Arc::new(resource) }
                    }
                }
            },
        })
    }

    /// Opens a file as it is now.
    fn open_again<'j>(&self, job: &'j Job) -> Result<Opened<'j>> {
        let mut opened = self.open(job)?;
        if let Opened::File { file, seen } = &mut opened {
            *seen = file.version().map_err(Error::disk("reading", job.path()))?;
        }
        Ok(opened)
    }

    fn pieces(
        &mut self,
        number: usize,
        job: &Job,
        opened: &Opened<'_>,
        whole: bool,
        each: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<(), Failure> {
        let size = match opened {
            Opened::File { seen, .. } => seen.size,
            _ => job.size(),
        };
        let len = if whole { size.max(1) } else { self.piece_len(opened) };
        let keep = self.keeps(opened);
        let mut offset = 0;
        loop {
            let end = size.min(offset + len);
            let input = self.input(job, opened, offset, end)?;
            let (first, last) = (offset == 0, end == size);
            if last {
                check_unchanged(job, opened)?;
            }
            each(Piece { job: number, size, first, last, hash: job.hash, keep, input })?;
            if last {
                return Ok(());
            }
            offset = end;
        }
    }

    /// The uncompressed bytes of a piece: whole chunks of the source and of the target.
    fn piece_len(&self, opened: &Opened<'_>) -> u64 {
        let chunk = match opened {
            Opened::Chunks { resource, .. } => u64::from(resource.chunk_size()),
            _ => 1,
        };
        PIECE.max(chunk).max(u64::from(self.target.chunk_size))
    }

    /// Whether the source stores the content as the target does.
    fn keeps(&self, opened: &Opened<'_>) -> bool {
        match opened {
            Opened::Stored { archive, .. } | Opened::Chunks { archive, .. } => self.target.keeps(archive),
            Opened::Bytes(_) | Opened::File { .. } | Opened::Solid { .. } => false,
        }
    }

    fn input(&mut self, job: &Job, opened: &Opened<'_>, start: u64, end: u64) -> Result<Input, Failure> {
        let mut bytes = vec![0; (end - start) as usize];
        match opened {
            Opened::Bytes(all) => bytes.copy_from_slice(&all[start as usize..end as usize]),
            Opened::File { file, .. } => {
                let read = file.read_at(start, &mut bytes).map_err(Error::disk("reading", job.path()))?;
                if read < bytes.len() {
                    return Err(Failure::Changed);
                }
            }
            Opened::Stored { archive, resource } => {
                let read = resource.read_stored_at(archive.wim.source(), start, &mut bytes);
                read.map_err(Error::source(&archive.path))?;
            }
            Opened::Chunks { archive, resource } => return Ok(chunks(archive, resource, start, end)?),
            Opened::Solid { archive, blob, number } => {
                let offset = blob.offset() + start;
                self.solid(archive, blob, *number, offset, &mut bytes).map_err(Error::source(&archive.path))?;
            }
        }
        Ok(Input::Plain(bytes))
    }

    /// Fills `dst` from `offset` of a solid resource.
    fn solid(
        &mut self,
        archive: &SourceArchive,
        blob: &Blob,
        number: u32,
        mut offset: u64,
        mut dst: &mut [u8],
    ) -> wim::Result<()> {
        while !dst.is_empty() {
            let same = |solid: &SolidChunk| Arc::ptr_eq(&solid.archive, &archive.wim) && solid.number == number;
            let mut solid = match self.solid.take() {
                Some(solid) if same(&solid) => solid,
                _ => SolidChunk {
                    archive: Arc::clone(&archive.wim),
                    number,
                    resource: archive.wim.resource(blob)?,
                    chunk: u64::MAX,
                    data: Vec::new(),
                },
            };
            let chunk_size = u64::from(solid.resource.chunk_size());
            let chunk = offset / chunk_size;
            if solid.chunk != chunk {
                let len = solid.resource.chunk_len(chunk);
                wim::memory::resize(&mut solid.data, offset, len)?;
                solid.resource.read_chunk(archive.wim.source(), chunk, &mut self.scratch, &mut solid.data)?;
                solid.chunk = chunk;
            }
            let rest = &solid.data[(offset % chunk_size) as usize..];
            let len = rest.len().min(dst.len());
            let (now, later) = dst.split_at_mut(len);
            now.copy_from_slice(&rest[..len]);
            (dst, offset) = (later, offset + len as u64);
            self.solid = Some(solid);
        }
        Ok(())
    }
}

/// Reads the stored chunks that hold the bytes from `start` to `end`, which are whole chunks.
fn chunks(archive: &SourceArchive, resource: &Arc<Resource>, start: u64, end: u64) -> Result<Input> {
    let chunk_size = u64::from(resource.chunk_size());
    let chunks = start / chunk_size..end.div_ceil(chunk_size);
    let from = resource.chunk_place(chunks.start).start;
    let to = resource.chunk_place(chunks.end - 1).end;
    let mut bytes = vec![0; (to - from) as usize];
    read_exact_at(archive.wim.source(), "chunk", from, &mut bytes).map_err(Error::source(&archive.path))?;
    Ok(Input::Chunks { resource: Arc::clone(resource), window: Window { start: from, bytes }, chunks })
}

fn check_unchanged(job: &Job, opened: &Opened<'_>) -> Result<(), Failure> {
    if let Opened::File { file, seen } = opened {
        let now = file.version().map_err(Error::disk("reading", job.path()))?;
        if now != *seen {
            return Err(Failure::Changed);
        }
    }
    Ok(())
}

/// The uncompressed bytes of an input.
pub(super) fn plain(input: Input, job: &Job, scratch: &mut Scratch) -> Result<Vec<u8>> {
    match input {
        Input::Plain(bytes) => Ok(bytes),
        Input::Known => Ok(Vec::new()),
        Input::Chunks { resource, window, chunks } => {
            decode(&resource, &window, chunks, scratch).map_err(Error::source(job.path()))
        }
    }
}

/// Decodes chunks that were read.
pub(super) fn decode(
    resource: &Resource,
    window: &Window,
    chunks: std::ops::Range<u64>,
    scratch: &mut Scratch,
) -> wim::Result<Vec<u8>> {
    let len = chunks.clone().map(|chunk| resource.chunk_len(chunk)).sum();
    let mut plain = wim::memory::zeros(window.start, len)?;
    for (chunk, dst) in chunks.zip(plain.chunks_mut(resource.chunk_size() as usize)) {
        resource.read_chunk(window, chunk, scratch, dst)?;
    }
    Ok(plain)
}
