//! What is made of tokens: where they stand, what upstream is told, what a seen one is still worth.

use policy_core::Attribute;
use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{CORP, Gate, NOW, bearer, config, signed, token};

const ALL: &str = r#"{"name":"all","require":{"anyOf":["corp"]}}"#;

#[test]
fn upstream_learns_who_it_is_and_sees_no_token() {
    let gate = Gate::new(&config(&[CORP], ALL));
    let claims = r#","sub":"ann","scope":"a b""#;
    for (path, headers) in [
        ("/x?a=1".to_owned(), vec![("authorization", bearer(claims))]),
        (format!("/x?access_token={}&a=1", token(claims)), vec![]),
        (format!("/x?a=1&access_token={}", token(claims)), vec![("authorization", bearer(claims))]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let outcome = gate.get(&path, &headers);
        assert_eq!(outcome.verdict(), "ok", "{path}");
        assert_eq!(outcome.saw(":path").as_deref(), Some("/x?a=1"));
        assert_eq!(outcome.saw("authorization"), None);
        assert_eq!(outcome.saw("x-jwt-sub").as_deref(), Some("ann"));
        assert_eq!(outcome.saw("x-jwt-payload").as_deref(), token(claims).split('.').nth(1));
        let identity =
            r#"{"id":"ann","provider":"corp","kind":"jwt","issuer":"https://idp","scopes":["a","b"]"#;
        assert_eq!(outcome.saw("x-identity"), Some(format!("{identity}}}")));
        assert!(
            outcome.published("tollgate.identity").unwrap().starts_with(&format!("{identity},\"claims\":{{"))
        );
    }
}

#[test]
fn a_token_is_forwarded_only_when_that_is_asked_for() {
    let forwards = CORP.replace("\"issuer\"", "\"forwardOriginalToken\":true,\"issuer\"");
    let gate = Gate::new(&config(&[&forwards], ALL));
    let value = bearer("");
    assert_eq!(gate.get("/", &[("authorization", &value)]).saw("authorization"), Some(value));
}

/// A signed token with this header and these claims, as an `authorization` value.
fn made(header: &str, claims: &str) -> String {
    format!("Bearer {}", signed(&format!(r#"{{"alg":{header}}}"#), &format!("{{{claims}}}")))
}

const OURS: &str = r#""iss":"https://idp","exp":9999999999"#;

#[test]
fn a_bad_token_is_refused_with_the_reason_and_only_a_missing_one_may_be_optional() {
    let optional = Gate::new(&config(&[CORP], r#"{"require":{"anyOf":["corp"],"optional":true}}"#));
    let required = Gate::new(&config(&[CORP], ALL));
    let good = token("");
    let (head, tail) = good.split_at(good.len() - 2);
    let forged = format!("{head}{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    let ours = r#""HS256","kid":"k""#;
    for (value, reason) in [
        (made(ours, &format!(r#""iss":"https://idp","exp":{}"#, NOW - 61)), "expired"),
        (format!("Bearer {forged}"), "bad_signature"),
        (made(r#""none""#, OURS), "algorithm_not_allowed"),
        (made(r#""HS256","kid":"other""#, OURS), "unknown_key"),
        (made(ours, r#""iss":"https://idp","exp":"9999999999""#), "bad_claim"),
        (made(r#""HS256","kid":"k","crit":["x"]"#, OURS), "malformed_token"),
        (made(ours, r#""iss":"https://other","exp":9999999999"#), "wrong_issuer"),
        (made(ours, r#""exp":9999999999"#), "wrong_issuer"),
        (made(ours, r#""iss":"https://idp""#), "no_expiration"),
        ("Bearer".to_owned(), "malformed_token"),
        ("Bearer ".to_owned(), "malformed_token"),
        ("Bearer nonsense".to_owned(), "malformed_token"),
        (format!("Bearer {good},Bearer {good}"), "ambiguous_credential"),
        (format!("Basic YTpi, Bearer {good}"), "ambiguous_credential"),
    ] {
        for gate in [&optional, &required] {
            let verdict = gate.get("/", &[("authorization", &value)]).verdict();
            assert_eq!(verdict, format!("401 {reason}"), "{value}");
        }
    }
    assert_eq!(optional.get("/", &[]).verdict(), "ok");
    assert_eq!(optional.get("/", &[("authorization", "Digest a=1, b=2")]).verdict(), "ok");
    assert_eq!(required.get("/", &[]).verdict(), "401 missing_credential");
}

#[test]
fn a_seen_token_is_good_until_it_expires_and_no_longer() {
    let gate = Gate::new(&config(&[CORP], ALL));
    let value = bearer("");
    let ask = || {
        let outcome = gate.get("/", &[("authorization", &value)]);
        let cache = |word: &str| outcome.counted.iter().any(|name| name.contains(&format!("tag.{word};")));
        (outcome.verdict(), cache("hit"), cache("miss"))
    };
    assert_eq!(ask(), ("ok".to_owned(), false, true));
    assert_eq!(ask(), ("ok".to_owned(), true, false));
    gate.host.now.set((NOW + 3600 + 59) * 1_000_000_000);
    assert_eq!(ask(), ("ok".to_owned(), true, false));
    gate.host.now.set((NOW + 3600 + 60) * 1_000_000_000);
    assert_eq!(ask(), ("401 expired".to_owned(), false, true));
    // A clock that is set back makes it good again, as it would be without a cache.
    gate.host.now.set(NOW * 1_000_000_000);
    assert_eq!(ask(), ("ok".to_owned(), false, true));
}

#[test]
fn a_bound_token_is_good_on_its_own_connection_only_seen_or_not() {
    let bound = CORP.replace("\"issuer\"", "\"requireCertificateBinding\":true,\"issuer\"");
    let gate = Gate::new(&config(&[&bound], ALL));
    let thumbprint = "A".repeat(43);
    let value = bearer(&format!(r#","cnf":{{"x5t#S256":"{thumbprint}"}}"#));
    let unbound = bearer("");
    let request = |value: &str, digest: Option<&str>| {
        let table = Table::of(&[(":method", "GET"), (":path", "/"), ("authorization", value)]);
        match digest {
            Some(digest) => table.with(Attribute::Mtls, [1]).with(Attribute::PeerCertificateDigest, digest),
            None => table,
        }
    };
    let (own, other) = ("0".repeat(64), "1".repeat(64));
    for (value, digest, expected) in [
        (&value, Some(own.as_str()), "ok"),
        (&value, Some(other.as_str()), "401 certificate_mismatch"),
        (&value, None, "401 certificate_mismatch"),
        (&value, Some(own.as_str()), "ok"),
        (&unbound, Some(own.as_str()), "401 certificate_mismatch"),
    ] {
        assert_eq!(gate.send(&request(value, digest)).verdict(), expected, "{digest:?}");
    }
}

#[test]
fn two_issuers_share_a_header_and_each_takes_its_own() {
    let other = CORP.replace("corp", "other").replace("https://idp", "https://other");
    let gate = Gate::new(&config(&[CORP, &other], r#"{"require":{"anyOf":["corp","other"]}}"#));
    let of = |issuer: &str| {
        let payload = format!(r#"{{"iss":"{issuer}","sub":"x","exp":9999999999}}"#);
        format!("Bearer {}", signed(r#"{"alg":"HS256","kid":"k"}"#, &payload))
    };
    for (issuer, provider) in [("https://idp", "corp"), ("https://other", "other")] {
        let outcome = gate.get("/", &[("authorization", &of(issuer))]);
        assert_eq!(outcome.verdict(), "ok", "{issuer}");
        assert!(outcome.saw("x-identity").unwrap().contains(&format!("\"provider\":\"{provider}\"")));
    }
    assert_eq!(gate.get("/", &[("authorization", &of("https://third"))]).verdict(), "401 wrong_issuer");
}
