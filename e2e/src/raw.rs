//! A client that sends bytes as they are, for what no HTTP library would send.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::message::{Fields, Response};

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that knows nothing of HTTP but how to read an answer.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// Sends bytes and reads one answer. `None` when the connection was closed instead.
///
/// # Errors
/// When there is neither an answer nor an end, or what comes is no answer.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> io::Result<Option<Response>> {
    let mut client = RawClient::connect(address).await?;
    client.write(bytes).await?;
    client.answer("GET").await
}

impl RawClient {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, unread: Vec::new() })
    }

    /// Sends bytes. A peer that has stopped reading is no error: it may have answered already.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await? {
            Err(error) if is_closed(&error) => Ok(()),
            other => other,
        }
    }

    /// Reads the answer to a request with that method, interim ones aside. `None` when the connection ends before it.
    ///
    /// # Errors
    /// When there is neither, or what comes is no answer.
    pub async fn answer(&mut self, method: &str) -> io::Result<Option<Response>> {
        tokio::time::timeout(PATIENCE, self.read_answer(method)).await?
    }

    /// Reads exactly so many bytes.
    ///
    /// # Errors
    /// When they do not come.
    pub async fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let read = async {
            while self.unread.len() < count {
                if !self.more().await? {
                    return Err(io::Error::from(ErrorKind::UnexpectedEof));
                }
            }
            Ok(self.unread.drain(..count).collect())
        };
        tokio::time::timeout(PATIENCE, read).await?
    }

    async fn read_answer(&mut self, method: &str) -> io::Result<Option<Response>> {
        loop {
            let Some(mut response) = self.head().await? else { return Ok(None) };
            match response.status {
                101 => return Ok(Some(response)),
                100..=199 => continue,
                204 | 304 => {}
                _ if method == "HEAD" => {}
                _ => response.body = self.body(&response.headers).await?,
            }
            return Ok(Some(response));
        }
    }

    async fn head(&mut self) -> io::Result<Option<Response>> {
        let Some(head) = self.until(b"\r\n\r\n").await? else { return Ok(None) };
        let mut lines =
            head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let status = lines.next().unwrap_or_default();
        let status = status.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let status = std::str::from_utf8(status).ok().and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| bad("no status"))?;
        let mut headers = Fields::default();
        for line in lines.filter(|line| !line.is_empty()) {
            let colon =
                line.iter().position(|byte| *byte == b':').ok_or_else(|| bad("a header without a colon"))?;
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            headers.0.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
        }
        Ok(Some(Response { status, headers, body: Vec::new() }))
    }

    async fn body(&mut self, headers: &Fields) -> io::Result<Vec<u8>> {
        if headers.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks().await;
        }
        if let Some(length) = headers.get("content-length") {
            return self.bytes(length.parse().map_err(|_| bad("a content-length that is no number"))?).await;
        }
        while self.more().await? {}
        Ok(std::mem::take(&mut self.unread))
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?.ok_or(ErrorKind::UnexpectedEof)?;
            let size = std::str::from_utf8(line.trim_ascii()).ok();
            let size = size
                .and_then(|size| usize::from_str_radix(size, 16).ok())
                .ok_or_else(|| bad("a bad chunk"))?;
            let chunk = self.bytes(size.saturating_add(2)).await?;
            body.extend_from_slice(chunk.get(..size).unwrap_or_default());
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Ok(Some(self.unread.drain(..at.saturating_add(end.len())).collect()));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let count = match self.stream.read(&mut buffer).await {
            Err(error) if is_closed(&error) => 0,
            other => other?,
        };
        self.unread.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count > 0)
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not an HTTP answer: {what}"))
}
