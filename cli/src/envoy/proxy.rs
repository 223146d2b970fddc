//! A running Envoy and what it serves.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::admin::Admin;
use super::delivery::{self, Taken};
use super::log;
use super::process::Process;
use super::run_dir::RunDir;
use super::settings::Settings;
use super::start::{arguments, main_address, prepare, reachable, write_first};
use super::stats::Stats;
use super::translate::Extension;
use crate::cluster::Cluster;
use crate::plan::Plan;

/// How long Envoy may take for anything: a large module on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long somebody else may take to start it: an image may have to come first.
const ATTACHING: Duration = Duration::from_secs(600);
/// How often its counters are read while waiting.
const POLL: Duration = Duration::from_millis(4);

/// A running Envoy. Dropping it kills it, unless somebody else has started it.
#[derive(Debug)]
pub struct Proxy {
    pub(super) process: Option<Process>,
    pub(super) admin: Admin,
    pub(super) run_dir: RunDir,
    pub(super) settings: Settings,
    pub(super) serving: Vec<Extension>,
    pub(super) called: Vec<Cluster>,
    pub(super) generation: u64,
    address: SocketAddr,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The plugins that are now served in another way than before; none when nothing changed.
    pub changed: Vec<String>,
    /// From the first file written to the moment when every worker serves it.
    pub took: Duration,
    /// The plugins that Envoy did not take. Each goes on as it was.
    pub refused: Vec<Refusal>,
}

/// A plugin that Envoy did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `namespace.name`.
    pub plugin: String,
    /// What Envoy's log says.
    pub reasons: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.plugin, self.reasons.join("; "))
    }
}

/// Why Envoy is not there.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// A file or the program itself.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// It ended.
    #[error("Envoy has ended ({status}); the end of its log, {log}:\n{tail}", log = log.display())]
    Ended {
        /// How.
        status: String,
        /// The whole log.
        log: PathBuf,
        /// The end of it.
        tail: String,
    },
    /// It would not serve the first configuration.
    #[error("Envoy refused {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// It did not answer, or not in time.
    #[error("{0}")]
    Silent(String),
}

impl Proxy {
    /// Starts an Envoy that serves a plan in front of an upstream, and waits until all workers do.
    ///
    /// # Errors
    /// When it does not start or refuses the plan; its files are then kept for a look.
    pub async fn start(settings: Settings, upstream: SocketAddr, plan: &Plan) -> Result<Self, ProxyError> {
        let run_dir = RunDir::create(settings.run_dir.as_deref()).map_err(io_error("the run directory"))?;
        let serving = prepare(&run_dir, plan)?;
        // A folder that is used again may hold the last address.
        let _ = std::fs::remove_file(run_dir.admin_address());
        write_first(&run_dir, &settings, upstream, &plan.clusters, &serving)
            .map_err(io_error("the run directory"))?;
        let process = match settings.attach {
            true => None,
            false => Some(
                Process::start(&settings.envoy, &arguments(&settings, &run_dir), &run_dir.log())
                    .map_err(io_error(&format!("cannot start {}", settings.envoy.display())))?,
            ),
        };
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let admin = Admin::new(nowhere);
        let called = plan.clusters.clone();
        let mut proxy =
            Self { process, admin, run_dir, settings, serving, called, generation: 1, address: nowhere };
        match proxy.come_up().await {
            Ok(()) => Ok(proxy),
            Err(error) => {
                // The error may name the log.
                proxy.keep_files();
                Err(error)
            }
        }
    }

    async fn come_up(&mut self) -> Result<(), ProxyError> {
        self.admin = Admin::new(self.admin_address().await?);
        let refused = self.until("to take the first configuration", |stats| self.first_answer(stats)).await?;
        if !refused.is_empty() {
            let reasons = log::reasons(&log::since(&self.run_dir.log(), 0));
            let refusal = |plugin| Refusal { plugin, reasons: reasons.clone() };
            return Err(ProxyError::Refused(refused.into_iter().map(refusal).collect()));
        }
        let listeners = self.admin.get("/listeners?format=json").await.map_err(ProxyError::Silent)?;
        self.address = main_address(&listeners)
            .ok_or_else(|| ProxyError::Silent("Envoy names no address of its listener".to_owned()))?;
        Ok(())
    }

    /// Nothing yet; or who was refused, at best nobody.
    fn first_answer(&self, stats: &Stats) -> Option<Vec<String>> {
        if stats.number(delivery::CLUSTERS_REFUSED) > 0 {
            return Some(vec!["the clusters".to_owned()]);
        }
        if delivery::listener_refused(stats, &Stats::default()) {
            return Some(vec!["the listener".to_owned()]);
        }
        let mut refused = Vec::new();
        for extension in &self.serving {
            match delivery::taken(extension, "1", stats, &Stats::default())? {
                Taken::Live => {}
                Taken::Refused => refused.push(extension.plugin.clone()),
            }
        }
        let live = delivery::listeners_created(stats) >= u64::from(self.settings.concurrency);
        (live || !refused.is_empty()).then_some(refused)
    }

    async fn admin_address(&self) -> Result<SocketAddr, ProxyError> {
        let deadline = later(if self.settings.attach { ATTACHING } else { PATIENCE });
        loop {
            let text = std::fs::read_to_string(self.run_dir.admin_address()).unwrap_or_default();
            if let Ok(address) = text.trim().parse() {
                return Ok(reachable(address));
            }
            tokio::select! {
                status = self.process_ended() => return Err(self.has_ended(status)),
                () = tokio::time::sleep(POLL) => {}
            }
            if Instant::now() > deadline {
                return Err(ProxyError::Silent("Envoy does not open its admin interface".to_owned()));
            }
        }
    }

    /// Reads the counters until there is an answer.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        answer: impl Fn(&Stats) -> Option<T>,
    ) -> Result<T, ProxyError> {
        let deadline = later(PATIENCE);
        loop {
            if let Some(answer) = answer(&self.counters().await?) {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                let log = self.run_dir.log();
                return Err(ProxyError::Silent(format!(
                    "waited too long for Envoy {what}; see {}",
                    log.display()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(super) async fn counters(&self) -> Result<Stats, ProxyError> {
        let error =
            match self.admin.stats("extension_config_discovery|listener_manager|cluster_manager.cds").await {
                Ok(stats) => return Ok(stats),
                Err(error) => error,
            };
        // A connection that breaks is usually the first sign of an end.
        match tokio::time::timeout(Duration::from_secs(1), self.process_ended()).await {
            Ok(status) => Err(self.has_ended(status)),
            Err(_) => Err(ProxyError::Silent(error)),
        }
    }

    /// Waits until Envoy ends by itself, and says how.
    pub async fn ended(&self) -> ProxyError {
        let status = self.process_ended().await;
        self.has_ended(status)
    }

    /// The end of a process that is not ours is not seen.
    async fn process_ended(&self) -> String {
        match &self.process {
            Some(process) => process.ended().await,
            None => std::future::pending().await,
        }
    }

    fn has_ended(&self, status: String) -> ProxyError {
        let log = self.run_dir.log();
        ProxyError::Ended { status, tail: log::tail(&log, 15), log }
    }

    /// Where requests go.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin interface.
    #[must_use]
    pub fn admin(&self) -> Admin {
        self.admin
    }

    /// Envoy's files.
    #[must_use]
    pub fn run_dir(&self) -> &RunDir {
        &self.run_dir
    }

    /// Envoy's process id; 0 when somebody else has started it.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// Leaves the files behind when this goes.
    pub fn keep_files(&mut self) {
        self.run_dir.keep();
    }

    /// Stops Envoy: politely, then by force after five seconds. What somebody else has started goes on.
    pub async fn stop(self) {
        if let Some(process) = self.process {
            process.stop().await;
        }
    }
}

pub(super) fn io_error(what: &str) -> impl FnOnce(io::Error) -> ProxyError {
    let what = what.to_owned();
    move |error| ProxyError::Io(what, error)
}

fn later(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}
