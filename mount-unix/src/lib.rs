//! The store as a FUSE mount: translate, ask, reply.
