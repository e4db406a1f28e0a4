//! What the tests of several binaries share. Each uses a part of it.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub mod kafka;
pub mod load;
pub mod notification;
pub mod process;
pub mod relay;
pub mod tools;
pub mod waiting;
