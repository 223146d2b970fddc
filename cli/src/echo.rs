//! The upstream that all requests end at: it answers with what it got, and can be told what to answer.
//!
//! - The answer is JSON: method, path, authority, protocol, the headers as a list of `[name, value]` in the order they
//!   came (the values of one name together), and the body's length. Bytes that are not UTF-8 are shown as `\xNN`.
//! - `?status=503` in the path sets the status.
//! - A request header `x-echo-set: name=value`, as often as wanted, puts a header on the answer, bytes as they are; a
//!   `content-type` given so takes the place of the echo's own.
//! - A request for an upgrade is answered with 101, after which the bytes come back as they are.

mod program;
mod recall;
mod reply;
mod upgrade;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) use program::main;
pub use recall::recalled;

/// Bodies beyond this are answered with 413.
const LARGEST_BODY: usize = 64 << 20;
/// Envoy limits headers itself; the echo should not be what refuses them.
const LARGEST_HEADERS: u32 = 1 << 20;

/// A free port of this machine's own.
const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running echo. Dropping it closes its port.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    seen: Seen,
    task: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `Host` or `:authority`.
    pub authority: Vec<u8>,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The headers: names in lower case, values as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Where requests are recorded, if they are.
type Seen = Option<Arc<Mutex<Vec<Arrived>>>>;

impl Echo {
    /// Starts an echo on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::listen(ANYWHERE, None).await
    }

    /// The same, and records every request until it is [taken](Echo::take).
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn recording() -> io::Result<Self> {
        Self::listen(ANYWHERE, Some(Arc::default())).await
    }

    async fn listen(at: SocketAddr, seen: Seen) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, seen.clone()));
        Ok(Self { address, seen, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that have arrived since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Arrived> {
        let Some(seen) = &self.seen else { return Vec::new() };
        std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, seen: Seen) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, seen.clone()));
        }
    }
}

async fn serve(stream: TcpStream, seen: Seen) {
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_headers(1000).max_buf_size(LARGEST_HEADERS as usize);
    builder.http2().max_header_list_size(LARGEST_HEADERS);
    let service = service_fn(|request| answer(request, seen.clone()));
    // A connection that breaks is the client's business.
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    seen: Seen,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    if upgrade::is_asked_for(&request) {
        record(&seen, || arrived(request.method().as_str(), &request, Vec::new()));
        return Ok(upgrade::accept(request));
    }
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(reply::plain(413, "the body is too long for the echo, or broke off\n"));
    };
    let arrived = arrived(request.method().as_str(), &request, body.to_bytes().to_vec());
    let response = reply::to(&arrived);
    record(&seen, || arrived);
    Ok(response)
}

fn record(seen: &Seen, arrived: impl FnOnce() -> Arrived) {
    if let Some(seen) = seen {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(arrived());
    }
}

fn arrived<B>(method: &str, request: &Request<B>, body: Vec<u8>) -> Arrived {
    let host = request.headers().get("host").map(|host| host.as_bytes().to_vec());
    let authority = || request.uri().authority().map(|authority| authority.as_str().as_bytes().to_vec());
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    Arrived {
        method: method.to_owned(),
        path: path.to_owned(),
        authority: host.or_else(authority).unwrap_or_default(),
        protocol: format!("{:?}", request.version()),
        headers: list(request.headers()),
        body,
    }
}

fn list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests;
