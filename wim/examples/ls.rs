//! `ls ARCHIVE`: lists the files of every image in an archive, with their sizes in bytes.
#![expect(clippy::print_stdout, reason = "what an example says to its user")]

use std::error::Error;
use std::sync::Arc;

use wim::{Archive, LocalFile, NodeId};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: ls ARCHIVE")?;
    let archive = Archive::open(Arc::new(LocalFile::open(path)?))?;
    for index in 0..archive.image_count() {
        let metadata = archive.metadata(index)?;
        for node in (0..metadata.node_count()).map(NodeId) {
            let dentry = metadata.dentry(node);
            // An empty file has no blob; the blob of another may be in a further archive.
            let blob = archive.blobs().find(&dentry.main_hash());
            let size = blob.map_or(0, |blob| archive.blobs().get(blob).size());
            let path = metadata.path(node);
            println!("{:>2} {size:>12} /{}", index + 1, String::from_utf8_lossy(&path));
        }
    }
    Ok(())
}
