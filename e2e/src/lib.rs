//! What the end-to-end suite is made of: a mesh to put filters into, and clients to ask it things.

#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what goes wrong here stops a measurement and nothing else"
)]
pub mod bench;
pub mod chosen;
pub mod client;
pub mod docker;
pub mod evidence;
pub mod key_server;
pub mod kind;
pub mod limitador;
pub mod load;
pub mod local;
pub mod mesh;
pub mod message;
pub mod mint;
pub mod module;
pub mod plugin;
pub mod raw;
pub mod redis;
pub mod registry;
pub mod rls;
pub mod tcp_faults;
pub mod tls;

pub use chosen::{Choice, Chosen};
pub use client::{Client, send};
pub use key_server::{Behaviour, KeyServer};
pub use limitador::Limitador;
pub use local::{LocalEnvoy, dist};
pub use mesh::{Mesh, MeshError};
pub use message::{Fields, Protocol, Request, Response};
pub use tcp_faults::{Fault, TcpFaults};

use std::fmt;
use std::time::{Duration, Instant};

/// A condition that did not come true in time.
#[derive(Debug)]
pub struct TooLate {
    what: String,
    after: Duration,
}

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not within {:?}: {}", self.after, self.what)
    }
}

impl std::error::Error for TooLate {}

/// Asks again and again until there is an answer.
///
/// # Errors
/// When there is none before the deadline.
pub async fn eventually<T, A: Future<Output = Option<T>>>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> A,
) -> Result<T, TooLate> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if start.elapsed() > deadline {
            return Err(TooLate { what: what.to_owned(), after: deadline });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
