//! Reading blobs: that the bytes are right, and that wrong ones never leave.

mod check;
mod damage;
mod fixture;
mod reads;
