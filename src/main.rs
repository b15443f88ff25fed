//! The command line of sockbench.

fn main() {}
