use crate::world::{HOUR, Mode, World, keys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const DOCUMENT: &str =
    r#"{"issuer":"https://idp.example.com/realm/","jwks_uri":"https://keys.example.com:8443/k?v=1"}"#;
const WELL_KNOWN: &str =
    "outbound|443||idp.example.com idp.example.com/realm/.well-known/openid-configuration";
const KEYS: &str = "outbound|8443||keys.example.com keys.example.com:8443/k?v=1";

fn world(document: &str) -> World {
    let mut world = World::configured(3, "{}", true);
    world.document = Mode::Body(document.as_bytes().to_vec());
    world
}

#[test]
fn the_issuers_document_says_where_the_keys_are() {
    let mut world = world(DOCUMENT);
    world.run(200);
    assert_eq!(world.all_keys(), keys("a"));
    let sent: Vec<&str> = world.sent.iter().map(|(_, uri)| uri.as_str()).collect();
    assert_eq!(sent, [WELL_KNOWN, KEYS]);
}

#[test]
fn every_refresh_asks_both_and_a_refetch_only_for_the_keys() {
    let mut world = world(DOCUMENT);
    world.run(301_000);
    assert_eq!(world.sent.len(), 4);
    assert_eq!(world.sent[2].1, WELL_KNOWN);
    world.run(20_000);
    world.mode = Mode::Keys("keys: b");
    // A worker that has never asked has to ask where.
    let workers = world.alive();
    let known: Vec<usize> = workers
        .into_iter()
        .filter(|worker| {
            world.run(11_000);
            let before = world.sent.len();
            world.wait_for(*worker, "none");
            world.sent.len() - before == 1
        })
        .collect();
    assert!(!known.is_empty());
    assert_eq!(world.all_keys(), keys("b"));
}

#[test]
fn a_document_that_is_not_the_issuers_is_not_believed() {
    for document in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"issuer":"https://idp.example.com/realm/"}"#,
        r#"{"jwks_uri":"https://idp.example.com/k"}"#,
        r#"{"issuer":"https://idp.example.com/realm","jwks_uri":"https://idp.example.com/k"}"#,
        r#"{"issuer":"https://IDP.example.com/realm/","jwks_uri":"https://idp.example.com/k"}"#,
        r#"{"issuer":"https://idp.example.com/realm/","jwks_uri":"http://idp.example.com/k"}"#,
        r#"{"issuer":"https://idp.example.com/realm/","jwks_uri":"/k"}"#,
        r#"{"issuer":"https://idp.example.com/realm/","jwks_uri":["https://idp.example.com/k"]}"#,
        r#"{"issuer":"https://idp.example.com/realm/","jwks_uri":"https://u:p@idp.example.com/k"}"#,
        r#"{"issuer":"x","issuer":"https://idp.example.com/realm/","jwks_uri":"https://idp.example.com/k"}"#,
    ] {
        let mut world = world(document);
        world.run(20_000);
        assert_eq!(world.all_keys(), [None], "{document}");
        assert!(world.sent.iter().all(|(_, uri)| uri == WELL_KNOWN), "{document}");
        assert!(world.counted("discovery") + world.counted("empty") > 3, "{document}");
    }
}

#[test]
fn keys_that_moved_are_found_and_an_outage_of_either_keeps_the_old_ones() {
    for broken in 0..2 {
        let mut world = world(DOCUMENT);
        world.run(1000);
        *(if broken == 0 { &mut world.document } else { &mut world.mode }) = Mode::Status(500);
        world.run(HOUR);
        assert_eq!(world.all_keys(), keys("a"));
        world.document = Mode::Body(DOCUMENT.replace("8443", "9443").into_bytes());
        world.mode = Mode::Keys("keys: b");
        world.run(65_000);
        assert_eq!(world.all_keys(), keys("b"));
        assert!(world.sent.last().unwrap().1.starts_with("outbound|9443||"));
    }
}
