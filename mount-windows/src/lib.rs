//! The store as a drive on Windows, through WinFsp.
//!
//! This crate will be the only one that names the `winfsp` crate and the only one with unsafe code; being linked with
//! it, it is GPL-3.0-only. It translates WinFsp's callbacks into questions to [`fs_core::Filesystem`] as `mount-unix`
//! does for FUSE. So far it holds nothing: the Windows drive is not built yet, and no other crate depends on this one.
