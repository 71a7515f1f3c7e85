//! What whole-program tests share: the program under test, and mounts that always go away.

mod mount;
mod program;

pub use mount::{Mount, eventually, is_mounted, is_running};
pub use program::{run, wimstore};
