//! What the commands that write archives share: options, sources, progress, and how they end.

mod options;
mod records;
mod run;
mod source;

pub(crate) use options::{Storing, Writing};
pub(crate) use run::{Done, run};
pub(crate) use source::{Contents, Images, archive, image_index};
