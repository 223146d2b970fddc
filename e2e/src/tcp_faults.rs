//! A stretch of network that goes wrong as a test likes, in front of anything that speaks TCP.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle, Scope};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// Longer than it takes to connect on one machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// What happens to connections, open ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: all is passed on.
    Pass,
    /// They are closed: open ones at once, new ones as soon as they are accepted.
    Refuse,
    /// They are accepted and stay open, and nothing is passed on either way. What is held back arrives late.
    Hang,
    /// What the client says next is answered with so many bytes, which are neither HTTP/1 nor HTTP/2, and the end. It
    /// does not get any further.
    Garbage(usize),
    /// So many bytes of the answer are passed on, counted for each connection from now on; then it is reset.
    Reset(usize),
}

/// A port of 127.0.0.1 from which connections go to another address, to which it connects when the client has said
/// something. Dropping it ends them and closes the port.
#[derive(Debug)]
pub struct TcpFaults {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Network {
    behind: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    /// How often the fault was set.
    turn: u64,
    over: bool,
    /// Weak, because a connection is reset by closing it, which takes all its owners.
    open: Vec<Weak<TcpStream>>,
}

impl TcpFaults {
    /// Passes on what comes, until told otherwise.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(behind: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State { fault: Fault::Pass, turn: 0, over: false, open: Vec::new() };
        let network = Arc::new(Network { behind, state: Mutex::new(state), changed: Condvar::new() });
        let shared = Arc::clone(&network);
        let accepting = thread::Builder::new()
            .name("tcp-faults".to_owned())
            .spawn(move || thread::scope(|scope| shared.accept(&listener, scope)))?;
        Ok(Self { address, network, accepting: Some(accepting) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on.
    pub fn set(&self, fault: Fault) {
        let mut state = self.network.lock();
        state.fault = fault;
        state.turn = state.turn.wrapping_add(1);
        if fault == Fault::Refuse {
            state.end_all();
        }
        self.network.changed.notify_all();
    }
}

impl Drop for TcpFaults {
    fn drop(&mut self) {
        let mut state = self.network.lock();
        state.over = true;
        state.end_all();
        drop(state);
        self.network.changed.notify_all();
        // It may be waiting for a connection.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl State {
    fn end_all(&mut self) {
        for stream in self.open.drain(..).filter_map(|stream| stream.upgrade()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept<'a>(&'a self, listener: &TcpListener, scope: &'a Scope<'a, '_>) {
        for stream in listener.incoming() {
            if self.lock().over {
                return;
            }
            if let Some(client) = stream.ok().and_then(|stream| self.admit(stream)) {
                scope.spawn(move || self.questions(client, scope));
            }
        }
    }

    /// Has a connection end with the others; nothing when they have ended already.
    fn admit(&self, stream: TcpStream) -> Option<Arc<TcpStream>> {
        stream.set_nodelay(true).ok()?;
        let stream = Arc::new(stream);
        let mut state = self.lock();
        state.open.retain(|stream| stream.strong_count() > 0);
        state.open.push(Arc::downgrade(&stream));
        (!state.over && state.fault != Fault::Refuse).then_some(stream)
    }

    /// The fault and its turn, as soon as that is not to hang; nothing when it is to end.
    fn now(&self) -> Option<(Fault, u64)> {
        let hang = |state: &mut State| state.fault == Fault::Hang && !state.over;
        let state = self.changed.wait_while(self.lock(), hang).unwrap_or_else(PoisonError::into_inner);
        (!state.over && state.fault != Fault::Refuse).then_some((state.fault, state.turn))
    }

    /// From the client to the server.
    #[expect(clippy::needless_pass_by_value, reason = "its end closes the connection")]
    fn questions<'a>(&'a self, client: Arc<TcpStream>, scope: &'a Scope<'a, '_>) {
        let mut server: Option<Arc<TcpStream>> = None;
        let mut buffer = [0; 16 * 1024];
        while let Some(bytes) = read(&client, &mut buffer) {
            let Some((fault, _)) = self.now() else { break };
            if let Fault::Garbage(count) = fault {
                let _ = (&*client).write_all(&garbage(count)).and_then(|()| client.shutdown(Shutdown::Write));
                // Closed with something unread, it would be a reset.
                while read(&client, &mut buffer).is_some() {}
                break;
            }
            if server.is_none() {
                let stream = TcpStream::connect_timeout(&self.behind, PATIENCE);
                let Some(stream) = stream.ok().and_then(|stream| self.admit(stream)) else { break };
                let (client, other) = (Arc::clone(&client), Arc::clone(&stream));
                scope.spawn(move || self.answers(client, other));
                server = Some(stream);
            }
            if server.as_deref().is_some_and(|mut server| server.write_all(bytes).is_err()) {
                break;
            }
        }
        if let Some(server) = server {
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// From the server to the client.
    #[expect(clippy::needless_pass_by_value, reason = "its end closes the connection")]
    fn answers(&self, client: Arc<TcpStream>, server: Arc<TcpStream>) {
        let (mut turn, mut passed) = (0, 0_usize);
        let mut buffer = [0; 16 * 1024];
        while let Some(bytes) = read(&server, &mut buffer) {
            let Some((fault, now)) = self.now() else { return };
            if now != turn {
                (turn, passed) = (now, 0);
            }
            let last = match fault {
                Fault::Reset(after) => bytes.get(..after.saturating_sub(passed)),
                // The client is answered already.
                Fault::Garbage(_) => continue,
                Fault::Pass | Fault::Refuse | Fault::Hang => None,
            };
            let sent = (&*client).write_all(last.unwrap_or(bytes));
            passed = passed.saturating_add(bytes.len());
            if last.is_some() {
                // Without lingering, the end is a reset, and comes when both threads are through with the connection.
                let _ = set_socket_linger(&client, Some(Duration::ZERO));
                let _ = client.shutdown(Shutdown::Read);
                return;
            }
            if sent.is_err() {
                return;
            }
        }
        if self.now().is_some() {
            let _ = client.shutdown(Shutdown::Write);
        }
    }
}

/// Nothing at the end, however that comes.
fn read<'a>(mut stream: &TcpStream, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = stream.read(buffer).ok().filter(|count| *count > 0)?;
    buffer.get(..count)
}

/// The same each time, so that a failure can be seen again. The first three bytes are no letters, and as HTTP/2 the
/// length of a frame that is longer than any may be.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |at| {
        state ^= state.wrapping_shl(13);
        state ^= state.wrapping_shr(7);
        state ^= state.wrapping_shl(17);
        let [byte, ..] = state.to_le_bytes();
        if at < 3 { byte | 0x80 } else { byte }
    };
    (0..count).map(next).collect()
}

#[cfg(test)]
mod tests;
