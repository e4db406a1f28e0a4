//! The `cadrelay` binary.

fn main() {}
