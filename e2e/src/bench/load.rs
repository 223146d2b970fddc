//! Requests as fast as they are answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::Error;

/// Connections that are open at once.
const CONNECTIONS: usize = 8;
/// What every listener answers.
pub(super) const BODY: &str = "ok";

/// What is sent, over and over.
#[derive(Debug, Clone)]
pub struct Requests(Arc<[Vec<u8>]>);

impl Requests {
    /// `GET`s of a path, the nth with the nth of these headers.
    #[must_use]
    pub fn new(path: &str, headers: &[String]) -> Self {
        let request = |header: &String| {
            let end = if header.is_empty() { "" } else { "\r\n" };
            format!(
                "GET {path} HTTP/1.1\r\nhost: shop.example.com\r\nuser-agent: bench/1\r\naccept: */*\r\n\
                 accept-encoding: gzip\r\nx-request-id: 5b1c0d3e-2f6a-4b7c-8d9e-0a1b2c3d4e5f\r\n{header}{end}\r\n"
            )
            .into_bytes()
        };
        Self(headers.iter().map(request).collect())
    }

    fn get(&self, number: usize) -> &[u8] {
        let at = number.checked_rem(self.0.len()).unwrap_or_default();
        self.0.get(at).map_or(&[], Vec::as_slice)
    }
}

/// Clients of one listener.
#[derive(Debug)]
pub struct Load {
    sockets: Vec<TcpStream>,
    requests: Requests,
    next: usize,
}

impl Load {
    /// Opens the connections.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn connect(address: SocketAddr, requests: Requests) -> Result<Self, Error> {
        let mut sockets = Vec::new();
        for _ in 0..CONNECTIONS {
            sockets.push(connect(address)?);
        }
        Ok(Self { sockets, requests, next: 0 })
    }

    /// One request on every connection, then all the answers.
    ///
    /// # Errors
    /// An answer that is not 200, or none.
    pub fn turn(&mut self) -> Result<(), Error> {
        for socket in &mut self.sockets {
            socket.write_all(self.requests.get(self.next))?;
            self.next = self.next.wrapping_add(1);
        }
        for socket in &mut self.sockets {
            answer(socket)?;
        }
        Ok(())
    }

    /// One request, on the first connection.
    ///
    /// # Errors
    /// An answer that is not 200, or none.
    pub fn one(&mut self) -> Result<(), Error> {
        let socket = self.sockets.first_mut().ok_or("no connection")?;
        socket.write_all(self.requests.get(self.next))?;
        self.next = self.next.wrapping_add(1);
        answer(socket)
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream, Error> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    Ok(socket)
}

/// Reads an answer. Its end is known by the body, which is the same for all and stands in no header.
fn answer(socket: &mut TcpStream) -> Result<(), Error> {
    let mut buffer = [0; 8192];
    let mut length: usize = 0;
    loop {
        let read = socket.read(buffer.get_mut(length..).unwrap_or_default())?;
        length = length.saturating_add(read);
        let text = buffer.get(..length).unwrap_or_default();
        if text.ends_with(b"\r\n\r\nok") && text.starts_with(b"HTTP/1.1 200 ") {
            return Ok(());
        }
        let other = text.len() > 12 && !text.starts_with(b"HTTP/1.1 200 ");
        if read == 0 || other || length == buffer.len() {
            return Err(format!("not what was expected: {}", String::from_utf8_lossy(text)).into());
        }
    }
}
