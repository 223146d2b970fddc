//! Rules, dashboard and access logs: that they speak of what there is. `e2e` holds Envoy's names to a real Envoy.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{documents, files, read};

const RULES: &str = "manifests/telemetry/prometheus/tollgate.rules";

/// What Istio's agent counts (istio/istio `pkg/wasm/monitoring.go`), as far as it is asked for.
const AGENT: [&str; 1] = ["istio_agent_wasm_remote_fetch_count"];

fn rules() -> Vec<Value> {
    let groups = documents(&read(RULES)).remove(0)["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The queries of the dashboard, those of its variables included.
fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("manifests/dashboards/tollgate.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut queries: Vec<String> =
        targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    queries
        .extend(variables.iter().filter_map(|variable| variable["definition"].as_str()).map(str::to_owned));
    assert!(queries.len() > 15, "{queries:?}");
    queries
}

/// Names of metrics in a query: words with a prefix of those who count.
fn names(query: &str) -> Vec<String> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    let ours = |word: &&str| word.starts_with("tollgate") || word.starts_with("istio_");
    words.filter(ours).map(str::to_owned).collect()
}

/// The filters' own, as their READMEs have them in tables.
fn documented() -> BTreeSet<String> {
    let readmes = files("filters", "README.md");
    let texts = readmes.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let words: Vec<String> = texts
        .flat_map(|text| {
            text.split('`').map(|word| word.split('{').next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    words.into_iter().filter(|word| word.starts_with("tollgate_") && !word.contains([' ', '\n'])).collect()
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_there_are() {
    let recorded: BTreeSet<String> =
        rules().iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect();
    let mut known = documented();
    assert!(known.len() > 8, "{known:?}");
    known.extend(recorded);
    known.extend(AGENT.map(str::to_owned));
    let expressions =
        rules().iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for query in expressions.into_iter().chain(queries()) {
        for name in names(&query) {
            assert!(known.contains(&name), "nobody counts {name}: {query}");
        }
    }
}

#[test]
fn every_metric_of_a_filter_is_on_the_dashboard() {
    let shown: BTreeSet<String> = queries().iter().flat_map(|query| names(query)).collect();
    for name in documented() {
        assert!(shown.contains(&name), "{name} is nowhere on the dashboard");
    }
}

#[test]
fn the_operators_rules_are_those_of_the_file() {
    let rule = documents(&read("manifests/telemetry/prometheus/prometheus-rule.yaml")).remove(0);
    assert_eq!(rule["spec"], documents(&read(RULES)).remove(0), "run make manifests");
}

#[test]
fn every_alert_says_what_to_do_and_is_tested() {
    let tests = documents(&read(format!("{RULES}-test"))).remove(0);
    let tested: BTreeSet<&str> =
        tests["tests"].as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap()).collect();
    for rule in rules() {
        let Some(alert) = rule["alert"].as_str() else { continue };
        assert!(tested.contains(alert), "{alert} has no test in {RULES}-test");
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap()),
            "{alert}"
        );
        for text in ["summary", "description"] {
            assert!(
                rule["annotations"][text].as_str().is_some_and(|text| text.len() > 20),
                "{alert}: {text}"
            );
        }
    }
}

#[test]
fn access_logs_name_a_provider_that_there_is_and_leave_queries_out() {
    let telemetry = documents(&read("manifests/telemetry/access-log.yaml")).remove(0);
    let mesh = documents(&read("manifests/telemetry/mesh-config.yaml")).remove(0);
    let provider = &mesh["spec"]["meshConfig"]["extensionProviders"][0];
    assert_eq!(telemetry["spec"]["accessLogging"][0]["providers"][0]["name"], provider["name"]);
    let format = provider["envoyFileAccessLog"]["logFormat"]["labels"].to_string();
    for wanted in ["%RESPONSE_CODE_DETAILS%", "%FILTER_STATE(wasm.tollgate.identity:PLAIN)"] {
        assert!(format.contains(wanted), "{wanted} in {format}");
    }
    for secret in ["REQ(:PATH)", "AUTHORIZATION)", "COOKIE"] {
        assert!(!format.contains(secret), "{secret} in {format}");
    }
}
