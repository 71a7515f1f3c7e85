//! Measures the open handles and the memory of this process.

use std::ffi::c_void;

type Raw = *mut c_void;

#[repr(C)]
#[derive(Default)]
struct Memory {
    size: u32,
    faults: u32,
    most_resident: usize,
    resident: usize,
    pools: [usize; 4],
    committed: usize,
    most_committed: usize,
}

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetCurrentProcess() -> Raw;
    fn GetCurrentProcessId() -> u32;
    fn K32GetProcessMemoryInfo(process: Raw, memory: *mut Memory, size: u32) -> i32;
    fn CreateEventW(security: Raw, manual: i32, initial: i32, name: *const u16) -> Raw;
    fn CloseHandle(handle: Raw) -> i32;
}

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtQuerySystemInformation(class: u32, buffer: *mut u64, len: u32, wanted: *mut u32) -> u32;
}

/// Open handles of this process: counted in the list of all, since Wine 8 does not tell their
/// number.
pub(crate) fn handles() -> u64 {
    const ALL_HANDLES: u32 = 64;
    const TOO_SMALL: u32 = 0xC000_0004;
    const ENTRY: usize = 5; // in words, as the head of two: object, process, handle and 16 bytes more
    let mut list = vec![0_u64; 1 << 15];
    loop {
        let mut wanted = 0;
        let len = (8 * list.len()) as u32;
        match unsafe { NtQuerySystemInformation(ALL_HANDLES, list.as_mut_ptr(), len, &mut wanted) } {
            0 => break,
            TOO_SMALL => list.resize(2 * list.len(), 0),
            status => panic!("the list of handles is not to be had: {status:#x}"),
        }
    }
    let all = list[2..].chunks_exact(ENTRY).take(list[0] as usize);
    let ours = u64::from(unsafe { GetCurrentProcessId() });
    all.filter(|entry| entry[1] == ours).count() as u64
}

/// Bytes in memory.
pub(crate) fn bytes() -> u64 {
    let mut memory = Memory { size: size_of::<Memory>() as u32, ..Memory::default() };
    assert_ne!(unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut memory, memory.size) }, 0);
    memory.resident as u64
}

/// Fails where nothing is measured.
pub(crate) fn check() {
    let (handles_before, bytes_before) = (handles(), bytes());
    let events: Vec<Raw> =
        (0..100).map(|_| unsafe { CreateEventW(std::ptr::null_mut(), 1, 0, std::ptr::null()) }).collect();
    let block = std::hint::black_box(vec![1_u8; 40 << 20]);
    let (handles_then, bytes_then) = (handles(), bytes());
    // Threads that end meanwhile close some.
    assert!(handles_then >= handles_before + 90, "{handles_before} handles, then {handles_then}");
    assert!(bytes_then >= bytes_before + (30 << 20), "{bytes_before} bytes, then {bytes_then}");
    drop(block);
    for event in events {
        assert_ne!(unsafe { CloseHandle(event) }, 0);
    }
}
