//! Nothing answered 200 is lost and nothing is published twice, whatever breaks.
//!
//! Each scenario posts like the providers do, breaks something, and lets the [`oracle`] judge what
//! a consumer finds in the end. `CADRELAY_SURVIVAL_SEED` repeats a schedule. Each run leaves a line
//! of JSON in the file that `CADRELAY_SURVIVAL_LOG` names, `survival.jsonl` in the target's
//! temporary folder without it.

mod backlog;
mod broker;
mod brokers;
mod clock;
mod copies;
mod damage;
mod disk;
mod disks;
mod ends;
mod faults;
mod gaps;
mod kills;
mod large;
mod long;
mod models;
mod mutants;
mod oracle;
mod partitions;
mod power;
mod probes;
mod refusals;
mod reload;
mod repeats;
mod replays;
mod replicas;
mod spools;
mod strangers;
mod together;
mod upgrade;
