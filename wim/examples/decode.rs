//! Decodes every blob of an archive and compares it with its SHA-1: what `scripts/instructions` counts the instructions of.
#![expect(clippy::print_stdout, reason = "a program that says what it did")]

use std::error::Error;
use std::sync::Arc;

use wim::{Archive, BlobHasher, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: decode ARCHIVE")?;
    let archive = Archive::open(Arc::new(std::fs::read(path)?))?;
    let (mut scratch, mut decoded) = (Scratch::default(), 0);
    for blob in archive.blobs().iter() {
        let resource = archive.resource(blob)?;
        let mut hasher = BlobHasher::default();
        for chunk in 0..resource.chunk_count() {
            let mut bytes = vec![0; resource.chunk_len(chunk)];
            resource.read_chunk(archive.source(), chunk, &mut scratch, &mut bytes)?;
            hasher.update(&bytes);
            decoded += bytes.len();
        }
        if hasher.finish() != blob.hash {
            return Err(format!("blob {} decodes to other bytes", blob.hash).into());
        }
    }
    println!("{decoded}");
    Ok(())
}
