#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::encode;

/// In seconds since the Unix epoch.
const NOW: u64 = 1_800_000_000;

fn expectations() -> Expectations {
    Expectations {
        issuer: "https://idp.example.com".to_owned(),
        audiences: Vec::new(),
        clock_skew: Duration::from_secs(60),
        require_expiration: false,
        max_lifetime: None,
        token_type: None,
    }
}

/// A token of the issuer with more claims.
fn with(claims: &str) -> String {
    let comma = if claims.is_empty() { "" } else { "," };
    token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":"https://idp.example.com"{comma}{claims}}}"#))
}

fn token(header: &str, claims: &str) -> String {
    format!("{}.{}.", encode(header), encode(claims))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000_000_000))
}

fn verdict(expected: &Expectations, token: &str, now: u64) -> Result<(), Refused> {
    let token = Token::read(token.as_bytes()).unwrap();
    let verdict = expected.check(&token, at(now)).map(drop);
    let time = Times::read(token.claims()).and_then(|times| expected.check_time(times, at(now)));
    assert!(verdict.is_err() || time.is_ok(), "what passes once passes from the cache");
    verdict
}

#[test]
fn dates_are_compared_with_the_clock_and_its_skew() {
    for (claims, from, to) in [
        (String::new(), 0, u64::MAX),
        (format!(r#""exp":{NOW}"#), 0, NOW + 59),
        (format!(r#""exp":{NOW}.5"#), 0, NOW + 60),
        (format!(r#""nbf":{NOW}"#), NOW - 60, u64::MAX),
        (format!(r#""nbf":{NOW}.5"#), NOW - 59, u64::MAX),
        (format!(r#""iat":{NOW}"#), NOW - 60, u64::MAX),
        (r#""exp":9007199254740992"#.to_owned(), 0, u64::MAX),
        (r#""exp":1.8e9,"nbf":1.8e9"#.to_owned(), NOW - 60, NOW + 59),
        (r#""nbf":0,"iat":-0.0"#.to_owned(), 0, u64::MAX),
    ] {
        let last = to.min(18_000_000_000);
        for (now, passes) in
            [(from, true), (last, true), (from.saturating_sub(1), from == 0), (last + 1, to == u64::MAX)]
        {
            assert_eq!(verdict(&expectations(), &with(&claims), now).is_ok(), passes, "{claims} at {now}");
        }
    }
    for (claims, expected) in [
        (r#""exp":1799999940"#, Refused::Expired),
        (r#""exp":0"#, Refused::Expired),
        (r#""nbf":1800000061"#, Refused::NotYetValid),
        (r#""iat":1800000061"#, Refused::IssuedInFuture),
    ] {
        assert_eq!(verdict(&expectations(), &with(claims), NOW), Err(expected), "{claims}");
    }
}

#[test]
fn dates_that_are_no_dates_are_refused_and_not_overlooked() {
    let never =
        r#""9999999999",true,null,[9999999999],{},-1,-0.5,9007199254740993,9e15,1e300,18446744073709551616,"#;
    for name in ["exp", "nbf", "iat"] {
        for value in never.split(',').filter(|value| !value.is_empty()) {
            let fine = value == "9e15";
            let found = verdict(&expectations(), &with(&format!("\"{name}\":{value}")), NOW);
            assert_eq!(found == Err(Refused::BadClaim), !fine, "{name}: {value}");
        }
    }
}

#[test]
fn other_registered_claims_of_the_wrong_type_are_refused() {
    for claims in [
        r#""sub":1"#,
        r#""sub":null"#,
        r#""jti":7"#,
        r#""aud":1"#,
        r#""aud":["a",1]"#,
        r#""aud":{"a":1}"#,
        r#""aud":null"#,
    ] {
        assert_eq!(verdict(&expectations(), &with(claims), NOW), Err(Refused::BadClaim), "{claims}");
    }
    for iss in ["1", "null", r#"["https://idp.example.com"]"#] {
        let token = token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":{iss}}}"#));
        assert_eq!(verdict(&expectations(), &token, NOW), Err(Refused::BadClaim), "{iss}");
    }
}

#[test]
fn the_issuer_is_compared_exactly() {
    for (claims, expected) in [
        (r#"{"iss":"https://idp.example.com"}"#, Ok(())),
        (r#"{"iss":"https://idp.example.com/"}"#, Err(Refused::WrongIssuer)),
        (r#"{"iss":"https://IDP.example.com"}"#, Err(Refused::WrongIssuer)),
        (r#"{"iss":""}"#, Err(Refused::WrongIssuer)),
        (r#"{"sub":"https://idp.example.com"}"#, Err(Refused::WrongIssuer)),
        ("{}", Err(Refused::WrongIssuer)),
    ] {
        assert_eq!(verdict(&expectations(), &token(r#"{"alg":"RS256"}"#, claims), NOW), expected, "{claims}");
    }
}

#[test]
fn one_of_our_audiences_is_among_the_tokens() {
    let ours = Expectations { audiences: vec!["orders".to_owned(), "stock".to_owned()], ..expectations() };
    for (claims, passes) in [
        (r#""aud":"orders""#, true),
        (r#""aud":["other","stock"]"#, true),
        (r#""aud":"order""#, false),
        (r#""aud":"Orders""#, false),
        (r#""aud":["other"]"#, false),
        (r#""aud":[]"#, false),
        (r#""aud":"""#, false),
        ("", false),
    ] {
        let expected = if passes { Ok(()) } else { Err(Refused::WrongAudience) };
        assert_eq!(verdict(&ours, &with(claims), NOW), expected, "{claims}");
        assert_eq!(verdict(&expectations(), &with(claims), NOW), Ok(()), "any audience: {claims}");
    }
}

#[test]
fn a_lifetime_is_bounded_from_its_beginning() {
    let day = Expectations { max_lifetime: Some(Duration::from_secs(86_400)), ..expectations() };
    let required = Expectations { require_expiration: true, ..expectations() };
    assert_eq!(verdict(&day, &with(""), NOW), Err(Refused::NoExpiration));
    assert_eq!(verdict(&required, &with(r#""iat":1"#), NOW), Err(Refused::NoExpiration));
    assert_eq!(verdict(&required, &with(r#""exp":1800000001"#), NOW), Ok(()));
    let (fits, long) = (NOW + 86_400, NOW + 86_401);
    let before = NOW - 1;
    for (claims, expected) in [
        (format!(r#""exp":{fits}"#), Ok(())),
        (format!(r#""exp":{long}"#), Err(Refused::LifetimeTooLong)),
        (format!(r#""exp":{fits},"iat":{NOW}"#), Ok(())),
        (format!(r#""exp":{fits},"iat":{before}"#), Err(Refused::LifetimeTooLong)),
        (format!(r#""exp":{NOW},"iat":{}"#, NOW + 30), Ok(())),
        (r#""exp":9007199254740992,"iat":0"#.to_owned(), Err(Refused::LifetimeTooLong)),
    ] {
        assert_eq!(verdict(&day, &with(&claims), NOW), expected, "{claims}");
    }
}

#[test]
fn types_are_compared_as_media_types() {
    for (configured, typ, passes) in [
        ("at+jwt", Some("at+jwt"), true),
        ("at+jwt", Some("AT+JWT"), true),
        ("at+jwt", Some("application/at+jwt"), true),
        ("application/at+jwt", Some("at+jwt"), true),
        ("Application/at+jwt", Some("application/AT+jwt"), true),
        ("at+jwt", Some("JWT"), false),
        ("at+jwt", Some(""), false),
        ("at+jwt", Some("at+jwt "), false),
        ("at+jwt", Some("text/at+jwt"), false),
        ("at+jwt", Some("application/x/at+jwt"), false),
        ("at+jwt", Some("application/application/at+jwt"), false),
        ("at+jwt", None, false),
    ] {
        let ours = Expectations { token_type: Some(configured.to_owned()), ..expectations() };
        let typ = typ.map_or(String::new(), |typ| format!(r#","typ":"{typ}""#));
        let header = format!(r#"{{"alg":"RS256"{typ}}}"#);
        let expected = if passes { Ok(()) } else { Err(Refused::WrongType) };
        let token = token(&header, r#"{"iss":"https://idp.example.com"}"#);
        assert_eq!(verdict(&ours, &token, NOW), expected, "{configured} {header}");
        assert_eq!(verdict(&expectations(), &token, NOW), Ok(()), "any type: {header}");
    }
}
