//! decode [--unverified] ARCHIVE: decodes everything that an archive holds, in one thread, each
//! resource once; prints how many bytes that is. Compares blobs that have a resource of their own
//! with their SHA-1, unless told not to.
//!
//! `scripts/instructions` counts the instructions it takes, `scripts/bench` its time.
#![expect(clippy::print_stdout, reason = "a program that says what it did")]

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use wim::{Archive, BlobHasher, LocalFile, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let verifies = arguments.first().is_none_or(|first| first != "--unverified");
    let path = arguments.pop().filter(|_| arguments.len() == usize::from(!verifies));
    let file = LocalFile::open(path.ok_or("usage: decode [--unverified] ARCHIVE")?)?;
    let archive = Archive::open(Arc::new(file))?;
    let (mut scratch, mut bytes, mut decoded) = (Scratch::default(), Vec::new(), 0);
    let mut solid = HashSet::new();
    for blob in archive.blobs().iter() {
        if blob.solid_resource().is_some_and(|resource| !solid.insert(resource)) {
            continue;
        }
        let resource = archive.resource(blob)?;
        let mut hasher = (verifies && !blob.is_solid()).then(BlobHasher::default);
        for chunk in 0..resource.chunk_count() {
            bytes.resize(resource.chunk_len(chunk), 0);
            resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes)?;
            decoded += bytes.len();
            if let Some(hasher) = &mut hasher {
                hasher.update(&bytes);
            }
        }
        if hasher.is_some_and(|hasher| hasher.finish() != blob.hash) {
            return Err(format!("blob {} decodes to other bytes", blob.hash).into());
        }
    }
    println!("{decoded}");
    Ok(())
}
