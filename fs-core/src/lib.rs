//! An image store as a read-only filesystem, on no platform in particular.
