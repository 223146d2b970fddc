//! A fixture: which manifests, for which proxy, and what happens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use policy_core::config::Wire;
use policy_core::time::Span;

use super::message::{Headers, Wanted};
use super::moment::Moment;
use super::services::Given;
use super::{fault, faults};
use crate::fault::{Fault, Faults};
use crate::manifest::yaml;
use crate::scope::{As, DEFAULT_NAMESPACE, Proxy, ROOT_NAMESPACE, ServiceName, View};

/// More than anyone reads.
const MOST_REQUESTS: usize = 10_000;
/// Larger than any fixture, and than any answer of a service.
const LARGEST: u64 = 4 << 20;

/// The file.
#[derive(Debug, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fixture {
    /// Files and directories, seen from the fixture.
    #[serde(default)]
    pub(super) manifests: Vec<PathBuf>,
    /// The proxy; none for every plugin there is.
    #[serde(rename = "as")]
    proxy: Option<As>,
    namespace: Option<String>,
    root_namespace: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    port: Option<u16>,
    /// What a waypoint serves: `namespace/name`.
    #[serde(default)]
    waypoint_services: Vec<ServiceName>,
    /// Variables of the proxy, for `valueFrom: HOST`.
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    /// The time at which it begins: nothing depends on the machine's clock.
    pub(super) time: Moment,
    /// What the filters' own requests are answered with, by cluster and path.
    #[serde(default)]
    pub(super) services: BTreeMap<String, BTreeMap<String, Given>>,
    pub(super) requests: Vec<Described>,
    /// That none of Tollgate's plugins applies to the proxy is what is tested.
    #[serde(default)]
    no_plugins: bool,
}

/// A request, and what its upstream answers.
#[derive(Debug, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Described {
    pub(super) name: Option<String>,
    #[serde(default = "get")]
    pub(super) method: String,
    #[serde(default = "root")]
    pub(super) path: String,
    #[serde(default = "localhost")]
    pub(super) authority: String,
    pub(super) scheme: Option<String>,
    #[serde(default)]
    pub(super) headers: Headers,
    #[serde(default)]
    pub(super) peer: Peer,
    pub(super) protocol: Option<String>,
    pub(super) route: Option<String>,
    pub(super) cluster: Option<String>,
    /// When it comes; else with the one before.
    pub(super) time: Option<Moment>,
    /// How long after the one before.
    pub(super) after: Option<Span>,
    /// So many of these, one after the other.
    pub(super) times: Option<u16>,
    /// It is still under way when the later ones come.
    #[serde(default)]
    pub(super) still_running: bool,
    #[serde(default)]
    pub(super) filter_state: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) response: Response,
    pub(super) expect: Option<Expect>,
}

/// Who sends it.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Peer {
    /// With or without a port.
    pub(super) address: Option<String>,
    pub(super) tls: Option<Tls>,
}

/// Its connection, when that is encrypted.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) version: Option<String>,
    pub(super) uri_san: Option<String>,
    pub(super) dns_san: Option<String>,
    /// Of the certificate, in hexadecimal.
    pub(super) sha256: Option<String>,
}

/// What the upstream answers.
#[derive(Debug, Wire)]
#[serde(deny_unknown_fields)]
pub(super) struct Response {
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: Headers,
}

impl Default for Response {
    fn default() -> Self {
        Self { status: ok(), headers: Headers::default() }
    }
}

/// What shall come of it; what is not named may be anything.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) status: Option<u16>,
    /// The response-code details: `tollgate.auth.missing_credential`.
    pub(super) reason: Option<String>,
    /// Of the answer.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Wanted>,
    /// Headers of the request as the upstream gets it.
    #[serde(default)]
    pub(super) upstream: BTreeMap<String, Wanted>,
    /// Filter state, by its whole key.
    #[serde(default)]
    pub(super) filter_state: BTreeMap<String, Wanted>,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn localhost() -> String {
    "localhost".to_owned()
}

fn ok() -> u16 {
    200
}

impl Fixture {
    /// Reads a file; paths of manifests and of answers are made good from here.
    pub(super) fn load(file: &Path) -> Result<Self, Faults> {
        let text = read(file).map_err(faults)?;
        let mut fixture = Self::parse(file, &text)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for path in &mut fixture.manifests {
            *path = folder.join(&path);
        }
        for given in fixture.services.values_mut().flat_map(BTreeMap::values_mut) {
            given.take_body(folder, &read).map_err(faults)?;
        }
        Ok(fixture)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Faults> {
        let fault = |at, path: &str, message: &str| faults(fault(file, at, path, message));
        let documents = yaml::parse(text).map_err(|error| fault(Some(error.at), "", &error.message))?;
        let [document] = documents.as_slice() else {
            return Err(fault(None, "", "a fixture is one YAML document"));
        };
        let at = |path: &str| Some(document.locate(path));
        let fixture: Self = policy_core::config::parse(document.to_json().to_string().as_bytes())
            .map_err(|error| fault(at(error.path()), error.path(), error.message()))?;
        let count: usize = fixture.requests.iter().map(|one| usize::from(one.times.unwrap_or(1))).sum();
        if count > MOST_REQUESTS {
            return Err(fault(at("requests"), "requests", &format!("at most {MOST_REQUESTS} requests")));
        }
        let mut now = fixture.time.nanos();
        for (number, request) in fixture.requests.iter().enumerate() {
            if let Err((field, message)) = request.check(now) {
                let path = format!("requests[{number}].{field}");
                return Err(fault(at(&path), &path, message));
            }
            now = (0..request.times.unwrap_or(1)).fold(now, |now, _| request.comes_at(now));
        }
        Ok(fixture)
    }

    /// What makes the expectations say nothing, with so many plugins at work.
    pub(super) fn vacuous(&self, plugins: usize) -> Vec<String> {
        let expects = self.requests.iter().any(|request| request.expect.is_some());
        let said = match (self.no_plugins, plugins) {
            (false, 0) if expects => {
                "no plugin of Tollgate's applies to this proxy; if that is what is tested, say noPlugins: true"
            }
            (true, 1..) => "noPlugins is said, and plugins apply to this proxy",
            _ => return Vec::new(),
        };
        vec![said.to_owned()]
    }

    /// The proxy that it is about.
    pub(super) fn view(&self) -> View {
        let root_namespace = self.root_namespace.clone().unwrap_or_else(|| ROOT_NAMESPACE.to_owned());
        let Some(proxy) = self.proxy else {
            return View::Everything { namespace: self.namespace.clone(), root_namespace };
        };
        let labels: Vec<_> = self.labels.clone().into_iter().collect();
        View::Proxy(Proxy {
            kind: proxy.kind(&labels),
            namespace: self.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            root_namespace,
            labels,
            port: self.port,
            services: self.waypoint_services.clone(),
        })
    }
}

impl Described {
    fn check(&self, before: u64) -> Result<(), (&'static str, &'static str)> {
        if self.comes_at(before) < before {
            return Err(("time", "this is before the request before: time goes on"));
        }
        if let Some(impossible) = self.impossible() {
            return Err(impossible);
        }
        if self.expect.as_ref().is_some_and(Expect::is_empty) {
            return Err((
                "expect",
                "this expects nothing: name a status, a reason, headers, upstream or filterState",
            ));
        }
        if self.times == Some(0) {
            return Err(("times", "at least one: what does not come shows nothing"));
        }
        if self.time.is_some() && self.after.is_some() {
            return Err(("after", "give either the time, or how long after the request before"));
        }
        if self.peer.socket().is_none() {
            return Err((
                "peer.address",
                "this is no address such as 10.0.0.1, 10.0.0.1:4711 or 2001:db8::1",
            ));
        }
        Ok(())
    }
}

impl Expect {
    fn is_empty(&self) -> bool {
        let Self { status, reason, headers, upstream, filter_state } = self;
        let lists = [headers, upstream, filter_state];
        status.is_none() && reason.is_none() && lists.iter().all(|list| list.is_empty())
    }
}

impl Peer {
    /// As Envoy writes it, with a port. The proxy's own host when nothing is said.
    pub(super) fn socket(&self) -> Option<String> {
        let address = self.address.as_deref().unwrap_or("127.0.0.1");
        let with_port = address.parse::<std::net::SocketAddr>().ok();
        let some_port = || Some(std::net::SocketAddr::new(address.parse().ok()?, 40_000));
        with_port.or_else(some_port).map(|address| address.to_string())
    }
}

/// The text of a file of a bounded size.
fn read(file: &Path) -> Result<String, Fault> {
    let unreadable = |error: std::io::Error| fault(file, None, "", format!("cannot be read: {error}"));
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(fault(file, None, "", format!("is no file, or larger than {} MiB", LARGEST >> 20)));
    }
    std::fs::read_to_string(file).map_err(unreadable)
}
