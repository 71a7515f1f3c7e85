//! A stand-in for WinFsp's kernel driver, inside the test's process.
//!
//! WinFsp's own DLL is loaded; its imports of `CreateFileW` and `DeviceIoControl` are pointed here,
//! so that its dispatcher's threads take their requests from a queue of ours. All that lies between
//! the driver's wire format and our callbacks (access check, walk through links, disposition,
//! packing of buffers) is WinFsp's own code. What the driver itself does (validity of names, share
//! modes, caches, patterns) is not here.

mod requests;
mod writes;

pub(crate) use requests::*;

use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use winfsp_sys::*;

type Raw = *mut c_void;
#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn LoadLibraryW(name: *const u16) -> Raw;
    fn GetModuleHandleW(name: *const u16) -> Raw;
    fn GetProcAddress(module: Raw, name: *const u8) -> Raw;
    fn VirtualProtect(p: Raw, n: usize, prot: u32, old: *mut u32) -> i32;
    fn CreateEventW(sa: Raw, manual: i32, initial: i32, name: *const u16) -> Raw;
    fn SetLastError(e: u32);
    fn GetCurrentProcess() -> Raw;
    fn GetCurrentProcessId() -> u32;
}
#[link(name = "advapi32", kind = "raw-dylib")]
unsafe extern "system" {
    fn OpenProcessToken(p: Raw, access: u32, out: *mut Raw) -> i32;
    fn DuplicateToken(t: Raw, level: i32, out: *mut Raw) -> i32;
    fn RegSetKeyValueW(key: Raw, sub: *const u16, name: *const u16, ty: u32, data: *const c_void, n: u32) -> i32;
}
fn wide(s: &str) -> Vec<u16> {
    s.encode_utf16().chain([0]).collect()
}

static VOLUME: AtomicUsize = AtomicUsize::new(0);
static REAL_CREATE: AtomicUsize = AtomicUsize::new(0);
static REAL_IOCTL: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicU64 = AtomicU64::new(1);
#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    done: Option<HashMap<u64, Vec<u8>>>,
    stopped: bool,
    params: Vec<u8>,
    /// Notifications: the bytes of each `FSP_FSCTL_NOTIFY_INFO`.
    notified: Vec<Vec<u8>>,
}
static STATE: Mutex<State> =
    Mutex::new(State { queue: VecDeque::new(), done: None, stopped: false, params: Vec::new(), notified: Vec::new() });
static WAKE: Condvar = Condvar::new();

/// A thread that waited in vain has panicked; the others continue.
fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "system" fn create_file(
    name: *const u16,
    access: u32,
    share: u32,
    sa: Raw,
    disp: u32,
    flags: u32,
    template: Raw,
) -> Raw {
    let n = (0..).take_while(|&i| unsafe { *name.add(i) } != 0).count();
    let name16 = unsafe { std::slice::from_raw_parts(name, n) };
    let prefix: Vec<u16> = r"\\?\GLOBALROOT\Device\WinFsp.".encode_utf16().collect();
    if name16.starts_with(&prefix) {
        let mut st = state();
        // volume parameters travel as U+F000 + byte
        st.params = name16.iter().filter(|&&c| c & 0xFF00 == 0xF000).map(|&c| c as u8).collect();
        st.stopped = false;
        st.notified.clear();
        st.done = Some(HashMap::new());
        let h = unsafe { CreateEventW(std::ptr::null_mut(), 1, 0, std::ptr::null()) };
        VOLUME.store(h as usize, Ordering::SeqCst);
        return h;
    }
    let f: unsafe extern "system" fn(*const u16, u32, u32, Raw, u32, u32, Raw) -> Raw =
        unsafe { std::mem::transmute(REAL_CREATE.load(Ordering::SeqCst)) };
    unsafe { f(name, access, share, sa, disp, flags, template) }
}
const METHOD_NEITHER: u32 = 3;
const fn code(device: u32, function: u8) -> u32 {
    (device << 16) | ((0x800 + function as u32) << 2)
}
unsafe extern "system" fn ioctl(
    h: Raw,
    ctl: u32,
    inp: *const u8,
    in_len: u32,
    out: *mut u8,
    out_len: u32,
    got: *mut u32,
    ov: Raw,
) -> i32 {
    if h as usize != VOLUME.load(Ordering::SeqCst) {
        let f: unsafe extern "system" fn(Raw, u32, *const u8, u32, *mut u8, u32, *mut u32, Raw) -> i32 =
            unsafe { std::mem::transmute(REAL_IOCTL.load(Ordering::SeqCst)) };
        return unsafe { f(h, ctl, inp, in_len, out, out_len, got, ov) };
    }
    let put = |bytes: &[u8]| unsafe {
        out.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        *got = bytes.len() as u32;
        1
    };
    const FS: u32 = 9;
    const IOCTL: u32 = 0x8000 | ((b'F' as u32) << 8) | b'W' as u32;
    match ctl {
        c if c == code(FS, b'N') => {
            let name: Vec<u8> = wide(r"\Device\Volume{standin}").iter().flat_map(|u| u.to_le_bytes()).collect();
            put(&name)
        }
        c if c == code(FS, b'T') || c == code(IOCTL, b'T') => {
            let mut st = state();
            if in_len as usize >= size_of::<FSP_FSCTL_TRANSACT_RSP>() {
                let rsp = unsafe { std::slice::from_raw_parts(inp, in_len as usize) }.to_vec();
                let hint = u64::from_le_bytes(rsp[8..16].try_into().unwrap());
                st.done.as_mut().unwrap().insert(hint, rsp);
                WAKE.notify_all();
            }
            if out_len == 0 {
                unsafe { *got = 0 };
                return 1;
            }
            loop {
                if st.stopped {
                    unsafe { SetLastError(1223) }; // ERROR_CANCELLED
                    return 0;
                }
                if let Some(req) = st.queue.pop_front() {
                    return put(&req);
                }
                st = WAKE.wait(st).unwrap_or_else(PoisonError::into_inner);
            }
        }
        c if c == code(FS, b's') || c == code(FS, b'S') => {
            state().stopped = true;
            WAKE.notify_all();
            unsafe { *got = 0 };
            1
        }
        // Without bytes it is the beginning, with a size of 0 in them the end.
        c if c == code(FS, b'n') | METHOD_NEITHER => {
            if in_len as usize > size_of::<FSP_FSCTL_NOTIFY_INFO>() {
                let info = unsafe { std::slice::from_raw_parts(inp, in_len as usize) }.to_vec();
                state().notified.push(info);
            }
            unsafe { *got = 0 };
            1
        }
        _ => {
            unsafe { SetLastError(50) }; // ERROR_NOT_SUPPORTED
            0
        }
    }
}
/// There is one driver: a test that has this has it for itself, and the DLL's import slots point at
/// us.
pub(crate) fn driver() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    install();
    alone
}

/// Points the DLL's import slots at us.
fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| unsafe {
        let ntdll = GetModuleHandleW(wide("ntdll.dll").as_ptr());
        assert!(
            !GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast()).is_null(),
            "changes the registry: only for Wine"
        );
        // In a container the DLL does not start the driver's service.
        let one = 1u32;
        let r = RegSetKeyValueW(
            0x8000_0002usize as Raw,
            wide(r"SYSTEM\CurrentControlSet\Control").as_ptr(),
            wide("ContainerType").as_ptr(),
            4,
            (&raw const one).cast(),
            4,
        );
        assert_eq!(r, 0);
        let base = LoadLibraryW(wide("winfsp-x64.dll").as_ptr()) as *const u8;
        assert!(!base.is_null(), "winfsp-x64.dll is not in WINEPATH");
        let u32at = |o: usize| base.add(o).cast::<u32>().read_unaligned() as usize;
        let dir = u32at(u32at(0x3C) + 24 + 112 + 8); // import directory
        let mut patched = 0;
        let mut d = dir;
        while u32at(d + 12) != 0 {
            let (names, slots) = (u32at(d), u32at(d + 16));
            for i in 0.. {
                let rva = base.add(names + i * 8).cast::<u64>().read_unaligned();
                if rva == 0 {
                    break;
                }
                if rva >> 63 != 0 {
                    continue;
                }
                let name = std::ffi::CStr::from_ptr(base.add(rva as usize + 2).cast());
                let (keep, new) = match name.to_bytes() {
                    b"CreateFileW" => (&REAL_CREATE, create_file as *const () as usize),
                    b"DeviceIoControl" => (&REAL_IOCTL, ioctl as *const () as usize),
                    _ => continue,
                };
                let slot = base.add(slots + i * 8).cast::<usize>().cast_mut();
                let mut old = 0;
                assert_ne!(VirtualProtect(slot.cast(), 8, 4, &mut old), 0);
                keep.store(slot.read(), Ordering::SeqCst);
                slot.write(new);
                VirtualProtect(slot.cast(), 8, old, &mut old);
                patched += 1;
            }
            d += 20;
        }
        assert_eq!(patched, 2);
    });
}
/// The volume's parameters, as WinFsp handed them to the driver.
pub(crate) fn params() -> Vec<u8> {
    state().params.clone()
}
/// The notifications to the driver: paths and `FILE_ACTION_*`.
pub(crate) fn notified() -> Vec<(Units, u32)> {
    let word = |info: &[u8], at: usize| u32::from_le_bytes(info[at..][..4].try_into().unwrap());
    let state = state();
    state.notified.iter().map(|info| (units_of(&info[12..word(info, 0) as usize & 0xFFFF]), word(info, 8))).collect()
}
