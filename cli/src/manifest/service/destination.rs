//! Reading a DestinationRule.

use std::path::PathBuf;

use super::super::head;
use super::super::reader::{Field, Reader};
use super::super::yaml::Value;
use super::{API_VERSIONS, DestinationRule, TlsMode, TlsOrigination, entry};

const MODES: [(&str, TlsMode); 4] = [
    ("DISABLE", TlsMode::Disable),
    ("SIMPLE", TlsMode::Simple),
    ("MUTUAL", TlsMode::Mutual),
    ("ISTIO_MUTUAL", TlsMode::Mutual),
];

/// What is not about TLS is left to the cluster.
const POLICY: [&str; 8] = [
    "tls",
    "portLevelSettings",
    "loadBalancer",
    "connectionPool",
    "outlierDetection",
    "tunnel",
    "proxyProtocol",
    "retryBudget",
];

/// Reads it; nothing when something is wrong, which the reader then knows.
pub(in super::super) fn read(reader: &mut Reader<'_>) -> Option<DestinationRule> {
    let root = reader.root();
    head::top(reader, &root, &API_VERSIONS);
    let metadata = head::named(reader, &root);
    let spec = reader.required(&root, "spec", "at least a host")?;
    reader.only(&spec, &["host", "trafficPolicy", "subsets", "exportTo", "workloadSelector"]);
    let host = reader.required(&spec, "host", "that of a ServiceEntry").and_then(|field| reader.text(&field));
    let mut rule =
        DestinationRule { full_name: String::new(), host: String::new(), tls: None, ports: Vec::new() };
    if let Some(policy) = reader.optional(&spec, "trafficPolicy") {
        reader.only(&policy, &POLICY);
        rule.tls = tls(reader, &policy);
        for item in reader.items(&policy, "portLevelSettings") {
            rule.ports.extend(port_level(reader, &item));
        }
    }
    let (metadata, host) = (metadata?, host?);
    rule.full_name = format!("{}.{}", metadata.namespace, metadata.name);
    rule.host = host;
    Some(rule)
}

fn port_level(reader: &mut Reader<'_>, item: &Field<'_>) -> Option<(u16, Option<TlsOrigination>)> {
    reader.only(item, &["port", "tls", "loadBalancer", "connectionPool", "outlierDetection"]);
    let port = reader.required(item, "port", "its number")?;
    reader.only(&port, &["number"]);
    let number = reader.required(&port, "number", "1 to 65535")?;
    let number = entry::number(reader, &number)?;
    Some((number, tls(reader, item)))
}

fn tls(reader: &mut Reader<'_>, of: &Field<'_>) -> Option<TlsOrigination> {
    let tls = reader.optional(of, "tls")?;
    reader.only(
        &tls,
        &[
            "mode",
            "sni",
            "caCertificates",
            "subjectAltNames",
            "insecureSkipVerify",
            "clientCertificate",
            "privateKey",
            "credentialName",
            "caCrl",
        ],
    );
    // Istio's default is the first of its list.
    let mode = reader.word(&tls, "mode", &MODES).unwrap_or(TlsMode::Disable);
    let mut names = Vec::new();
    for item in reader.items(&tls, "subjectAltNames") {
        names.extend(reader.text(&item));
    }
    Some(TlsOrigination {
        mode,
        sni: reader.optional_text(&tls, "sni"),
        ca_certificates: reader.optional_text(&tls, "caCertificates").map(PathBuf::from),
        subject_alt_names: names,
        insecure_skip_verify: switch(reader, &tls, "insecureSkipVerify"),
    })
}

fn switch(reader: &mut Reader<'_>, of: &Field<'_>, key: &str) -> bool {
    match reader.optional(of, key) {
        None => false,
        Some(field) => match field.node.value {
            Value::Bool(value) => value,
            _ => {
                reader.expected(&field, "true or false");
                false
            }
        },
    }
}
