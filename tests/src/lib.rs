//! What whole-program tests share: the program under test, what it says, folders to capture and to compare, and mounts
//! that always go away.

mod foreground;
mod mount;
mod program;
mod said;
pub mod sample;
mod tree;

pub use foreground::Foreground;
pub use mount::{Mount, eventually, is_mounted, is_running};
pub use program::{run, wimstore};
pub use said::{Said, answer, say};
pub use tree::{Content, Facts, assert_same_tree, tree};
