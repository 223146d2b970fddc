//! A real Limitador engine behind the rate limit protocol, counting in a real Redis: `e2e/limitador`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tollgate::envoy::Process;

use crate::eventually;
use crate::redis::{Redis, program, until_ready};

/// Longer than it takes to start, or to read its limits.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service on a port of 127.0.0.1 that stays its own over restarts, with a Redis of its own. Dropping it kills both.
#[derive(Debug)]
pub struct Limitador {
    program: PathBuf,
    address: SocketAddr,
    process: Option<Process>,
    redis: Redis,
    folder: TempDir,
}

/// One call that it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The domain, which is Limitador's namespace.
    pub domain: String,
    /// The keys and values of each descriptor's entries.
    pub descriptors: Vec<Vec<(String, String)>>,
    /// The hits asked for; 0 when none were named, which counts as one.
    pub hits: u64,
    /// `OK`, `OVER_LIMIT`, `UNKNOWN` or `UNAVAILABLE`.
    pub answer: String,
}

impl Limitador {
    /// Starts the programs that `TOLLGATE_LIMITADOR` and `TOLLGATE_REDIS` name, with limits as Limitador's YAML has them.
    ///
    /// # Errors
    /// When one is not named, or does not start, or the limits are refused.
    pub async fn start(limits: &str) -> io::Result<Self> {
        let program = program("TOLLGATE_LIMITADOR")?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("limits.yaml"), limits)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let redis = Redis::start().await?;
        let mut service = Self { program, address, process: None, redis, folder };
        service.start_again().await?;
        Ok(service)
    }

    /// Where it listens: gRPC without TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counts in.
    pub fn redis(&mut self) -> &mut Redis {
        &mut self.redis
    }

    /// Stops the service. Redis keeps the counts.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Starts the service after a stop, on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&mut self) -> io::Result<()> {
        let file = |name| self.folder.path().join(name).to_string_lossy().into_owned();
        let (limits, delay, redis, listen) =
            (file("limits.yaml"), file("delay"), self.redis.url(), self.address.to_string());
        let arguments = ["--limits", &limits, "--delay", &delay, "--redis", &redis, "--listen", &listen];
        let flags = ["--reconnect-at-once", "--log-calls"];
        let process = Process::start(&self.program, &[&arguments[..], &flags].concat(), &self.log_file())?;
        let ready = eventually("Limitador listens", PATIENCE, async || {
            self.log().lines().find_map(|line| line.strip_prefix("listening on ")?.parse().ok())
        });
        self.address = until_ready(&process, &self.log_file(), ready).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Has it take other limits. Those that stay keep their counts.
    ///
    /// # Errors
    /// When it refuses them, upon which it keeps the former ones.
    pub async fn configure(&self, limits: &str) -> io::Result<()> {
        std::fs::write(self.folder.path().join("limits.yaml"), limits)?;
        let before = self.verdicts().len();
        let id = self
            .process
            .as_ref()
            .and_then(|process| i32::try_from(process.id()).ok())
            .and_then(Pid::from_raw);
        kill_process(id.ok_or(io::ErrorKind::NotConnected)?, Signal::HUP)?;
        let verdict = eventually("Limitador reads its limits", PATIENCE, async || {
            self.verdicts().into_iter().nth(before)
        });
        let verdict = verdict.await.map_err(io::Error::other)?;
        if verdict.starts_with("limits read") { Ok(()) } else { Err(io::Error::other(verdict)) }
    }

    /// Has it answer so much later from now on. What it counts, it counts at once.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn delay(&self, delay: Duration) -> io::Result<()> {
        let (file, new) = (self.folder.path().join("delay"), self.folder.path().join("delay.new"));
        std::fs::write(&new, delay.as_millis().to_string())?;
        std::fs::rename(new, file)
    }

    /// All calls since it was last started.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.log()
            .lines()
            .filter_map(|line| call(&serde_json::from_str(line.strip_prefix("call ")?).ok()?))
            .collect()
    }

    /// All that it has said since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("limitador.log")
    }

    /// What it said of limits that it read.
    fn verdicts(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.starts_with("limits re")).map(str::to_owned).collect()
    }
}

fn call(line: &Value) -> Option<Call> {
    Some(Call {
        domain: line.get("domain")?.as_str()?.to_owned(),
        descriptors: serde_json::from_value(line.get("descriptors")?.clone()).ok()?,
        hits: line.get("hits")?.as_u64()?,
        answer: line.get("answer")?.as_str()?.to_owned(),
    })
}
