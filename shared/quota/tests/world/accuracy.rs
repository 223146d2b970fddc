//! How close to the limit, at what price.

use crate::world::{Outcome, SECOND, START, Scene, excess, plan, rate, run};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Fewest and most that were admitted in any ten seconds from `skip` on, in steps of 0.2 s.
fn ten_seconds(out: &Outcome, skip: f64, seconds: f64) -> (usize, usize) {
    let until = |time: f64| out.admitted.partition_point(|(now, ..)| *now < START + (time * 1e9) as u64);
    let starts = (0..).map(|n| skip + 0.2 * f64::from(n)).take_while(|start| start + 10.0 <= seconds);
    let counts: Vec<usize> = starts.map(|start| until(start + 10.0) - until(start)).collect();
    (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
}

#[test]
fn at_three_times_the_limit_any_ten_seconds_are_within_two_percent() {
    for (requests, burst, workers, seconds, visits) in
        [(100, 100, 2, 60.0, 8), (100, 20, 2, 60.0, 9), (1000, 200, 2, 25.0, 5), (1000, 1000, 4, 25.0, 5)]
    {
        let rates = [rate(requests, 1, burst)];
        let mut out = run(&Scene::new(&rates, workers, requests as f64 * 3.0, seconds, 7 + workers as u64));
        assert!(excess(&mut out, &plan(&rates).windows()[0]) <= 0);
        let (least, most) = ten_seconds(&out, 5.0 + burst as f64 / requests as f64 / 2.0, seconds);
        let of = |part: f64| (requests as f64 * 10.0 * part) as usize;
        let case = format!("{requests}/s, {burst}, {workers} workers: {least} to {most}");
        assert!(least >= of(0.98) && most <= of(1.02), "{case}");
        assert!(out.visited * 100 <= out.offered * visits, "{case}: {} of {}", out.visited, out.offered);
        assert_eq!(out.given_up, 0, "{case}");
    }
}

#[test]
fn an_uneven_load_is_counted_as_well() {
    let rates = [rate(1000, 1, 200)];
    let mut scene = Scene::new(&rates, 4, 3000.0, 20.0, 3);
    scene.shares = vec![0.9, 0.04, 0.03, 0.03];
    let mut out = run(&scene);
    assert!(excess(&mut out, &plan(&rates).windows()[0]) <= 0);
    let (least, most) = ten_seconds(&out, 6.0, 20.0);
    assert!(least >= 9800 && most <= 10_200, "{least} to {most}");
    assert!(out.visited * 10 <= out.offered, "{} of {}", out.visited, out.offered);
}

#[test]
fn one_per_minute_is_one_over_all_workers() {
    let rates = [rate(1, 60, 1)];
    for load in [0.5, 50.0] {
        let mut out = run(&Scene::new(&rates, 4, load, 600.0, 11));
        assert!(excess(&mut out, &plan(&rates).windows()[0]) <= 0);
        assert_eq!(out.tokens(), out.central, "nor less than could be");
        assert!((9..=11).contains(&out.tokens()), "{}", out.tokens());
        for pair in out.admitted.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= 60 * SECOND);
        }
    }
}

#[test]
fn what_can_be_admitted_below_the_limit_is() {
    for (requests, burst, load) in [(1000, 1000, 0.5), (100, 100, 0.5), (10, 10, 0.5), (10_000, 10_000, 0.8)]
    {
        let scene = Scene::new(&[rate(requests, 1, burst)], 2, requests as f64 * load, 10.0, 5);
        let out = run(&scene);
        assert_eq!(out.tokens(), out.offered, "{requests}/s");
        assert_eq!(out.central, out.offered);
    }
}
