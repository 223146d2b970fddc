//! What is shipped beside the modules, held to a real Envoy: the names of metrics, and the format of access logs.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use std::path::Path;
use std::time::Duration;

use e2e::mesh::Setup;
use e2e::{LocalEnvoy, Mesh, Request, Response};
use serde_json::{Value, json};
use tollgate::manifest::yaml;

const PATIENCE: Duration = Duration::from_secs(60);

/// One rule in shadow, which would refuse everyone, and one provider.
const CONFIGURED: &str = r"
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: auth-filter, namespace: shop}
spec:
  url: oci://ghcr.io/tollgate/auth-filter:0.1.0
  pluginConfig:
    providers:
    - name: partners
      apiKey: {keys: [{id: acme, key: a-key}]}
    rules:
    - {name: trial, match: {paths: [{prefix: /keyed}]}, deny: true, enforcement: shadow}
    - {name: keyed, match: {paths: [{prefix: /keyed}]}, require: {anyOf: [partners]}}
    - {name: rest, public: true}
";

/// A provider whose keys and answers nobody has: its metrics are there all the same.
const ASKING: &str = r"
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: asking, namespace: shop}
spec:
  url: oci://ghcr.io/tollgate/auth-filter:0.1.0
  vmConfig: {env: [{name: TOLLGATE_PLUGIN, value: asking}]}
  pluginConfig:
    providers:
    - name: corp
      jwt: {issuer: https://idp.example.com, jwksUri: https://idp.example.com/keys}
    - name: opaque
      introspection: {endpoint: https://idp.example.com/introspect, clientId: tollgate, clientSecret: secret}
    rules:
    - {name: trial, match: {paths: [{prefix: /keyed}]}, require: {anyOf: [corp, opaque]}, enforcement: shadow}
    - {name: rest, public: true}
";

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn get(mesh: &LocalEnvoy, path: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(name, *value));
    e2e::send(mesh.address(), &request).await.unwrap()
}

/// Names of metrics in rules and dashboard, as they are in queries: some are patterns.
fn asked_for() -> Vec<String> {
    let rules = shipped("telemetry/prometheus/tollgate.rules");
    let dashboard: Value = serde_json::from_str(&shipped("dashboards/tollgate.json")).unwrap();
    let texts = rules.lines().filter(|line| !line.trim().starts_with('#')).map(str::to_owned);
    let panels =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let queries = panels.flatten().map(|target| target["expr"].as_str().unwrap().to_owned());
    let mut names = Vec::new();
    for text in texts.chain(queries) {
        let pattern = |letter: char| letter.is_ascii_alphanumeric() || "_:.+*".contains(letter);
        let words = text.split(|letter: char| !pattern(letter));
        names.extend(
            words
                .filter(|word| word.starts_with("tollgate_") || word.starts_with("envoy_"))
                .map(str::to_owned),
        );
    }
    // What stands in place of a module that is missing is no part of an Envoy that has all of them; and what ends so is
    // the beginning of an expression that takes a name apart.
    names.retain(|name| !name.contains("rbac_wasm_default_deny") && !name.ends_with('_'));
    names.sort();
    names.dedup();
    names
}

/// Whether a name fits a pattern whose only wildcards are `.+` and `.*`, each at most once.
fn fits(name: &str, pattern: &str) -> bool {
    let wildcard = pattern.find(".+").or_else(|| pattern.find(".*"));
    let Some(at) = wildcard else { return name == pattern };
    let (start, end) = (&pattern[..at], &pattern[at + 2..]);
    name.len() > start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
}

#[tokio::test]
async fn rules_and_dashboard_ask_for_names_that_envoy_writes() {
    let parts = ["base/header-filter.yaml", "base/auth-filter.yaml", "base/ratelimit-filter.yaml"];
    let parts =
        parts.into_iter().chain(["components/quota/quota.yaml", "overlays/local/limitador-service.yaml"]);
    let manifests = parts.map(shipped).collect::<Vec<_>>().join("---\n") + ASKING;
    let mesh = LocalEnvoy::start(&manifests, Setup::default()).await.unwrap();
    // What is counted for the first time when it happens.
    get(&mesh, "/shop", &[]).await;
    get(&mesh, "/keyed", &[("authorization", "Bearer no-token")]).await;
    get(&mesh, "/quota", &[("x-user", "ann")]).await;
    let asked = asked_for();
    assert!(asked.len() > 12, "{asked:?}");
    let missing = e2e::eventually("every name", PATIENCE, async || {
        let metrics = mesh.metrics().await.unwrap();
        let known: Vec<&str> = metrics.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
        let missing: Vec<_> =
            asked.iter().filter(|asked| !known.iter().any(|name| fits(name, asked))).collect();
        if !missing.is_empty() {
            eprintln!("not there yet: {missing:?}");
        }
        missing.is_empty().then_some(())
    });
    missing.await.unwrap();
}

/// The listener with access logs as `mesh-config.yaml` and `access-log.yaml` ask for them, in a file.
fn logging(listeners: &Value, log: &Path) -> Value {
    let mesh = &yaml::parse(&shipped("telemetry/mesh-config.yaml")).unwrap()[0].to_json();
    let provider = &mesh["spec"]["meshConfig"]["extensionProviders"][0];
    let telemetry = yaml::parse(&shipped("telemetry/access-log.yaml")).unwrap()[0].to_json();
    let log = json!({
        "name": "decisions",
        "filter": {"extension_filter": {"name": "cel", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            "expression": telemetry["spec"]["accessLogging"][0]["filter"]["expression"],
        }}},
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": log,
            "log_format": {"json_format": provider["envoyFileAccessLog"]["logFormat"]["labels"]},
        },
    });
    let mut listeners = listeners.clone();
    listeners["version_info"] = json!("logging");
    for listener in listeners["resources"].as_array_mut().unwrap() {
        listener["filter_chains"][0]["filters"][0]["typed_config"]["access_log"] = json!([log]);
    }
    listeners
}

#[tokio::test]
async fn decisions_are_in_the_access_log_and_other_requests_are_not() {
    let mesh = LocalEnvoy::start(CONFIGURED, Setup::default()).await.unwrap();
    let (file, log) = (mesh.proxy().run_dir().lds(), mesh.proxy().run_dir().root().join("decisions.log"));
    let listeners: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let new = file.with_extension("new");
    std::fs::write(&new, logging(&listeners, &log).to_string()).unwrap();
    std::fs::rename(&new, &file).unwrap();
    // Until the new listener serves, nothing is written; its file is there when Envoy has taken it.
    e2e::eventually("the log", PATIENCE, async || log.exists().then_some(())).await.unwrap();
    let lines = e2e::eventually("three kinds of decisions", PATIENCE, async || {
        get(&mesh, "/open?token=secret", &[]).await;
        get(&mesh, "/keyed?token=secret", &[]).await;
        get(&mesh, "/keyed", &[("x-api-key", "a-key"), ("x-request-id", "mine")]).await;
        let text = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let all = ["tollgate.auth.missing_credential", "via_upstream"]
            .iter()
            .all(|reason| lines.iter().any(|line| line["reason"] == *reason));
        tokio::time::sleep(Duration::from_millis(200)).await;
        all.then_some((text, lines))
    });
    let (text, lines) = lines.await.unwrap();
    assert!(!text.contains("secret") && !text.contains("a-key"), "{text}");
    assert!(
        lines.iter().all(|line| line["path"] == "/keyed"),
        "what is public and went well is not logged: {text}"
    );
    let refused = lines.iter().find(|line| line["status"] == 401).unwrap();
    assert_eq!(refused["reason"], "tollgate.auth.missing_credential", "{refused}");
    assert_eq!(refused["identity"], Value::Null, "{refused}");
    let shadowed = lines.iter().find(|line| line["status"] == 200).unwrap();
    assert!(
        shadowed["identity"].as_str().unwrap().starts_with(r#"{"id":"acme","provider":"partners""#),
        "{shadowed}"
    );
    assert_eq!(shadowed["auth_shadow"], "trial=deny;denied", "{shadowed}");
    assert_eq!(shadowed["request_id"], "mine", "{shadowed}");
    for field in ["time", "method", "authority", "client", "upstream", "duration_ms"] {
        assert!(!shadowed[field].is_null(), "{field}: {shadowed}");
    }
}
