//! `manifests/overlays/kind`, which `scripts/kind.sh apply` has put before `echo`.

use e2e::{Fields, Request, send};
use serde_json::Value;

use crate::support::{echo, until};

#[tokio::test]
async fn the_shipped_manifests_serve_behind_a_sidecar() {
    let request = Request::get("/api/orders").host("shop.example.com").header("x-internal-user", "root");
    until(echo(), "the header filter", &request, |answer| answer.status == 200).await;
    let answer = send(echo(), &request).await.unwrap();
    let arrived: Value = serde_json::from_slice(&answer.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = arrived["headers"].as_array().unwrap().iter();
    let fields = Fields(fields.map(|pair| (text(&pair[0]), text(&pair[1]).into_bytes())).collect());
    assert_eq!(fields.get("x-env").as_deref(), Some("prod"));
    assert_eq!(fields.get("x-internal-user"), None);
    assert!(answer.headers.get("x-content-type-options").is_some(), "{answer:?}");
}

#[tokio::test]
async fn callers_are_refused_and_limited_as_the_manifests_say() {
    let shop = Request::get("/shop");
    until(echo(), "the auth filter", &shop, |answer| answer.status == 401).await;
    let partner = shop.header("x-api-key", "demo-api-key");
    assert_eq!(send(echo(), &partner).await.unwrap().status, 200);
    // Counted by Limitador, for all proxies together: five in a minute.
    let user = format!("kind-{}", std::process::id());
    let quota = Request::get("/quota").header("x-user", &user);
    until(echo(), "the quota used up", &quota, |answer| answer.status == 429).await;
}
