//! From a fixture to its chain of plugins at work, and on to what is told.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use policy_core::ConfigError;

use super::filter::{Filter, Surroundings};
use super::fixture::Fixture;
use super::hide::Hide;
use super::passage::{Link, Passage};
use super::report::{Explained, LeftOut, Stop};
use super::services::Services;
use super::{fault, faults};
use crate::environment::{is_of_the_host, variable};
use crate::fault::Faults;
use crate::filters::Filters;
use crate::manifest::{Manifests, Phase, PluginType, WasmPlugin};
use crate::module::stem;
use crate::plan::config_json;
use crate::scope::{Naming, ProxyKind, Selection, Station, View, stations};

/// For so long the proxy has been up when the fixture begins, so that keys are there; and in such steps.
const WARM_UP_MS: u64 = 2000;
const STEP_MS: u64 = 10;
const MILLISECOND: u64 = 1_000_000;

/// Tells what comes of a fixture's requests.
pub(super) fn explain(file: &Path, manifests: &[PathBuf]) -> Result<Explained, Faults> {
    let mut fixture = Fixture::load(file)?;
    let paths = if manifests.is_empty() { fixture.manifests.as_slice() } else { manifests };
    if paths.is_empty() {
        let message = "names no manifests: write them there, or give --manifests";
        return Err(faults(fault(file, None, "manifests", message)));
    }
    let manifests = Manifests::load(paths)?;
    let view = fixture.view();
    let Selection { plugins, excluded, mut notes } = view.select(manifests.plugins, Naming::Current);
    let services = Rc::new(Services::new(std::mem::take(&mut fixture.services)));
    let surroundings = Surroundings { services, ..Surroundings::default() };
    let begin = fixture.time.nanos();
    surroundings.world.now.set(begin.saturating_sub(WARM_UP_MS.saturating_mul(MILLISECOND)));
    let links = links(&plugins, &fixture, &surroundings, &mut notes)?;
    let mut hide = Hide::default();
    for plugin in &plugins {
        if let Some(config) = &plugin.spec.plugin_config {
            hide.add_places(&config.to_json());
        }
    }
    let chain = stations(&view, &plugins).into_iter().map(|station| stop(&station, &links)).collect();
    let mut passage = Passage::new(&links, &surroundings, hide);
    links.iter().for_each(|link| link.filter.start());
    for left in (0..WARM_UP_MS.div_ceil(STEP_MS)).rev() {
        passage.wait_until(begin.saturating_sub(left.saturating_mul(STEP_MS).saturating_mul(MILLISECOND)));
    }
    let asked = surroundings.services.take_asked();
    Ok(Explained {
        fixture: file.display().to_string(),
        proxy: describe(&view),
        chain,
        excluded: excluded
            .into_iter()
            .map(|one| LeftOut { plugin: one.plugin, reason: one.reason.to_string() })
            .collect(),
        notes,
        asked,
        requests: passage.run(&fixture),
        mismatches: fixture.vacuous(links.len()),
    })
}

/// The plugins that can be run here: those of our own filters.
fn links(
    plugins: &[WasmPlugin],
    fixture: &Fixture,
    surroundings: &Surroundings,
    notes: &mut Vec<String>,
) -> Result<Vec<Link>, Faults> {
    let filters = Filters::builtin();
    let (mut links, mut faults) = (Vec::new(), Vec::new());
    for plugin in plugins {
        let name = plugin.full_name();
        if plugin.spec.plugin_type == PluginType::Network {
            notes.push(format!("{name} is a network filter: it is passed over here"));
            continue;
        }
        match open(plugin, fixture, surroundings, &filters) {
            Some(Ok(filter)) => links.push(Link { name, filter }),
            Some(Err(error)) => {
                let error = error.under(&plugin.module_path("pluginConfig"));
                let mut fault = plugin.fault(error.path(), error.message());
                if error.path().ends_with(".env") {
                    fault.message.push_str(", or, with valueFrom HOST, under environment in the fixture");
                }
                faults.push(fault);
            }
            None => notes.push(format!("{name} is not one of Tollgate's filters: it is passed over here")),
        }
    }
    if faults.is_empty() { Ok(links) } else { Err(Faults(faults)) }
}

fn open(
    plugin: &WasmPlugin,
    fixture: &Fixture,
    surroundings: &Surroundings,
    filters: &Filters,
) -> Option<Result<Box<dyn Filter>, ConfigError>> {
    let json = config_json(plugin).unwrap_or_default();
    let identity = || {
        format!(
            "{}\0{}",
            Naming::Current.plugin(plugin),
            plugin.spec.plugin_name.as_deref().unwrap_or_default()
        )
    };
    let environment = |name: &str| {
        let of_fixture = || fixture.environment.get(name).cloned();
        match name {
            policy_core::config::PLUGIN => Some(identity()),
            _ if is_of_the_host(plugin, name) => of_fixture().or_else(|| variable(plugin, name)),
            _ => variable(plugin, name),
        }
    };
    filters.open(stem(&plugin.spec.url), json.as_bytes(), &environment, surroundings)
}

fn stop(station: &Station<'_>, links: &[Link]) -> Stop {
    match station {
        Station::Istio(own) => Stop { name: format!("Istio: {own}"), place: None, run: false },
        Station::Plugin(plugin) => {
            let name = plugin.full_name();
            let phase = match plugin.spec.phase {
                Phase::Authn => "AUTHN",
                Phase::Authz => "AUTHZ",
                Phase::Stats => "STATS",
                Phase::Unspecified => "no phase",
            };
            let priority =
                plugin.spec.priority.map_or("no priority".to_owned(), |number| format!("priority {number}"));
            Stop {
                run: links.iter().any(|link| link.name == name),
                place: Some(format!("{phase}, {priority}, {}", stem(&plugin.spec.url))),
                name,
            }
        }
    }
}

fn describe(view: &View) -> String {
    let View::Proxy(proxy) = view else {
        return "every plugin there is, for no proxy in particular".to_owned();
    };
    let kind = match &proxy.kind {
        ProxyKind::SidecarInbound => "a sidecar, inbound".to_owned(),
        ProxyKind::SidecarOutbound => "a sidecar, outbound".to_owned(),
        ProxyKind::Gateway => "a gateway of Istio's own API".to_owned(),
        ProxyKind::GatewayApiGateway(name) => format!("the gateway {name}"),
        ProxyKind::Waypoint(name) => format!("the waypoint {name}"),
    };
    let port = proxy.port.map(|port| format!(", port {port}")).unwrap_or_default();
    let labels: Vec<String> = proxy.labels.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    format!("{kind}, in namespace {}{port}{}", proxy.namespace, labels.concat())
}
