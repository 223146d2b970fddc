//! A clock that is set, both ways.

use crate::world::{SECOND, START, Scene, rate, run};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const DAY: i64 = 86_400 * SECOND as i64;

/// A day back, a day forward, another, and back again.
fn steps() -> Vec<(f64, i64)> {
    vec![(10.0, -DAY), (20.0, DAY), (30.0, DAY), (40.0, -DAY)]
}

#[test]
fn a_step_of_a_day_costs_a_burst_at_most_and_denies_nobody_for_long() {
    for (requests, seconds, burst) in [(100, 1, 100), (1000, 1, 200), (10, 1, 10), (1, 1, 1), (100, 60, 100)]
    {
        let rate_per_s = requests as f64 / seconds as f64;
        let mut scene = Scene::new(&[rate(requests, seconds, burst)], 2, rate_per_s * 3.0, 50.0, 3);
        scene.steps = steps();
        let out = run(&scene);
        let case = format!("{requests} per {seconds} s, burst {burst}");
        // By stretches between the steps, told apart by their day.
        let in_day = |day: i64| {
            let from = START.wrapping_add_signed(day * DAY);
            let times = out.admitted.iter().map(move |(now, ..)| now.wrapping_sub(from) / SECOND);
            move |from: u64, to: u64| {
                times.clone().filter(|second| (from..to).contains(second)).count() as f64
            }
        };
        for (day, start) in [(0, 0), (-1, 10), (0, 20), (1, 30), (0, 40)] {
            let all = in_day(day)(start, start + 10);
            let most = burst as f64 + 1.0 + rate_per_s * 10.0;
            let least = rate_per_s * 10.0 * 0.7 - 1.0;
            assert!(
                (least..=most).contains(&all),
                "{case}: {all} in the stretch from {start} s, {least} to {most}"
            );
        }
    }
}

#[test]
fn one_per_day_is_not_denied_for_a_day_more() {
    let mut scene = Scene::new(&[rate(1, 86_400, 1)], 4, 5.0, 50.0, 3);
    scene.steps = steps();
    let out = run(&scene);
    // The first; one after the step back; one for each day that has passed, as far as anybody can tell.
    assert!((2..=5).contains(&out.tokens()), "{:?}", out.admitted);
    scene.steps = vec![(10.0, -DAY * 300)];
    assert_eq!(run(&scene).tokens(), 2);
}

#[test]
fn small_steps_are_not_noticed() {
    let rates = [rate(100, 1, 100)];
    let mut scene = Scene::new(&rates, 3, 300.0, 30.0, 5);
    let calm = run(&scene).tokens() as i64;
    let second = SECOND as i64;
    scene.steps = (1..290)
        .map(|n| (f64::from(n) * 0.1, if n % 2 == 0 { second / 100 } else { -second / 100 }))
        .collect();
    let shaken = run(&scene).tokens() as i64;
    assert!((calm - shaken).abs() * 10 < calm, "{calm}, {shaken}");
}
