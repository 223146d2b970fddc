mod telling;

use std::fs;

use super::*;

const HEAD: &str = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n";

/// A folder with these files, `fixture.yaml` among them; what is told of it.
fn explained(files: &[(&str, &str)]) -> Result<Explained, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    explain(&folder.path().join("fixture.yaml"), &[])
        .map_err(|faults| faults.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

/// The same with one manifest, the rest of the fixture being these lines.
fn told(manifest: &str, fixture: &str) -> Result<Explained, String> {
    let fixture = format!("manifests: [plugin.yaml]\ntime: 2026-11-21T10:00:00Z\n{fixture}");
    explained(&[("plugin.yaml", manifest), ("fixture.yaml", &fixture)])
}

fn plugin(module: &str, spec: &str, config: &str) -> String {
    format!(
        "{HEAD}metadata: {{name: {module}, namespace: shop}}\n\
         spec:\n  url: oci://x/{module}:1\n  {spec}\n  pluginConfig: {config}\n"
    )
}

fn limits(config: &str) -> String {
    plugin("ratelimit-filter", "phase: AUTHZ", config)
}

fn auth(config: &str) -> String {
    plugin("auth-filter", "phase: AUTHN", config)
}

fn header(config: &str) -> String {
    plugin("header-filter", "phase: AUTHN\n  priority: 9", config)
}

fn answers(explained: &Explained) -> Vec<(u16, String)> {
    let answer = |told: &report::Told| (told.answer.status, told.answer.reason.clone().unwrap_or_default());
    explained.requests.iter().map(answer).collect()
}

fn statuses(explained: &Explained) -> Vec<u16> {
    answers(explained).into_iter().map(|(status, _)| status).collect()
}

fn fields(fields: &[report::Field]) -> Vec<String> {
    fields.iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
}

#[test]
fn a_limit_is_used_up_by_earlier_requests_and_comes_back_with_time() {
    let manifest =
        limits("{limits: [{name: per-user, key: [{header: x-user}], rate: {requests: 3, unit: minute}}]}");
    let explained = told(
        &manifest,
        "requests:\n\
         - {times: 3, headers: {x-user: ann}}\n\
         - {name: fourth, headers: {x-user: ann}}\n\
         - {name: another, headers: {x-user: bob}}\n\
         - {name: later, after: 20s, headers: {x-user: ann}}\n\
         - {name: too soon, after: 1s, headers: {x-user: ann}}\n",
    );
    let explained = explained.unwrap();
    assert_eq!(statuses(&explained), [200, 200, 200, 429, 200, 200, 429]);
    let fourth = &explained.requests[3];
    assert_eq!(fourth.answer.reason.as_deref(), Some("tollgate.ratelimit.quota_exceeded.per-user"));
    assert_eq!(fourth.steps[0].says, ["per-user denied"]);
    assert_eq!(fourth.steps[0].verdict, "replies");
    assert_eq!(fourth.upstream, None);
    assert!(fields(&fourth.answer.headers).contains(&"retry-after: 20".to_owned()), "{fourth:?}");
    assert_eq!(explained.requests[5].time, "2026-11-21T10:00:20.000Z");
}

#[test]
fn requests_that_are_still_running_hold_their_places() {
    let manifest = limits("{limits: [{name: at-once, concurrency: 2}]}");
    let explained = told(&manifest, "requests: [{}, {stillRunning: true}, {}, {stillRunning: true}, {}]\n");
    assert_eq!(statuses(&explained.unwrap()), [200, 200, 200, 200, 429]);
}

#[test]
fn keys_are_fetched_before_the_first_request_and_after_a_rotation() {
    let config = "{providers: [{name: corp, jwt: {issuer: i, audiences: [a], jwksUri: \"https://idp.example.com/keys\"}}], \
                  rules: [{name: all, require: {anyOf: [corp]}}]}";
    let keys = r#"{"keys":[{"alg":"ES256","crv":"P-256","kid":"demo","kty":"EC","use":"sig","x":"fZV4YGLcvaoa__gfmKNtkae9HC4nxDmod8KKoLwajdQ","y":"4pSoc_hOO0TdmmD_1A-kENSBs7IN1bLku0E-al5RTKE"}]}"#;
    let fixture = "manifests: [plugin.yaml]\ntime: 2026-11-21T10:00:00Z\nservices:\n  outbound|443||idp.example.com:\n    \
                   /keys: {file: keys.json}\nrequests:\n- {headers: {authorization: Bearer aa.bb.cc}}\n- {}\n";
    let files =
        [("plugin.yaml", auth(config)), ("keys.json", keys.to_owned()), ("fixture.yaml", fixture.to_owned())];
    let explained = explained(&files.each_ref().map(|(name, text)| (*name, text.as_str()))).unwrap();
    assert_eq!(explained.asked, ["GET /keys of outbound|443||idp.example.com: 200"]);
    let reasons: Vec<String> = answers(&explained).into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons[1], "tollgate.auth.missing_credential");
    assert_ne!(reasons[0], reasons[1]);
}

#[test]
fn a_request_waits_for_what_the_filter_asks_and_is_refused_when_there_is_no_answer() {
    let config = "{providers: [{name: corp, introspection: {endpoint: \"https://idp.example.com/introspect\", \
                  clientId: c, clientSecret: very-secret-text}}], rules: [{name: all, require: {anyOf: [corp]}}]}";
    let services = "services:\n  outbound|443||idp.example.com:\n    /introspect: {body: '{\"active\": true, \"sub\": \"ann\"}'}\n";
    let request = "requests: [{headers: {authorization: Bearer opaque-token-of-ann}}]\n";
    let manifest = auth(config);
    match told(&manifest, &format!("{services}{request}")) {
        Ok(explained) => {
            assert_eq!(statuses(&explained), [200], "{explained:?}");
            let step = &explained.requests[0].steps[0];
            assert_eq!(step.asked, ["POST /introspect of outbound|443||idp.example.com: 200"]);
            assert!(step.waited_ms.is_some());
            let all = telling::text(&explained) + &serde_json::to_string(&explained).unwrap();
            assert!(!all.contains("opaque-token-of-ann") && !all.contains("very-secret-text"), "{all}");
        }
        Err(error) => panic!("{error}"),
    }
    let explained = told(&manifest, request).unwrap();
    assert_eq!(statuses(&explained), [503]);
    assert!(explained.requests[0].steps[0].asked[0].contains("no answer for it under services"));
}

#[test]
fn a_rate_limit_service_is_asked() {
    let config = "{limits: [{name: shared, scope: global, key: [{header: x-user}]}], \
                  global: {cluster: limits, domain: shop, failureMode: deny}}";
    for (answer, status, reason) in [
        ("rateLimit: ok", 200, ""),
        ("rateLimit: overLimit", 429, "tollgate.ratelimit.quota_exceeded.shared"),
        ("lost: true", 503, "tollgate.ratelimit.unavailable.shared"),
        ("status: 500", 503, "tollgate.ratelimit.unavailable.shared"),
    ] {
        let fixture = format!(
            "services: {{limits: {{\"*\": {{{answer}}}}}}}\nrequests: [{{headers: {{x-user: ann}}}}]\n"
        );
        let explained = told(&limits(config), &fixture).unwrap();
        assert_eq!(answers(&explained), [(status, reason.to_owned())], "{answer}");
        assert_eq!(explained.requests[0].steps[0].asked.len(), 1);
    }
}

#[test]
fn attributes_of_the_peer_reach_the_policies() {
    let config = "{rules: [{name: tag, request: {set: [{name: x-peer, value: \"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"}, \
                  {name: x-at, value: \"%START_TIME%\"}, {name: x-over, value: \"%PROTOCOL%\"}, {name: x-to, value: \"%UPSTREAM_CLUSTER%\"}]}}]}";
    for (address, shown) in
        [("10.1.2.3", "10.1.2.3"), ("'10.1.2.3:80'", "10.1.2.3"), ("'2001:db8::1'", "2001:db8::1")]
    {
        let request =
            format!("requests: [{{peer: {{address: {address}}}, protocol: HTTP/2, cluster: inbound}}]\n");
        let explained = told(&header(config), &request).unwrap();
        assert_eq!(
            explained.requests[0].steps[0].edits,
            [
                format!("set x-peer: {shown}"),
                "set x-at: 2026-11-21T10:00:00.000Z".to_owned(),
                "set x-over: HTTP/2".to_owned(),
                "set x-to: inbound".to_owned()
            ]
        );
    }
    let config = "{providers: [{name: mesh, mtls: {uriSans: [\"spiffe://cluster.local/ns/*/sa/web\"]}}], \
                  rules: [{name: all, require: {anyOf: [mesh]}}]}";
    let requests = "requests:\n- {peer: {tls: {uriSan: spiffe://cluster.local/ns/shop/sa/web}}}\n\
                    - {peer: {tls: {uriSan: spiffe://cluster.local/ns/shop/sa/db}}}\n- {peer: {tls: {}}}\n- {}\n";
    assert_eq!(statuses(&told(&auth(config), requests).unwrap()), [200, 403, 403, 403]);
}
