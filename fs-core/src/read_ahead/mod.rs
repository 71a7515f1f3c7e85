//! Prefetch: the files that a reader is expected to read next are decoded and verified before it asks.
//!
//! Programs that copy or search a tree read its files one by one, and most files are small: while
//! one is read, all processors but one are idle. So readers that go through files in the order of
//! the tree are recognised ([`walk`]), and a few threads ([`Workers`]) bring the files that come next
//! into the cache. The distance doubles with each file that was foreseen, up to
//! [`walk::MAX_FILES`] files and a part of the cache.

mod walk;

use std::sync::Arc;

use parking_lot::Mutex;
use wim::NodeId;

use self::walk::Walkers;
use crate::archive::{BlobRef, FileId};
use crate::concurrent::Workers;
use crate::content::{ContentOptions, Contents};
use crate::snapshot::Node;

/// The largest part of the cache that is filled ahead of one reader.
const CACHE_PART: u64 = 8;

/// The readers that are recognised, and the threads that read ahead of them.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    walkers: Mutex<Walkers<(FileId, usize)>>,
    workers: Workers<BlobRef>,
    /// Bytes ahead of one reader.
    most_bytes: u64,
}

impl ReadAhead {
    /// Nobody reads yet, and no thread runs before somebody does.
    pub(crate) fn new(contents: Arc<Contents>, options: &ContentOptions) -> Self {
        let most_bytes = options.cache_bytes / CACHE_PART;
        Self {
            walkers: Mutex::default(),
            workers: Workers::new(
                options.thread_count(),
                |blob: &BlobRef| blob.archive.device,
                move |blob: BlobRef| contents.warm(&blob, most_bytes),
            ),
            most_bytes,
        }
    }

    /// Records that a reader begins a file, and queues the files that it is expected to read next.
    pub(crate) fn begun(&self, node: &Node) {
        let mut ahead = Vec::new();
        let size = |id: NodeId| {
            let blob = blob_of(node, id)?;
            let size = blob.size();
            ahead.push(blob);
            Some(size)
        };
        self.walkers.lock().begun(
            (node.image.archive.id, node.image.index),
            &node.tree,
            node.id(),
            self.most_bytes,
            size,
        );
        self.workers.push(ahead);
    }
}

/// The content of a file; `None` if it has none, or none that can be read. Waits for nothing, since
/// all readers meet here.
fn blob_of(node: &Node, id: NodeId) -> Option<BlobRef> {
    let streams = node.tree.dentry(id).streams();
    let hash = streams.unnamed.filter(|_| streams.efs.is_none())?;
    node.image.blob_in_memory(&hash)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use testkit::{Packing, Wim, eventually, file, root};

    use crate::{Engine, EngineOptions, Filesystem, FolderSource, ImageChoice, Options};

    const FILES: usize = 40;
    const SIZE: usize = 20_000;

    /// Reads the first bytes of some of `FILES` files in this order, waits until `want` files are
    /// cached and then for more that should not come, and returns how many are cached.
    fn cached_after(order: &[usize], packing: Packing, want: usize) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wim");
        let text = testkit::content::text(SIZE + FILES);
        let files: Vec<_> = (0..FILES).map(|i| file(&format!("f{i:02}"), &text[i..][..SIZE])).collect();
        Wim::new(packing, root(files)).build().save(&path);
        let engine = Arc::new(Engine::new(&EngineOptions::default()));
        let source = Box::new(FolderSource::find(&path, false).unwrap());
        let options = Options { image: Some(ImageChoice::Number(1)), ..Options::default() };
        let fs = Filesystem::new(source, Arc::clone(&engine), options).unwrap();
        for i in order {
            let ino = fs.resolve(format!("f{i:02}").as_bytes()).unwrap();
            fs.read_at(ino, 0, &mut [0; 10]).unwrap();
        }
        let cached = || engine.contents.cached_bytes() / SIZE;
        eventually(|| cached() >= want);
        thread::sleep(Duration::from_millis(300));
        cached()
    }

    #[test]
    fn files_are_there_before_they_are_asked_for() {
        for packing in [Packing::Xpress(32768), Packing::Lzx(32768), Packing::Xpress(4096)] {
            for (order, want) in [(&[0, 1, 2, 3][..], 4 + 8), (&[0, 30, 15, 39], 4), (&[36, 37, 38], 4)] {
                assert_eq!(cached_after(order, packing, want), want, "{packing:?}, {order:?}");
            }
        }
    }
}
