//! Entry point of a program, apart from crt.rs since a DLL has no `main`.
#![no_std]
#![allow(non_upper_case_globals, non_snake_case)]
type Init = Option<unsafe extern "C" fn()>;
unsafe extern "C" {
    fn main(argc: i32, argv: *const *const u8) -> i32; // made by rustc; std reads the command line itself
}
unsafe extern "system" {
    fn ExitProcess(code: u32) -> !;
}
#[unsafe(link_section = ".CRT$XCA")]
#[unsafe(no_mangle)]
static __xc_a: Init = None;
#[unsafe(link_section = ".CRT$XCZ")]
#[unsafe(no_mangle)]
static __xc_z: Init = None;
#[unsafe(no_mangle)]
unsafe extern "C" fn mainCRTStartup() -> ! {
    unsafe {
        let mut p = (&raw const __xc_a).wrapping_add(1);
        while p < &raw const __xc_z {
            if let Some(f) = p.read_volatile() {
                f();
            }
            p = p.wrapping_add(1);
        }
        ExitProcess(main(0, core::ptr::null()) as u32)
    }
}
