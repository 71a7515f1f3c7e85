//! Canonical prefix codes: tables that decode them, and the code lengths that suit given
//! frequencies.

mod build;
mod decode;

pub(super) use build::{CodeBuilder, codewords};
pub(super) use decode::{Codeword, Table, sort_by_counting, table_size};
