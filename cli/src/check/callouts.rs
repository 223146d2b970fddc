//! Whom a filter calls, and whether the mesh knows the way there.

use idp::Endpoint;

use super::Context;
use super::config::part;
use crate::cluster::is_secured;
use crate::fault::{Code, Fault};
use crate::manifest::yaml::Node;
use crate::manifest::{ServiceEntry, WasmPlugin};

/// The domain of the cluster's own Services, from which the mesh makes clusters by itself.
const CLUSTER_DOMAIN: &str = ".svc.cluster.local";

pub(super) fn check(plugin: &WasmPlugin, context: &Context<'_>) -> Vec<Fault> {
    let mut called = Vec::new();
    if let Some((config, path)) = part(plugin, "auth-filter") {
        for (index, provider) in
            config.get("providers").map(Node::items).unwrap_or_default().iter().enumerate()
        {
            called.extend(of_provider(provider, &format!("{path}.providers[{index}]")));
        }
    }
    if let Some((config, path)) = part(plugin, "ratelimit-filter") {
        let cluster = config.get("global").and_then(|global| global.get("cluster")).and_then(Node::text);
        called.extend(cluster.map(|cluster| Called {
            cluster: cluster.to_owned(),
            secure: false,
            path: format!("{path}.global.cluster"),
        }));
    }
    called.iter().filter_map(|call| unknown(plugin, call, context)).collect()
}

/// Whom a filter calls.
struct Called {
    cluster: String,
    /// By `https`.
    secure: bool,
    /// The field that says so.
    path: String,
}

fn of_provider(provider: &Node, path: &str) -> Option<Called> {
    let (kind, block) = ["jwt", "introspection"].iter().find_map(|kind| Some((kind, provider.get(kind)?)))?;
    let text = |field: &str| block.get(field).and_then(Node::text);
    let field = match *kind {
        "introspection" => "endpoint",
        _ if block.get("jwksUri").is_some() => "jwksUri",
        _ if block.get("discovery").is_some() => "issuer",
        _ => return None,
    };
    // What cannot be read is found by the filter's own code.
    let endpoint = Endpoint::parse(text(field)?, text("cluster")).ok()?;
    let field = if text("cluster").is_some() { "cluster" } else { field };
    let Endpoint { cluster, secure, .. } = endpoint;
    Some(Called { cluster, secure, path: format!("{path}.{kind}.{field}") })
}

fn unknown(plugin: &WasmPlugin, call: &Called, context: &Context<'_>) -> Option<Fault> {
    let Called { cluster, secure, path } = call;
    let services = context.manifests.services.iter();
    let makers: Vec<_> = services.filter_map(|service| Some((service, service.behind(cluster)?))).collect();
    if let Some((service, (host, port))) = makers.first() {
        if !makers.iter().any(|(service, _)| is_seen(service, plugin, context)) {
            return Some(unseen(plugin, call, service, context));
        }
        let message = || {
            format!(
                "nothing adds TLS to calls of {cluster}: give its host a DestinationRule with tls mode SIMPLE"
            )
        };
        return (*secure && !is_secured(context.manifests, host, *port))
            .then(|| plugin.fault(path, message()).coded(Code::CalloutPlaintext));
    }
    let host = cluster.rsplit('|').next().unwrap_or_default();
    if !host.ends_with(CLUSTER_DOMAIN) {
        let message = format!("no ServiceEntry here makes the cluster {cluster}; calls to it will fail");
        return Some(plugin.fault(path, message).coded(Code::CalloutUnknown));
    }
    let known = context.manifests.cluster_hosts.iter().any(|known| known == host);
    let message =
        || format!("the Service {host} is not among these manifests; it has to be there for {cluster}");
    (!known).then(|| plugin.fault(path, message()).coded(Code::CalloutService))
}

/// Whether every proxy that has the plugin may know the service.
fn is_seen(service: &ServiceEntry, plugin: &WasmPlugin, context: &Context<'_>) -> bool {
    match plugin.metadata.namespace == context.args.root_namespace {
        true => service.is_seen_everywhere(),
        false => service.is_seen_from(&plugin.metadata.namespace),
    }
}

/// A ServiceEntry makes the cluster, and for others only.
fn unseen(plugin: &WasmPlugin, call: &Called, service: &ServiceEntry, context: &Context<'_>) -> Fault {
    let (namespace, Called { cluster, path, .. }) = (&plugin.metadata.namespace, call);
    let everywhere = *namespace == context.args.root_namespace;
    let of = if everywhere { "of all namespaces".to_owned() } else { format!("of namespace {namespace}") };
    let service = &service.full_name;
    let message = format!(
        "exportTo of the ServiceEntry {service} does not show the cluster {cluster} to the proxies {of}; calls to it will fail"
    );
    plugin.fault(path, message).coded(Code::CalloutUnknown)
}
