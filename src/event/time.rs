//! Times as senders write them, and as we write them.
