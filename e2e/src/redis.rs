//! A real Redis, to be stopped and started as a test likes. It keeps nothing on disk.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tollgate::envoy::Process;

use crate::eventually;

/// Longer than it takes to start, or to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ports that may turn out to be taken before one is not.
const TRIES: usize = 5;

/// A Redis on a port of 127.0.0.1 that stays its own over restarts. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    address: SocketAddr,
    process: Option<Process>,
    folder: TempDir,
}

impl Redis {
    /// Starts the program that `TOLLGATE_REDIS` names.
    ///
    /// # Errors
    /// When it names none, or that does not start.
    pub async fn start() -> io::Result<Self> {
        let program = program("TOLLGATE_REDIS")?;
        let mut last = None;
        for _ in 0..TRIES {
            // It cannot choose a port by itself, so it is given one that was free a moment ago.
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let folder = tempfile::tempdir()?;
            let mut redis = Self { program: program.clone(), address, process: None, folder };
            match redis.start_again().await {
                Ok(()) => return Ok(redis),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as its clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Stops it, which loses all that it holds.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Starts it after a stop, empty and on the same port; waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&mut self) -> io::Result<()> {
        let port = self.address.port().to_string();
        let folder = self.folder.path().to_string_lossy().into_owned();
        let arguments =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", &folder];
        let log = self.folder.path().join("redis.log");
        let process = Process::start(&self.program, &arguments, &log)?;
        let ready = eventually("Redis answers", PATIENCE, async || {
            self.command("PING").await.ok().filter(|answer| answer == "+PONG")
        });
        until_ready(&process, &log, ready).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Sends a command whose answer is one line, and returns that. To name two: `CLIENT PAUSE 300 ALL` makes Redis hang
    /// for so many milliseconds, `DBSIZE` counts its keys.
    ///
    /// # Errors
    /// When there is no answer, or it is an error.
    pub async fn command(&self, line: &str) -> io::Result<String> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(line)).await??;
        if answer.starts_with('-') { Err(io::Error::other(answer)) } else { Ok(answer) }
    }

    async fn exchange(&self, line: &str) -> io::Result<String> {
        let mut stream = BufReader::new(TcpStream::connect(self.address).await?);
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok(answer.trim_end().to_owned())
    }
}

/// The program that an environment variable names.
pub(crate) fn program(variable: &str) -> io::Result<PathBuf> {
    let program = std::env::var_os(variable).filter(|program| !program.is_empty());
    program.map(PathBuf::from).ok_or_else(|| {
        io::Error::other(format!(
            "{variable} does not name a program: run `make e2e`, which fetches or builds it"
        ))
    })
}

/// Waits for something that a process does once it is up, and stops waiting when the process ends instead.
pub(crate) async fn until_ready<T, E>(
    process: &Process,
    log: &Path,
    ready: impl Future<Output = Result<T, E>>,
) -> io::Result<T>
where
    E: std::error::Error,
{
    let failure = tokio::select! {
        ready = ready => match ready {
            Ok(ready) => return Ok(ready),
            Err(error) => error.to_string(),
        },
        end = process.ended() => end,
    };
    let log = std::fs::read_to_string(log).unwrap_or_default();
    Err(io::Error::other(format!("{failure}; it said: {log}")))
}
