//! What the commands that write archives share: options, sources, progress, and how they end.

mod options;
mod records;
mod run;
mod source;

pub(crate) use options::{Storing, Writing, parse_level};
pub(crate) use run::{Done, run, watched};
pub(crate) use source::{Contents, Images, archive, image_index};
