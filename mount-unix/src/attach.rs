//! Putting a FUSE connection on a mountpoint, and taking it away.

use std::ffi::{CString, OsStr};
use std::fs::OpenOptions;
use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::io::Errno;
use rustix::mount::UnmountFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{getgid, getuid};

use crate::error::{Error, Result};
use crate::mountinfo::TYPE;
use crate::options::MountOptions;

/// The set-user-id program that mounts for ordinary users.
const HELPER: &str = "fusermount3";

/// Mounts on `mountpoint` (absolute) and returns the connection: by mount(2) where that
/// is permitted, otherwise by fusermount3.
pub(crate) fn attach(mountpoint: &Path, options: &MountOptions) -> Result<OwnedFd> {
    let device = open_device()?;
    // S_IFDIR is all the kernel needs to know of the root before it asks.
    let (fd, uid, gid) = (device.as_raw_fd(), getuid().as_raw(), getgid().as_raw());
    let data = format!("fd={fd},rootmode=40000,user_id={uid},group_id={gid},{}", options.kernel_options());
    let data = CString::new(data).expect("numbers and names hold no NUL");
    match rustix::mount::mount(&options.name, mountpoint, TYPE, options.flags(), data.as_c_str()) {
        Ok(()) => Ok(device),
        Err(Errno::PERM) => attach_by_helper(mountpoint, options),
        Err(error) => Err(Error::Refused { path: mountpoint.into(), source: error.into() }),
    }
}

fn open_device() -> Result<OwnedFd> {
    match OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        Ok(device) => Ok(device.into()),
        Err(error) => Err(match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => Error::NoFuse,
            _ => Error::Device(error),
        }),
    }
}

/// fusermount3 opens the device, mounts, and sends the device back over a socket: its standard
/// input, here.
fn attach_by_helper(mountpoint: &Path, options: &MountOptions) -> Result<OwnedFd> {
    let refused = |source| Error::Refused { path: mountpoint.into(), source };
    let (ours, theirs) = UnixStream::pair().map_err(refused)?;
    let mut child = Command::new(HELPER)
        .arg("-o")
        .arg(OsStr::from_bytes(&options.helper_options()))
        .arg("--")
        .arg(mountpoint)
        .env("_FUSE_COMMFD", "0")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| if error.kind() == io::ErrorKind::NotFound { Error::NoHelper } else { refused(error) })?;
    let device = receive_descriptor(&ours);
    let complaint = last_words(&mut child).map_err(refused)?;
    match device.map_err(refused)? {
        Some(device) => Ok(device),
        None => Err(Error::Helper(complaint)),
    }
}

/// The descriptor that arrives over `socket`; none if the other side closes it first.
fn receive_descriptor(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut iov = [IoSliceMut::new(&mut byte)];
    rustix::io::retry_on_intr(|| recvmsg(socket, &mut iov, &mut control, RecvFlags::CMSG_CLOEXEC))?;
    let mut descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptors.next())
}

/// The stderr of a helper that has ended.
fn last_words(child: &mut Child) -> io::Result<String> {
    let mut text = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        stderr.read_to_end(&mut text)?;
    }
    child.wait()?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.trim_end().to_owned())
}

/// Takes the uppermost mount on `mountpoint` (absolute) away. A `lazy` unmount succeeds also while
/// the mount is in use: new paths no longer lead to it, and it ends with its last user.
pub(crate) fn detach(mountpoint: &Path, lazy: bool) -> Result<()> {
    let flags = if lazy { UnmountFlags::DETACH | UnmountFlags::NOFOLLOW } else { UnmountFlags::NOFOLLOW };
    match rustix::mount::unmount(mountpoint, flags) {
        Ok(()) => Ok(()),
        Err(Errno::BUSY) => Err(Error::Busy(mountpoint.into())),
        Err(Errno::PERM) => detach_by_helper(mountpoint, lazy),
        Err(error) => Err(Error::Unmount { path: mountpoint.into(), source: error.into() }),
    }
}

fn detach_by_helper(mountpoint: &Path, lazy: bool) -> Result<()> {
    let mut command = Command::new(HELPER);
    command.arg("-u").args(lazy.then_some("-z")).arg("--").arg(mountpoint);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Unmount { path: mountpoint.into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    // The helper reports the reason as text only, that of strerror(3). It sets no locale, so the
    // text is English.
    Err(if complaint.contains("busy") { Error::Busy(mountpoint.into()) } else { Error::Helper(complaint) })
}
