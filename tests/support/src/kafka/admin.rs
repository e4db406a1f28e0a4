//! Three requests of Kafka's admin protocol that the crate has no call for: who leads the quorum, a
//! reassignment of partitions, an election of preferred leaders.
//!
//! Any broker takes them and passes them to the controller. Each is one connection, one request, one
//! answer; what is not answered in time, or is refused, gives nothing, and the caller asks again.

use std::{collections::BTreeMap, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The node that leads the quorum of controllers: DescribeQuorum, version 0.
pub async fn quorum_leader(brokers: &[String]) -> Option<i32> {
    let mut body = Writer::default();
    body.length(1).text("__cluster_metadata").length(1).int(0).tags().tags().tags();
    let mut answer = ask(brokers, DESCRIBE_QUORUM, 0, &body).await?;
    if answer.short()? != 0 || answer.length()? != 1 {
        return None;
    }
    answer.text()?;
    answer.length()?;
    let (_partition, error) = (answer.int()?, answer.short()?);
    (error == 0).then(|| answer.int())?
}

/// Gives partitions other replicas: AlterPartitionReassignments, version 0.
pub async fn reassign(
    brokers: &[String],
    wanted: &BTreeMap<(String, i32), Vec<i32>>,
) -> Option<()> {
    let mut body = Writer::default();
    body.int(MILLISECONDS).length(wanted.len());
    for ((topic, partition), replicas) in wanted {
        body.text(topic).length(1).int(*partition).length(replicas.len());
        for replica in replicas {
            body.int(*replica);
        }
        body.tags().tags();
    }
    body.tags();
    let mut answer = ask(brokers, ALTER_PARTITION_REASSIGNMENTS, 0, &body).await?;
    let (_throttle, error) = (answer.int()?, answer.short()?);
    (error == 0).then_some(())
}

/// Gives all partitions back to their preferred leaders: ElectLeaders, version 2.
pub async fn elect_preferred(brokers: &[String]) -> Option<()> {
    let mut body = Writer::default();
    body.byte(PREFERRED).byte(ALL).int(MILLISECONDS).tags();
    let mut answer = ask(brokers, ELECT_LEADERS, 2, &body).await?;
    let (_throttle, error) = (answer.int()?, answer.short()?);
    (error == 0).then_some(())
}

async fn ask(brokers: &[String], api: i16, version: i16, body: &Writer) -> Option<Reader> {
    for broker in brokers {
        if let Ok(Ok(answer)) = timeout(ANSWER, exchange(broker, api, version, body)).await {
            return Some(answer);
        }
    }
    None
}

async fn exchange(broker: &str, api: i16, version: i16, body: &Writer) -> std::io::Result<Reader> {
    let mut request = Writer::default();
    // The correlation id is 1, and the client has no name.
    request.short(api).short(version).int(1).short(-1).tags();
    request.0.extend_from_slice(&body.0);
    let mut connection = TcpStream::connect(broker).await?;
    connection.write_i32(i32::try_from(request.0.len()).expect("a small request")).await?;
    connection.write_all(&request.0).await?;
    let length = connection.read_i32().await?;
    let mut bytes = vec![0; usize::try_from(length).expect("a length")];
    connection.read_exact(&mut bytes).await?;
    // The correlation id and no tags.
    Ok(Reader { bytes, next: 5 })
}

/// A request in the protocol's compact form.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    fn short(&mut self, value: i16) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn int(&mut self, value: i32) -> &mut Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Writes the number of elements that follow: one more than there are, seven bits a byte.
    fn length(&mut self, elements: usize) -> &mut Self {
        let mut rest = elements + 1;
        while rest >= 0x80 {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.byte(rest as u8)
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The end of a structure: no tagged fields.
    fn tags(&mut self) -> &mut Self {
        self.byte(0)
    }
}

/// An answer in the same form. Each method gives nothing past the end.
struct Reader {
    bytes: Vec<u8>,
    next: usize,
}

impl Reader {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.next..self.next + N)?.try_into().ok()?;
        self.next += N;
        Some(taken)
    }

    fn short(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }

    fn int(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    /// Of a short list or text: what has more than 126 elements is none of ours.
    fn length(&mut self) -> Option<usize> {
        let [length] = self.take()?;
        usize::from(length).checked_sub(1).filter(|_| length < 0x80)
    }

    fn text(&mut self) -> Option<()> {
        self.next += self.length()?;
        Some(())
    }
}

const ELECT_LEADERS: i16 = 43;
const ALTER_PARTITION_REASSIGNMENTS: i16 = 45;
const DESCRIBE_QUORUM: i16 = 55;

/// ElectLeaders' type of election.
const PREFERRED: u8 = 0;
/// No list of partitions is all of them.
const ALL: u8 = 0;

/// The time that the controller may take.
const MILLISECONDS: i32 = 10_000;
const ANSWER: Duration = Duration::from_secs(12);
