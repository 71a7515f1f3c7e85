//! A new archive: a temporary file next to the destination, which gets its name when it is durable
//! and was read back.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::HEADER_SIZE;
use wim::write::{HeaderBytes, XmlDocument};

use super::guid::{new_guid, random};
use super::verify::{verify, verify_header};
use super::{ArchiveWriter, Place, Summary};
use crate::blocks::Blocks;
use crate::disk::{Access, Disk, DiskFile, Existing};
use crate::options::usual_chunk_size;
use crate::pipeline::Target;
use crate::sink::Sink;
use crate::{Error, Options, Result};

/// The temporary file.
pub(super) struct Created {
    temporary: PathBuf,
    path: PathBuf,
    existing: Existing,
}

impl<'a> ArchiveWriter<'a> {
    /// Begins a new archive at `path`.
    ///
    /// # Errors
    /// [`Error::Exists`], and the disk's.
    pub fn create(disk: &'a dyn Disk, path: &Path, existing: Existing, options: Options<'a>) -> Result<Self> {
        let exists = disk.exists(path).map_err(Error::disk("looking for it", path))?;
        if exists && existing == Existing::Keep {
            return Err(Error::Exists { path: path.to_owned() });
        }
        let Options { compression, chunk_size, recompress, .. } = options;
        let chunk_size = if chunk_size == 0 { usual_chunk_size(compression) } else { chunk_size };
        let header = HeaderBytes::new(compression, chunk_size, new_guid()).map_err(Error::source(path))?;
        let (temporary, file) = create_temporary(disk, path).map_err(Error::disk("creating", path))?;
        let sink = Sink::new(file, path, HEADER_SIZE, Blocks::new(options.block_size));
        Ok(Self {
            disk,
            options,
            target: Target { compression, chunk_size, recompress },
            sink,
            header,
            place: Place::Created(Created { temporary, path: path.to_owned(), existing }),
            entries: Vec::new(),
            blobs: std::collections::HashMap::new(),
            images: Vec::new(),
            old_images: Vec::new(),
            xml: XmlDocument::default(),
            boot: 0,
            part: 1,
            summary: Summary::default(),
        })
    }

    /// Publishes a new archive.
    pub(super) fn finish_created(&mut self) -> Result<Summary> {
        let tail = self.write_tables(HEADER_SIZE, self.options.integrity)?;
        let Place::Created(created) = &self.place else { unreachable!("only called for new archives") };
        let Created { temporary, path, existing } = created;
        let file = self.sink.file();
        file.write_at(0, tail.header.as_bytes()).map_err(Error::disk("writing", path))?;
        file.sync_data().map_err(Error::disk("syncing", path))?;
        let file = self.disk.open(temporary, Access::Read).map_err(Error::disk("reading back", path))?;
        verify_header(&*file, path, &tail.header)?;
        verify(file, path, &tail, HEADER_SIZE, 0)?;
        let summary = Summary { size: tail.end, ..self.summary };
        self.sink.close(); // Windows renames no file that is open
        match self.disk.rename(temporary, path, *existing) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::Exists { path: path.clone() });
            }
            renamed => renamed.map_err(Error::disk("renaming", path))?,
        }
        let path = path.clone();
        self.place = Place::Done;
        let folder = path.parent().unwrap_or(Path::new(""));
        self.disk.sync_dir(folder).map_err(|source| Error::NotDurable { path, source })?;
        Ok(summary)
    }
}

impl Created {
    /// Removes the temporary file.
    pub(super) fn abandon(&self, disk: &dyn Disk) {
        if let Err(error) = disk.remove(&self.temporary) {
            tracing::warn!(file = %self.temporary.display(), %error, "the temporary file cannot be removed");
        }
    }
}

/// Creates a file that no other program has, in the folder of `path`.
fn create_temporary(disk: &dyn Disk, path: &Path) -> io::Result<(PathBuf, Arc<dyn DiskFile>)> {
    loop {
        let mut name = OsString::from("~");
        name.push(format!("{:016x}.tmp", random()));
        let temporary = path.with_file_name(name);
        match disk.create(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return Ok((temporary, created?)),
        }
    }
}
