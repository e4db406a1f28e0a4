//! A proxy before a broker: it hears what clients ask, and can hide from them which brokers there are.
//!
//! While it hides them, each request for metadata is answered with no broker and one topic without
//! leader, as brokers do that have lost their controller (librdkafka issue 5301). Everything else
//! passes as it is.

use super::Kafka;
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
    sync::Mutex,
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
        if let Some(key) = frame.first_chunk() {
            let mut asked = state.asked.lock().expect("nobody panics with it");
            asked.push(i16::from_be_bytes(*key));
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
const LEADER_NOT_AVAILABLE: i16 = 5;
const NO_TAGS: u8 = 0;
/// Lengths are one more than they are, so that zero is left for what is absent.
const NULL: u8 = 0;
const EMPTY_ARRAY: u8 = 1;
const ARRAY_OF_ONE: u8 = 2;
