//! bcryptprimitives.dll for Wine 8, which has none; Rust's std takes its hash seeds from ProcessPrng.
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
#[link(name = "advapi32")]
unsafe extern "system" {
    fn SystemFunction036(p: *mut u8, n: u32) -> u8; // RtlGenRandom
}
#[unsafe(no_mangle)]
pub unsafe extern "system" fn ProcessPrng(mut p: *mut u8, mut n: usize) -> i32 {
    while n > 0 {
        let k = if n > 65536 { 65536 } else { n };
        if unsafe { SystemFunction036(p, k as u32) } == 0 {
            return 0;
        }
        p = p.wrapping_add(k);
        n -= k;
    }
    1
}
