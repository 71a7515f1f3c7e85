//! The program `wimstore`: arguments, output, exit codes.
fn main() {}
