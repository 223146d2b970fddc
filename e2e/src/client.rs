//! A client for requests that are what HTTP allows; for others see [`crate::raw`].

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::message::{Fields, Protocol, Request, Response};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that stays open for further requests.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// When there is no answer.
pub async fn send(address: SocketAddr, request: &Request) -> Result<Response, Error> {
    Client::connect(address, request.protocol).await?.send(request).await
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(address: SocketAddr, protocol: Protocol) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, protocol).await
    }

    /// Speaks HTTP on a connection that is there already.
    ///
    /// # Errors
    /// When the server does not speak it.
    pub async fn over<S>(stream: S, protocol: Protocol) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::Builder::new().max_headers(1000).handshake(stream).await?;
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                let (sender, connection) = builder.max_header_list_size(1 << 20).handshake(stream).await?;
                tokio::spawn(connection);
                Sender::Http2(sender)
            }
        };
        Ok(Self { sender })
    }

    /// Whether another request can be sent: the server may have closed the connection after an answer, which is no
    /// failure.
    pub async fn is_open(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer in twenty seconds.
    pub async fn send(&mut self, request: &Request) -> Result<Response, Error> {
        tokio::time::timeout(PATIENCE, self.exchange(request)).await?
    }

    async fn exchange(&mut self, request: &Request) -> Result<Response, Error> {
        let mut builder = hyper::Request::builder().method(request.method.as_bytes());
        for (name, value) in &request.headers.0 {
            builder = builder.header(name.as_str(), value.as_slice());
        }
        let body = Full::new(Bytes::from(request.body.clone()));
        let response = match &mut self.sender {
            Sender::Http1(sender) => {
                let request = builder.uri(&request.path).header("host", &request.authority).body(body)?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                let uri = format!("http://{}{}", request.authority, request.path);
                sender.send_request(builder.uri(uri).body(body)?).await?
            }
        };
        read(response).await
    }
}

async fn read(response: hyper::Response<Incoming>) -> Result<Response, Error> {
    let (head, body) = response.into_parts();
    let field = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), value.as_bytes().to_vec())
    };
    let headers = Fields(head.headers.iter().map(field).collect());
    let body = body.collect().await?.to_bytes().to_vec();
    Ok(Response { status: head.status.as_u16(), headers, body })
}
