use crate::world::{Mode, World, keys};
use idp::Refetch;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Some workers that have keys, in the middle of an interval.
fn settled(workers: usize) -> World {
    let mut world = World::of(workers);
    world.run(60_000);
    assert_eq!((world.all_keys(), world.sent.len()), (keys("a"), 1));
    world
}

#[test]
fn a_new_key_costs_the_request_that_brings_it_one_fetch() {
    for worker in 0..3 {
        let mut world = settled(3);
        world.mode = Mode::Keys("keys: a b");
        let (waited, known) = world.wait_for(worker, "b");
        assert!(known && waited <= 35, "{waited}");
        assert_eq!(world.sent.len(), 2);
        world.run(1000);
        assert_eq!(world.all_keys(), keys("a b"));
    }
}

#[test]
fn a_key_that_nobody_has_is_fetched_once_per_min_interval_by_all_workers_together() {
    let mut world = settled(4);
    let mut longest = 0;
    for _ in 0..600 {
        for worker in 0..4 {
            let (waited, known) = world.wait_for(worker, "none");
            assert!(!known);
            longest = longest.max(waited);
        }
        world.run(100);
    }
    // A minute and more of asking: one fetch per ten seconds.
    assert!((6..=8).contains(&(world.sent.len() - 1)), "{:?}", world.sent);
    assert!(world.gaps()[1..].iter().all(|gap| *gap >= 10_000));
    assert!(longest <= 35, "{longest}");
}

#[test]
fn a_scheduled_refresh_leaves_the_refetch_unspent() {
    let mut world = World::of(2);
    while world.sent.len() < 2 {
        world.run(100);
    }
    world.run(500);
    world.mode = Mode::Keys("keys: b");
    assert!(world.wait_for(1, "b").1);
    assert_eq!(world.sent.len(), 3);
}

#[test]
fn many_requests_with_a_new_key_share_one_fetch_in_all_workers() {
    let mut world = settled(4);
    world.latency = 300;
    world.mode = Mode::Keys("keys: b");
    let mut requests: Vec<(usize, Option<idp::Asked>)> = (0..500).map(|number| (number % 4, None)).collect();
    for step in 0.. {
        assert!(step < 40, "a request waits for too long");
        requests.retain_mut(|(worker, asked)| {
            let known = world.keys(*worker).is_some_and(|keys| keys == "b");
            // They come one after the other, while the fetch is on its way.
            assert!(known || world.ask(*worker, asked) == Refetch::Wait);
            !known
        });
        if requests.is_empty() {
            break;
        }
        world.run(10);
    }
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn a_fetch_that_began_before_the_key_was_met_is_followed_by_another() {
    let mut world = World::of(3);
    world.latency = 1000;
    while world.sent.len() < 2 {
        world.run(100);
    }
    // What is on its way is still the old set.
    world.mode = Mode::Keys("keys: a b");
    for worker in [0, 1, 2] {
        assert!(world.wait_for(worker, "b").1);
    }
    assert_eq!(world.sent.len(), 3);
}

#[test]
fn a_fetch_that_began_before_and_has_the_key_is_enough() {
    let mut world = World::of(3);
    world.run(1000);
    (world.latency, world.mode) = (1000, Mode::Keys("keys: b"));
    while world.sent.len() < 2 {
        world.run(100);
    }
    let (waited, known) = world.wait_for(2, "b");
    assert!(known && waited <= 1020, "{waited}");
    world.run(20_000);
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn the_first_keys_are_waited_for_in_the_same_way() {
    let mut world = World::of(3);
    world.latency = 400;
    for worker in 0..3 {
        let (waited, known) = world.wait_for(worker, "a");
        assert!(known && waited <= 420, "{waited}");
    }
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn no_request_waits_longer_than_two_timeouts_and_a_second() {
    for mode in [Mode::Silent, Mode::Status(500), Mode::Keys("keys:"), Mode::Keys("keys: a")] {
        for latency in [1, 1999, 5000] {
            let mut world = settled(3);
            (world.mode, world.latency) = (mode.clone(), latency);
            for _ in 0..5 {
                for worker in 0..3 {
                    let (waited, known) = world.wait_for(worker, "none");
                    assert!(!known && waited <= 5000, "{mode:?} {latency} {waited}");
                }
                world.run(7000);
            }
            assert_eq!(world.all_keys(), keys("a"), "{mode:?} {latency}");
        }
    }
}

#[test]
fn a_request_that_left_costs_one_fetch_at_most() {
    let mut world = settled(2);
    assert_eq!(world.ask(0, &mut None), Refetch::Wait);
    world.run(60_000);
    assert_eq!(world.sent.len(), 2);
    assert!(world.alive().iter().all(|worker| world.workers[*worker].source.take_notes().is_empty()));
}
