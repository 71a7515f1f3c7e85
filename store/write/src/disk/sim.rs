//! A disk in memory, for tests: it fails any call, and shows what a kill or a power cut after any
//! change leaves behind.

mod cut;
mod image;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use wim::{ReadAt, Version};

use super::{Access, Disk, DiskFile, Existing, Kind};
pub use image::Image;
use image::{Change, Node};

/// A disk in memory. Clones are the same disk.
///
/// Calls are counted from 0: everything that may fail, reads too. Changes are logged, in order:
/// writes, names and syncs.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The first call that it meets.
    pub call: usize,
    /// Whether it meets all calls from there on.
    pub forever: bool,
    /// How.
    pub kind: FaultKind,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It does nothing and returns this error.
    Error(io::ErrorKind),
    /// A write writes about half of its sectors before it returns this error; other calls do
    /// nothing.
    Short(io::ErrorKind),
    /// A write reports success with one bit of its bytes changed; other calls are right.
    Flip,
    /// A read finds that somebody has just changed the first byte of the file; other calls are
    /// right.
    Touch,
}

#[derive(Debug, Default)]
struct State {
    start: Image,
    now: Image,
    log: Vec<Change>,
    calls: usize,
    fault: Option<Fault>,
    capacity: Option<u64>,
    locked: Vec<usize>,
}

impl SimDisk {
    /// A disk with this content, all of it durable.
    #[must_use]
    pub fn new(image: Image) -> Self {
        Self { state: Arc::new(Mutex::new(State { now: image.clone(), start: image, ..State::default() })) }
    }

    /// Lets calls go wrong from now on.
    pub fn fail(&self, fault: Fault) {
        self.state.lock().fault = Some(fault);
    }

    /// Limits the bytes of all files together; writes that need more fail as on a full disk.
    pub fn limit(&self, bytes: u64) {
        self.state.lock().capacity = Some(bytes);
    }

    /// The number of calls so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state.lock().calls
    }

    /// The number of changes so far.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.state.lock().log.len()
    }

    /// What is on the disk.
    #[must_use]
    pub fn image(&self) -> Image {
        self.state.lock().now.clone()
    }

    /// What a program leaves that is killed after so many changes.
    #[must_use]
    pub fn killed_after(&self, changes: usize) -> Image {
        let state = self.state.lock();
        let mut image = state.start.clone();
        state.log[..changes].iter().for_each(|change| image.apply(change));
        image
    }

    /// What a power cut after so many changes may leave: of the pieces of changes that were not
    /// synced none, all, each alone, all but each, and 64 random choices. Writes are torn at 512
    /// bytes, and the size of a file can grow without its data.
    #[must_use]
    pub fn cut_after(&self, changes: usize) -> Vec<Image> {
        let state = self.state.lock();
        cut::states(&state.start, &state.log[..changes])
    }

    /// A file's open handle.
    fn file(&self, number: usize) -> Arc<dyn DiskFile> {
        let size = self.state.lock().now.len(number);
        Arc::new(SimFile { disk: self.clone(), number, size, has_lock: AtomicBool::new(false) })
    }
}

impl State {
    /// Counts a call, and lets it fail.
    fn call(&mut self) -> io::Result<()> {
        match self.meet() {
            Some(FaultKind::Error(kind) | FaultKind::Short(kind)) => Err(kind.into()),
            Some(FaultKind::Flip | FaultKind::Touch) | None => Ok(()),
        }
    }

    /// Counts a call, and returns what goes wrong with it.
    fn meet(&mut self) -> Option<FaultKind> {
        let call = self.calls;
        self.calls += 1;
        let fault = self.fault?;
        (fault.call == call || fault.forever && fault.call < call).then_some(fault.kind)
    }

    fn change(&mut self, change: Change) {
        self.now.apply(&change);
        self.log.push(change);
    }

    fn need(&self, path: &Path) -> io::Result<Node> {
        self.now.node(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn need_file(&self, path: &Path) -> io::Result<usize> {
        match self.need(path)? {
            Node::File(number) => Ok(number),
            Node::Folder => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn refuse_existing(&self, path: &Path) -> io::Result<()> {
        if self.now.node(path).is_some() { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    /// Changes the first byte of a file.
    fn touch(&mut self, file: usize) {
        let first = self.now.content(file).first().copied().unwrap_or_default();
        self.change(Change::Write { file, offset: 0, data: vec![first.wrapping_add(1)] });
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = self.meet();
        let (data, result) = match fault {
            Some(FaultKind::Error(kind)) => return Err(kind.into()),
            Some(FaultKind::Short(kind)) => (cut::first_sectors(offset, bytes).to_vec(), Err(kind.into())),
            Some(FaultKind::Flip) => (flipped(bytes), Ok(())),
            Some(FaultKind::Touch) | None => (bytes.to_vec(), Ok(())),
        };
        let growth = (offset + data.len() as u64).saturating_sub(self.now.len(file));
        if self.capacity.is_some_and(|capacity| self.now.bytes() + growth > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.change(Change::Write { file, offset, data });
        result
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 0x10;
    }
    bytes
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, _: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.call()?;
        let file = state.need_file(path)?;
        drop(state);
        Ok(self.file(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.call()?;
        state.refuse_existing(path)?;
        let file = state.now.next_file();
        state.change(Change::Create { path: path.to_owned(), file });
        drop(state);
        Ok(self.file(file))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let mut state = self.state.lock();
        state.call()?;
        Ok(state.now.node(path).map(|node| match node {
            Node::File(_) => Kind::File,
            Node::Folder => Kind::Folder,
        }))
    }

    fn rename(&self, from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        let node = state.need(from)?;
        if existing == Existing::Keep {
            state.refuse_existing(to)?;
        }
        state.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        state.need_file(path)?;
        state.change(Change::Remove { path: path.to_owned() });
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        if state.need(path)? != Node::Folder {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if !state.now.names_in(path).is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.change(Change::Remove { path: path.to_owned() });
        Ok(())
    }

    fn mkdir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        state.refuse_existing(path)?;
        state.change(Change::MakeFolder { path: path.to_owned() });
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.state.lock();
        state.call()?;
        let names = state.now.names_in(folder);
        if names.is_empty() && !folder.as_os_str().is_empty() {
            state.need(folder)?;
        }
        Ok(names)
    }

    fn keeps_attributes(&self, _: &Path) -> io::Result<bool> {
        self.state.lock().call().map(|()| false)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call()?;
        state.change(Change::SyncFolder { path: folder.to_owned() });
        Ok(())
    }
}

struct SimFile {
    disk: SimDisk,
    number: usize,
    size: u64,
    has_lock: AtomicBool,
}

impl ReadAt for SimFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        match state.meet() {
            Some(FaultKind::Error(kind) | FaultKind::Short(kind)) => return Err(kind.into()),
            Some(FaultKind::Touch) => state.touch(self.number),
            Some(FaultKind::Flip) | None => {}
        }
        state.now.content(self.number).read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.size
    }

    /// The time is the number of changes to this file.
    fn version(&self) -> io::Result<Version> {
        let mut state = self.disk.state.lock();
        state.call()?;
        let changes = state.log.iter().filter(|change| change.writes_to(self.number)).count();
        let (inode, size) = (self.number as u64, state.now.len(self.number));
        Ok(Version::of_file(0, inode, size, (changes as i64, 0)))
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.state.lock().write(self.number, offset, bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.call()?;
        state.change(Change::SetLen { file: self.number, len });
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.call()?;
        state.change(Change::SyncData { file: self.number });
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.call()?;
        let growth = (offset + len).saturating_sub(state.now.len(self.number));
        let full = state.capacity.is_some_and(|capacity| state.now.bytes() + growth > capacity);
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.state.lock();
        state.call()?;
        let free = !state.locked.contains(&self.number);
        if free {
            state.locked.push(self.number);
            self.has_lock.store(true, Ordering::Relaxed);
        }
        Ok(free)
    }

    fn forget_cached(&self) {}
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.has_lock.load(Ordering::Relaxed) {
            self.disk.state.lock().locked.retain(|&number| number != self.number);
        }
    }
}

#[cfg(test)]
mod tests;
