//! Keys come over a real network: late, broken, or not at all.

use std::time::{Duration, Instant};

use e2e::mesh::Setup;
use e2e::mint::{Key, now};
use e2e::raw::RawClient;
use e2e::{Behaviour, KeyServer, Mesh, Request};
use serde_json::json;
use tokio::task::JoinSet;

use super::world::{CORP, ISSUER, World, bearer, claims, good};
use crate::support::{MACHINE, PATIENCE};

fn bad_answers() -> [(&'static str, Behaviour); 8] {
    [
        ("dead", Behaviour::Dead),
        ("silent", Behaviour::Slow(Duration::from_secs(3600))),
        ("failing", Behaviour::Status(500)),
        ("moved", Behaviour::Status(302)),
        ("garbage", Behaviour::garbage()),
        ("empty", Behaviour::Body(Vec::new())),
        ("no keys", Behaviour::Body(b"{\"keys\":[]}".to_vec())),
        ("oversized", Behaviour::oversized()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_before_the_first_keys_are_told_to_come_back() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let server = KeyServer::start(ISSUER, &[&key]).await.unwrap();
    server.behave(Behaviour::Slow(Duration::from_secs(3600)));
    let setup = Setup { workers: 2, ..Setup::default() };
    let world = World::with(CORP, server, setup).await;
    let began = Instant::now();
    let mut requests = JoinSet::new();
    for _ in 0..500 {
        let (address, request) = (world.mesh.address(), good(&key));
        requests.spawn(async move { e2e::send(address, &request).await.unwrap() });
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(
            answer.headers.get("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()),
            "{answer:?}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(world.mesh.arrived().is_empty(), "nothing gets through unchecked");
    world.server.behave(Behaviour::Normal);
    world.until("the first keys", &good(&key), 200).await;
}

#[tokio::test]
async fn no_bad_answer_lets_anyone_in_or_stands_in_the_way_of_a_good_one() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    for (what, behaviour) in bad_answers() {
        let server = KeyServer::start(ISSUER, &[&key]).await.unwrap();
        server.behave(behaviour);
        let world = World::with(CORP, server, Setup::default()).await;
        world.fetched(1).await;
        let answer = world.send(&good(&key)).await;
        assert_eq!(answer.status, 503, "{what}: {answer:?}");
        assert!(answer.headers.has("retry-after"), "{what}: {answer:?}");
        world.server.behave(Behaviour::Normal);
        world.until(what, &good(&key), 200).await;
    }
}

#[tokio::test]
async fn a_bad_answer_never_takes_the_place_of_good_keys() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let world = World::start(CORP, &[&key], Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    for (what, behaviour) in bad_answers() {
        world.server.behave(behaviour);
        let before = world.server.calls("/keys").len();
        // A token of an unknown key makes the filter ask.
        let unknown = key.signed(&json!({"alg": "RS256", "kid": what}), &claims(json!({})));
        let asked = async || {
            let answer = world.send(&bearer("/", &unknown)).await;
            assert!(matches!(answer.status, 401 | 503), "{what}: {answer:?}");
            (world.server.calls("/keys").len() > before).then_some(())
        };
        e2e::eventually(what, PATIENCE, asked).await.unwrap();
        // Until the answer has come, or the time for it is up.
        let until = Instant::now() + Duration::from_millis(1200);
        while Instant::now() < until {
            assert_eq!(world.send(&good(&key)).await.status, 200, "{what}");
        }
    }
}

#[tokio::test]
async fn keys_that_are_too_old_are_not_used() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let config = CORP.replace("maxStale: 24h", "maxStale: 6s").replace("interval: 5s", "interval: 6s");
    let world = World::start(&config, &[&key], Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    world.server.behave(Behaviour::Dead);
    world.until("keys too old", &good(&key), 503).await;
    world.server.behave(Behaviour::Normal);
    world.until("new keys", &good(&key), 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_make_one_fetch_in_each_interval_however_many_ask() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let setup = Setup { workers: 2, ..Setup::default() };
    let config = CORP.replace("minInterval: 1s", "minInterval: 2s").replace("interval: 5s", "interval: 5m");
    let world = World::start(&config, &[&key], setup).await;
    world.until_all("the first keys", &good(&key), 200).await;
    let before = world.server.calls("/keys").len();
    let began = Instant::now();
    let mut round = 0;
    while began.elapsed() < Duration::from_secs(5) {
        round += 1;
        let mut requests = JoinSet::new();
        for number in 0..50 {
            let token =
                key.signed(&json!({"alg": "RS256", "kid": format!("{round}-{number}")}), &claims(json!({})));
            let address = world.mesh.address();
            requests.spawn(async move { e2e::send(address, &bearer("/", &token)).await.unwrap().status });
        }
        assert!(requests.join_all().await.iter().all(|status| *status == 401));
    }
    let calls = world.server.calls("/keys");
    let fetches = calls.len() - before;
    // Five seconds hold at most three beginnings of two seconds.
    assert!((1..=3).contains(&fetches), "{fetches} fetches in {round} rounds");
    assert_eq!(world.send(&good(&key)).await.status, 200);
}

#[tokio::test]
async fn a_client_that_leaves_while_its_request_waits_is_no_trouble() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let world = World::start(CORP, &[&key], Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    for round in 0..3 {
        world.server.behave(Behaviour::Slow(Duration::from_millis(300)));
        let before = world.server.calls("/keys").len();
        let new = Key::new(&format!("new{round}"), "ES256").unwrap();
        let request =
            |token: &str| format!("GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
        let token = new.token(&claims(json!({})));
        let asked = async || {
            let mut client = RawClient::connect(world.mesh.address()).await.ok()?;
            client.write(request(&token).as_bytes()).await.ok()?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(client);
            (world.server.calls("/keys").len() > before).then_some(())
        };
        e2e::eventually("a fetch for the request that waits", PATIENCE, asked).await.unwrap();
        assert_eq!(world.send(&good(&key)).await.status, 200, "{}", world.mesh.log());
    }
    world.server.behave(Behaviour::Normal);
    assert_eq!(world.send(&good(&key)).await.status, 200);
}

#[tokio::test]
async fn discovery_leads_to_the_keys() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let config = CORP.replace("jwksUri: https://idp.example.com/keys", "discovery: true");
    let world = World::start(&config, &[&key], Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    assert_eq!(world.server.calls("/.well-known/openid-configuration").len(), 1);
    assert_eq!(world.send(&bearer("/", &key.token(&claims(json!({"exp": now(-600)}))))).await.status, 401);
}

#[tokio::test]
async fn a_bad_key_in_a_set_is_passed_over_and_the_others_serve() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let mut encrypting = Key::new("rs", "RS256").unwrap().jwk();
    encrypting["use"] = json!("enc");
    let set =
        json!({"keys": [{"kty": "RSA", "kid": "bad", "n": "AQAB", "e": "AQAB"}, 7, encrypting, key.jwk()]});
    let server = KeyServer::start(ISSUER, &[]).await.unwrap();
    server.behave(Behaviour::Body(set.to_string().into_bytes()));
    let world = World::with(CORP, server, Setup::default()).await;
    world.until("the first keys", &good(&key), 200).await;
    let other = Key::new("rs", "RS256").unwrap();
    assert_eq!(world.send(&good(&other)).await.status, 401, "a key for encryption signs nothing");
    assert_eq!(world.send(&Request::get("/")).await.status, 401);
}
