//! Blobs that are stored as they are: read from the file straight into the caller's buffer.

use wim::{BlobHash, Resource, memory};

use super::attempt::{Attempt, Fault};
use super::plan::Plan;

impl Attempt<'_> {
    /// Fills `buf` from `offset` of a stored blob; the range must lie inside the blob.
    pub(super) fn read_stored(&self, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let resource = self.resource()?;
        let is_whole = offset == 0 && buf.len() as u64 == resource.size();
        match self.plan {
            Plan::Unchecked => return self.fill(&resource, offset, buf),
            Plan::Matched => {}
            Plan::Blocks(_) | Plan::WholeBlob | Plan::HoldAndHash if is_whole => {
                return self.fill_and_hash(&resource, buf);
            }
            Plan::Blocks(blocks) => {
                let start = resource.place().start + offset;
                let range = start..start + buf.len() as u64;
                if !blocks.vouch(self, &[range])? {
                    self.pass()?;
                }
            }
            Plan::HoldAndHash if self.fill_from_held(&resource, offset, buf)? => return Ok(()),
            Plan::WholeBlob | Plan::HoldAndHash => {
                self.pass()?;
            }
        }
        self.fill(&resource, offset, buf)?;
        self.same_file()
    }

    fn fill(&self, resource: &Resource, offset: u64, buf: &mut [u8]) -> Result<(), Fault> {
        resource.read_stored_at(self.source(), offset, buf).map_err(|error| self.failed(error))
    }

    /// Fills `buf` with the whole blob and hashes it there.
    fn fill_and_hash(&self, resource: &Resource, buf: &mut [u8]) -> Result<(), Fault> {
        self.fill(resource, 0, buf)?;
        self.matches(BlobHash::of(buf))
    }

    /// Reads and hashes the whole blob in memory, and fills `buf` from there. Returns whether there was memory for it.
    fn fill_from_held(&self, resource: &Resource, offset: u64, buf: &mut [u8]) -> Result<bool, Fault> {
        let Some(_held) = self.contents.holding.reserve(resource.size()) else { return Ok(false) };
        let whole = memory::zeros(resource.place().start, resource.size() as usize);
        let mut whole = whole.map_err(|error| self.failed(error))?;
        self.fill_and_hash(resource, &mut whole)?;
        buf.copy_from_slice(&whole[offset as usize..][..buf.len()]);
        Ok(true)
    }
}
