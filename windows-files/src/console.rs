//! Ctrl-C, Ctrl-Break, and the window being closed.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

static ASKED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Windows ends the process when the handler of these returns: the window is closed, the user logs
/// off, the system shuts down.
const CLOSE: u32 = 2;

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn SetConsoleCtrlHandler(handler: unsafe extern "system" fn(u32) -> i32, add: i32) -> i32;
}

/// Called by Windows on a thread of its own.
unsafe extern "system" fn handle(event: u32) -> i32 {
    *ASKED.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
    ASKED.1.notify_all();
    if event >= CLOSE {
        thread::sleep(Duration::from_secs(4)); // meanwhile the program unmounts, and ends
    }
    1
}

/// Waits until the user wants the program to end.
///
/// # Errors
/// Windows takes no handler.
pub fn wait_for_ctrl_c() -> io::Result<()> {
    // SAFETY: the handler lives as long as the program, and may run on any thread.
    if unsafe { SetConsoleCtrlHandler(handle, 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut asked = ASKED.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !*asked {
        asked = ASKED.1.wait(asked).unwrap_or_else(PoisonError::into_inner);
    }
    Ok(())
}
