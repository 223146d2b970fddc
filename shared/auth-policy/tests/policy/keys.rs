//! Keys that are fetched: before they are there, while a request waits for them, and after they have changed.

use auth_policy::Stream;
use policy_core::table::Table;
use policy_core::{Answer, Outside, Policy};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Gate, bearer, config, signed};

const FAR: &str =
    r#"{"name":"far","jwt":{"issuer":"https://idp","jwksUri":"https://idp/keys","algorithms":["HS256"]}}"#;
const KEYS: &str =
    r#"{"keys":[{"kty":"oct","kid":"KID","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#;

fn gate() -> Gate {
    let gate = Gate::new(&config(&[FAR], r#"{"require":{"anyOf":["far"]}}"#));
    gate.policy.on_start(&mut Outside::new(&gate.host));
    gate
}

impl Gate {
    fn pass(&self, millis: u64) {
        self.host.now.set(self.host.now.get().saturating_add(millis.saturating_mul(1_000_000)));
    }

    /// Ticks, and answers whatever is asked with these keys. Returns how many questions there were.
    fn serve(&self, kid: &str) -> usize {
        let mut out = Outside::new(&self.host);
        self.policy.on_tick(&mut out);
        let errands = out.take_errands();
        for (errand, callout) in &errands {
            assert_eq!((callout.cluster.as_str(), callout.path.as_str()), ("outbound|443||idp", "/keys"));
            let body = KEYS.replace("KID", kid).into_bytes();
            let reply = Answer { status: 200, body, ..Answer::default() };
            self.policy.on_errand(*errand, Ok(reply), &mut Outside::new(&self.host));
        }
        errands.len()
    }
}

fn request(kid: &str) -> Table {
    let payload = r#"{"iss":"https://idp","sub":"ann","exp":9999999999}"#;
    let token = signed(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), payload);
    Table::of(&[(":method", "GET"), (":path", "/"), ("authorization", &format!("Bearer {token}"))])
}

#[test]
fn before_the_first_keys_a_token_gets_503_and_after_them_200() {
    let gate = gate();
    assert_eq!(gate.send(&request("k")).verdict(), "503 no_keys");
    assert_eq!(gate.serve("k"), 1);
    assert_eq!(gate.send(&request("k")).verdict(), "ok");
    assert_eq!(gate.get("/", &[("authorization", &bearer(""))]).verdict(), "ok");
    assert_eq!(gate.serve("k"), 0);
}

#[test]
fn a_request_with_a_new_key_waits_for_it_and_goes_on() {
    let gate = gate();
    gate.serve("old");
    gate.pass(1000);
    let mut stream = Stream::default();
    assert!(gate.start(&request("new"), &mut stream).is_none(), "it waits");
    assert!(gate.wake(&request("new"), &mut stream).is_none(), "it waits on");
    gate.pass(2);
    assert_eq!(gate.serve("new"), 1);
    assert_eq!(gate.wake(&request("new"), &mut stream).unwrap().verdict(), "ok");
    assert_eq!(gate.send(&request("new")).verdict(), "ok");
}

#[test]
fn keys_that_come_by_a_fetch_that_was_under_way_are_enough() {
    let gate = gate();
    gate.serve("old");
    gate.pass(6 * 60 * 1000);
    let mut out = Outside::new(&gate.host);
    gate.policy.on_tick(&mut out);
    let errands = out.take_errands();
    assert_eq!(errands.len(), 1, "the refresh is under way");
    let mut stream = Stream::default();
    assert!(gate.start(&request("new"), &mut stream).is_none(), "it waits");
    let body = KEYS.replace("KID", "new").into_bytes();
    let reply = Answer { status: 200, body, ..Answer::default() };
    gate.policy.on_errand(errands[0].0, Ok(reply), &mut Outside::new(&gate.host));
    assert_eq!(gate.wake(&request("new"), &mut stream).unwrap().verdict(), "ok");
    assert_eq!(gate.serve("new"), 0, "and no other fetch follows");
}

#[test]
fn a_key_that_nobody_has_costs_one_fetch_and_is_then_refused_at_once() {
    let gate = gate();
    gate.serve("k");
    gate.pass(1000);
    let mut stream = Stream::default();
    assert!(gate.start(&request("made-up"), &mut stream).is_none());
    gate.pass(2);
    assert_eq!(gate.serve("k"), 1);
    assert_eq!(gate.wake(&request("made-up"), &mut stream).unwrap().verdict(), "401 unknown_key");
    for n in 0..50 {
        gate.pass(100);
        assert_eq!(gate.send(&request(&format!("made-up-{n}"))).verdict(), "401 unknown_key");
        assert_eq!(gate.serve("k"), 0, "{n}");
    }
    assert_eq!(gate.send(&request("k")).verdict(), "ok");
}

#[test]
fn a_token_whose_key_was_withdrawn_is_no_longer_good() {
    let gate = gate();
    gate.serve("k");
    assert_eq!(gate.send(&request("k")).verdict(), "ok");
    gate.pass(6 * 60 * 1000);
    while gate.serve("other") == 0 {
        gate.pass(10_000);
    }
    let mut stream = Stream::default();
    let outcome = gate.start(&request("k"), &mut stream);
    assert!(outcome.is_none_or(|outcome| outcome.verdict() != "ok"));
}

#[test]
fn keys_that_are_too_old_vouch_for_nothing_seen_or_not() {
    let gate = gate();
    gate.serve("k");
    assert_eq!(gate.send(&request("k")).verdict(), "ok");
    gate.pass(24 * 3600 * 1000 - 1000);
    assert_eq!(gate.send(&request("k")).verdict(), "ok");
    gate.pass(2000);
    assert_eq!(gate.send(&request("k")).verdict(), "503 no_keys");
}
