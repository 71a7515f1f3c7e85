//! Reading blobs: that the bytes are right, and that wrong ones never leave.

mod change;
mod check;
mod damage;
mod fixture;
mod reads;
mod solid;
