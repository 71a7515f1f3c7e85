//! Requests of the I/O manager to the driver, and of the driver to the program.

use std::mem::size_of;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use winfsp_sys::*;

use super::*;

pub(crate) struct Reply(pub(crate) Vec<u8>);
impl Reply {
    pub(crate) fn status(&self) -> u32 {
        u32::from_le_bytes(self.0[20..24].try_into().unwrap())
    }
    pub(crate) fn information(&self) -> u32 {
        u32::from_le_bytes(self.0[16..20].try_into().unwrap())
    }
    pub(crate) fn rsp(&self) -> FSP_FSCTL_TRANSACT_RSP {
        unsafe { self.0.as_ptr().cast::<FSP_FSCTL_TRANSACT_RSP>().read_unaligned() }
    }
    pub(crate) fn buffer(&self, b: FSP_FSCTL_TRANSACT_BUF) -> &[u8] {
        let at = size_of::<FSP_FSCTL_TRANSACT_RSP>() + b.Offset as usize;
        &self.0[at..at + b.Size as usize]
    }
}
pub(super) fn call(kind: u32, tail: &[u8], fill: impl FnOnce(&mut FSP_FSCTL_TRANSACT_REQ)) -> Reply {
    let mut r: FSP_FSCTL_TRANSACT_REQ = unsafe { std::mem::zeroed() };
    let hint = NEXT.fetch_add(1, Ordering::SeqCst);
    r.Size = (size_of::<FSP_FSCTL_TRANSACT_REQ>() + tail.len()) as u16;
    r.Kind = kind;
    r.Hint = hint;
    fill(&mut r);
    let mut bytes = unsafe { std::slice::from_raw_parts((&raw const r).cast::<u8>(), size_of_val(&r)) }.to_vec();
    bytes.extend(tail);
    let mut st = state();
    st.queue.push_back(bytes);
    WAKE.notify_all();
    loop {
        if let Some(rsp) = st.done.as_mut().unwrap().remove(&hint) {
            return Reply(rsp);
        }
        let (s, t) = WAKE.wait_timeout(st, testkit::PATIENCE).unwrap_or_else(PoisonError::into_inner);
        assert!(!t.timed_out(), "no answer to request kind {kind}; {} requests wait", s.queue.len());
        st = s;
    }
}
fn token() -> u64 {
    static T: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let h = *T.get_or_init(|| unsafe {
        let (mut p, mut i) = (std::ptr::null_mut(), std::ptr::null_mut());
        assert_ne!(OpenProcessToken(GetCurrentProcess(), 0x2 | 0x8, &mut p), 0);
        assert_ne!(DuplicateToken(p, 2, &mut i), 0);
        i as usize
    });
    (u64::from(unsafe { GetCurrentProcessId() }) << 32) | h as u64
}
pub(crate) struct Open {
    pub(crate) c1: u64,
    pub(crate) c2: u64,
    pub(crate) name: Units,
    pub(crate) info: FSP_FSCTL_FILE_INFO,
    pub(crate) granted: u32,
}
/// A name or path in UTF-16 units, which need not be text.
pub(crate) type Units = Vec<u16>;
pub(crate) fn units(text: &str) -> Units {
    text.encode_utf16().collect()
}
/// Anything that can be a name or path.
pub(crate) trait Named {
    fn to_units(&self) -> Units;
}
impl Named for str {
    fn to_units(&self) -> Units {
        units(self)
    }
}
impl Named for String {
    fn to_units(&self) -> Units {
        units(self)
    }
}
impl Named for [u16] {
    fn to_units(&self) -> Units {
        self.to_vec()
    }
}
impl Named for Units {
    fn to_units(&self) -> Units {
        self.clone()
    }
}
/// As the driver sends it: terminated by a zero.
pub(super) fn tail_of(name: &(impl Named + ?Sized)) -> Vec<u8> {
    name.to_units().into_iter().chain([0]).flat_map(u16::to_le_bytes).collect()
}
pub(crate) fn units_of(bytes: &[u8]) -> Units {
    bytes.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect()
}
pub(crate) const READ: u32 = 0x0012_0089;
pub(crate) const REPARSE: u32 = 0x104;
/// The request for NtCreateFile as the I/O manager sends it; disposition 1 is FILE_OPEN.
pub(crate) fn create(path: &(impl Named + ?Sized), disposition: u32, options: u32, access: u32) -> Result<Open, Reply> {
    create_as(path, disposition, options, access, true)
}
pub(crate) fn create_as(
    path: &(impl Named + ?Sized),
    disposition: u32,
    options: u32,
    access: u32,
    user: bool,
) -> Result<Open, Reply> {
    let tail = tail_of(path);
    let colon = path.to_units().iter().position(|&c| c == u16::from(b':')).unwrap_or(0) as u16 * 2;
    let r = call(1, &tail, |r| {
        r.FileName.Size = tail.len() as u16;
        let c = unsafe { &mut r.Req.Create };
        c.CreateOptions = (disposition << 24) | options;
        c.AccessToken = token();
        c.DesiredAccess = access;
        c.ShareAccess = 7;
        c.set_UserMode(u32::from(user));
        c.set_HasTraversePrivilege(1);
        c.set_AcceptsSecurityDescriptor(1);
        c.NamedStream = colon;
    });
    if r.status() != 0 {
        return Err(r);
    }
    let o = unsafe { r.rsp().Rsp.Create.Opened };
    Ok(Open {
        c1: o.UserContext,
        c2: o.UserContext2,
        name: units_of(r.buffer(o.FileName)),
        info: o.FileInfo,
        granted: o.GrantedAccess,
    })
}
pub(crate) fn open(path: &(impl Named + ?Sized)) -> Result<Open, Reply> {
    create(path, 1, 0, READ)
}
/// A listing: names and their attributes.
pub(crate) type Entries = Vec<(Units, FSP_FSCTL_FILE_INFO)>;
fn entries(buf: &[u8]) -> (Entries, bool) {
    let (mut at, mut out) = (0, vec![]);
    while at + 2 <= buf.len() {
        let size = u16::from_le_bytes([buf[at], buf[at + 1]]) as usize;
        if size == 0 {
            return (out, true); // the end mark
        }
        let info = unsafe { buf[at + 8..].as_ptr().cast::<FSP_FSCTL_FILE_INFO>().read_unaligned() };
        out.push((units_of(&buf[at + 104..at + size]), info));
        at += size.next_multiple_of(8);
    }
    (out, false)
}
macro_rules! ctx {
    ($r:ident, $f:ident, $o:expr) => {{
        let c = unsafe { &mut $r.Req.$f };
        c.UserContext = $o.c1;
        c.UserContext2 = $o.c2;
        c
    }};
}
impl Open {
    pub(crate) fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, u32> {
        let mut buf = vec![0u8; len as usize];
        let r = call(5, &[], |r| {
            let c = ctx!(r, Read, self);
            c.Address = buf.as_mut_ptr() as u64;
            c.Offset = offset;
            c.Length = len;
        });
        if r.status() != 0 {
            return Err(r.status());
        }
        buf.truncate(r.information() as usize);
        Ok(buf)
    }
    pub(crate) fn info(&self) -> FSP_FSCTL_FILE_INFO {
        let r = call(7, &[], |r| {
            ctx!(r, QueryInformation, self);
        });
        assert_eq!(r.status(), 0);
        unsafe { r.rsp().Rsp.QueryInformation.FileInfo }
    }
    /// One buffer of directory entries after `marker`; the flag is set if the end was reached.
    pub(crate) fn list_once(&self, marker: Option<&Units>, len: u32) -> (Entries, bool) {
        let mut buf = vec![0u8; len as usize];
        let r = self.query_directory(marker, &mut buf);
        assert_eq!(r.status(), 0);
        entries(&buf[..r.information() as usize])
    }
    fn query_directory(&self, marker: Option<&Units>, buf: &mut [u8]) -> Reply {
        let tail = marker.map(tail_of).unwrap_or_default();
        call(14, &tail, |r| {
            let c = ctx!(r, QueryDirectory, self);
            c.Address = buf.as_mut_ptr() as u64;
            c.Length = buf.len() as u32;
            c.Marker = FSP_FSCTL_TRANSACT_BUF { Offset: 0, Size: tail.len() as u16 };
        })
    }
    /// The request for FindFirstFile with a plain name.
    pub(crate) fn find(&self, name: &(impl Named + ?Sized)) -> Vec<Units> {
        let mut buf = vec![0u8; 2048];
        let tail = tail_of(name);
        let r = call(14, &tail, |r| {
            let c = ctx!(r, QueryDirectory, self);
            c.Address = buf.as_mut_ptr() as u64;
            c.Length = 2048;
            c.Pattern = FSP_FSCTL_TRANSACT_BUF { Offset: 0, Size: tail.len() as u16 };
            c.set_PatternIsFileName(1);
        });
        assert_eq!(r.status(), 0);
        entries(&buf[..r.information() as usize]).0.into_iter().map(|e| e.0).collect()
    }
    pub(crate) fn write(&self) -> u32 {
        let buf = [0u8; 4];
        call(6, &[], |r| {
            let c = ctx!(r, Write, self);
            c.Address = buf.as_ptr() as u64;
            c.Length = 4;
        })
        .status()
    }
    pub(crate) fn list(&self, len: u32) -> Vec<String> {
        self.list_with_info(len).into_iter().map(|(name, _)| String::from_utf16_lossy(&name)).collect()
    }
    /// All entries, fetched by buffers of `len` bytes.
    pub(crate) fn list_with_info(&self, len: u32) -> Entries {
        let mut all: Entries = vec![];
        loop {
            let (some, end) = self.list_once(all.last().map(|e| &e.0), len);
            assert!(end || !some.is_empty(), "a buffer without an entry");
            all.extend(some);
            if end {
                return all;
            }
        }
    }
    /// How the first buffer of entries is answered.
    pub(crate) fn list_status(&self) -> u32 {
        self.query_directory(None, &mut [0; 4096]).status()
    }
    pub(crate) fn security(&self) -> Vec<u8> {
        let r = call(19, &[], |r| {
            ctx!(r, QuerySecurity, self);
        });
        assert_eq!(r.status(), 0);
        r.buffer(unsafe { r.rsp().Rsp.QuerySecurity.SecurityDescriptor }).to_vec()
    }
    pub(crate) fn streams(&self) -> Vec<(Units, u64)> {
        let r = call(21, &[], |r| {
            ctx!(r, QueryStreamInformation, self);
        });
        assert_eq!(r.status(), 0);
        let buf = r.buffer(unsafe { r.rsp().Rsp.QueryStreamInformation.Buffer });
        let (mut at, mut out) = (0, vec![]);
        while at + 2 <= buf.len() {
            let size = u16::from_le_bytes([buf[at], buf[at + 1]]) as usize;
            if size == 0 {
                break;
            }
            let n = u64::from_le_bytes(buf[at + 8..at + 16].try_into().unwrap());
            out.push((units_of(&buf[at + 24..at + size]), n));
            at += size.next_multiple_of(8);
        }
        out
    }
    pub(crate) fn reparse(&self, path: &(impl Named + ?Sized)) -> Result<Vec<u8>, u32> {
        let tail = tail_of(path);
        let r = call(15, &tail, |r| {
            r.FileName.Size = tail.len() as u16;
            ctx!(r, FileSystemControl, self).FsControlCode = 0x0009_00A8; // FSCTL_GET_REPARSE_POINT
        });
        if r.status() != 0 {
            return Err(r.status());
        }
        Ok(r.buffer(unsafe { r.rsp().Rsp.FileSystemControl.Buffer }).to_vec())
    }
}
impl Drop for Open {
    fn drop(&mut self) {
        call(3, &[], |r| {
            ctx!(r, Cleanup, self);
        });
        call(4, &[], |r| {
            ctx!(r, Close, self);
        });
    }
}
pub(crate) fn volume() -> FSP_FSCTL_VOLUME_INFO {
    let r = call(12, &[], |_| {});
    assert_eq!(r.status(), 0);
    unsafe { r.rsp().Rsp.QueryVolumeInformation.VolumeInfo }
}

/// Where an answer says that a path leads by a link, as WinFsp has put it together.
pub(crate) fn reparsed_to(reply: &Reply) -> String {
    let data = reply.buffer(unsafe { reply.rsp().Rsp.Create.Reparse.Buffer });
    symlink_target(data)
}
/// The target in the buffer of a symbolic link.
pub(crate) fn symlink_target(data: &[u8]) -> String {
    let half = |at: usize| usize::from(u16::from_le_bytes([data[at], data[at + 1]]));
    String::from_utf16(&units_of(&data[20 + half(8)..][..half(10)])).unwrap()
}
