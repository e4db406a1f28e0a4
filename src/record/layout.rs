//! The layout of a record in memory and in the spool: one flat run of bytes.
//!
//! Lengths are little-endian: key (u16 length, bytes), number of headers (u8), each header
//! (u8 length, name, u16 length, value), then the value up to the end. One allocation a record, and
//! the drain lends its parts to the Kafka client without copying them.

/// The encoded record.
///
/// All of it is final except the sequence number, which is known only at commit: the record keeps a
/// place of 20 digits for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    bytes: Vec<u8>,
    sequence_at: Option<usize>,
}

impl Record {
    /// Begins a record. `capacity` is the expected size in bytes.
    pub fn builder(key: &str, capacity: usize) -> Builder {
        let mut bytes = Vec::with_capacity(capacity);
        push_u16_prefixed(&mut bytes, key.as_bytes());
        let count_at = bytes.len();
        bytes.push(0);
        Builder { bytes, count_at, sequence_at: None }
    }

    /// The encoded bytes, as the spool stores them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the sequence number into its place: 20 digits, so that text order is number order.
    pub fn stamp(&mut self, mut sequence: u64) {
        let Some(at) = self.sequence_at else { return };
        for digit in self.bytes[at..at + SEQUENCE_DIGITS].iter_mut().rev() {
            *digit = b'0' + (sequence % 10) as u8;
            sequence /= 10;
        }
    }

    /// The parts of this record.
    pub fn parts(&self) -> Parts<'_> {
        Parts::read(&self.bytes).expect("a record was built by its builder")
    }
}

/// A record under construction: headers first, then the value.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    count_at: usize,
    sequence_at: Option<usize>,
}

impl Builder {
    /// Adds a header. Values are cut at 65,535 bytes, names at 255; ours are far below both.
    pub fn header(&mut self, name: &str, value: &str) -> &mut Self {
        let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
        self.bytes.push(name.len() as u8);
        self.bytes.extend_from_slice(name);
        push_u16_prefixed(&mut self.bytes, value.as_bytes());
        self.bytes[self.count_at] += 1;
        self
    }

    /// Adds a header whose value is in two pieces.
    pub fn header_joined(&mut self, name: &str, (first, rest): (&str, &str)) -> &mut Self {
        self.header(name, first);
        let rest = &rest.as_bytes()[..rest.len().min(usize::from(u16::MAX) - first.len())];
        let length = (first.len() + rest.len()) as u16;
        let length_at = self.bytes.len() - first.len() - 2;
        self.bytes[length_at..length_at + 2].copy_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(rest);
        self
    }

    /// Adds a header, if there is a value.
    pub fn header_if(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.header(name, value);
        }
        self
    }

    /// Adds a header that will hold the sequence number.
    pub fn sequence_header(&mut self, name: &str) -> &mut Self {
        self.header(name, UNSTAMPED);
        self.sequence_at = Some(self.bytes.len() - SEQUENCE_DIGITS);
        self
    }

    /// Adds the place of the sequence number to the value: 20 digits, without quotes.
    pub fn sequence_in_value(&mut self) -> &mut Self {
        self.sequence_at = Some(self.bytes.len());
        self.bytes.extend_from_slice(UNSTAMPED.as_bytes());
        self
    }

    /// Ends the headers; what is written to the returned buffer is the value.
    pub fn value(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The finished record.
    pub fn finish(self) -> Record {
        Record { bytes: self.bytes, sequence_at: self.sequence_at }
    }
}

/// The parts of an encoded record, borrowed from its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parts<'a> {
    /// The Kafka key.
    pub key: &'a [u8],
    /// The encoded headers; see [`Parts::headers`].
    headers: &'a [u8],
    header_count: u8,
    /// The Kafka value.
    pub value: &'a [u8],
}

/// The bytes are not a record: a length points past their end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bytes are not a record")]
pub struct NotARecord;

impl<'a> Parts<'a> {
    /// Reads the parts of an encoded record.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotARecord> {
        let (key, rest) = split_u16_prefixed(bytes)?;
        let (&header_count, rest) = rest.split_first().ok_or(NotARecord)?;
        let mut value = rest;
        for _ in 0..header_count {
            let (_, after_name) = split_u8_prefixed(value)?;
            (_, value) = split_u16_prefixed(after_name)?;
        }
        let headers = &rest[..rest.len() - value.len()];
        Ok(Self { key, headers, header_count, value })
    }

    /// The headers in order: name and value.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.headers, left: self.header_count }
    }
}

/// Iterates over the headers of a record.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (name, after_name) = split_u8_prefixed(self.rest).ok()?;
        let (value, after_value) = split_u16_prefixed(after_name).ok()?;
        self.rest = after_value;
        Some((std::str::from_utf8(name).ok()?, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(usize::from(self.left)))
    }
}

/// The digits of the largest `u64`.
const SEQUENCE_DIGITS: usize = 20;
const UNSTAMPED: &str = "00000000000000000000";

fn push_u16_prefixed(bytes: &mut Vec<u8>, part: &[u8]) {
    let part = &part[..part.len().min(usize::from(u16::MAX))];
    bytes.extend_from_slice(&(part.len() as u16).to_le_bytes());
    bytes.extend_from_slice(part);
}

fn split_u8_prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), NotARecord> {
    let (&length, rest) = bytes.split_first().ok_or(NotARecord)?;
    rest.split_at_checked(usize::from(length)).ok_or(NotARecord)
}

fn split_u16_prefixed(bytes: &[u8]) -> Result<(&[u8], &[u8]), NotARecord> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(NotARecord)?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or(NotARecord)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stamp_fills_the_place_of_the_sequence() {
        let mut builder = Record::builder("key", 64);
        builder.header("a", "1").sequence_header("ce_sequence").header("b", "2");
        let mut record = builder.finish();

        record.stamp(u64::MAX);
        record.stamp(42);

        let headers: Vec<_> = record.parts().headers().collect();
        assert_eq!(headers[1], ("ce_sequence", &b"00000000000000000042"[..]));
        assert_eq!(headers[2], ("b", &b"2"[..]));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            key in ".{1,40}",
            headers in proptest::collection::vec(("[a-z_]{1,20}", ".{0,60}"), 0..14),
            value in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let mut builder = Record::builder(&key, 64);
            for (name, text) in &headers {
                builder.header(name, text);
            }
            builder.value().extend_from_slice(&value);
            let record = builder.finish();

            let parts = record.parts();
            prop_assert_eq!(parts.key, key.as_bytes());
            prop_assert_eq!(parts.value, &value[..]);
            let read: Vec<_> = parts
                .headers()
                .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
                .collect();
            prop_assert_eq!(read, headers);
        }

        #[test]
        fn arbitrary_bytes_are_a_record_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(parts) = Parts::read(&bytes) {
                let most = parts.headers().size_hint().1;
                prop_assert!(Some(parts.headers().count()) <= most);
            }
        }
    }
}
