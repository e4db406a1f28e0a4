//! The providers' side, for users, tests and development: their API and their deliveries.
//!
//! # Promises
//! - Paths, sign-in, paging, statuses and errors are those of the real service, as far as they are
//!   known; a client that works here finds nothing new there but data.
//! - Deliveries have the real shapes and signatures, and are retried with the same body.
//!
//! # Limits
//! Everything is in memory and ends with the process. Filters are stored and not applied.
//!
//! Knows nothing of the relay: it posts to any URL that a hook names.

mod aps;
mod delivery;
mod faults;
mod onshape;
pub mod traffic;

use crate::event::provider::Provider;
use crate::secret::Secret;
use crate::simulator::delivery::Courier;
use crate::simulator::faults::Faults;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How the simulated provider behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When Onshape tries a new hook.
    pub trial: Trial,
    /// How deliveries are made.
    pub schedule: Schedule,
    /// Deliveries given up in a row after which a hook is cancelled or becomes inactive.
    pub cancel_after: u32,
    /// Events a second that happen by themselves, of those that hooks listen to.
    pub rate: Option<f64>,
    /// Every so many calls of the API are refused with 503, or 429 in turn; zero: none.
    pub fault_every: u32,
    /// Who may call, and what deliveries are signed with.
    pub secrets: Secrets,
}

/// When Onshape tries a new hook: both happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trial {
    /// After the answer to the registration.
    After,
    /// Before it, and then the registration fails with the trial.
    Before,
}

/// How deliveries are made.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Further attempts after the first.
    pub retries: u32,
    /// The pause before the first of them; it doubles with each.
    pub retry_delay: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Every so many deliveries are made twice, as real ones sometimes are; zero: never.
    pub repeat_every: u32,
}

/// Who may call, and what deliveries are signed with. What is absent is not checked, or not signed.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Onshape's access key, or the client id of an APS app.
    pub id: Option<Secret>,
    /// Onshape's secret key, or the client secret of an APS app.
    pub secret: Option<Secret>,
    /// An OAuth token, or a 3-legged one of APS.
    pub token: Option<Secret>,
    /// What deliveries are signed with: Onshape's primary key, the token of an APS app in the US.
    pub signing: Option<Secret>,
    /// Onshape's secondary key.
    pub signing_secondary: Option<Secret>,
}

/// A simulated provider that listens.
pub struct Simulation {
    /// Where it listens.
    pub url: String,
    server: Server,
    courier: Arc<Courier>,
    pulse: Option<JoinHandle<()>>,
}

/// Starts a simulated provider on a listener.
pub fn start(
    provider: Provider,
    settings: Settings,
    listener: TcpListener,
) -> io::Result<Simulation> {
    let url = format!("http://{}", listener.local_addr()?);
    let courier = Arc::new(Courier::new(provider, settings.schedule)?);
    let (rate, faults) = (settings.rate, Arc::new(Faults::new(settings.fault_every)));
    let (server, pulse) = match provider {
        Provider::Onshape => {
            let service = Arc::new(onshape::Service::new(settings, courier.clone()));
            let beating = service.clone();
            let pulse = rate.map(|rate| pulse(rate, move || beating.beat()));
            (
                serve(listener, faults, move |routes| onshape::routes(routes, service.clone()))?,
                pulse,
            )
        }
        Provider::Aps => {
            let service = Arc::new(aps::Service::new(settings, courier.clone()));
            let beating = service.clone();
            let pulse = rate.map(|rate| pulse(rate, move || beating.beat()));
            (serve(listener, faults, move |routes| aps::routes(routes, service.clone()))?, pulse)
        }
    };
    Ok(Simulation { url, server, courier, pulse })
}

impl Simulation {
    /// Runs until SIGTERM or Ctrl-C, and ends what is under way.
    pub async fn run(self) -> io::Result<()> {
        let ended = self.server.await;
        if let Some(pulse) = self.pulse {
            pulse.abort();
            // It ends by being aborted, which is no news.
            let _ = pulse.await;
        }
        self.courier.end().await;
        ended
    }
}

fn serve(
    listener: TcpListener,
    faults: Arc<Faults>,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(faults.clone()))
            .wrap(from_fn(faults::interfere))
            .configure(routes.clone())
    });
    let server = server.workers(1).shutdown_timeout(1).listen(listener)?;
    Ok(server.run())
}

/// Lets something happen `rate` times a second.
fn pulse(rate: f64, happen: impl Fn() + Send + 'static) -> JoinHandle<()> {
    let mut beats = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    tokio::spawn(async move {
        loop {
            beats.tick().await;
            happen();
        }
    })
}
