use crate::world::{HOUR, Mode, World, keys};
use idp::{KeySource, Parse, RemoteConfig};
use policy_core::{Counters, Stored};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn one_worker_fetches_at_once_and_all_have_the_keys() {
    let mut world = World::of(6);
    assert_eq!(world.all_keys(), [None]);
    world.run(150);
    assert_eq!(world.all_keys(), keys("a"));
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.sent[0].1, "outbound|443||idp.example.com idp.example.com/keys");
    assert!(world.workers.iter().all(|worker| worker.source.version() == 1));
}

#[test]
fn keys_are_refreshed_every_interval_less_a_tenth_at_most() {
    let mut world = World::of(4);
    world.run(5 * HOUR);
    let gaps = world.gaps();
    assert!((60..=67).contains(&gaps.len()), "{}", gaps.len());
    // A tick may be a second late.
    assert!(gaps.iter().all(|gap| (270_000..=301_000).contains(gap)), "{gaps:?}");
    assert_eq!(world.counted("unchanged"), u64::try_from(gaps.len()).unwrap());
    assert_eq!(world.counted("ok"), 1);
    assert!(
        world.workers.iter().all(|worker| worker.source.version() == 1),
        "the same bytes are the same keys"
    );
}

#[test]
fn other_keys_reach_every_worker_within_a_tick() {
    let mut world = World::of(4);
    world.run(1000);
    world.mode = Mode::Keys("keys: b c");
    while world.sent.len() < 2 {
        world.run(100);
    }
    world.run(1100);
    assert_eq!(world.all_keys(), keys("b c"));
    assert!(world.workers.iter().all(|worker| worker.source.version() == 2));
    assert_eq!(world.gauge(0, "tollgate_keys"), Some(2));
    assert_eq!(world.gauge(0, "tollgate_keys_skipped"), Some(1));
    world.run(30_000);
    for worker in world.alive() {
        let age = world.gauge(worker, "tollgate_key_age_seconds").unwrap();
        assert!((29..=32).contains(&age), "{age}");
    }
}

#[test]
fn a_new_configuration_has_the_keys_before_its_first_request() {
    let mut world = World::of(2);
    world.run(2000);
    world.mode = Mode::Silent;
    world.join();
    assert_eq!(world.keys(2), Some("a".to_owned()));
    world.run(10_000);
    assert_eq!(world.sent.len(), 1, "and asks nobody for them");
}

#[test]
fn a_worker_that_dies_over_a_fetch_blocks_the_others_for_a_timeout_and_two_seconds_at_most() {
    let mut world = World::of(3);
    world.latency = 1500;
    world.run(500);
    assert_eq!(world.sent.len(), 1);
    let fetching = world.fetching();
    world.kill(fetching.unwrap());
    world.run(4000);
    assert_eq!(world.sent.len(), 2);
    world.run(2600);
    assert_eq!(world.all_keys(), keys("a"));
}

#[test]
fn rubbish_in_the_store_costs_a_fetch_and_no_keys() {
    let old = |value: &[u8]| Stored { value: value.to_vec(), version: 4_000_000 };
    for rubbish in [b"".as_slice(), b"\x01", b"\x01keys: x", b"\x02another layout", &[0xff; 300], &[1; 113]] {
        for which in [".stamp", ".set"] {
            let mut world = World::of(3);
            world.run(2000);
            let keys_of = |world: &World| world.all_keys();
            let place = world.store.borrow().keys().find(|key| key.ends_with(which)).cloned().unwrap();
            assert_eq!(place.len(), "keys.0123456789abcdef".len() + which.len());
            world.store.borrow_mut().insert(place, old(rubbish));
            world.run(5000);
            assert_eq!(keys_of(&world), keys("a"), "{which}");
            assert!(world.sent.len() <= 2);
            // A VM that comes now gets its keys at once or by a fetch, and the others keep theirs.
            world.join();
            let joined = world.keys(3);
            assert!(joined.is_none() || joined.as_deref() == Some("a"), "what the stamp does not vouch for");
            world.run(11_000);
            assert_eq!(keys_of(&world), keys("a"), "{which}");
            assert!(world.sent.len() <= 3);
        }
    }
}

#[test]
fn a_source_is_configured_with_a_uri_or_with_discovery() {
    let compile = |uri: Option<&str>, discovery, issuer: &str, cluster: Option<&str>| {
        let parse: Parse<()> = Box::new(|_| Err(String::new()));
        let config = RemoteConfig {
            uri: uri.map(str::to_owned),
            discovery,
            issuer: issuer.to_owned(),
            cluster: cluster.map(str::to_owned),
            ..RemoteConfig::default()
        };
        KeySource::compile(config, 0, "corp", parse, &mut Counters::new("auth"))
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for (uri, discovery, issuer, cluster, expected) in [
        (Some("https://a/"), false, "any", None, ""),
        (None, true, "https://a", Some("x"), ""),
        (None, false, "https://a", None, "keys are missing"),
        (Some("https://a/"), true, "https://a", None, "discovery: give either"),
        (Some("a"), false, "https://a", None, "jwksUri: an absolute URI"),
        (Some("https://a/"), false, "", Some(""), "jwksUri: the cluster's name"),
        (None, true, "joe", None, "issuer: an absolute URI"),
        (None, true, "https://a?b", None, "issuer: an issuer with discovery"),
        (None, true, "https://a#b", None, "issuer: the URI must not have a fragment"),
    ] {
        let error = compile(uri, discovery, issuer, cluster);
        assert!(error.contains(expected) && error.is_empty() == expected.is_empty(), "{error}");
    }
}
