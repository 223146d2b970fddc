//! An Envoy with one listener per variant.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tollgate::envoy::{Admin, Process};

use super::variants::Comparison;
use super::{Error, cpu, load};
use crate::local;

/// How long Envoy may take to compile all modules of a comparison.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where the worker and the load run.
const CORE: usize = 0;

/// A running Envoy with one worker.
#[derive(Debug)]
pub struct Bed {
    process: Process,
    worker: u32,
    admin: Admin,
    runtime: Runtime,
    addresses: Vec<SocketAddr>,
    folder: tempfile::TempDir,
}

impl Bed {
    /// Starts one, and waits until every listener serves.
    ///
    /// # Errors
    /// It does not start; the message has the end of its log.
    pub fn start(comparison: &Comparison) -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("floor.wasm"), super::floor::module()?)?;
        let listeners: Vec<Value> = comparison
            .variants
            .iter()
            .enumerate()
            .map(|(index, variant)| listener(index, &variant.filters(&path("floor.wasm"))))
            .collect();
        let bootstrap = json!({
            "admin": {"address": socket()},
            "static_resources": {"listeners": listeners},
        });
        fs::write(path("envoy.json"), bootstrap.to_string())?;
        let (config, admin) = (path("envoy.json"), path("admin"));
        let arguments = [
            "-c".as_ref(),
            config.as_os_str(),
            "--concurrency".as_ref(),
            "1".as_ref(),
            "--admin-address-path".as_ref(),
            admin.as_os_str(),
            "-l".as_ref(),
            "warning".as_ref(),
            "--use-dynamic-base-id".as_ref(),
        ];
        let process = Process::start(&local::envoy()?, &arguments, &path("log"))?;
        let mut bed = Self {
            process,
            worker: 0,
            admin: Admin::new(([127, 0, 0, 1], 0).into()),
            runtime: Builder::new_current_thread().enable_all().build()?,
            addresses: Vec::new(),
            folder,
        };
        bed.wait(comparison.variants.len()).map_err(|error| {
            let log = fs::read_to_string(bed.folder.path().join("log")).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(8).collect();
            format!("{}: {error}\n{}", comparison.name, end.join("\n"))
        })?;
        Ok(bed)
    }

    fn wait(&mut self, listeners: usize) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.look(listeners) {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn look(&mut self, listeners: usize) -> Result<(), Error> {
        self.admin = Admin::new(fs::read_to_string(self.folder.path().join("admin"))?.trim().parse()?);
        if self.get("/ready")?.trim() != "LIVE" {
            return Err("Envoy is not ready".into());
        }
        let text: Value = serde_json::from_str(&self.get("/listeners?format=json")?)?;
        let ports = text["listener_statuses"].as_array().ok_or("no listeners")?;
        self.addresses = vec![([127, 0, 0, 1], 0).into(); listeners];
        for status in ports {
            let index: usize = status["name"].as_str().unwrap_or_default().parse()?;
            let port = status["local_address"]["socket_address"]["port_value"].as_u64();
            if let (Some(place), Some(port)) = (self.addresses.get_mut(index), port) {
                place.set_port(u16::try_from(port)?);
            }
        }
        if self.addresses.iter().any(|address| address.port() == 0) {
            return Err("a listener is missing: Envoy refused it".into());
        }
        self.worker = cpu::thread(self.process.id(), "wrk:worker_0")?;
        Ok(())
    }

    /// Puts the worker and this thread on one core.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn share_core(&self) -> Result<(), Error> {
        cpu::pin(Some(self.worker), &[CORE])?;
        cpu::pin(None, &[CORE])
    }

    /// Where a variant listens.
    ///
    /// # Errors
    /// There is no such variant.
    pub fn address(&self, variant: usize) -> Result<SocketAddr, Error> {
        Ok(*self.addresses.get(variant).ok_or("no such listener")?)
    }

    /// Nanoseconds that the worker has run.
    ///
    /// # Errors
    /// Envoy is gone.
    pub fn worker_cpu(&self) -> Result<u64, Error> {
        cpu::time(self.process.id(), self.worker)
    }

    /// The requests that a variant's listener has completed.
    ///
    /// # Errors
    /// Envoy is gone.
    pub fn requests(&self, variant: usize) -> Result<u64, Error> {
        let text = self.get(&format!("/stats?filter=^http\\.v{variant}\\.downstream_rq_completed$"))?;
        Ok(text.trim().rsplit(' ').next().unwrap_or_default().parse()?)
    }

    fn get(&self, path: &str) -> Result<String, Error> {
        Ok(self.runtime.block_on(self.admin.get(path))?)
    }
}

fn socket() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}

fn listener(index: usize, filters: &[Value]) -> Value {
    const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.filters";
    let mut chain = filters.to_vec();
    chain.push(json!({
        "name": "router",
        "typed_config": {"@type": format!("{EXTENSIONS}.http.router.v3.Router")},
    }));
    let routes = json!({"virtual_hosts": [{
        "name": "all",
        "domains": ["*"],
        "routes": [{
            "match": {"prefix": "/"},
            "direct_response": {"status": 200, "body": {"inline_string": load::BODY}},
        }],
    }]});
    json!({
        "name": index.to_string(),
        "address": socket(),
        "filter_chains": [{"filters": [{
            "name": "http",
            "typed_config": {
                "@type": format!("{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": format!("v{index}"),
                "use_remote_address": true,
                "route_config": routes,
                "http_filters": chain,
            },
        }]}],
    })
}
