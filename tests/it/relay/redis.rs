//! The Redis that replicas share: how it is reached, and that its scripts do what the protocol says.

use cadrelay::secret::Secret;
use cadrelay::shared::address::Address;
use cadrelay::shared::protocol::{self, CLAIM, CONFIRM, Claim, Confirmation, RELEASE};
use cadrelay::shared::redis::{Connection, Connector};
use cadrelay::shared::script::{Call, Script};
use cadrelay::shared::trouble::Trouble;
use cadrelay::shared::{Target, try_out};
use std::time::Duration;
use support::redis::{Redis, several::Cluster};
use support::tools::scratch;
use support::waiting::eventually;

#[tokio::test]
async fn the_scripts_decide_as_the_protocol_does() {
    let redis = Redis::start().await;
    let connection = connect(&redis.url()).await.expect("a connection");
    let held = [None, Some("?a"), Some("?b"), Some("+a/r/1"), Some("+a/r/2"), Some("+b/r/1")];
    for (at, held) in held.into_iter().enumerate() {
        let key = format!("key-{at}");
        let set = async |held: Option<&str>| match held {
            None => redis.command(&["DEL", &key]).await,
            Some(held) => redis.command(&["SET", &key, held, "PX", "60000"]).await,
        };

        set(held).await;
        let answer = run(&connection, CLAIM, &key, &["?a", "5000"]).await;
        let claimed = Claim::of_answer(answer[0]).expect("an answer of a claim");
        assert_eq!(claimed, protocol::claim(held, "?a"), "{held:?}");
        let after = get(&redis, &key).await;
        let expected = if claimed == Claim::Granted { Some("?a") } else { held };
        assert_eq!(after.as_deref(), expected, "{held:?}");

        set(held).await;
        let answer = run(&connection, CONFIRM, &key, &["60000", "+a/r/1"]).await;
        let confirmed = Confirmation::of_answer(answer[0]).expect("an answer of a confirmation");
        assert_eq!(confirmed, protocol::confirm(held, "+a/r/1"), "{held:?}");
        let after = get(&redis, &key).await;
        let expected = if confirmed == Confirmation::Ours { Some("+a/r/1") } else { held };
        assert_eq!(after.as_deref(), expected, "{held:?}");

        set(held).await;
        run(&connection, RELEASE, &key, &["?a"]).await;
        let expected = held.filter(|held| *held != "?a");
        assert_eq!(get(&redis, &key).await.as_deref(), expected, "{held:?}");
    }
}

#[tokio::test]
async fn a_server_that_was_started_anew_is_told_the_scripts_again() {
    let redis = Redis::start().await;
    let connection = connect(&redis.url()).await.expect("a connection");
    run(&connection, CLAIM, "key", &["?a", "5000"]).await;

    redis.command(&["SCRIPT", "FLUSH"]).await;

    assert_eq!(run(&connection, CLAIM, "key", &["?b", "5000"]).await, [2]);
}

#[tokio::test]
async fn a_cluster_takes_keys_of_any_slot_and_sentinels_tell_the_master() {
    let cluster = Cluster::node().await;
    cluster.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    eventually("the cluster is whole", async || {
        cluster.command(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok").then_some(())
    })
    .await;
    let connection = connect(&format!("redis-cluster://127.0.0.1:{}", cluster.port())).await;
    let connection = connection.expect("a connection");
    let call = |at: u32| Call {
        keys: vec![format!("key-{at}")],
        arguments: vec!["?a".to_owned(), "5000".to_owned()],
    };
    let claims = connection.run(&Script::new(CLAIM), (0..500).map(call).collect(), PATIENCE).await;
    assert_eq!(claims.expect("answers"), vec![vec![0]; 500]);

    let master = Redis::start().await;
    let sentinel = Redis::start_sentinel(&master).await;
    let url = |name: &str| format!("redis-sentinel://127.0.0.1:{}/{name}", sentinel.port());
    let connection = connect(&url("main")).await.expect("a connection by its sentinel");
    assert_eq!(run(&connection, CLAIM, "key", &["?a", "5000"]).await, [0]);
    assert_eq!(get(&master, "key").await.as_deref(), Some("?a"));
    assert!(connect(&url("other")).await.is_err());
}

#[tokio::test]
async fn tls_takes_the_authorities_that_are_named_and_no_other() {
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir_in(scratch()).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, authority.cert.pem()).unwrap();
    std::fs::write(&key, authority.signing_key.serialize_pem()).unwrap();
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tls = ["--tls-port", &port.to_string(), "--tls-cert-file", &cert, "--tls-key-file", &key];
    let _redis = Redis::start_with(
        &[&tls[..], &["--tls-auth-clients", "no", "--tls-ca-cert-file", &cert]].concat(),
    )
    .await;
    let address = || Address::parse(&format!("rediss://localhost:{port}")).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());

    let known = Connector::new(address(), Some(std::fs::read(&cert).unwrap()));
    let unknown = Connector::new(address(), None);

    assert!(known.connect(PATIENCE).await.is_ok());
    assert_eq!(unknown.connect(PATIENCE).await.err(), Some(Trouble::Transport));
}

#[tokio::test]
async fn a_wrong_password_is_told_as_such_and_the_right_one_is_taken() {
    let redis = Redis::start_with(&["--requirepass", "right-4711"]).await;
    let target = |password: Option<&str>| {
        let mut address = Address::parse(&redis.url()).unwrap();
        address.password = password.map(Secret::new);
        Target {
            connector: Connector::new(address, None),
            prefix: "cadrelay:".to_owned(),
            deadline: PATIENCE,
            hold: PATIENCE,
        }
    };

    assert_eq!(try_out(&target(Some("right-4711")), PATIENCE).await, Ok(()));
    for wrong in [None, Some("wrong-4711")] {
        assert_eq!(try_out(&target(wrong), PATIENCE).await, Err(Trouble::Authentication));
    }
}

async fn connect(url: &str) -> Result<Connection, Trouble> {
    Connector::new(Address::parse(url).expect("an address"), None).connect(PATIENCE).await
}

async fn run(connection: &Connection, script: &'static str, key: &str, more: &[&str]) -> Vec<i64> {
    let arguments = more.iter().map(|argument| (*argument).to_owned()).collect();
    let call = Call { keys: vec![key.to_owned()], arguments };
    let answers = connection.run(&Script::new(script), vec![call], PATIENCE).await;
    answers.expect("an answer").concat()
}

async fn get(redis: &Redis, key: &str) -> Option<String> {
    let answer = redis.command(&["GET", key]).await;
    (!answer.starts_with("$-1")).then(|| answer.lines().nth(1).unwrap_or_default().to_owned())
}

const PATIENCE: Duration = Duration::from_secs(20);
