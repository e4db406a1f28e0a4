//! Nothing: the count is in `count.rs`.
