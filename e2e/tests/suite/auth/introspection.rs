//! Opaque tokens, asked for at a real endpoint.

use std::time::Duration;

use e2e::mesh::Setup;
use e2e::{Behaviour, Fields, KeyServer, Mesh};
use serde_json::json;
use tokio::task::JoinSet;

use super::world::{ISSUER, World, bearer};
use crate::support::MACHINE;

const OPAQUE: &str = "
    providers:
    - name: opaque
      introspection:
        {endpoint: 'https://idp.example.com/introspect', clientId: tollgate, clientSecret: {env: SECRET}, timeout: 500ms, cache: {ttl: 2s, maxEntries: 100}}
    rules:
    - {name: all, require: {anyOf: [opaque]}}
    identity: {header: x-tollgate-identity}
";

async fn world() -> World {
    let server = KeyServer::start(ISSUER, &[]).await.unwrap();
    server.issue("good-token", json!({"sub": "carol", "scope": "a b"}));
    World::with(OPAQUE, server, Setup::default()).await
}

#[tokio::test]
async fn an_active_token_is_asked_for_once_and_told_upstream() {
    let _machine = MACHINE.read().await;
    let world = world().await;
    for _ in 0..5 {
        let _ = world.mesh.arrived();
        let answer = world.send(&bearer("/", "good-token")).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", world.mesh.log());
        let headers = Fields(world.mesh.arrived().pop().unwrap().headers);
        let identity: serde_json::Value =
            serde_json::from_str(&headers.get("x-tollgate-identity").unwrap()).unwrap();
        assert_eq!((&identity["id"], &identity["scopes"]), (&json!("carol"), &json!(["a", "b"])));
    }
    let calls = world.server.calls("/introspect");
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].body.split('&').any(|pair| pair == "token=good-token"), "{:?}", calls[0]);
}

#[tokio::test]
async fn many_requests_with_one_new_token_ask_once() {
    let _machine = MACHINE.read().await;
    let world = world().await;
    world.server.behave(Behaviour::Slow(Duration::from_millis(100)));
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let address = world.mesh.address();
        requests.spawn(async move { e2e::send(address, &bearer("/", "good-token")).await.unwrap().status });
    }
    assert!(requests.join_all().await.iter().all(|status| *status == 200), "{}", world.mesh.log());
    assert_eq!(world.server.calls("/introspect").len(), 1);
}

#[tokio::test]
async fn a_token_that_is_unknown_or_revoked_is_refused() {
    let _machine = MACHINE.read().await;
    let world = world().await;
    assert_eq!(world.send(&bearer("/", "other-token")).await.status, 401);
    assert_eq!(world.send(&bearer("/", "good-token")).await.status, 200);
    world.server.revoke("good-token");
    world.until("the revocation seen", &bearer("/", "good-token"), 401).await;
}

#[tokio::test]
async fn only_true_is_active() {
    let _machine = MACHINE.read().await;
    let world = world().await;
    for (number, answer) in
        ["{\"active\":\"true\"}", "{\"active\":1}", "{\"active\":null}", "{}", "[true]"].iter().enumerate()
    {
        world.server.behave(Behaviour::Body(answer.as_bytes().to_vec()));
        let got = world.send(&bearer("/", &format!("token-{number}"))).await;
        assert!(matches!(got.status, 401 | 503), "{answer}: {got:?}");
    }
}

#[tokio::test]
async fn without_an_answer_nobody_is_let_in_and_the_next_answer_counts() {
    let _machine = MACHINE.read().await;
    let world = world().await;
    for (number, behaviour) in [
        Behaviour::Dead,
        Behaviour::Slow(Duration::from_secs(3600)),
        Behaviour::Status(500),
        Behaviour::Status(401),
        Behaviour::garbage(),
        Behaviour::Body(b"{\"active\":true".to_vec()),
        Behaviour::oversized(),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("token-{number}");
        world.server.issue(&token, json!({"sub": "carol"}));
        let what = format!("{:.60}", format!("{behaviour:?}"));
        world.server.behave(behaviour);
        let answer = world.send(&bearer("/", &token)).await;
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
        assert!(answer.headers.has("retry-after"), "{what}: {answer:?}");
        world.server.behave(Behaviour::Normal);
        world.until(&what, &bearer("/", &token), 200).await;
    }
    let log = world.mesh.log();
    for secret in ["good-token", "token-1", "introspection-secret"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
