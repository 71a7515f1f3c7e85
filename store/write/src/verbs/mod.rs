//! What users do with whole archives.

mod export;
mod join;
mod rebuild;
mod set;
mod split;

pub use export::{Destination, export};
pub use join::join;
pub use rebuild::{Rebuild, rebuild};
pub use set::{ImageSettings, Settings, set};
pub use split::split;
