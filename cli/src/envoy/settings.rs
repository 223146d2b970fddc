//! How the local Envoy is to be run.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::node::Node;

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Envoy binary.
    pub envoy: PathBuf,
    /// Whether somebody else starts Envoy, with the files of the run directory.
    pub attach: bool,
    /// Worker threads.
    pub concurrency: u32,
    /// Where Envoy listens, for requests and for its admin interface.
    pub address: IpAddr,
    /// The port that requests go to; 0 for a free one.
    pub port: u16,
    /// The port of the admin interface; 0 for a free one.
    pub admin_port: u16,
    /// The folder for Envoy's files and logs; a private temporary one when not given.
    pub run_dir: Option<PathBuf>,
    /// Envoy's log level: `trace` to `off`.
    pub log_level: String,
    /// Whether Envoy normalises paths before any filter sees them, as Istio's default does.
    pub normalize_path: bool,
    /// Serve HTTPS instead of HTTP.
    pub tls: Option<Tls>,
    /// What filters can read of the proxy itself.
    pub node: Node,
}

/// What a TLS server needs, all in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whose certificates clients may show. Without one they are served too: it is for a filter to refuse them.
    pub client_authorities: Option<PathBuf>,
}

impl Settings {
    /// The defaults, for a given Envoy.
    #[must_use]
    pub fn new(envoy: impl Into<PathBuf>) -> Self {
        Self {
            envoy: envoy.into(),
            attach: false,
            concurrency: 2,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            admin_port: 0,
            run_dir: None,
            log_level: "info".to_owned(),
            normalize_path: true,
            tls: None,
            node: Node::default(),
        }
    }
}

/// The Envoy to use: `TOLLGATE_ENVOY`, which `make` sets, or `envoy` on the PATH.
#[must_use]
pub fn find_envoy() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("TOLLGATE_ENVOY").filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("envoy")).find(|file| file.is_file())
}
