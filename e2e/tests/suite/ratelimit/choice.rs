//! Which budget a request has: by tier, by variant, and whether it counts at all.

use e2e::{Fields, Mesh, Request, plugin};

use super::world::{mesh, mesh_of, passed, send, user};
use crate::support::{MACHINE, PATIENCE};

/// Two callers with keys: one in a tier that has a budget, the other in one that nobody knows.
const CALLERS: &str = r#"
    providers:
    - name: partners
      apiKey:
        from: [{header: x-api-key}]
        keys:
        - {id: acme, sha256: "d131ee2a6e585626aa1537c6309966e7cc52101c597078a46fe2f1d106e4abda", labels: {tier: gold}}
        - {id: beta, key: {env: BETA_KEY}, labels: {tier: wood}}
    rules: [{name: all, require: {anyOf: [partners], optional: true}}]
"#;

#[tokio::test]
async fn the_label_of_a_callers_key_is_its_tier() {
    let _machine = MACHINE.read().await;
    let config = "
        limits:
        - name: per-tenant
          key: [{identity: id}]
          tiers:
            by: {identity: labels.tier}
            values: {gold: {requests: 60, unit: hour, burst: 5}, shut: {block: true}}
            default: {requests: 60, unit: hour, burst: 2}
    ";
    let filter = plugin::ratelimit_filter(config);
    let mut mesh = mesh_of(1, &format!("{filter}---\n{}", plugin::auth_filter(CALLERS))).await;
    let with = |key: &str| Request::get("/").header("x-api-key", key);
    let (acme, beta) = (with("acme-key-in-the-clear"), with(plugin::AUTH_ENV[0].1));
    assert_eq!(passed(mesh.address(), &acme, 8).await, 5);
    assert_eq!(passed(mesh.address(), &beta, 8).await, 2, "an unknown tier has the default");
    assert_eq!(passed(mesh.address(), &Request::get("/"), 8).await, 8, "nobody is no tenant");
    assert_eq!(send(mesh.address(), &with("no-key")).await.status, 401);
    // Another label for the same caller: what it has used stays used.
    let callers = CALLERS.replace("{tier: wood}", "{tier: shut}").replace("{tier: gold}", "{tier: wood}");
    mesh.apply(&format!("{filter}---\n{}", plugin::auth_filter(&callers))).await.unwrap();
    assert_eq!(passed(mesh.address(), &acme, 3).await, 0);
    assert_eq!(passed(mesh.address(), &beta, 3).await, 0);
}

#[tokio::test]
async fn two_plugins_may_call_different_limits_by_one_name() {
    let _machine = MACHINE.read().await;
    let of = |rate: &str| plugin::ratelimit_filter(&format!("limits: [{{name: per-client, rate: {rate}}}]"));
    let strict = of("{requests: 3, unit: hour}");
    let lax = of("{requests: 1000, unit: second}").replacen("name: ratelimit-filter", "name: other", 1);
    let lax = lax.replacen("value: ratelimit-filter", "value: other", 1);
    let mesh = mesh_of(2, &format!("{strict}---\n{lax}")).await;
    assert_eq!(passed(mesh.address(), &Request::get("/"), 40).await, 3);
}

#[tokio::test]
async fn a_user_is_in_one_variant_for_good_and_users_are_shared_out_by_weight() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "limits:
         - name: experiment
           key: [{header: x-user}]
           variants:
           - {name: a, weight: 70, rate: {requests: 60, unit: hour, burst: 2}}
           - {name: b, weight: 30, rate: {requests: 60, unit: hour, burst: 3}}",
    )
    .await;
    let mut of_a = 0;
    for number in 0..100 {
        let passes = passed(mesh.address(), &user(&format!("user-{number}")), 5).await;
        assert!(matches!(passes, 2 | 3), "user {number}: {passes}");
        of_a += usize::from(passes == 2);
    }
    assert!((55..=85).contains(&of_a), "{of_a} of 100 are in the variant with 70 %");
}

#[tokio::test]
async fn shadow_counts_and_reports_and_refuses_nobody() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "
         limits:
         - {name: trial, key: [{header: x-user}], enforcement: shadow, rate: {requests: 60, unit: hour, burst: 2}}
         - {name: shut, match: {paths: [{prefix: /api}]}, enforcement: shadow, block: true}
         - {name: crowd, key: [{header: x-user}], enforcement: shadow, concurrency: 5}
         - {name: idle, enforcement: 'off', block: true}
         shadow: {header: x-would-be}",
    )
    .await;
    let request = user("ann").header("x-would-be", "spoofed");
    assert_eq!(passed(mesh.address(), &request, 5).await, 5);
    let seen: Vec<_> = mesh
        .arrived()
        .into_iter()
        .map(|arrived| Fields(arrived.headers).get("x-would-be").unwrap_or_default())
        .collect();
    assert_eq!(seen.len(), 5);
    assert!(
        seen.iter().all(|header| !header.contains("spoofed") && header.contains("shut=deny")),
        "{seen:?}"
    );
    assert!(seen.iter().take(2).all(|header| header.contains("trial=allow")), "{seen:?}");
    assert!(seen.iter().skip(2).all(|header| header.contains("trial=deny")), "{seen:?}");
    assert!(seen.iter().all(|header| header.contains("crowd=allow") && !header.contains("idle")), "{seen:?}");
    let counted = e2e::eventually("two that would pass and three that would not", PATIENCE, async || {
        let metrics = mesh.metrics().await.unwrap();
        let has = |limit: &str, tag: &str, count: u32| {
            metrics.lines().any(|line| {
                line.starts_with("tollgate_requests{")
                    && line.contains(&format!("component=\"{limit}\""))
                    && line.contains(&format!("tag=\"{tag}\""))
                    && line.ends_with(&format!(" {count}"))
            })
        };
        (has("trial", "would_allow", 2) && has("trial", "would_deny", 3) && has("shut", "would_deny", 5))
            .then_some(())
    });
    if let Err(error) = counted.await {
        let metrics = mesh.metrics().await.unwrap();
        let ours: Vec<_> = metrics.lines().filter(|line| line.starts_with("tollgate_")).collect();
        panic!("{error}: {ours:#?}");
    }
}

#[tokio::test]
async fn the_strictest_of_all_that_match_wins_and_each_is_told() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "limits:
         - {name: wide, key: [{header: x-user}], rate: {requests: 60, unit: hour, burst: 9}}
         - {name: narrow, match: {paths: [{prefix: /api}], methods: [GET]}, key: [{header: x-user}], rate: {requests: 60, unit: hour, burst: 3}}
         - {name: elsewhere, match: {hosts: [other.example.com]}, block: true}",
    )
    .await;
    let first = send(mesh.address(), &user("ann")).await;
    assert_eq!(
        first.headers.get("ratelimit-policy").as_deref(),
        Some("\"wide\";q=60;w=3600, \"narrow\";q=60;w=3600")
    );
    assert_eq!(passed(mesh.address(), &user("ann"), 5).await, 2);
    // What the narrow one refused took nothing of the wide one.
    assert_eq!(passed(mesh.address(), &Request::post("/api", "x").header("x-user", "ann"), 9).await, 6);
    assert_eq!(send(mesh.address(), &user("bob").host("other.example.com")).await.status, 429);
}
