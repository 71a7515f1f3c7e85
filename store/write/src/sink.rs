//! The end of an archive, where everything is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::blocks::{Blocks, Hashes};
use crate::disk::DiskFile;
use crate::{Error, Result};

/// Small writes are joined up to this size.
const BUFFER: usize = 1 << 20;

/// Appends to an archive file. Errors name its destination.
pub(crate) struct Sink {
    /// `None` once it is closed.
    file: Option<Arc<dyn DiskFile>>,
    path: PathBuf,
    /// The end of the archive, with what is in the buffer.
    end: u64,
    buffer: Vec<u8>,
    blocks: Blocks,
}

impl Sink {
    /// Goes on at `end` of the file; `path` names it in messages.
    pub(crate) fn new(file: Arc<dyn DiskFile>, path: &Path, end: u64, blocks: Blocks) -> Self {
        Self { file: Some(file), path: path.to_owned(), end, buffer: Vec::new(), blocks }
    }

    /// Where the next byte goes.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The file.
    ///
    /// # Panics
    /// After [`Sink::close`].
    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        self.file.as_ref().expect("a closed sink is not used")
    }

    /// Closes the file.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    /// The file's name in messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes at the end, and returns where that was.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        self.blocks.add(bytes);
        self.append_uncovered(bytes)
    }

    /// Writes at the end what no block covers: what stands behind the blob table.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn append_uncovered(&mut self, bytes: &[u8]) -> Result<u64> {
        let start = self.end;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() > BUFFER {
            self.write(start, bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.end += bytes.len() as u64;
        Ok(start)
    }

    /// Leaves `len` bytes free, to be filled by [`Sink::fill`], and returns where.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn reserve(&mut self, len: u64) -> Result<u64> {
        let start = self.end;
        self.flush()?;
        self.blocks.skip(len);
        self.end += len;
        Ok(start)
    }

    /// Fills bytes that were reserved.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn fill(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        debug_assert!(at + bytes.len() as u64 <= self.end - self.buffer.len() as u64);
        self.write(at, bytes)
    }

    /// Goes back to `at`: what is behind it is written anew.
    pub(crate) fn rewind(&mut self, at: u64) {
        let flushed = self.end - self.buffer.len() as u64;
        self.buffer.truncate(at.saturating_sub(flushed) as usize);
        self.end = at;
        self.blocks.rewind(at);
    }

    /// Writes what is in the buffer.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            let buffer = std::mem::take(&mut self.buffer);
            self.write(self.end - buffer.len() as u64, &buffer)?;
            self.buffer = buffer;
            self.buffer.clear();
        }
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        self.file().write_at(at, bytes).map_err(Error::disk("writing", &self.path))
    }

    /// Ends the part that blocks cover, and returns their hashes, those before `from` as far as
    /// they were known.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn finish_blocks(&mut self, from: u64) -> Result<Hashes> {
        self.flush()?;
        let empty = Blocks::new(self.blocks.size());
        let blocks = std::mem::replace(&mut self.blocks, empty);
        blocks.finish(&**self.file(), from).map_err(Error::destination(&self.path))
    }
}
