//! Reading blobs: that the bytes are right, and that wrong ones never leave.

mod change;
mod check;
mod damage;
mod fixture;
#[cfg(unix)] // the peers are
mod peers;
mod reads;
mod sealed;
mod solid;
