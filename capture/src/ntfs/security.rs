//! Security descriptors, which files name by number.

use std::collections::HashMap;
use std::sync::Arc;

use wim::ReadAt;

use super::{SECURE, Volume, kind};
use crate::disk::fields::{Fields, read_exact};
use crate::disk::{Error, Result};

/// The stream is cut into blocks of this size; every other one is a copy of the one before it.
const BLOCK: u64 = 256 << 10;
/// The bytes of an entry before its descriptor.
const HEAD: usize = 20;
/// The most bytes of descriptors that are read: more than any volume has.
const MAX_SIZE: u64 = 1 << 30;

/// The descriptors of a volume by their number.
#[derive(Debug, Default)]
pub(crate) struct Descriptors(HashMap<u32, Arc<[u8]>>);

impl Descriptors {
    /// Reads `$Secure:$SDS`; empty on volumes that do not have it.
    ///
    /// # Errors
    /// It cannot be read, or neither copy of an entry is right.
    pub(crate) fn read(volume: &Volume) -> Result<Self> {
        let name: Vec<u8> = "$SDS".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let Some(content) = volume.file(SECURE)?.content(volume, kind::DATA, &name)? else {
            return Ok(Self::default());
        };
        let size = content.size();
        if size > MAX_SIZE {
            return Err(Error::Invalid { what: "size of $SDS", at: 0, value: size, rule: "more than 1 GiB" });
        }
        let mut found = HashMap::new();
        let mut at = 0;
        while at < size {
            let mut block = vec![0; BLOCK.min(size - at) as usize];
            read_exact(&content, "$SDS", at, &mut block)?;
            let mut copy = vec![0; block.len()];
            let copied = content.read_at(at + BLOCK, &mut copy).map_err(Error::reading(at + BLOCK, BLOCK))?;
            copy.truncate(copied);
            add_block(&mut found, at, &block, &copy)?;
            at += 2 * BLOCK;
        }
        Ok(Self(found))
    }

    pub(crate) fn get(&self, id: u32) -> Option<&[u8]> {
        self.0.get(&id).map(|descriptor| &**descriptor)
    }
}

fn add_block(found: &mut HashMap<u32, Arc<[u8]>>, start: u64, block: &[u8], copy: &[u8]) -> Result<()> {
    let mut at = 0;
    while block.len() - at > HEAD {
        let Some((id, descriptor)) = entry(block, at, start)?.or(entry(copy, at, start)?) else {
            let head = Fields::new("descriptor in $SDS", start, block);
            if head.slice(at, HEAD)?.iter().all(|&byte| byte == 0) {
                return Ok(()); // the rest of the block is not used
            }
            return Err(head.invalid("hash of a descriptor", at, head.u32(at)?.into(), "not that of its bytes"));
        };
        found.insert(id, descriptor.into());
        at = (at + HEAD + descriptor.len()).next_multiple_of(16).min(block.len());
    }
    Ok(())
}

/// The entry at `at` of a block, if it is what its hash says.
fn entry(block: &[u8], at: usize, start: u64) -> Result<Option<(u32, &[u8])>> {
    let fields = Fields::new("descriptor in $SDS", start, block);
    if block.len() < at + HEAD {
        return Ok(None);
    }
    let (hash, id, own, len) = (fields.u32(at)?, fields.u32(at + 4)?, fields.u64(at + 8)?, fields.u32(at + 16)?);
    let Some(body_len) = (len as usize).checked_sub(HEAD).filter(|len| *len > 0) else { return Ok(None) };
    let Ok(descriptor) = fields.slice(at + HEAD, body_len) else { return Ok(None) };
    let is_sound = own == start + at as u64 && hash_of(descriptor) == hash;
    Ok(is_sound.then_some((id, descriptor)))
}

fn hash_of(descriptor: &[u8]) -> u32 {
    let words = descriptor.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word));
    words.fold(0, |hash: u32, word| hash.rotate_left(3).wrapping_add(word))
}
