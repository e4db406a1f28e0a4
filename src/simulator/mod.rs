//! The providers' side, for users, tests and `cadrelay dev`.

pub mod traffic;
