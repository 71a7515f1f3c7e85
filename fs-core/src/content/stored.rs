//! Blobs that are stored as they are: read from the file straight into the caller's buffer.

use wim::{BlobHash, memory};

use super::attempt::{Attempt, Fault};

impl Attempt<'_> {
    /// Fills `buf` from `offset` of a stored blob; the range must lie inside the blob.
    pub(super) fn read_stored(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let resource = self.resource()?;
        let read = |offset, buf: &mut [u8]| {
            resource.read_stored_at(self.source(), offset, buf).map_err(|error| self.failed(error))
        };
        if !self.contents.verify.is_on() {
            return read(offset, buf);
        }
        if !self.generation.sound_blobs.get(self.blob.index as usize) {
            self.not_known_bad()?;
            if offset == 0 && buf.len() as u64 == resource.size() {
                read(0, buf)?;
                return self.matches(BlobHash::of(buf));
            }
            if let Some(_room) = self.restless.then(|| self.contents.holding.reserve(resource.size())).flatten() {
                let whole = memory::zeros(resource.place().start, resource.size() as usize);
                let mut whole = whole.map_err(|error| self.failed(error))?;
                read(0, &mut whole)?;
                self.matches(BlobHash::of(&whole))?;
                buf.copy_from_slice(&whole[offset as usize..][..buf.len()]);
                return Ok(());
            }
            let start = resource.place().start + offset;
            let range = start..start + buf.len() as u64;
            if self.restless || !self.blocks_vouch(std::slice::from_ref(&range))? {
                self.pass()?;
            }
        }
        read(offset, buf)?;
        self.same_file()
    }
}
