//! Models beside the real parts: any interleaving of outcomes, crashes and restarts.

mod drain;
mod spool;
