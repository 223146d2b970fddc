//! The configuration of issue 4 works to the letter.

use e2e::{Limitador, Mesh, Request, plugin};
use tokio::task::JoinSet;

use super::world::{asking, mesh, mesh_of, parameter, refused, send};
use crate::support::MACHINE;

pub(crate) const ISSUE: &str = r#"
    limits:                                          # every limit that matches is counted; the strictest answer wins
    - name: per-client
      match: {paths: [{prefix: /api}]}
      key: [{clientIp: {ipv6PrefixLength: 64}}]      # also header, cookie, query, path, method, host, identity (id, claim or label), filterState, value
      rate: {requests: 100, unit: second, burst: 20} # second, minute, hour, day; several windows: rates: [...]
    - name: per-tenant
      key: [{identity: id}]
      tiers:
        by: {identity: labels.tier}
        values: {gold: {requests: 1000, unit: second}, silver: {requests: 300, unit: second}}
        default: {requests: 50, unit: second}
    - name: experiment                               # A/B of two settings by stable hash of the key
      key: [{header: x-user}]
      variants: [{name: a, weight: 70, rate: {requests: 100, unit: second}}, {name: b, weight: 30, rate: {requests: 150, unit: second}}]
      enforcement: shadow
    - name: in-flight
      key: [{header: x-api-key}]
      concurrency: 10
    - name: shared-quota
      scope: global                                  # asked of the service below; entries are named after the key elements
      key: [{identity: id}, {value: checkout}]
    clientIp: {trustedHops: 0}                       # proxies in front whose X-Forwarded-For entry is believed; 0 = the peer itself
    global: {cluster: outbound|8081||limitador.limits.svc.cluster.local, domain: tollgate, timeout: 50ms, failureMode: allow}
    responseHeaders: ietf                            # ietf (RateLimit, RateLimit-Policy), draft03 (x-ratelimit-*), none
    denial: {status: 429}
    maxKeys: 65536                                   # per limit; memory is fixed when configured
"#;

/// A caller with a tier, as the filter in front would find it.
const CALLERS: &str = "
    providers:
    - name: partners
      apiKey: {from: [{header: x-partner}], keys: [{id: beta, key: {env: BETA_KEY}, labels: {tier: gold}}]}
    rules: [{name: all, require: {anyOf: [partners], optional: true}}]
";

#[tokio::test]
pub(crate) async fn it_starts_and_serves_without_its_service_too() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(ISSUE).await;
    let other = send(mesh.address(), &Request::get("/other").header("x-user", "ann")).await;
    assert_eq!((other.status, other.headers.get("ratelimit")), (200, None), "{other:?}");
    let api = send(mesh.address(), &Request::get("/api/orders")).await;
    assert_eq!(api.headers.get("ratelimit-policy").as_deref(), Some("\"per-client\";q=100;w=1"), "{api:?}");
    assert_eq!((api.status, parameter(&api, "ratelimit", "r")), (200, Some(19)), "{api:?}");
    let mut burst = JoinSet::new();
    for _ in 0..60 {
        let address = mesh.address();
        burst.spawn(async move { send(address, &Request::get("/api/orders")).await });
    }
    let answers = burst.join_all().await;
    let refusals: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refusals.len() < 60 && refusals.len() > 5, "{} refused", refusals.len());
    for refusal in refusals {
        assert_eq!(refused(refusal), (vec!["per-client".to_owned()], 1));
    }
}

#[tokio::test]
pub(crate) async fn a_caller_of_the_filter_in_front_has_a_tier_and_a_share_of_the_quota() {
    let _machine = MACHINE.read().await;
    let limits = "- namespace: tollgate\n  name: shared-quota\n  max_value: 3\n  seconds: 60\n  \
                  conditions: [\"size(descriptors) > 0 && descriptors[0]['value'] == 'checkout'\"]\n  \
                  variables: [\"descriptors[0]['identity']\"]\n";
    let service = Limitador::start(limits).await.unwrap();
    let config = ISSUE.replace("timeout: 50ms", "timeout: 2s");
    let manifests = format!("{}---\n{}", plugin::auth_filter(CALLERS), asking(&config, service.address()));
    let mesh = mesh_of(1, &manifests).await;
    let beta = Request::get("/checkout").header("x-partner", plugin::AUTH_ENV[0].1);
    let first = send(mesh.address(), &beta).await;
    assert_eq!(first.status, 200, "{first:?}");
    let policies = first.headers.get("ratelimit-policy").unwrap();
    assert!(policies.contains("\"per-tenant\";q=1000;w=1"), "{policies}");
    for status in [200, 200, 429, 429] {
        assert_eq!(send(mesh.address(), &beta).await.status, status);
    }
    let call = service.calls().remove(0);
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(call.domain, "tollgate");
    assert_eq!(call.descriptors, [vec![entry("identity", "beta"), entry("value", "checkout")]]);
    for _ in 0..6 {
        assert_eq!(send(mesh.address(), &Request::get("/checkout")).await.status, 200, "nobody has no quota");
    }
}
