//! What must match before the bytes of a blob may leave: decided once, when an attempt begins.

use super::blocks::CheckBlocks;
use super::{Contents, Verify};
use crate::archive::{BlobRef, Generation};

/// How an attempt at reading a blob has its bytes verified.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan<'a> {
    /// Not at all: bytes leave as they decode ([`Verify::Off`]).
    Unchecked,
    /// The blob matched its SHA-1 before, in this generation of the file.
    Matched,
    /// By the check blocks that hold the bytes, where they match and cost less than hashing the blob;
    /// by the blob's SHA-1 otherwise.
    Blocks(CheckBlocks<'a>),
    /// By the blob's SHA-1, which then vouches for the blob as long as the file stays as it is.
    WholeBlob,
    /// By the blob's SHA-1 taken of the very bytes that leave, because the file changed during the
    /// last attempt. An append may go on for minutes, and this does not need the file to stay as it is.
    HoldAndHash,
}

impl<'a> Plan<'a> {
    /// The plan for a blob. `changed` means that the file changed during the last attempt.
    pub(super) fn new(contents: &Contents, blob: &'a BlobRef, generation: &Generation, changed: bool) -> Self {
        if contents.verify == Verify::Off {
            return Self::Unchecked;
        }
        if generation.is_sound(blob.index) {
            return Self::Matched;
        }
        if changed {
            return Self::HoldAndHash;
        }
        CheckBlocks::that_suffice(contents.verify, &blob.archive.wim).map_or(Self::WholeBlob, Self::Blocks)
    }

    /// Whether anything is verified.
    pub(super) fn is_checked(self) -> bool {
        !matches!(self, Self::Unchecked)
    }

    /// Whether nothing need be verified any more.
    pub(super) fn is_settled(self) -> bool {
        matches!(self, Self::Unchecked | Self::Matched)
    }
}
