//! What whole-program tests share: the program under test, and mounts that always go away.

mod foreground;
mod mount;
mod program;

pub use foreground::Foreground;
pub use mount::{Mount, eventually, is_mounted, is_running};
pub use program::{run, wimstore};
