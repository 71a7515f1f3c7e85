//! Folders that are kept open on the way to deep ones: opening every folder of a tree takes time
//! linear in their number, and not in the lengths of all their paths.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, PoisonError};

use crate::plan::FolderIndex;
use crate::system::Folder;

/// One folder in so many is kept, counted by depth.
const INTERVAL: u32 = 64;
/// The most folders kept: each is an open file.
const MAX_KEPT: usize = 64;

/// Open folders of a plan, the most recently kept last.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints(Mutex<VecDeque<(FolderIndex, Folder)>>);

impl Checkpoints {
    /// A folder at this depth below the destination, opened once more, if it is kept.
    ///
    /// # Errors
    /// Too many files are open.
    pub(crate) fn get(&self, index: FolderIndex, depth: u32) -> io::Result<Option<Folder>> {
        if !depth.is_multiple_of(INTERVAL) {
            return Ok(None);
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|(kept, _)| *kept == index).map(|(_, folder)| folder.again()).transpose()
    }

    /// Keeps a folder if its depth is one that is kept, and evicts the oldest if there are too many.
    ///
    /// # Errors
    /// Too many files are open.
    pub(crate) fn keep(&self, index: FolderIndex, depth: u32, folder: &Folder) -> io::Result<()> {
        if !depth.is_multiple_of(INTERVAL) {
            return Ok(());
        }
        let folder = folder.again()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back((index, folder));
        Ok(())
    }
}
