//! `spec`, field by field.

use super::super::reader::{Field, Reader};
use super::super::yaml::{Node, Value};
use super::{
    EnvValue, EnvVar, FailStrategy, Labels, Mode, Phase, PluginType, PullPolicy, Spec, TargetRef,
    TrafficMatch,
};

const FIELDS: [&str; 16] = [
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "phase",
    "priority",
    "failStrategy",
    "vmConfig",
    "match",
    "selector",
    "targetRef",
    "targetRefs",
    "type",
];

pub(super) fn read(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<Spec> {
    reader.only(spec, &FIELDS);
    let url = reader.required(spec, "url", "give oci://, https://, http:// or file:// plus a path");
    let url = url.and_then(|url| url_of(reader, &url));
    let phases = [
        ("AUTHN", Phase::Authn),
        ("AUTHZ", Phase::Authz),
        ("STATS", Phase::Stats),
        ("UNSPECIFIED_PHASE", Phase::Unspecified),
    ];
    let strategies = [
        ("FAIL_CLOSE", FailStrategy::Close),
        ("FAIL_OPEN", FailStrategy::Open),
        ("FAIL_RELOAD", FailStrategy::Reload),
    ];
    let policies = [
        ("UNSPECIFIED_POLICY", PullPolicy::Unspecified),
        ("IfNotPresent", PullPolicy::IfNotPresent),
        ("Always", PullPolicy::Always),
    ];
    let types = [
        ("HTTP", PluginType::Http),
        ("NETWORK", PluginType::Network),
        ("UNSPECIFIED_PLUGIN_TYPE", PluginType::Http),
    ];
    let read = Spec {
        url: url.unwrap_or_default(),
        sha256: sha256(reader, spec),
        image_pull_policy: reader.word(spec, "imagePullPolicy", &policies).unwrap_or(PullPolicy::Unspecified),
        image_pull_secret: reader.optional_text(spec, "imagePullSecret"),
        plugin_config: plugin_config(reader, spec),
        plugin_name: reader.optional_text(spec, "pluginName"),
        phase: reader.word(spec, "phase", &phases).unwrap_or(Phase::Unspecified),
        priority: priority(reader, spec),
        fail_strategy: reader.word(spec, "failStrategy", &strategies).unwrap_or(FailStrategy::Close),
        env: env(reader, spec),
        matches: matches(reader, spec),
        selector: selector(reader, spec),
        target_refs: target_refs(reader, spec),
        plugin_type: reader.word(spec, "type", &types).unwrap_or(PluginType::Http),
    };
    if read.selector.is_some() && !read.target_refs.is_empty() {
        reader.fault(&spec.child("targetRefs"), "only one of targetRefs or selector can be set");
    }
    (!read.url.is_empty()).then_some(read)
}

fn url_of(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let url = reader.text(field)?;
    let message = match url.split_once("://") {
        Some(("oci" | "http" | "https", rest)) if !rest.is_empty() => None,
        Some(("file", path)) if path.starts_with('/') && !path.ends_with('/') => None,
        Some(("file", _)) => Some("file URLs need exactly file:///absolute/path".to_owned()),
        Some(("oci" | "http" | "https", _)) => Some("names no module".to_owned()),
        Some((scheme, _)) => {
            Some(format!("scheme {scheme:?} is not supported; use one of http, https, file, oci"))
        }
        // `host:5000/x:1` would be read as a URL with the scheme `host`.
        None if url.split('/').next().is_some_and(|host| url.contains('/') && host.contains(':')) => {
            Some(format!("write oci://{url}"))
        }
        None if url.is_empty() => Some("is empty".to_owned()),
        None => None,
    };
    if let Some(message) = message {
        reader.fault(&field.path, message);
        return None;
    }
    Some(url)
}

fn sha256(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<String> {
    let digest = reader.optional_text(spec, "sha256").filter(|digest| !digest.is_empty())?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digest.len() != 64 || !digest.bytes().all(hex) {
        reader.fault(&spec.child("sha256"), "must be 64 lower-case hex digits without a \"sha256:\" prefix");
    }
    Some(digest)
}

fn plugin_config(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<Node> {
    let field = reader.optional(spec, "pluginConfig")?;
    if !matches!(field.node.value, Value::Map(_)) {
        let found = field.node.kind();
        reader
            .fault(&field.path, format!("must be an object, found {found}; Istio turns it into JSON itself"));
        return None;
    }
    Some(field.node.clone())
}

fn priority(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<i32> {
    let field = reader.optional(spec, "priority")?;
    let number = match &field.node.value {
        Value::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        _ => None,
    };
    if number.is_none() {
        reader.fault(&field.path, "must be a 32-bit integer");
    }
    number
}

fn env(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<EnvVar> {
    let Some(vm) = reader.optional(spec, "vmConfig") else { return Vec::new() };
    reader.only(&vm, &["env"]);
    let mut variables: Vec<EnvVar> = Vec::new();
    for item in reader.items(&vm, "env") {
        reader.only(&item, &["name", "value", "valueFrom"]);
        let name = reader.required(&item, "name", "the variable's name").and_then(|name| reader.text(&name));
        let sources = [("INLINE", false), ("HOST", true)];
        let from_host = reader.word(&item, "valueFrom", &sources).unwrap_or(false);
        let value = reader.optional_text(&item, "value");
        if from_host && value.is_some() {
            reader.fault(&item.child("value"), "value may only be set when valueFrom is INLINE");
        }
        let value = if from_host { EnvValue::Host } else { EnvValue::Inline(value.unwrap_or_default()) };
        let Some(name) = name else { continue };
        if name.is_empty() || variables.iter().any(|variable| variable.name == name) {
            reader.fault(&item.child("name"), if name.is_empty() { "is empty" } else { "is given twice" });
        }
        variables.push(EnvVar { name, value });
    }
    variables
}

fn matches(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<TrafficMatch> {
    let modes = [
        ("UNDEFINED", Mode::ClientAndServer),
        ("CLIENT", Mode::Client),
        ("SERVER", Mode::Server),
        ("CLIENT_AND_SERVER", Mode::ClientAndServer),
    ];
    let mut matches = Vec::new();
    for item in reader.items(spec, "match") {
        reader.only(&item, &["mode", "ports"]);
        let mode = reader.word(&item, "mode", &modes).unwrap_or(Mode::ClientAndServer);
        let mut ports = Vec::new();
        for port in reader.items(&item, "ports") {
            reader.only(&port, &["number"]);
            let number = match port.node.field("number").map(|entry| &entry.value.value) {
                Some(Value::Number(number)) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
                _ => None,
            };
            match number.filter(|number| *number > 0 && !ports.contains(number)) {
                Some(number) => ports.push(number),
                None => {
                    reader.fault(&port.child("number"), "must be 1–65535 and unique, written as {number: N}")
                }
            }
        }
        matches.push(TrafficMatch { mode, ports });
    }
    matches
}

fn selector(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<Labels> {
    let field = reader.optional(spec, "selector")?;
    reader.only(&field, &["matchLabels"]);
    Some(reader.texts(&field, "matchLabels"))
}

fn target_refs(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<TargetRef> {
    let mut items = reader.items(spec, "targetRefs");
    if items.is_empty() {
        items.extend(reader.optional(spec, "targetRef"));
    }
    let mut targets = Vec::new();
    for item in items {
        reader.only(&item, &["group", "kind", "name", "namespace"]);
        if reader.optional_text(&item, "namespace").is_some_and(|namespace| !namespace.is_empty()) {
            reader.fault(&item.child("namespace"), "cross namespace referencing is not currently supported");
        }
        let group = reader.optional_text(&item, "group").unwrap_or_default();
        let kind = reader.required(&item, "kind", "Gateway, Service, …").and_then(|kind| reader.text(&kind));
        let name = reader.required(&item, "name", "the target's name").and_then(|name| reader.text(&name));
        if let (Some(kind), Some(name)) = (kind, name) {
            targets.push(TargetRef { group, kind, name });
        }
    }
    targets
}
