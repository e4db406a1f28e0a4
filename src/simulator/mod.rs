//! Simulated providers for users, tests and development: their API and their deliveries.
//!
//! # Promises
//! - Paths, sign-in, paging, statuses and errors are those of the real service, as far as they are
//!   known; a client that works here only meets new data there.
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

/// The behaviour of the simulated provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time at which Onshape tries a new hook.
    pub trial: Trial,
    /// The schedule of deliveries.
    pub schedule: Schedule,
    /// Deliveries given up in a row after which a hook is cancelled or becomes inactive.
    pub cancel_after: u32,
    /// Events a second that happen by themselves, of those that hooks listen to.
    pub rate: Option<f64>,
    /// Every Nth call of the API is refused, with 503 and 429 by turns; none for zero.
    pub fault_every: u32,
    /// The credentials of callers, and the secrets that sign deliveries.
    pub secrets: Secrets,
}

/// The time at which Onshape tries a new hook: both occur.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trial {
    /// After the answer to the registration.
    After,
    /// Before it, and then the registration fails with the trial.
    Before,
}

/// The schedule of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The number of further attempts after the first.
    pub retries: u32,
    /// The pause before the first of these; it doubles with each.
    pub retry_delay: Duration,
    /// The time that an answer may take.
    pub timeout: Duration,
    /// Every Nth delivery is made twice, as real ones sometimes are; none for zero.
    pub repeat_every: u32,
}

/// The credentials of callers, and the secrets that sign deliveries. An absent one is not checked,
/// or signs nothing.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Onshape's access key, or the client id of an APS app.
    pub id: Option<Secret>,
    /// Onshape's secret key, or the client secret of an APS app.
    pub secret: Option<Secret>,
    /// An OAuth token, or a 3-legged one of APS.
    pub token: Option<Secret>,
    /// The secret that signs deliveries: Onshape's primary key, or the token of an APS app in the
    /// US.
    pub signing: Option<Secret>,
    /// Onshape's secondary key.
    pub signing_secondary: Option<Secret>,
}

/// A running simulation of a provider.
pub struct Simulation {
    /// The URL of the listener.
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
    /// Runs until SIGTERM or Ctrl-C, and then ends all deliveries.
    pub async fn run(self) -> io::Result<()> {
        let ended = self.server.await;
        if let Some(pulse) = self.pulse {
            pulse.abort();
            // It was aborted, so its result is not interesting.
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

/// Makes an event happen `rate` times a second.
fn pulse(rate: f64, happen: impl Fn() + Send + 'static) -> JoinHandle<()> {
    let mut beats = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    tokio::spawn(async move {
        loop {
            beats.tick().await;
            happen();
        }
    })
}
