//! What an Envoy is started with, and what it says once it has started.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::bootstrap::bootstrap_with;
use super::clusters::clusters;
use super::fallback::fallback;
use super::listener::{Chain, listeners};
use super::proxy::{ProxyError, io_error};
use super::run_dir::RunDir;
use super::settings::Settings;
use super::translate::{Extension, extension};
use crate::cluster::Cluster;
use crate::plan::{Plan, Planned};

/// Everything that Envoy finds when it starts; the bootstrap last, because whoever starts Envoy may be waiting for it.
pub(super) fn write_first(
    run_dir: &RunDir,
    settings: &Settings,
    upstream: SocketAddr,
    called: &[Cluster],
    serving: &[Extension],
) -> io::Result<()> {
    run_dir.put_json(&run_dir.cds(), &clusters(called, "1"))?;
    for extension in serving {
        run_dir.put_json(&run_dir.ecds(extension), &extension.response("1"))?;
    }
    let chain = Chain { serving, trial: None };
    run_dir.put_json(&run_dir.lds(), &listeners(chain, run_dir, settings, "1"))?;
    let admin = SocketAddr::new(settings.address, settings.admin_port);
    run_dir.put_json(&run_dir.bootstrap(), &bootstrap_with(run_dir, upstream, &settings.node, admin))
}

/// Copies the modules and translates the plugins. One whose module could not be fetched is replaced as istio-agent does.
pub(super) fn prepare(run_dir: &RunDir, plan: &Plan) -> Result<Vec<Extension>, ProxyError> {
    let mut extensions = Vec::new();
    for planned in &plan.plugins {
        let module = planned.module.as_ref().map(|module| run_dir.put_module(module));
        let module = module.unwrap_or_else(|_| Ok(PathBuf::new())).map_err(io_error("the run directory"))?;
        let translated = extension(&planned.plugin, &module, plan.naming);
        extensions.push(or_fallback(planned, translated));
    }
    Ok(extensions)
}

/// What is served: the plugin as translated, or what stands in for it when it has no module.
pub(crate) fn or_fallback(planned: &Planned, translated: Extension) -> Extension {
    match &planned.module {
        Ok(_) => translated,
        Err(_) => fallback(translated, planned.plugin.spec.fail_strategy),
    }
}

pub(super) fn arguments(settings: &Settings, run_dir: &RunDir) -> Vec<String> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let concurrency = settings.concurrency.to_string();
    [
        ("--config-path", path(run_dir.bootstrap())),
        ("--admin-address-path", path(run_dir.admin_address())),
        ("--concurrency", concurrency),
        ("--log-level", settings.log_level.clone()),
        // Connections of a chain that has been replaced are told at once to go.
        ("--drain-strategy", "immediate".to_owned()),
        ("--drain-time-s", "30".to_owned()),
        ("--file-flush-interval-msec", "100".to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    // Hot restart would need an id of its own for each Envoy on the machine.
    .chain(["--disable-hot-restart".to_owned()])
    .collect()
}

pub(super) fn main_address(listeners: &str) -> Option<SocketAddr> {
    let listeners: serde_json::Value = serde_json::from_str(listeners).ok()?;
    let mut statuses = listeners.get("listener_statuses")?.as_array()?.iter();
    let main = statuses.find(|status| status.get("name").is_some_and(|name| name == "main"))?;
    let address = main.get("local_address")?.get("socket_address")?;
    let ip = address.get("address")?.as_str()?.parse().ok()?;
    Some(reachable(SocketAddr::new(ip, u16::try_from(address.get("port_value")?.as_u64()?).ok()?)))
}

/// Where to ask for what listens on all addresses.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}
