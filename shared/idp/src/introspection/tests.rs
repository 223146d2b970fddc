#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::wire::form_encode;
use super::*;
use policy_core::{Answer, Lost};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_800_000_000_000;

fn reply(status: u16, body: &str) -> CalloutReply {
    Ok(Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() })
}

fn verdict(reply: CalloutReply) -> String {
    match answer::read(reply, NOW, 60_000) {
        Ok(verdict) => {
            let word = match verdict.known {
                Known::Active(_) => "active",
                Known::Inactive => "inactive",
                Known::Failed => "failed",
            };
            format!("{word} {}", verdict.until - NOW)
        }
        Err(failure) => format!("{failure:?}"),
    }
}

#[test]
fn only_true_is_active_and_times_must_be_whole_numbers() {
    for (body, expected) in [
        (r#"{"active":true}"#, "active 60000"),
        (r#"{"active":true,"exp":1800000001}"#, "active 1000"),
        (r#"{"active":true,"exp":1800000060,"nbf":1800000060}"#, "active 60000"),
        (r#"{"active":true,"exp":18446744073709551615}"#, "active 60000"),
        (r#"{"active":true,"exp":1800000000}"#, "inactive 10000"),
        (r#"{"active":true,"exp":0}"#, "inactive 10000"),
        (r#"{"active":true,"nbf":1800000061}"#, "inactive 10000"),
        (r#"{"active":true,"exp":"1900000000"}"#, "inactive 10000"),
        (r#"{"active":true,"exp":1900000000.5}"#, "inactive 10000"),
        (r#"{"active":true,"exp":null}"#, "inactive 10000"),
        (r#"{"active":true,"exp":-1}"#, "inactive 10000"),
        (r#"{"active":true,"nbf":"0"}"#, "inactive 10000"),
        (r#"{"active":false}"#, "inactive 10000"),
        (r#"{"active":"true"}"#, "inactive 10000"),
        (r#"{"active":1}"#, "inactive 10000"),
        (r#"{"active":[true]}"#, "inactive 10000"),
        (r#"{"active":false,"active":true}"#, "Answer"),
        (r#"{"active":true,"exp":1,"exp":1900000000}"#, "Answer"),
        ("{}", "Answer"),
        ("[true]", "Answer"),
        ("true", "Answer"),
        ("", "Answer"),
        ("<html>", "Answer"),
    ] {
        assert_eq!(verdict(reply(200, body)), expected, "{body}");
    }
}

#[test]
fn a_failure_is_never_an_answer_and_says_whose_it_is() {
    let active = r#"{"active":true}"#;
    for (status, expected) in [
        (0, "Server"),
        (201, "Answer"),
        (302, "Answer"),
        (400, "Answer"),
        (401, "Server"),
        (403, "Server"),
        (404, "Answer"),
        (429, "Server"),
        (500, "Server"),
        (503, "Server"),
        (504, "Server"),
    ] {
        assert_eq!(verdict(reply(status, active)), expected, "{status}");
    }
    assert_eq!(verdict(Err(Lost::Broken)), "Server");
    assert_eq!(verdict(Err(Lost::NotSent)), "Server");
    assert_eq!(verdict(Err(Lost::TooLarge)), "Answer");
    let long = format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(MAX_BODY));
    assert_eq!(verdict(reply(200, &long)), "Answer");
}

#[test]
fn what_goes_into_a_form_cannot_leave_its_field() {
    let mut out = Vec::new();
    form_encode(b"aZ9*-._ &=+%\x00\xff\r\n", &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "aZ9*-._+%26%3D%2B%25%00%FF%0D%0A");
}

#[test]
fn credentials_are_encoded_before_they_are_joined() {
    let headers = headers("a:b", "s e%c").unwrap();
    let (_, value) = headers.iter().find(|(name, _)| name.as_str() == "authorization").unwrap();
    // a%3Ab:s+e%25c
    assert_eq!(value.as_bytes(), b"Basic YSUzQWI6cytlJTI1Yw==");
    assert!(!format!("{headers:?}").contains("YSUz"));
}

#[test]
fn the_cache_never_holds_more_than_it_may() {
    for most in [2, 3, 10, 101] {
        let mut cache = Cache::of(most);
        for key in 0..1000_u64 {
            cache.put(token_hash(&key.to_le_bytes()), Known::Inactive, NOW, NOW + 1000, 0);
            assert!(cache.len() <= most, "{most} {key}");
            assert!(cache.get(&token_hash(&key.to_le_bytes()), NOW).is_some());
        }
    }
    let mut cache = Cache::of(100_000);
    for key in 0..1000_u64 {
        cache.put(token_hash(&key.to_le_bytes()), Known::Inactive, NOW, NOW + 1000, MAX_BODY);
    }
    assert!(cache.len() < 100, "{} large answers", cache.len());
}

#[test]
fn an_entry_that_is_asked_for_outlives_those_that_are_not() {
    let mut cache = Cache::of(10);
    let kept = token_hash(b"kept");
    cache.put(kept, Known::Inactive, NOW, NOW + 1000, 0);
    for key in 0..100_u64 {
        cache.put(token_hash(&key.to_le_bytes()), Known::Inactive, NOW, NOW + 1000, 0);
        assert!(cache.get(&kept, NOW).is_some(), "{key}");
    }
    assert!(cache.get(&token_hash(&1_u64.to_le_bytes()), NOW).is_none());
}

#[test]
fn an_entry_is_void_after_its_time_and_far_before_it() {
    let mut cache = Cache::of(10);
    let hash = token_hash(b"a");
    cache.put(hash, Known::Inactive, NOW, NOW + 5000, 0);
    for (now, good) in
        [(NOW - 1001, false), (NOW - 1000, true), (NOW, true), (NOW + 4999, true), (NOW + 5000, false)]
    {
        assert_eq!(cache.get(&hash, now).is_some(), good, "{now}");
    }
}

#[test]
fn debug_prints_no_claims() {
    let claims = Json::parse(br#"{"sub":"ann"}"#).unwrap();
    let token = Introspected::Active(Rc::new(ActiveToken { claims, expires: Some(9) }));
    let text = format!("{token:?}");
    assert!(text.contains('9') && !text.contains("ann"), "{text}");
}
