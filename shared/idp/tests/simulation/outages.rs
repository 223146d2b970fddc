use crate::world::{HOUR, Mode, World, keys};
use policy_core::Lost;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn failures() -> Vec<(Mode, &'static str)> {
    vec![
        (Mode::Status(500), "status"),
        (Mode::Status(204), "status"),
        (Mode::Status(302), "status"),
        (Mode::Status(0), "status"),
        (Mode::Lost(Lost::Broken), "lost"),
        (Mode::Lost(Lost::NotSent), "not_sent"),
        (Mode::Lost(Lost::TooLarge), "too_large"),
        (Mode::Body(b"keys: x ".repeat(40_000)), "too_large"),
        (Mode::Body(b"<html>".to_vec()), "garbage"),
        (Mode::Body(vec![0xff, 0xfe]), "garbage"),
        (Mode::Body(Vec::new()), "empty"),
        (Mode::Keys("keys:"), "empty"),
    ]
}

#[test]
fn an_answer_that_is_not_good_never_replaces_keys_and_is_counted() {
    for (mode, outcome) in failures() {
        let mut world = World::of(3);
        world.run(1000);
        world.mode = mode.clone();
        world.run(HOUR);
        assert_eq!(world.all_keys(), keys("a"), "{mode:?}");
        // Once a minute or so, after some that came sooner.
        let failed = world.counted(outcome);
        assert!((50..=80).contains(&failed), "{mode:?} {failed}");
        let notes: Vec<String> = world.workers.iter().flat_map(|worker| worker.source.take_notes()).collect();
        assert!(notes.iter().any(|note| note.starts_with("keys of corp: the fetch failed")), "{notes:?}");
        assert!(!notes.iter().any(|note| note.contains("evil") || note.contains("html")), "{notes:?}");
        world.mode = Mode::Keys("keys: b");
        world.run(63_000);
        assert_eq!(world.all_keys(), keys("b"), "{mode:?}");
    }
}

#[test]
fn before_the_first_keys_retries_come_at_growing_distances() {
    let mut world = World::of(4);
    world.mode = Mode::Status(503);
    world.run(600_000);
    assert_eq!(world.all_keys(), [None]);
    let gaps = world.gaps();
    for (gap, wait) in gaps.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        let wait = wait * 1000;
        assert!((wait * 9 / 10..=wait + 1100).contains(gap), "{wait} {gaps:?}");
    }
    assert!(gaps.len() > 12, "{gaps:?}");
    world.mode = Mode::Keys("keys: a");
    world.run(63_000);
    assert_eq!(world.all_keys(), keys("a"));
    assert_eq!(world.gauge(0, "tollgate_keys"), Some(1));
}

#[test]
fn keys_serve_until_max_stale_and_come_back() {
    let mut world = World::configured(2, r#"{"maxStale":"1h"}"#, false);
    world.run(1000);
    let version = world.workers[0].source.version();
    world.mode = Mode::Status(500);
    let good_at = world.good_at.unwrap();
    while world.now < good_at + HOUR {
        assert_eq!(world.all_keys(), keys("a"));
        world.run((good_at + HOUR - world.now).min(10_000));
    }
    assert_eq!(world.all_keys(), keys("a"));
    world.run(1);
    assert_eq!(world.all_keys(), [None]);
    world.mode = Mode::Keys("keys: a");
    world.run(63_000);
    assert_eq!(world.all_keys(), keys("a"));
    assert_eq!(world.workers[0].source.version(), version, "they are the same keys");
}

#[test]
fn an_answer_that_takes_too_long_is_no_answer_and_one_just_in_time_is() {
    for (latency, expected) in [(1999, keys("a")), (2000, vec![None]), (60_000, vec![None])] {
        let mut world = World::of(3);
        world.latency = latency;
        world.run(30_000);
        assert_eq!(world.all_keys(), expected, "{latency}");
    }
}

#[test]
fn a_provider_that_swallows_requests_is_asked_again_and_again() {
    let mut world = World::of(3);
    world.mode = Mode::Silent;
    world.run(60_000);
    // Not even the proxy answers: only the lease ends such a fetch.
    assert!((8..=20).contains(&world.sent.len()), "{}", world.sent.len());
    world.mode = Mode::Keys("keys: a");
    world.run(5000);
    assert_eq!(world.all_keys(), keys("a"));
}
