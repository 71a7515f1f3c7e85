//! WinFsp's callbacks: each passes the request to the drive, and returns its answer.
//!
//! Windows may cache every answer without a time limit: [`notify`] reports changes. Writing is
//! refused in three layers: no DACL allows it, every callback that would change something reports a
//! write-protected medium, and files that are read-only in the image cannot be deleted anyway.
#![expect(unsafe_code, reason = "WinFsp's buffers, and calls of Windows")]

mod launcher;
mod load;
mod mounted;
mod notify;
mod service;

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::Arc;

use winfsp::filesystem::{
    DirInfo, DirMarker, FileInfo, FileSecurity, FileSystemContext, ModificationDescriptor, OpenFileInfo, StreamInfo,
    VolumeInfo, WideNameInfo,
};
use winfsp::{FspError, Result, U16CStr};

use crate::Status;
use crate::drive::{Drive, Info, Object};

pub use launcher::{register, unregister};
pub use mounted::{Error, Mounted, mount, mount_share};
pub use service::serve;

/// `FILE_DELETE_ON_CLOSE`.
const DELETE_ON_CLOSE: u32 = 0x1000;

/// The drive behind WinFsp's callbacks.
struct Front(Arc<Drive>);

impl From<Status> for FspError {
    fn from(Status(code): Status) -> Self {
        Self::NTSTATUS(code.cast_signed())
    }
}

/// The answer to every request that would write.
fn write_protected<T>() -> Result<T> {
    Err(Status::MEDIA_WRITE_PROTECTED.into())
}

impl FileSystemContext for Front {
    type FileContext = Object;

    fn get_security_by_name(
        &self,
        path: &U16CStr,
        descriptor: Option<&mut [c_void]>,
        find_link: impl FnOnce(&U16CStr) -> Option<FileSecurity>,
    ) -> Result<FileSecurity> {
        let object = match self.0.find(path.as_slice()) {
            Ok(found) => found.object,
            Err(status) => return find_link(path).ok_or(status.into()), // only a path that is not found can lead through a link
        };
        let attributes = self.0.info(object)?.attributes;
        let size = put(&self.0.security(object)?, descriptor)?;
        Ok(FileSecurity { reparse: false, sz_security_descriptor: size, attributes })
    }

    fn open(&self, path: &U16CStr, options: u32, _: u32, opened: &mut OpenFileInfo) -> Result<Object> {
        if options & DELETE_ON_CLOSE != 0 {
            return write_protected(); // no other callback follows, and the file would seem to be gone
        }
        let (found, info) = self.0.open(path.as_slice())?;
        fill(opened.as_mut(), &info);
        if 2 * found.path.len() <= usize::from(opened.normalized_name_size()) {
            opened.set_normalized_name(&found.path, None);
        }
        Ok(found.object)
    }

    fn close(&self, object: Object) {
        self.0.close(object);
    }

    fn read(&self, object: &Object, buffer: &mut [u8], offset: u64) -> Result<u32> {
        Ok(self.0.read(*object, offset, buffer)? as u32)
    }

    fn get_file_info(&self, object: &Object, out: &mut FileInfo) -> Result<()> {
        fill(out, &self.0.info(*object)?);
        Ok(())
    }

    fn flush(&self, object: Option<&Object>, out: &mut FileInfo) -> Result<()> {
        object.map_or(Ok(()), |object| self.get_file_info(object, out))
    }

    fn get_security(&self, object: &Object, descriptor: Option<&mut [c_void]>) -> Result<u64> {
        put(&self.0.security(*object)?, descriptor)
    }

    fn read_directory(
        &self,
        directory: &Object,
        _: Option<&U16CStr>,
        marker: DirMarker<'_>,
        buffer: &mut [u8],
    ) -> Result<u32> {
        let (mut used, mut is_full) = (0, false);
        self.0.list(*directory, marker.inner(), &mut |name, info| {
            is_full = !append(name, info, buffer, &mut used);
            if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if !is_full {
            DirInfo::<255>::finalize_buffer(buffer, &mut used);
        }
        Ok(used)
    }

    fn get_dir_info_by_name(&self, directory: &Object, name: &U16CStr, out: &mut DirInfo) -> Result<()> {
        let entry = self.0.entry(*directory, name.as_slice())?;
        fill(out.file_info_mut(), &entry.info);
        out.set_name_raw(&entry.name[..])
    }

    fn get_stream_info(&self, object: &Object, buffer: &mut [u8]) -> Result<u32> {
        let mut used = 0;
        for stream in self.0.streams(*object)? {
            let mut entry = StreamInfo::<255>::new();
            entry.stream_size = stream.size;
            entry.stream_alloc_size = stream.size.next_multiple_of(crate::drive::CLUSTER);
            entry.set_name_raw(&stream.name[..])?;
            if !entry.append_to_buffer(buffer, &mut used) {
                return Ok(used);
            }
        }
        StreamInfo::<255>::finalize_buffer(buffer, &mut used);
        Ok(used)
    }

    fn get_reparse_point_by_name(&self, path: &U16CStr, _: bool, buffer: &mut [u8]) -> Result<u64> {
        let found = self.0.find(path.as_slice())?;
        self.get_reparse_point(&found.object, path, buffer)
    }

    fn get_reparse_point(&self, object: &Object, _: &U16CStr, buffer: &mut [u8]) -> Result<u64> {
        let data = self.0.reparse_point(*object)?;
        buffer.get_mut(..data.len()).ok_or(Status::BUFFER_TOO_SMALL)?.copy_from_slice(&data);
        Ok(data.len() as u64)
    }

    fn get_volume_info(&self, out: &mut VolumeInfo) -> Result<()> {
        use std::os::windows::ffi::OsStringExt;
        let volume = self.0.volume();
        (out.total_size, out.free_size) = (volume.size, 0);
        out.set_volume_label(std::ffi::OsString::from_wide(&volume.label));
        Ok(())
    }

    fn create(
        &self,
        _: &U16CStr,
        _: u32,
        _: u32,
        _: u32,
        _: Option<&[c_void]>,
        _: u64,
        _: Option<&[u8]>,
        _: bool,
        _: &mut OpenFileInfo,
    ) -> Result<Object> {
        write_protected()
    }

    fn overwrite(&self, _: &Object, _: u32, _: bool, _: u64, _: Option<&[u8]>, _: &mut FileInfo) -> Result<()> {
        write_protected()
    }

    fn write(&self, _: &Object, _: &[u8], _: u64, _: bool, _: bool, _: &mut FileInfo) -> Result<u32> {
        write_protected()
    }

    fn set_basic_info(&self, _: &Object, _: u32, _: u64, _: u64, _: u64, _: u64, _: &mut FileInfo) -> Result<()> {
        write_protected()
    }

    fn set_file_size(&self, _: &Object, _: u64, _: bool, _: &mut FileInfo) -> Result<()> {
        write_protected()
    }

    fn set_delete(&self, _: &Object, _: &U16CStr, _: bool) -> Result<()> {
        write_protected()
    }

    fn rename(&self, _: &Object, _: &U16CStr, _: &U16CStr, _: bool) -> Result<()> {
        write_protected()
    }

    fn set_security(&self, _: &Object, _: u32, _: ModificationDescriptor) -> Result<()> {
        write_protected()
    }

    fn set_volume_label(&self, _: &U16CStr, _: &mut VolumeInfo) -> Result<()> {
        write_protected()
    }

    fn set_reparse_point(&self, _: &Object, _: &U16CStr, _: &[u8]) -> Result<()> {
        write_protected()
    }

    fn delete_reparse_point(&self, _: &Object, _: &U16CStr, _: &[u8]) -> Result<()> {
        write_protected()
    }
}

fn fill(out: &mut FileInfo, info: &Info) {
    let [created, accessed, written, changed] = info.times.map(|time| time.0);
    *out = FileInfo {
        file_attributes: info.attributes,
        reparse_tag: info.reparse_tag,
        allocation_size: info.allocation(),
        file_size: info.size,
        creation_time: created,
        last_access_time: accessed,
        last_write_time: written,
        change_time: changed,
        index_number: info.index,
        hard_links: 0, // WinFsp has none
        ea_size: 0,
    };
}

/// Adds an entry to a listing, unless `buffer` is full.
fn append(name: &[u16], info: &Info, buffer: &mut [u8], used: &mut u32) -> bool {
    let mut entry = DirInfo::<255>::new();
    fill(entry.file_info_mut(), info);
    entry.set_name_raw(name).is_ok() && entry.append_to_buffer(buffer, used)
}

/// Copies a descriptor into WinFsp's buffer, where there is one; returns its size.
fn put(descriptor: &[u8], out: Option<&mut [c_void]>) -> Result<u64> {
    if let Some(out) = out {
        if out.len() < descriptor.len() {
            return Err(Status::BUFFER_OVERFLOW.into());
        }
        // SAFETY: WinFsp's buffer is writable for `out.len()` bytes, which the line above compared,
        // and does not overlap `descriptor`.
        unsafe { out.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(descriptor.as_ptr(), descriptor.len()) };
    }
    Ok(descriptor.len() as u64)
}
