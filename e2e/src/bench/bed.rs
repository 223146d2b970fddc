//! An Envoy with one listener per variant.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate::envoy::Process;

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
    admin: SocketAddr,
    addresses: Vec<SocketAddr>,
    _folder: tempfile::TempDir,
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
            admin: ([127, 0, 0, 1], 0).into(),
            addresses: Vec::new(),
            _folder: folder,
        };
        bed.wait(comparison.variants.len()).map_err(|error| {
            let log = fs::read_to_string(bed._folder.path().join("log")).unwrap_or_default();
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
        self.admin = fs::read_to_string(self._folder.path().join("admin"))?.trim().parse()?;
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

    /// Memory in use, in kB.
    ///
    /// # Errors
    /// Envoy is gone.
    pub fn resident(&self) -> Result<u64, Error> {
        cpu::resident(self.process.id())
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
        let mut socket = TcpStream::connect_timeout(&self.admin, Duration::from_secs(5))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(socket, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
        if !text.get(..64.min(text.len())).unwrap_or_default().contains("chunked")
            && !text.contains("transfer-encoding: chunked")
        {
            return Ok(body.to_owned());
        }
        Ok(unchunked(body))
    }
}

/// The admin interface sends pieces, each with its length in front.
fn unchunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        let Some((piece, rest)) = rest.split_at_checked(size).filter(|_| size > 0) else { break };
        out.push_str(piece);
        body = rest.trim_start_matches("\r\n");
    }
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together() {
        assert_eq!(unchunked("4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"), "abcdef");
        assert_eq!(unchunked("ff\r\nshort"), "");
    }
}
