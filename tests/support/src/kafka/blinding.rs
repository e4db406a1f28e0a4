//! A proxy before one broker or three: it hears what clients ask, can hide from them which brokers there
//! are, and can hold back the ends of their transactions.
//!
//! While it hides them, each request for metadata is answered with no broker and one topic without
//! leader, as brokers do that have lost their controller (librdkafka issue 5301). Everything else
//! passes as it is.

use super::Kafka;
use super::three::{Cluster, NODES};
use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
};

/// The proxy. It ends with the test's runtime.
pub struct Blinding {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    hides: AtomicBool,
    hidden: AtomicU64,
    asked: std::sync::Mutex<Vec<i16>>,
    /// The requests that added partitions to transactions.
    added: std::sync::Mutex<Vec<Vec<u8>>>,
    holds_ends: watch::Sender<bool>,
    held_ends: AtomicU64,
}

impl Kafka {
    /// Starts a broker whose clients all come by a proxy.
    pub async fn start_behind_blinding() -> (Self, Blinding) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the proxy");
        let address = listener.local_addr().expect("a bound port").to_string();
        let advertised = format!("advertised.listeners=PLAINTEXT://{address}\n");
        // Clients are sent to the proxy at once, so it has to be at work before the broker is.
        let state = Arc::new(State::default());
        let broker = Arc::new(Mutex::new(String::new()));
        tokio::spawn(accept(listener, Arc::clone(&broker), Arc::clone(&state)));
        let kafka = Self::start_prepared(|kafka| {
            *broker.try_lock().expect("nobody has connected yet") = kafka.brokers();
            fs::write(kafka.dir.path().join("extra.properties"), &advertised)
        })
        .await;
        (kafka, Blinding { address, state })
    }
}

impl Cluster {
    /// Starts three brokers whose clients all come by a proxy. The brokers speak with each other, and
    /// with the test, as ever.
    pub async fn start_behind_blinding() -> (Self, Blinding) {
        let state = Arc::new(State::default());
        let (mut addresses, mut brokers) = (Vec::new(), Vec::new());
        for _ in NODES {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for the proxy");
            addresses.push(listener.local_addr().expect("a bound port").to_string());
            let broker = Arc::new(Mutex::new(String::new()));
            tokio::spawn(accept(listener, Arc::clone(&broker), Arc::clone(&state)));
            brokers.push(broker);
        }
        let cluster = Self::start_with(|node, port| {
            let (controller, client) = (port + 1, port + 2);
            *brokers[node].try_lock().expect("nobody has connected yet") =
                format!("127.0.0.1:{client}");
            format!(
                "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},\
                 CLIENT://127.0.0.1:{client}\n\
                 advertised.listeners=PLAINTEXT://127.0.0.1:{port},CLIENT://{}\n\
                 listener.security.protocol.map=\
                 PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT\n",
                addresses[node]
            )
        })
        .await;
        (cluster, Blinding { address: addresses.join(","), state })
    }
}

impl Blinding {
    /// The `bootstrap.servers` for a client.
    pub fn brokers(&self) -> &str {
        &self.address
    }

    /// Hides the brokers from now on, or no longer.
    pub fn hide(&self, hides: bool) {
        self.state.hides.store(hides, Ordering::Relaxed);
    }

    /// The keys of all requests so far, in order, as Kafka's protocol numbers them.
    pub fn asked(&self) -> Vec<i16> {
        self.state.asked.lock().expect("nobody panics with it").clone()
    }

    /// Holds back the ends of transactions from now on, or lets them go.
    pub fn hold_ends(&self, holds: bool) {
        self.state.holds_ends.send_replace(holds);
    }

    /// The number of ends that were held back.
    pub fn held_ends(&self) -> u64 {
        self.state.held_ends.load(Ordering::Relaxed)
    }

    /// The number of times that partitions of this topic were added to a transaction.
    pub fn added(&self, topic: &str) -> usize {
        let added = self.state.added.lock().expect("nobody panics with it");
        let names_it = |request: &&Vec<u8>| {
            request.windows(topic.len()).any(|bytes| bytes == topic.as_bytes())
        };
        added.iter().filter(names_it).count()
    }

    /// The number of requests that were answered without a broker.
    pub fn hidden(&self) -> u64 {
        self.state.hidden.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, broker: Arc<Mutex<String>>, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let broker = broker.lock().await.clone();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            // An end of the connection ends both ways; the client makes another.
            let _ = serve(client, &broker, &state).await;
        });
    }
}

async fn serve(client: TcpStream, broker: &str, state: &State) -> io::Result<()> {
    let (mut from_broker, to_broker) = TcpStream::connect(broker).await?.into_split();
    let (from_client, to_client) = client.into_split();
    let to_client = Mutex::new(to_client);
    let answers = async {
        let mut frame = Vec::new();
        while read(&mut from_broker, &mut frame).await? {
            write(&mut *to_client.lock().await, &frame).await?;
        }
        Ok(())
    };
    tokio::select! {
        ended = requests(from_client, to_broker, &to_client, state) => ended,
        ended = answers => ended,
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: &Mutex<OwnedWriteHalf>,
    state: &State,
) -> io::Result<()> {
    let mut frame = Vec::new();
    while read(&mut from, &mut frame).await? {
        let key = frame.first_chunk().map_or(0, |key| i16::from_be_bytes(*key));
        state.asked.lock().expect("nobody panics with it").push(key);
        if key == ADD_PARTITIONS_TO_TXN {
            state.added.lock().expect("nobody panics with it").push(frame.clone());
        }
        if key == END_TXN && *state.holds_ends.borrow() {
            state.held_ends.fetch_add(1, Ordering::Relaxed);
            let mut holds = state.holds_ends.subscribe();
            holds.wait_for(|holds| !holds).await.expect("the state lives as long as this");
        }
        if state.hides.load(Ordering::Relaxed)
            && let Some(answer) = nobody(&frame)
        {
            state.hidden.fetch_add(1, Ordering::Relaxed);
            write(&mut *back.lock().await, &answer).await?;
        } else {
            write(&mut to, &frame).await?;
        }
    }
    Ok(())
}

/// A request or an answer without its length; false at the end of the connection.
async fn read(from: &mut OwnedReadHalf, frame: &mut Vec<u8>) -> io::Result<bool> {
    let Ok(length) = from.read_u32().await else { return Ok(false) };
    frame.resize(length as usize, 0);
    from.read_exact(frame).await?;
    Ok(true)
}

async fn write(to: &mut OwnedWriteHalf, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).expect("frames of Kafka have a length of 32 bits");
    to.write_all(&[&length.to_be_bytes(), frame].concat()).await
}

/// The answer to a request for metadata of version 9 to 13: no broker, and one topic that has no
/// leader. `None` for any other request.
fn nobody(request: &[u8]) -> Option<Vec<u8>> {
    let key = i16::from_be_bytes(*request.first_chunk()?);
    let version = i16::from_be_bytes(*request.get(2..)?.first_chunk()?);
    let correlation: [u8; 4] = *request.get(4..)?.first_chunk()?;
    if key != METADATA {
        return None;
    }
    assert!((9..=13).contains(&version), "the client asks for metadata of version {version}");
    let mut answer = correlation.to_vec();
    answer.push(NO_TAGS);
    answer.extend(0_i32.to_be_bytes()); // throttled so long
    answer.extend([EMPTY_ARRAY, NULL]); // brokers, cluster
    answer.extend((-1_i32).to_be_bytes()); // controller
    answer.push(ARRAY_OF_ONE);
    answer.extend(LEADER_NOT_AVAILABLE.to_be_bytes());
    answer.extend([2, b'n']); // a name of one letter
    if version >= 10 {
        answer.extend([0; 16]); // its id
    }
    answer.extend([0, EMPTY_ARRAY]); // not internal, no partitions
    answer.extend(i32::MIN.to_be_bytes()); // rights, not said
    answer.push(NO_TAGS);
    if version <= 10 {
        answer.extend(i32::MIN.to_be_bytes()); // rights to the cluster, not said
    }
    if version >= 13 {
        answer.extend(0_i16.to_be_bytes()); // no error of the request
    }
    answer.push(NO_TAGS);
    Some(answer)
}

const METADATA: i16 = 3;
const ADD_PARTITIONS_TO_TXN: i16 = 24;
const END_TXN: i16 = 26;
const LEADER_NOT_AVAILABLE: i16 = 5;
const NO_TAGS: u8 = 0;
/// Lengths are one more than they are, so that zero is left for what is absent.
const NULL: u8 = 0;
const EMPTY_ARRAY: u8 = 1;
const ARRAY_OF_ONE: u8 = 2;
