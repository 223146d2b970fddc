//! Envoy's admin interface.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::stats::Stats;

/// Longer than Envoy's main thread is ever busy with one module.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client for it.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The admin interface at an address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The answer to a GET.
    ///
    /// # Errors
    /// When there is no answer with status 200 within half a minute.
    pub async fn get(&self, path: &str) -> Result<String, String> {
        match tokio::time::timeout(PATIENCE, self.fetch(path)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(format!("Envoy's admin interface, {path}: {error}")),
            Err(_) => Err(format!("Envoy's admin interface, {path}: no answer in {} s", PATIENCE.as_secs())),
        }
    }

    /// The counters whose names match a regular expression.
    ///
    /// # Errors
    /// As [`Admin::get`].
    pub async fn stats(&self, filter: &str) -> Result<Stats, String> {
        let filter = filter.replace('|', "%7C").replace('^', "%5E");
        self.get(&format!("/stats?filter={filter}")).await.map(|text| Stats::parse(&text))
    }

    async fn fetch(&self, path: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::get(path).header("host", "admin").body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        if !status.is_success() {
            return Err(format!("status {status}").into());
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
