//! Writes WIM files byte by byte for tests.
