//! Computes how evenly subjects fall on partitions and replicas, by the hashes in use.
//!
//! A subject's events go to one partition (librdkafka's default: CRC-32 of the key, modulo the
//! number of partitions), and with a balancer that hashes, to one replica. The busiest place is the
//! first to fail.

/// The frequency of each subject.
#[derive(Clone, Copy)]
pub enum Popularity {
    /// Each as often as any other.
    Even,
    /// The n-th subject 1/n times as often as the first (Zipf).
    Skewed,
}

/// The hashes of so many subjects' keys.
pub fn hashes(subjects: usize) -> Vec<u32> {
    (0..subjects).map(|subject| crc32(&key(subject))).collect()
}

/// The share of the busiest place in all events, divided by an even share: 1 is perfect.
pub fn busiest(hashes: &[u32], popularity: Popularity, places: u32) -> f64 {
    let mut load = vec![0.0; places as usize];
    let mut all = 0.0;
    for (subject, hash) in hashes.iter().enumerate() {
        let weight = match popularity {
            Popularity::Even => 1.0,
            Popularity::Skewed => 1.0 / (subject + 1) as f64,
        };
        load[(hash % places) as usize] += weight;
        all += weight;
    }
    let most = load.iter().copied().fold(0.0, f64::max);
    most / (all / f64::from(places))
}

/// Makes a document's id as Onshape does: 24 hexadecimal digits that look random.
fn key(subject: usize) -> String {
    let mixed = super::queue::mix(subject as u64);
    format!("{mixed:016x}{:08x}", super::queue::mix(mixed) as u32)
}

/// CRC-32 (IEEE), as librdkafka's `consistent_random` computes it.
pub fn crc32(text: &str) -> u32 {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_one_that_the_client_uses() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(super::crc32("123456789"), 0xcbf4_3926);
    }
}
