//! Requests without end, while something is changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::client::Client;
use crate::message::{Request, Response};

/// One request of each client in so much time: enough to hit every moment of a swap, and to leave Envoy a core for it.
const PACE: Duration = Duration::from_millis(2);

/// Clients that send the same request again and again on connections that stay open.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Tally>,
}

/// What they saw.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Answers that were fine.
    pub fine: usize,
    /// Requests without an answer, and answers that were not fine.
    pub failures: Vec<String>,
    /// Connections that Envoy closed between two requests, which is its right.
    pub closed: usize,
}

impl Load {
    /// Starts clients.
    #[must_use]
    pub fn start(
        address: SocketAddr,
        request: &Request,
        clients: usize,
        fine: fn(&Response) -> bool,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(one_client(address, request.clone(), Arc::clone(&stop), fine));
        }
        Self { stop, clients: tasks }
    }

    /// Stops them and adds up.
    pub async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for tally in self.clients.join_all().await {
            sum.fine = sum.fine.saturating_add(tally.fine);
            sum.closed = sum.closed.saturating_add(tally.closed);
            sum.failures.extend(tally.failures);
        }
        sum
    }
}

async fn one_client(
    address: SocketAddr,
    request: Request,
    stop: Arc<AtomicBool>,
    fine: fn(&Response) -> bool,
) -> Tally {
    let mut tally = Tally::default();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open: Option<Client> = None;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let mut client = match open.take() {
            Some(client) => client,
            None => match Client::connect(address, request.protocol).await {
                Ok(client) => client,
                Err(error) => {
                    tally.failures.push(format!("connect: {error}"));
                    continue;
                }
            },
        };
        if !client.is_open().await {
            tally.closed = tally.closed.saturating_add(1);
            continue;
        }
        match client.send(&request).await {
            Ok(response) if fine(&response) => {
                tally.fine = tally.fine.saturating_add(1);
                open = Some(client);
            }
            Ok(response) => tally.failures.push(format!("{response:?}")),
            Err(error) => tally.failures.push(format!("send: {error}")),
        }
    }
    tally
}
