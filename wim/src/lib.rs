//! The WIM file format: bytes in, values out.

pub mod codec;
