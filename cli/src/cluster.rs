//! What plugins may call: the clusters that Istio would make of ServiceEntries and DestinationRules.

use crate::manifest::{Endpoint, Manifests, Port, Resolution, ServiceEntry, TlsMode, TlsOrigination};

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// As Istio names it: `outbound|443||idp.example.com`.
    pub name: String,
    /// Whether the endpoints' names are to be resolved.
    pub dns: bool,
    /// Addresses and ports.
    pub endpoints: Vec<(String, u16)>,
    /// HTTP/2 without being asked.
    pub http2: bool,
    /// How TLS is spoken, if it is.
    pub tls: Option<TlsOrigination>,
}

/// The clusters of some manifests, each name once, and what the reader should know of the others.
#[must_use]
pub fn clusters(manifests: &Manifests) -> (Vec<Cluster>, Vec<String>) {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut notes = Vec::new();
    for service in &manifests.services {
        if matches!(service.resolution, Resolution::None | Resolution::Mesh) {
            notes.push(format!(
                "ServiceEntry {} passed over: only with resolution STATIC or DNS can a plugin call it",
                service.full_name
            ));
            continue;
        }
        for (host, port) in
            service.hosts.iter().flat_map(|host| service.ports.iter().map(move |port| (host, port)))
        {
            let cluster = cluster(service, host, port, tls(manifests, host, port.number));
            if clusters.iter().any(|known| known.name == cluster.name) {
                notes.push(format!(
                    "ServiceEntry {}: {} is there already, this one is passed over",
                    service.full_name, cluster.name
                ));
            } else {
                clusters.push(cluster);
            }
        }
    }
    for rule in &manifests.destinations {
        let mutual =
            |tls: &Option<TlsOrigination>| tls.as_ref().is_some_and(|tls| tls.mode == TlsMode::Mutual);
        if mutual(&rule.tls) || rule.ports.iter().any(|(_, tls)| mutual(tls)) {
            notes.push(format!(
                "DestinationRule {}: TLS with a certificate of the mesh is not to be had here; {} is called without",
                rule.full_name, rule.host
            ));
        }
        if !manifests.services.iter().any(|service| service.hosts.iter().any(|host| covers(&rule.host, host)))
        {
            notes.push(format!(
                "DestinationRule {} passed over: no ServiceEntry has the host {}",
                rule.full_name, rule.host
            ));
        }
    }
    (clusters, notes)
}

fn cluster(service: &ServiceEntry, host: &str, port: &Port, tls: Option<TlsOrigination>) -> Cluster {
    let target = port.target.unwrap_or(port.number);
    let own = |endpoint: &Endpoint| {
        let own = endpoint.ports.iter().find(|(name, _)| *name == port.name);
        (endpoint.address.clone(), own.map_or(target, |(_, number)| *number))
    };
    let mut endpoints: Vec<(String, u16)> = service.endpoints.iter().map(own).collect();
    if endpoints.is_empty() {
        endpoints.push((host.to_owned(), target));
    }
    Cluster {
        name: name(host, port.number),
        dns: service.resolution == Resolution::Dns,
        endpoints,
        http2: port.http2,
        tls,
    }
}

/// As Istio names what goes to a host's port.
pub(crate) fn name(host: &str, port: u16) -> String {
    format!("outbound|{port}||{host}")
}

/// Whether a rule's host, which may begin with `*`, is this one.
fn covers(rule: &str, host: &str) -> bool {
    rule == host || rule.strip_prefix('*').is_some_and(|end| host.ends_with(end))
}

/// The mode and more of how a host's port is called. The rule with the longest host counts, and in it a port's own settings
/// come before the host's.
fn origination<'m>(manifests: &'m Manifests, host: &str, port: u16) -> Option<&'m TlsOrigination> {
    let rules = manifests.destinations.iter().filter(|rule| covers(&rule.host, host));
    let rule = rules.max_by_key(|rule| (rule.host == host, rule.host.len()))?;
    let own = rule.ports.iter().find(|(number, _)| *number == port);
    own.map_or(&rule.tls, |(_, tls)| tls).as_ref()
}

/// TLS as it can be spoken here.
fn tls(manifests: &Manifests, host: &str, port: u16) -> Option<TlsOrigination> {
    origination(manifests, host, port).filter(|tls| tls.mode == TlsMode::Simple).cloned()
}

/// Whether the mesh adds TLS to calls of a host's port.
pub(crate) fn is_secured(manifests: &Manifests, host: &str, port: u16) -> bool {
    origination(manifests, host, port).is_some_and(|tls| tls.mode != TlsMode::Disable)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn check(text: &str, clusters: &[&str], notes: &[&str]) {
        let manifests = Manifests::parse(Path::new("a.yaml"), text).unwrap();
        let (found, said) = super::clusters(&manifests);
        let shown = |cluster: &Cluster| {
            let tls = cluster.tls.as_ref().map(|tls| tls.sni.clone().unwrap_or_else(|| "auto".to_owned()));
            let (http2, dns) =
                (if cluster.http2 { " h2" } else { "" }, if cluster.dns { " dns" } else { "" });
            format!(
                "{} {:?}{dns}{http2} tls={}",
                cluster.name,
                cluster.endpoints,
                tls.as_deref().unwrap_or("-")
            )
        };
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), clusters, "{text}");
        assert_eq!(said, notes, "{text}");
    }

    fn service(name: &str, spec: &str) -> String {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    }

    fn rule(host: &str, policy: &str) -> String {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: tls}}\n\
             spec: {{host: {host}, trafficPolicy: {policy}}}\n"
        )
    }

    #[test]
    fn each_host_and_port_is_a_cluster_with_its_endpoints() {
        let spec = "{hosts: [a.com, b.com], ports: [{number: 80, name: http, protocol: HTTP}, \
                    {number: 90, name: grpc, protocol: GRPC, targetPort: 9090}], resolution: STATIC, \
                    endpoints: [{address: 10.0.0.1, ports: {http: 8080}}, {address: '::1'}]}";
        check(
            &service("x", spec),
            &[
                r#"outbound|80||a.com [("10.0.0.1", 8080), ("::1", 80)] tls=-"#,
                r#"outbound|90||a.com [("10.0.0.1", 9090), ("::1", 9090)] h2 tls=-"#,
                r#"outbound|80||b.com [("10.0.0.1", 8080), ("::1", 80)] tls=-"#,
                r#"outbound|90||b.com [("10.0.0.1", 9090), ("::1", 9090)] h2 tls=-"#,
            ],
            &[],
        );
    }

    #[test]
    fn a_name_without_endpoints_is_resolved_and_a_rule_gives_it_tls() {
        let entry = service(
            "idp",
            "{hosts: [idp.com], ports: [{number: 443, name: https}, {number: 80, name: http}], resolution: DNS}",
        );
        for (policy, at_443, at_80) in [
            ("{tls: {mode: SIMPLE}}", "auto", "auto"),
            ("{tls: {mode: SIMPLE, sni: x.com}}", "x.com", "x.com"),
            ("{tls: {mode: DISABLE}}", "-", "-"),
            ("{tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 80}}]}", "auto", "-"),
            ("{portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]}", "auto", "-"),
        ] {
            let clusters = [
                format!(r#"outbound|443||idp.com [("idp.com", 443)] dns tls={at_443}"#),
                format!(r#"outbound|80||idp.com [("idp.com", 80)] dns tls={at_80}"#),
            ];
            let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
            check(&format!("{entry}{}", rule("idp.com", policy)), &clusters, &[]);
        }
    }

    #[test]
    fn a_rule_for_all_hosts_gives_way_to_the_hosts_own() {
        let text =
            service("x", "{hosts: [a.local, b.com], ports: [{number: 80, name: http}], resolution: DNS}")
                + &rule("'*.local'", "{tls: {mode: ISTIO_MUTUAL}}")
                + &rule("a.local", "{tls: {mode: SIMPLE}}").replace("name: tls", "name: own");
        check(
            &text,
            &[
                r#"outbound|80||a.local [("a.local", 80)] dns tls=auto"#,
                r#"outbound|80||b.com [("b.com", 80)] dns tls=-"#,
            ],
            &[
                "DestinationRule default.tls: TLS with a certificate of the mesh is not to be had here; *.local is called without",
            ],
        );
        let manifests = Manifests::parse(Path::new("a.yaml"), &text).unwrap();
        for (host, secured) in [("a.local", true), ("c.local", true), ("b.com", false)] {
            assert_eq!(is_secured(&manifests, host, 80), secured, "{host}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_passed_over_with_a_note() {
        let spec = "{hosts: [a.com], ports: [{number: 80, name: http}], resolution: DNS}";
        check(
            &format!(
                "{}{}{}{}",
                service("x", spec),
                service("other", spec),
                service("z", "{hosts: [z.com], ports: [{number: 80, name: http}]}"),
                rule("other.com", "{tls: {mode: SIMPLE}}")
            ),
            &[r#"outbound|80||a.com [("a.com", 80)] dns tls=-"#],
            &[
                "ServiceEntry default.other: outbound|80||a.com is there already, this one is passed over",
                "ServiceEntry default.z passed over: only with resolution STATIC or DNS can a plugin call it",
                "DestinationRule default.tls passed over: no ServiceEntry has the host other.com",
            ],
        );
    }
}
