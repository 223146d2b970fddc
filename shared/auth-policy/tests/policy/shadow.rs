//! Rules that only report: the request goes its way, and the verdict is told.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{CORP, Gate, PARTNERS, bearer, config};

fn gate(rules: &str) -> Gate {
    let config = config(&[CORP, PARTNERS], rules);
    Gate::new(&config.replace("\"identity\"", "\"shadow\":{\"header\":\"x-shadow\"},\"identity\""))
}

const TRIAL: &str = r#"{"name":"trial","enforcement":"shadow","require":{"anyOf":["corp"]}}"#;

#[test]
fn the_would_be_verdict_is_reported_and_nothing_else_changes() {
    let gate = gate(TRIAL);
    let good = bearer("");
    for (headers, told, counted) in [
        (vec![], "trial=deny;missing_credential", "tag.would_deny;.component.trial.tollgate_requests"),
        (
            vec![("authorization", "Bearer x")],
            "trial=deny;malformed_token",
            "tag.malformed_token;.component.trial.tollgate_would_be_denials",
        ),
        (
            vec![("authorization", good.as_str())],
            "trial=allow",
            "tag.would_allow;.component.trial.tollgate_requests",
        ),
    ] {
        let outcome = gate.get("/", &headers);
        assert_eq!(outcome.verdict(), "ok", "{headers:?}");
        assert_eq!(outcome.saw("x-shadow").as_deref(), Some(told));
        assert_eq!(outcome.published("tollgate.auth.shadow"), Some(told));
        assert!(outcome.counted.iter().any(|name| name.ends_with(counted)), "{:?}", outcome.counted);
        assert_eq!(outcome.saw("authorization").as_deref(), headers.first().map(|(_, value)| *value));
        assert_eq!((outcome.saw("x-identity"), outcome.published("tollgate.identity")), (None, None));
    }
}

#[test]
fn a_rule_in_shadow_opens_nothing_that_a_later_rule_guards() {
    let gate = gate(&format!(r#"{TRIAL},{{"name":"guard","require":{{"anyOf":["partners"]}}}}"#));
    let outcome = gate.get("/", &[]);
    assert_eq!(outcome.verdict(), "401 missing_credential");
    assert_eq!(outcome.published("tollgate.auth.shadow"), Some("trial=deny;missing_credential"));
    let outcome = gate.get("/", &[("x-api-key", "hunter2")]);
    assert_eq!(outcome.verdict(), "ok");
    assert!(outcome.saw("x-identity").unwrap().contains("acme"));
}

#[test]
fn outside_the_percentage_a_rule_reports() {
    let gate =
        gate(r#"{"name":"half","percent":50,"percentBy":"%REQ(x-user)%","require":{"anyOf":["corp"]}}"#);
    let mut refused = 0;
    for user in 0..200 {
        let outcome = gate.get("/", &[("x-user", &format!("u{user}"))]);
        let reported = outcome.saw("x-shadow").is_some();
        assert_eq!(reported, outcome.verdict() == "ok");
        refused += usize::from(!reported);
    }
    assert!((70..130).contains(&refused), "{refused}");
}

#[test]
fn a_rule_that_is_off_is_not_there() {
    let gate = gate(r#"{"name":"gone","enforcement":"off","require":{"anyOf":["corp"]}}"#);
    assert_eq!(gate.get("/", &[]).verdict(), "403 no_rule");
    assert_eq!(gate.get("/", &[]).published("tollgate.auth.shadow"), None);
}
