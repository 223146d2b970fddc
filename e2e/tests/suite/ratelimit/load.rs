//! Many requests from threads of their own: a client of the suite takes too long over each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// What is offered.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// Path and headers, each line with its end.
    pub(crate) path: &'static str,
    pub(crate) headers: String,
    /// Connections; a worker of the proxy takes many of them.
    pub(crate) connections: u32,
    /// Requests a second, over all connections.
    pub(crate) rate: u32,
    pub(crate) time: Duration,
}

/// One answer: halfway between the question and its coming, and its status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    pub(crate) at: Duration,
    pub(crate) status: u16,
}

/// Sends what is offered, at an even pace on each connection; in order of time. `began` is the zero of all times.
pub(crate) fn fire(address: SocketAddr, offer: &Offer, began: Instant) -> Vec<Shot> {
    let pace = Duration::from_secs(1) * offer.connections / offer.rate;
    let mut shots: Vec<Shot> = thread::scope(|scope| {
        let one = |number| scope.spawn(move || one_connection(address, offer, began, pace, number));
        let threads: Vec<_> = (0..offer.connections).map(one).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    shots.sort_by_key(|shot| shot.at);
    shots
}

fn one_connection(
    address: SocketAddr,
    offer: &Offer,
    began: Instant,
    pace: Duration,
    number: u32,
) -> Vec<Shot> {
    let mut connection = Connection::open(address);
    let head = format!("GET {} HTTP/1.1\r\nhost: a\r\n{}\r\n", offer.path, offer.headers);
    let mut shots = Vec::new();
    // Each connection begins at its own moment of the pace.
    let mut next = began + pace * number / offer.connections;
    while next < began + offer.time {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let sent = began.elapsed();
        let status = connection.ask(head.as_bytes());
        shots.push(Shot { at: (sent + began.elapsed()) / 2, status });
        next += pace;
    }
    shots
}

/// A connection that stays open for further requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, buffer: vec![0; 16 * 1024] }
    }

    /// Sends a request and returns the status of its answer, which has a length.
    pub(crate) fn ask(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).unwrap();
        let mut read = 0;
        loop {
            let count = self.stream.read(&mut self.buffer[read..]).unwrap();
            assert!(count > 0, "closed after {:?}", self.buffer[..read].escape_ascii().to_string());
            read += count;
            if let Some(status) = status(&self.buffer[..read]) {
                return status;
            }
        }
    }
}

/// The status of an answer, when all of it is there.
fn status(answer: &[u8]) -> Option<u16> {
    // What comes is ours or Envoy's: text.
    let text = std::str::from_utf8(answer).unwrap();
    let end = text.find("\r\n\r\n")? + 4;
    let head = &text[..end];
    let length = head.split("content-length: ").nth(1).unwrap_or_else(|| panic!("no length: {head}"));
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    (answer.len() >= end + length).then(|| head[9..12].parse().unwrap())
}
