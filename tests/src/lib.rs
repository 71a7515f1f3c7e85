//! Tools of whole-program tests: the program under test, its output, folders to capture and to
//! compare, and mounts that always go away.

mod corpus;
mod foreground;
mod limited;
mod live;
mod mount;
mod mutants;
mod peak;
mod program;
mod said;
mod share;
mod small_store;
mod source;
mod stopped;
mod surroundings;
mod walk;
mod windows;

pub use corpus::corpus;
pub use foreground::Foreground;
pub use live::{LiveStore, one, read_anew};
pub use mount::{Mount, Unmounted, is_mounted, is_running};
pub use mutants::{Counts, Finding, compare};
pub use peak::peak_memory;
pub use program::{run, skipped, wimstore};
pub use said::{Said, answer, answer_bytes, say};
pub use share::Share;
pub use small_store::SmallStore;
pub use source::Source;
pub use stopped::{Stopped, waits_for_an_answer};
pub use surroundings::{in_namespace, on_terminal};
pub use testkit::{PATIENCE, eventually};
pub use walk::{Look, Node, Tree, assert_directory_links, assert_same, content, walk};
pub use windows::WindowsProgram;
