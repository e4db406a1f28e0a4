//! The names of the instance, which stays, and of each run.

use crate::spool::log::state::InstanceState;
use crate::spool::{Identity, Run};
use ring::rand::{SecureRandom, SystemRandom};

/// The instance's name and the runs that may have records here: each former run with a pending
/// record, and this one, with its number.
pub(super) fn identify(
    state: InstanceState,
    oldest_pending: Option<u64>,
    first: u64,
) -> (Identity, u64) {
    let instance = match state.instance.is_empty() {
        true => name_of_run(random_number()),
        false => state.instance,
    };
    let oldest_pending = oldest_pending.unwrap_or(first);
    let mut runs = state.runs;
    // A run ends where the next one begins.
    let over = runs.iter().skip(1).take_while(|next| next.first <= oldest_pending).count();
    runs.drain(..over);
    // A run that accepted nothing has the same first sequence as this one, which replaces it.
    runs.retain(|run| run.first != first);
    let number = random_number();
    runs.push(Run { name: name_of_run(number), first });
    (Identity { instance, runs }, number)
}

/// Twelve hex digits.
pub(super) fn name_of_run(number: u64) -> String {
    format!("{number:012x}")
}

/// Six random bytes, so that names are unique.
pub(super) fn random_number() -> u64 {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes[..6]).expect("the system gives random bytes");
    u64::from_le_bytes(bytes)
}
