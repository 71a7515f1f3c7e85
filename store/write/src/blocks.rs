//! SHA-1s over the blocks of an archive that is being written: its integrity table, and what is
//! compared when it is read back.

use wim::{BlobHash, BlobHasher, HEADER_SIZE, ReadAt, read_exact_at};

/// The usual size of a block, 10 MiB.
pub(crate) const BLOCK: u32 = 10 << 20;

/// Hashes of the blocks from the end of the header on. A block is hashed while it is written, or,
/// if parts of it are filled in later, read once when all is written.
pub(crate) struct Blocks {
    size: u64,
    /// Of the blocks up to the current one; `None` where the block has to be read.
    hashes: Vec<Option<BlobHash>>,
    hasher: BlobHasher,
    /// The bytes in the current block.
    filled: u64,
    /// Whether the hasher lacks a part of the current block.
    stale: bool,
}

impl Blocks {
    /// No blocks yet.
    pub(crate) fn new(size: u32) -> Self {
        let (hashes, hasher) = Default::default();
        Self { size: u64::from(size), hashes, hasher, filled: 0, stale: false }
    }

    /// The blocks of an archive that goes on at `end`; `old` are the hashes of those before it, as
    /// far as they are known.
    ///
    /// # Errors
    /// The archive cannot be read where its last block begins.
    pub(crate) fn resume(
        size: u32,
        archive: &dyn ReadAt,
        end: u64,
        old: impl Iterator<Item = BlobHash>,
    ) -> wim::Result<Self> {
        let mut blocks = Self::new(size);
        let written = end - HEADER_SIZE;
        let whole = (written / blocks.size) as usize;
        blocks.hashes = old.map(Some).take(whole).collect();
        blocks.hashes.resize(whole, None);
        blocks.filled = written % blocks.size;
        blocks.hasher = read(archive, end - blocks.filled, end)?;
        Ok(blocks)
    }

    /// The size of a block in bytes.
    pub(crate) fn size(&self) -> u32 {
        self.size as u32
    }

    /// Adds what is written next.
    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = (self.size - self.filled).min(bytes.len() as u64);
            let (now, later) = bytes.split_at(len as usize);
            if !self.stale {
                self.hasher.update(now);
            }
            self.filled += len;
            bytes = later;
            if self.filled == self.size {
                self.end_block();
            }
        }
    }

    /// Adds bytes that are filled in later.
    pub(crate) fn skip(&mut self, mut len: u64) {
        while len > 0 {
            let now = (self.size - self.filled).min(len);
            self.stale = true;
            self.filled += now;
            len -= now;
            if self.filled == self.size {
                self.end_block();
            }
        }
    }

    /// Goes back to `at`, where writing goes on.
    pub(crate) fn rewind(&mut self, at: u64) {
        let written = at - HEADER_SIZE;
        self.hashes.truncate((written / self.size) as usize);
        self.filled = written % self.size;
        self.hasher = BlobHasher::default();
        self.stale = self.filled > 0;
    }

    fn end_block(&mut self) {
        let hash = std::mem::take(&mut self.hasher).finish();
        self.hashes.push((!self.stale).then_some(hash));
        (self.filled, self.stale) = (0, false);
    }

    /// Ends the last block, and reads the blocks from `from` on that were not hashed. Blocks before
    /// it that are not known stay so.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub(crate) fn finish(mut self, archive: &dyn ReadAt, from: u64) -> wim::Result<Hashes> {
        let end = HEADER_SIZE + self.hashes.len() as u64 * self.size + self.filled;
        if self.filled > 0 {
            self.end_block();
        }
        let mut hashes = Hashes { size: self.size, end, hashes: self.hashes };
        for index in hashes.index_of(from)..hashes.hashes.len() {
            if hashes.hashes[index].is_none() {
                hashes.hashes[index] = Some(hashes.read(archive, index)?);
            }
        }
        Ok(hashes)
    }
}

/// The hashes of all blocks.
pub(crate) struct Hashes {
    size: u64,
    end: u64,
    hashes: Vec<Option<BlobHash>>,
}

impl Hashes {
    /// The size of a block in bytes.
    pub(crate) fn block_size(&self) -> u32 {
        self.size as u32
    }

    /// The hashes, if all of them are known.
    pub(crate) fn all(&self) -> Option<Vec<BlobHash>> {
        self.hashes.iter().copied().collect()
    }

    /// Reads the blocks from the one at `from` on; returns the start of the first one that has
    /// another hash.
    ///
    /// # Errors
    /// The archive cannot be read.
    pub(crate) fn compare(&self, archive: &dyn ReadAt, from: u64) -> wim::Result<Option<u64>> {
        for index in self.index_of(from)..self.hashes.len() {
            if self.hashes[index] != Some(self.read(archive, index)?) {
                return Ok(Some(self.start(index)));
            }
        }
        Ok(None)
    }

    fn index_of(&self, at: u64) -> usize {
        (at.saturating_sub(HEADER_SIZE) / self.size) as usize
    }

    fn start(&self, index: usize) -> u64 {
        HEADER_SIZE + index as u64 * self.size
    }

    fn read(&self, archive: &dyn ReadAt, index: usize) -> wim::Result<BlobHash> {
        let (start, end) = (self.start(index), self.end.min(self.start(index + 1)));
        read(archive, start, end).map(BlobHasher::finish)
    }
}

/// Hashes a part of an archive.
fn read(archive: &dyn ReadAt, mut start: u64, end: u64) -> wim::Result<BlobHasher> {
    const PIECE: u64 = 1 << 20;
    let mut buffer = vec![0; (end - start).min(PIECE) as usize];
    let mut hasher = BlobHasher::default();
    while start < end {
        let len = (end - start).min(PIECE) as usize;
        read_exact_at(archive, "check block", start, &mut buffer[..len])?;
        hasher.update(&buffer[..len]);
        start += len as u64;
    }
    Ok(hasher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::content;

    const SIZE: u32 = 100;

    fn naive(archive: &[u8]) -> Vec<BlobHash> {
        archive[HEADER_SIZE as usize..].chunks(SIZE as usize).map(BlobHash::of).collect()
    }

    #[test]
    fn hashes_are_those_of_the_blocks() {
        for len in [0, 1, 99, 100, 101, 350, 400] {
            let archive = content::random(HEADER_SIZE as usize + len);
            let mut blocks = Blocks::new(SIZE);
            archive[HEADER_SIZE as usize..].chunks(33).for_each(|piece| blocks.add(piece));
            let nothing = Vec::new();
            let hashes = blocks.finish(&nothing, 0).expect("nothing is read");
            assert_eq!(hashes.all().unwrap(), naive(&archive), "{len}");
            assert_eq!(hashes.compare(&archive, 0).unwrap(), None);
        }
    }

    #[test]
    fn what_is_filled_in_or_written_again_is_read() {
        let archive = content::random(HEADER_SIZE as usize + 555);
        let data = &archive[HEADER_SIZE as usize..];
        let mut blocks = Blocks::new(SIZE);
        blocks.add(&data[..90]);
        blocks.skip(120);
        blocks.add(&data[210..450]);
        blocks.add(&[1; 400]);
        blocks.rewind(HEADER_SIZE + 450);
        blocks.add(&data[450..]);
        assert_eq!(blocks.hashes.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, true, false]);
        let hashes = blocks.finish(&archive, 0).unwrap();
        assert_eq!(hashes.all().unwrap(), naive(&archive));
        let mut bad = archive;
        bad[HEADER_SIZE as usize + 333] ^= 1;
        assert_eq!(hashes.compare(&bad, 0).unwrap(), Some(HEADER_SIZE + 300));
        assert_eq!(hashes.compare(&bad, HEADER_SIZE + 400).unwrap(), None);
    }

    #[test]
    fn an_archive_goes_on_with_the_old_hashes() {
        let archive = content::random(HEADER_SIZE as usize + 555);
        let data = &archive[HEADER_SIZE as usize..];
        let (hashes, end) = (naive(&archive), HEADER_SIZE + 250);
        let mut blocks = Blocks::resume(SIZE, &archive, end, hashes.iter().copied()).unwrap();
        blocks.add(&data[250..]);
        assert_eq!(blocks.finish(&archive, 0).unwrap().all().unwrap(), hashes);
        let mut blocks = Blocks::resume(SIZE, &archive, end, std::iter::empty()).unwrap();
        blocks.add(&data[250..]);
        let tail = blocks.finish(&archive, end).unwrap();
        assert_eq!((tail.all(), tail.compare(&archive, end).unwrap()), (None, None));
    }
}
