//! The pieces of Microsoft's static C runtime that Rust programs need: TLS directory, stack probe,
//! delay-load helper. The rest is imported from vcruntime140.dll and ucrtbase.dll.
#![no_std]
#![allow(non_upper_case_globals, non_snake_case)]
use core::ffi::c_void;
unsafe extern "C" {
    static __ImageBase: u8; // made by the linker
}
unsafe extern "system" {
    fn LoadLibraryA(name: *const u8) -> *mut c_void;
    fn GetProcAddress(module: *mut c_void, name: *const u8) -> *mut c_void;
    fn RaiseException(code: u32, flags: u32, n: u32, args: *const usize);
}
#[unsafe(no_mangle)]
static _fltused: i32 = 0x9875;
/// Heads the type descriptor of Rust's panic payload; only its address counts.
#[unsafe(export_name = "\x01??_7type_info@@6B@")]
static TYPE_INFO: [usize; 2] = [0, 0];
type Callback = Option<unsafe extern "C" fn()>;
#[unsafe(no_mangle)]
static mut _tls_index: u32 = 0;
#[unsafe(link_section = ".tls")]
#[unsafe(no_mangle)]
static mut _tls_start: u8 = 0;
#[unsafe(link_section = ".tls$ZZZ")]
#[unsafe(no_mangle)]
static mut _tls_end: u8 = 0;
#[unsafe(link_section = ".CRT$XLA")]
#[unsafe(no_mangle)]
static __xl_a: Callback = None;
#[unsafe(link_section = ".CRT$XLZ")]
#[unsafe(no_mangle)]
static __xl_z: Callback = None;
#[repr(C)]
struct TlsDirectory(*const u8, *const u8, *const u32, *const Callback, u32, u32);
unsafe impl Sync for TlsDirectory {}
#[unsafe(link_section = ".rdata$T")]
#[unsafe(no_mangle)]
static _tls_used: TlsDirectory = TlsDirectory(
    &raw const _tls_start,
    &raw const _tls_end,
    &raw const _tls_index,
    (&raw const __xl_a).wrapping_add(1),
    0,
    0,
);
#[unsafe(no_mangle)]
extern "system" fn _DllMainCRTStartup(_: *mut c_void, _: u32, _: *mut c_void) -> i32 {
    1
}
// rax: size of the frame; touch every page of it, keep all registers
core::arch::global_asm!(
    ".globl __chkstk",
    "__chkstk:",
    "push rcx",
    "push rax",
    "lea rcx, [rsp + 24]",
    "2: cmp rax, 4096",
    "jb 3f",
    "sub rcx, 4096",
    "or qword ptr [rcx], 0",
    "sub rax, 4096",
    "jmp 2b",
    "3: sub rcx, rax",
    "or qword ptr [rcx], 0",
    "pop rax",
    "pop rcx",
    "ret",
    ".section .drectve,\"yn\"",
    ".ascii \" /DEFAULTLIB:kernel32 \"",
    ".text",
);
#[repr(C)]
pub struct Delayed {
    attributes: u32,
    dll: u32,
    module: u32,
    slots: u32,
    names: u32,
    more: [u32; 3],
}
/// Called by lld-link's thunk at the first use of a function of a delay-loaded DLL.
#[unsafe(no_mangle)]
unsafe extern "C" fn __delayLoadHelper2(d: *const Delayed, slot: *mut *mut c_void) -> *mut c_void {
    unsafe {
        let base = &raw const __ImageBase;
        let at = |rva: u32| base.wrapping_add(rva as usize);
        let module = at((*d).module).cast::<*mut c_void>().cast_mut();
        let nth = (slot as usize - at((*d).slots) as usize) / 8;
        let name = at((*d).names).cast::<usize>().wrapping_add(nth).read();
        if (*module).is_null() {
            *module = LoadLibraryA(at((*d).dll));
        }
        let mut f = core::ptr::null_mut();
        if !(*module).is_null() {
            f = GetProcAddress(
                *module,
                if name >> 63 != 0 { (name & 0xffff) as *const u8 } else { base.wrapping_add(name + 2) },
            );
        }
        if f.is_null() {
            // the codes that Windows programs expect: no such module, no such procedure
            RaiseException(if (*module).is_null() { 0xC06D_007E } else { 0xC06D_007F }, 0, 0, core::ptr::null());
        }
        *slot = f;
        f
    }
}
