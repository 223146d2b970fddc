use crate::world::{HOUR, Mode, World, keys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_clock_that_is_set_neither_stops_the_refreshing_nor_makes_it_hammer() {
    let day = i64::try_from(24 * HOUR).unwrap();
    for step in [-400 * day, -day, -3_600_000, -200_000, -1000, 1000, 200_000, day, 400 * day] {
        let mut world = World::of(3);
        world.run(100_000);
        world.offset = step;
        world.run(HOUR);
        assert_eq!(world.all_keys(), keys("a"), "{step}");
        assert!((10..=15).contains(&world.sent.len()), "{step} {}", world.sent.len());
        // And a key can still be asked for.
        world.mode = Mode::Keys("keys: b");
        assert!(world.wait_for(1, "b").1, "{step}");
    }
}

#[test]
fn a_clock_that_is_set_during_a_fetch_does_not_lose_it_for_long() {
    for step in [-86_400_000, -2500, -500, 500, 2500, 86_400_000] {
        let mut world = World::of(3);
        world.latency = 500;
        world.run(100);
        assert_eq!(world.sent.len(), 1);
        // The answer to the old fetch may come while a new one is on its way.
        world.forget_flights();
        world.offset = step;
        world.run(10_000);
        assert_eq!(world.all_keys(), keys("a"), "{step}");
        assert!(world.sent.len() <= 3, "{step}");
    }
}

#[test]
fn a_clock_that_goes_back_over_and_over_makes_no_keys_immortal() {
    let mut world = World::configured(2, r#"{"maxStale":"1h"}"#, false);
    world.run(1000);
    world.mode = Mode::Status(500);
    // A day back: the keys are as old as they were, and not a day younger.
    world.offset = -86_400_000;
    world.run(HOUR + 2000);
    assert_eq!(world.all_keys(), [None]);
}
