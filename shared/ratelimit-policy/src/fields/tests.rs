//! Limits in, fields out.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::rate::{Rate, Unit};

fn rate(requests: u64, unit: Unit) -> Rate {
    Rate { requests, unit, burst: requests }
}

fn lines(style: Style, shown: &[Shown<'_>]) -> Vec<String> {
    let fields = Fields::new(style).of(shown);
    let line = |(name, value): &(HeaderName, HeaderValue)| {
        format!("{name}: {}", String::from_utf8(value.as_bytes().to_vec()).unwrap())
    };
    fields.iter().map(line).collect()
}

#[test]
fn each_limit_is_a_member_of_both_lists() {
    let client = Policies::of_budget("per-client", &Budget::Windows(vec![rate(100, Unit::Second)]));
    let tenant =
        Policies::of_budget("tenant", &Budget::Windows(vec![rate(10, Unit::Minute), rate(500, Unit::Day)]));
    let at_once = Policies::of_concurrency("in-flight", 10);
    let shown = [
        Shown { policies: &client, reading: Reading { window: 0, remaining: 50, reset: Some(1) } },
        Shown { policies: &tenant, reading: Reading { window: 1, remaining: 0, reset: Some(3600) } },
        Shown { policies: &at_once, reading: Reading { window: 0, remaining: 3, reset: None } },
    ];
    assert_eq!(
        lines(Style::Ietf, &shown),
        [
            r#"ratelimit-policy: "per-client";q=100;w=1, "tenant.minute";q=10;w=60, "tenant.day";q=500;w=86400, "in-flight";q=10;qu="concurrent-requests""#,
            r#"ratelimit: "per-client";r=50;t=1, "tenant.day";r=0;t=3600, "in-flight";r=3"#,
        ]
    );
    assert_eq!(
        lines(Style::Draft03, &shown),
        [
            r#"x-ratelimit-limit: 500, 100;w=1;name="per-client", 10;w=60;name="tenant.minute", 500;w=86400;name="tenant.day", 10;name="in-flight""#,
            "x-ratelimit-remaining: 0",
            "x-ratelimit-reset: 3600",
        ]
    );
    assert_eq!(lines(Style::None, &shown), [""; 0]);
    assert_eq!((client.name(0), tenant.name(0), tenant.name(9)), ("per-client", "tenant.minute", ""));
}

#[test]
fn nothing_is_told_of_no_limits_and_a_block_has_no_quota() {
    for style in [Style::Ietf, Style::Draft03, Style::None] {
        assert_eq!(lines(style, &[]), [""; 0]);
    }
    let policies = Policies::of_budget("closed", &Budget::Block);
    let shown = [Shown { policies: &policies, reading: Reading { window: 0, remaining: 0, reset: None } }];
    assert_eq!(lines(Style::Ietf, &shown), ["ratelimit-policy: \"closed\";q=0", "ratelimit: \"closed\";r=0"]);
}

#[test]
fn what_a_field_cannot_hold_is_not_in_it() {
    assert_eq!(quoted("a\"b\\c\nd\u{e9}"), r#""a\"b\\cd""#);
    let policies = Policies::of_concurrency("a", 1);
    let reading = Reading { window: 0, remaining: u64::MAX, reset: Some(u64::MAX) };
    let told = lines(Style::Ietf, &[Shown { policies: &policies, reading }]);
    assert_eq!(told[1], r#"ratelimit: "a";r=999999999999999;t=999999999999999"#);
}

#[test]
fn the_tightest_window_is_the_one_with_the_least_left_and_the_longest_wait() {
    let (a, b) = (Policies::of_concurrency("a", 1), Policies::of_concurrency("b", 2));
    let reading = |remaining, reset| Reading { window: 0, remaining, reset: Some(reset) };
    for (first, second, expected) in [
        (reading(5, 1), reading(4, 1), "x-ratelimit-reset: 1"),
        (reading(0, 1), reading(0, 60), "x-ratelimit-reset: 60"),
        (reading(0, 60), reading(0, 1), "x-ratelimit-reset: 60"),
        (reading(1, 60), reading(0, 2), "x-ratelimit-reset: 2"),
    ] {
        let shown = [Shown { policies: &a, reading: first }, Shown { policies: &b, reading: second }];
        assert_eq!(lines(Style::Draft03, &shown)[2], expected);
    }
}
