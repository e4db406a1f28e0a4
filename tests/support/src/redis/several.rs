//! Several servers of Redis that know each other: a master with its replica and a sentinel, and a cluster.
//!
//! # Promises
//! - What has started is whole: the replica has all that its master has, the sentinel knows both, and a
//!   cluster serves every slot.

use super::{Redis, free_port};
use crate::waiting::eventually;
use std::fs;

impl Redis {
    /// A sentinel that watches a server by the name `main`. It gives a server up after three seconds.
    pub async fn start_sentinel(master: &Self) -> Self {
        let mut sentinel = Self::unstarted(&[]);
        let watch = format!(
            "sentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 3000\n\
             sentinel failover-timeout main 6000\n",
            master.port
        );
        let file = sentinel.dir.path().join("sentinel.conf");
        fs::write(&file, watch).expect("the sentinel's file");
        sentinel.arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        sentinel.launch().await;
        sentinel
    }

    /// A server that copies what another one writes.
    pub async fn start_replica(master: &Self) -> Self {
        let replica =
            Self::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]).await;
        eventually("the replica has what its master has", async || {
            (replica.info("master_link_status").await == "up").then_some(())
        })
        .await;
        replica
    }

    /// Cuts a replica off from its master, which does not notice: the replica falls behind, and can be
    /// made master all the same.
    pub async fn cut_off(&self) {
        // A master without a password refuses a replica that sends one.
        self.command(&["CONFIG", "SET", "masterauth", "wrong"]).await;
        self.command(&["CLIENT", "KILL", "TYPE", "master"]).await;
        eventually("the replica has lost its master", async || {
            (self.info("master_link_status").await == "down").then_some(())
        })
        .await;
    }
}

/// A master, its replica, and a sentinel that makes the replica master when the master is gone.
pub struct Watched {
    pub master: Redis,
    pub replica: Redis,
    sentinel: Redis,
}

impl Watched {
    /// Starts all three with nothing in them.
    pub async fn start() -> Self {
        // A replica is served at once.
        let master = Redis::start_with(&["--repl-diskless-sync-delay", "0"]).await;
        let replica = Redis::start_replica(&master).await;
        let sentinel = Redis::start_sentinel(&master).await;
        eventually("the sentinel knows the replica", async || {
            let known = sentinel.command(&["SENTINEL", "REPLICAS", "main"]).await;
            known.contains(&replica.port.to_string()).then_some(())
        })
        .await;
        Self { master, replica, sentinel }
    }

    /// The URL for a relay.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/main", self.sentinel.port)
    }

    /// Waits until the replica is master.
    pub async fn failed_over(&self) {
        eventually("the replica is master", async || {
            (self.replica.info("role").await == "master").then_some(())
        })
        .await;
    }
}

/// Three masters that share the slots, and a replica of the first.
pub struct Cluster {
    pub masters: [Redis; 3],
    pub replica: Redis,
}

impl Cluster {
    /// Starts all four with nothing in them.
    pub async fn start() -> Self {
        let masters = [Self::node().await, Self::node().await, Self::node().await];
        let slots = [("0", "5461"), ("5462", "10922"), ("10923", "16383")];
        for (master, (first, last)) in masters.iter().zip(slots) {
            master.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
        }
        let replica = Self::node().await;
        for node in masters[1..].iter().chain([&replica]) {
            masters[0].meet(node).await;
        }
        let cluster = Self { masters, replica };
        cluster.whole().await;
        let first = cluster.masters[0].command(&["CLUSTER", "MYID"]).await;
        let first = first.lines().nth(1).expect("the id of a node").to_owned();
        cluster.replica.command(&["CLUSTER", "REPLICATE", &first]).await;
        eventually("the replica has what its master has", async || {
            let is_replica = cluster.replica.info("role").await == "slave";
            (is_replica && cluster.replica.info("master_link_status").await == "up").then_some(())
        })
        .await;
        cluster.whole().await;
        cluster
    }

    /// One node that is no cluster yet.
    pub async fn node() -> Redis {
        // The usual port of a node's bus is beyond the last one for many a free port.
        let bus = free_port().to_string();
        Redis::start_with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-node-timeout",
            "2000",
            "--repl-diskless-sync-delay",
            "0",
        ])
        .await
    }

    /// The URL for a relay.
    pub fn url(&self) -> String {
        let host = |node: &Redis| format!("127.0.0.1:{}", node.port);
        let hosts: Vec<String> = self.masters.iter().chain([&self.replica]).map(host).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Waits until each node that runs serves all slots and knows the others.
    pub async fn whole(&self) {
        for node in self.masters.iter().chain([&self.replica]).filter(|node| node.process.is_some())
        {
            eventually("the cluster serves all slots", async || {
                let said = node.command(&["CLUSTER", "INFO"]).await;
                let is_whole =
                    ["cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:4"]
                        .iter()
                        .all(|sign| said.contains(sign));
                is_whole.then_some(())
            })
            .await;
        }
    }

    /// Waits until the replica leads the slots of the first master.
    pub async fn failed_over(&self) {
        eventually("the replica is master", async || {
            (self.replica.info("role").await == "master").then_some(())
        })
        .await;
        self.whole().await;
    }
}

impl Redis {
    /// Makes a node of a cluster known to this one.
    async fn meet(&self, node: &Self) {
        let mut arguments = node.arguments.iter();
        arguments.find(|argument| *argument == "--cluster-port").expect("a node of a cluster");
        let bus = arguments.next().expect("a port");
        self.command(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), bus]).await;
    }
}
