//! The edge filter in place of the three: cases of theirs once more, and all three configurations at once beside the three filters.

use e2e::key_server::KeyServer;
use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{Fields, Limitador, LocalEnvoy, Mesh, MeshError, Request, Response, plugin};
use serde_json::json;

use crate::auth::world::{HOST, ISSUER, bearer, claims};
use crate::support::{MACHINE, PATIENCE, VERBATIM};
use crate::{auth, features, ratelimit, verbatim};

fn all(cases: &[fn()]) {
    plugin::on_edge(|| cases.iter().for_each(|case| case()));
}

#[test]
fn what_the_header_filter_does_the_edge_filter_does() {
    all(&[
        verbatim::a_request_that_the_rule_matches_is_edited,
        verbatim::a_request_that_the_rule_does_not_match_is_left_alone,
        verbatim::the_request_id_is_kept_or_made_and_comes_back,
        verbatim::answers_get_security_headers_and_html_a_policy_with_a_fresh_nonce,
        verbatim::cookies_are_hardened_and_stay_apart,
        features::replies::a_path_that_can_be_read_two_ways_is_refused_with_a_problem,
        features::replies::a_grpc_client_gets_a_grpc_status,
    ]);
}

#[test]
fn what_the_auth_filter_does_the_edge_filter_does() {
    all(&[
        auth::replies::every_way_in_that_would_do_is_named_in_a_401,
        auth::replies::a_token_that_is_no_good_is_told_so_and_a_missing_one_gets_no_error,
        auth::replies::a_missing_scope_is_403_with_the_scope_that_is_needed,
        auth::replies::a_grpc_client_gets_a_grpc_status,
        auth::identity::shadow_lets_pass_and_says_what_it_would_have_done,
        auth::verbatim::each_provider_lets_its_callers_in_and_nobody_else,
        auth::verbatim::what_is_told_upstream_is_what_the_configuration_says,
    ]);
}

#[test]
fn what_the_rate_limit_filter_does_the_edge_filter_does() {
    all(&[
        ratelimit::verbatim::it_starts_and_serves_without_its_service_too,
        ratelimit::verbatim::a_caller_of_the_filter_in_front_has_a_tier_and_a_share_of_the_quota,
    ]);
}

/// What a request of the verbatim configurations may meet, with the status.
fn requests(key: &Key) -> Vec<(Request, u16)> {
    let typed =
        |other| key.signed(&json!({"alg": key.algorithm, "kid": key.id, "typ": "at+jwt"}), &claims(other));
    let admin = json!({"scope": "orders:write", "realm": {"roles": ["admin"]}});
    let api = |path: &str| Request::get(path).host("shop.example.com").header("x-request-id", "id-1");
    let html =
        api("/api/orders").answered_with("content-type", "text/html").answered_with("set-cookie", "a=b");
    vec![
        (html, 200),
        (
            bearer("/api/orders?x=1", &typed(json!({})))
                .header("x-jwt-sub", "root")
                .header("x-request-id", "id-2"),
            200,
        ),
        (bearer("/admin/x", &typed(admin)).header("x-request-id", "id-3"), 200),
        (bearer("/admin/x", &typed(json!({}))).header("x-request-id", "id-4"), 403),
        (api("/api/x").header("x-api-key", "acme-key-in-the-clear").header("x-internal-user", "root"), 200),
        (api("/api/x").header("x-api-key", "wrong"), 401),
        (bearer("/x", "opaque-token").header("x-request-id", "id-5"), 200),
        (bearer("/x", "other-token").header("x-request-id", "id-6"), 401),
        (api("/api/%2e%2e/x"), 400),
        (api("/healthz").header("x-tollgate-identity", "root"), 200),
    ]
}

/// Headers without what differs from one request to the next: times, nonces, what is left of a bucket.
fn comparable(headers: &Fields) -> Vec<(String, String)> {
    let changing = [
        "date",
        "x-envoy-upstream-service-time",
        "ratelimit",
        "x-csp-nonce",
        "content-security-policy",
        "x-forwarded-for",
        "host",
        ":authority",
    ];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut pairs: Vec<_> = headers.0.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    pairs
        .iter_mut()
        .filter(|(name, _)| changing.contains(&name.as_str()))
        .for_each(|(_, value)| value.clear());
    pairs.sort_unstable();
    pairs
}

async fn sent(mesh: &LocalEnvoy, request: &Request) -> (Response, Option<(String, Vec<(String, String)>)>) {
    let _ = mesh.arrived();
    let got = e2e::send(mesh.address(), request).await;
    let got = got.unwrap_or_else(|error| panic!("{request:?}: {error}\n{}", mesh.log()));
    let saw = mesh.arrived().pop().map(|saw| (saw.path, comparable(&Fields(saw.headers))));
    (got, saw)
}

#[tokio::test]
async fn all_three_verbatim_configurations_come_to_the_same_in_one_module() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let server = KeyServer::start(ISSUER, &[&key]).await.unwrap();
    server.issue("opaque-token", json!({"sub": "carol", "client_id": "app"}));
    let entry = plugin::service_entry(HOST.0, HOST.1, server.address());
    let (auth, limits) = (auth::verbatim::ISSUE, ratelimit::verbatim::ISSUE);
    // As in manifests/base: the header filter first.
    let headers = plugin::header_filter(VERBATIM).replacen("priority: 100", "priority: 200", 1);
    let separate = [headers, plugin::auth_filter(auth), plugin::ratelimit_filter(limits)];
    let parts = [("headers", VERBATIM), ("auth", auth), ("rateLimit", limits)];
    let edge = plugin::edge_filter(&plugin::edge_config(&parts));
    let start = async |plugins: &str| {
        LocalEnvoy::start(&format!("{plugins}{entry}"), Setup::default())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let separate = start(&separate.join("---\n")).await;
    let edge = start(&edge).await;
    for mesh in [&separate, &edge] {
        let (request, status) = &requests(&key)[1];
        let known =
            async || e2e::send(mesh.address(), request).await.ok().filter(|answer| answer.status == *status);
        e2e::eventually("the keys", PATIENCE, known)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", mesh.log()));
    }
    for (request, status) in requests(&key) {
        let (by_three, seen_by_three) = sent(&separate, &request).await;
        let (by_one, seen_by_one) = sent(&edge, &request).await;
        assert_eq!(by_one.status, status, "{request:?}: {by_one:?}\n{}", edge.log());
        assert_eq!(seen_by_one, seen_by_three, "{request:?}: what upstream saw of one, and of three");
        assert_eq!(by_one.status, by_three.status, "{request:?}");
        if status != 200 {
            assert_eq!(by_one.text(), by_three.text(), "{request:?}");
        }
        assert_eq!(
            comparable(&by_one.headers),
            comparable(&by_three.headers),
            "{request:?}: what the client got"
        );
    }
}

/// A provider that has to be asked, and a limit that a service counts.
const ASKING: [(&str, &str); 3] = [
    ("headers", "rules: [{request: {set: [{name: x-stage, value: edge}]}}]\nrequestId: {mode: replace}"),
    (
        "auth",
        "providers: [{name: opaque, introspection: {endpoint: https://idp.example.com/introspect, clientId: tollgate, \
         clientSecret: {env: SECRET}}}]\n\
         rules: [{name: all, require: {anyOf: [opaque]}}]\nidentity: {header: x-who}",
    ),
    (
        "rateLimit",
        "limits: [{name: quota, scope: global, key: [{identity: id}, {value: checkout}]}]\n\
         global: {cluster: outbound|8081||limitador.limits.svc.cluster.local, domain: tollgate, timeout: 2s, failureMode: deny}",
    ),
];

#[tokio::test]
async fn a_request_waits_for_one_service_and_then_for_another() {
    let _machine = MACHINE.read().await;
    let server = KeyServer::start(ISSUER, &[]).await.unwrap();
    server.issue("opaque-token", json!({"sub": "carol", "client_id": "app"}));
    let limits = "- namespace: tollgate\n  name: quota\n  max_value: 2\n  seconds: 60\n  \
                  conditions: [\"size(descriptors) > 0 && descriptors[0]['value'] == 'checkout'\"]\n  \
                  variables: [\"descriptors[0]['identity']\"]\n";
    let service = Limitador::start(limits).await.unwrap();
    let entry = plugin::service_entry(HOST.0, HOST.1, server.address());
    let service_entry = plugin::rate_limit_service(service.address());
    let manifests = format!("{}{entry}{service_entry}", plugin::edge_filter(&plugin::edge_config(&ASKING)));
    let mesh =
        LocalEnvoy::start(&manifests, Setup::default()).await.unwrap_or_else(|error| panic!("{error}"));
    for status in [200, 200, 429] {
        let (got, saw) = sent(&mesh, &bearer("/checkout", "opaque-token")).await;
        assert_eq!(got.status, status, "{got:?}\n{}", mesh.log());
        let Some((_, saw)) = saw else { continue };
        let value = |name: &str| saw.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("x-stage"), Some("edge"), "what was written before it waited");
        assert!(value("x-who").unwrap().contains("carol") && value("x-request-id").unwrap().len() == 36);
    }
    assert_eq!(sent(&mesh, &bearer("/checkout", "other-token")).await.0.status, 401);
    assert_eq!(server.calls("/introspect").len(), 2, "once for each token");
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let asked: Vec<_> = service.calls().into_iter().map(|call| call.descriptors).collect();
    assert_eq!(asked, vec![vec![vec![entry("identity", "carol"), entry("value", "checkout")]]; 3]);
}

#[tokio::test]
async fn a_mistake_in_a_part_is_named_with_its_place() {
    let config = plugin::edge_config(&[("headers", "{}"), ("auth", "rules: [{publik: true}]")]);
    let Err(MeshError::Manifests(faults)) =
        LocalEnvoy::start(&plugin::edge_filter(&config), Setup::default()).await
    else {
        panic!("not refused");
    };
    assert_eq!(faults.0[0].path, "spec.pluginConfig.auth.rules[0].publik");
}

#[tokio::test]
async fn the_example_cleans_knows_and_limits() {
    let _machine = MACHINE.read().await;
    let example = include_str!("../../../filters/edge-filter/examples/edge.yaml");
    let mesh = LocalEnvoy::start(example, Setup::default()).await.unwrap_or_else(|error| panic!("{error}"));
    let request = Request::get("/shop").header("x-internal-user", "root");
    let (refused, saw) = sent(&mesh, &request).await;
    assert_eq!((refused.status, saw), (401, None));
    assert!(refused.headers.get("x-frame-options").is_some(), "{refused:?}");
    let request = request.header("x-api-key", "demo-api-key");
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let (got, saw) = sent(&mesh, &request).await;
        statuses.push(got.status);
        let Some((_, saw)) = saw else { continue };
        let value = |name: &str| saw.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (value("x-internal-user"), value("x-api-key"), value("x-peer")),
            (None, None, Some("127.0.0.1"))
        );
        assert!(value("x-tollgate-identity").unwrap().contains("acme"));
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}
