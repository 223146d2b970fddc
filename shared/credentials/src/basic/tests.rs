//! Users and an `Authorization` in, the outcome and the work it took out. The hashes are libxcrypt's.

mod mistakes;

use ct_codecs::Encoder;
use policy_core::table::{Still, Table};
use policy_core::{Exchange, config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The password is `s3cret`, at cost 4.
const ANN: &str = "ann:$2y$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG";
/// Her next one is `n3wer`, at cost 5.
const ANN_NEXT: &str = "ann:$2b$05$ABCDEFGHIJKLMNOPQRSTUunI.6mzYG6bijkKFHyG96LZtGNwamqB.";
/// The password is `hunter2`.
const BOB: &str = "bob:{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0=";
const SECOND: u64 = 1_000_000_000;

fn compile(users: &[&str]) -> Result<Basic, String> {
    let quoted: Vec<String> = users.iter().map(|line| format!("\"{line}\"")).collect();
    compile_json(&format!(r#"{{"users":[{}]}}"#, quoted.join(",")))
}

fn compile_json(json: &str) -> Result<Basic, String> {
    let environment = |name: &str| match name {
        "FILE" => Some(format!("# staff\n{ANN}\r\n\n  {BOB}\n")),
        "BAD_LINE" => Some(format!("{BOB}\nhunter2")),
        "COMMENT" => Some("# none\n".to_owned()),
        _ => None,
    };
    let compiled = config::parse(json.as_bytes()).and_then(|config| Basic::compile(config, &environment));
    compiled.map_err(|error| error.under("basic").to_string())
}

/// The outcome in a word: the user's name, or what it is.
fn check_values(basic: &Basic, values: &[&str], host: &Still) -> String {
    let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
    let table = Table::of(&headers);
    match basic.check(&Exchange::new(&table).headers, host) {
        BasicOutcome::User(user, _) => user.to_string(),
        BasicOutcome::Refused(_) => "Refused".to_owned(),
        other => format!("{other:?}"),
    }
}

fn basic_auth(pair: &[u8]) -> String {
    format!("Basic {}", ct_codecs::Base64::encode_to_string(pair).unwrap())
}

fn check(basic: &Basic, pair: &str, host: &Still) -> String {
    check_values(basic, &[&basic_auth(pair.as_bytes())], host)
}

/// bcrypt rounds that this takes.
fn work(of: impl FnOnce()) -> u32 {
    let before = hash::WORK.get();
    of();
    hash::WORK.get().saturating_sub(before)
}

#[test]
fn the_right_password_names_its_user() {
    let basic = compile(&[
        ANN,
        ANN_NEXT,
        BOB,
        "eve:$2a$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq",
        "jörg:$2y$04$abcdefghijklmnopqrstuuhC0bPoUtF5o8bp2gaL0R3/vQ51MSUoO",
    ])
    .unwrap();
    let host = Still::default();
    for (pair, expected) in [
        ("ann:s3cret", "ann"),
        ("ann:n3wer", "ann"),
        ("bob:hunter2", "bob"),
        ("eve:", "eve"),
        ("jörg:pä:ss", "jörg"),
        ("ann:s3cre", "Refused"),
        ("ann:", "Refused"),
        ("bob:s3cret", "Refused"),
        ("Ann:s3cret", "Refused"),
        ("nobody:s3cret", "Refused"),
        ("nobody:", "Refused"),
        ("eve:\u{20}", "Refused"),
    ] {
        assert_eq!(check(&basic, pair, &host), expected, "{pair}");
        assert_eq!(check(&basic, pair, &host), expected, "{pair}, remembered");
    }
}

#[test]
fn a_password_that_bcrypt_would_cut_is_refused() {
    let seventy_one = "x:$2b$04$abcdefghijklmnopqrstuu.gc7UY/21CSNJGJg21jJzx9QiOpJ9bO";
    let seventy_two = "x:$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
    for (line, length, expected) in [
        (seventy_one, 71, "x"),
        (seventy_two, 72, "x"),
        (seventy_one, 72, "Refused"),
        // libxcrypt gives a password of 73 the same hash as one of 72.
        (seventy_two, 73, "Refused"),
        (seventy_two, 900, "Refused"),
    ] {
        let basic = compile(&[line]).unwrap();
        assert_eq!(
            check(&basic, &format!("x:{}", "x".repeat(length)), &Still::default()),
            expected,
            "{length}"
        );
    }
}

#[test]
fn what_does_not_follow_the_rfc_is_refused_before_any_work() {
    let basic = compile(&[ANN]).unwrap();
    let host = Still::default();
    let encoded: [(&[u8], &str); 9] = [
        (b"ann", "Malformed"),
        (b"", "Malformed"),
        (b":s3cret", "Malformed"),
        (b"ann:s3\0cret", "Malformed"),
        (b"ann:s3cret\n", "Malformed"),
        (b"ann:\xc2\x85", "Malformed"),
        (b"ann:\xff", "Malformed"),
        (&[b'a'; 1025], "Malformed"),
        (&[&[b'a'; 257][..], b":x"].concat(), "Malformed"),
    ];
    let given = encoded.map(|(pair, outcome)| (vec![basic_auth(pair)], outcome));
    let written = [
        (vec![], "Absent"),
        (vec!["Bearer abc"], "Absent"),
        (vec!["Basicabc"], "Absent"),
        (vec!["Basic"], "Malformed"),
        (vec!["Basic !!!"], "Malformed"),
        (vec!["Basic YW5uOnMzY3JldA= ="], "Malformed"),
        (vec!["Basic YW5uOnMzY3JldA="], "Malformed"),
        (vec!["Basic YW5uOnMzY3JldB=="], "Malformed"),
        (vec!["Basic YW5uOnMzY3JldA==, Basic YW5uOnMzY3JldA=="], "Ambiguous"),
        (vec!["Bearer x,basic YW5uOnMzY3JldA=="], "Ambiguous"),
        (vec!["Basic YW5uOnMzY3JldA==", "Basic YW5uOnMzY3JldA=="], "Ambiguous"),
        (vec!["Bearer x", "Basic YW5uOnMzY3JldA=="], "Ambiguous"),
    ]
    .map(|(values, outcome)| (values.into_iter().map(str::to_owned).collect(), outcome));
    for (values, expected) in given.into_iter().chain(written) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let done = work(|| assert_eq!(check_values(&basic, &values, &host), expected, "{values:?}"));
        assert_eq!(done, 0, "{values:?}");
    }
    for value in ["basic  YW5uOnMzY3JldA==", "BASIC\tYW5uOnMzY3JldA"] {
        assert_eq!(check_values(&basic, &[value], &host), "ann", "{value}");
    }
}

#[test]
fn every_verdict_costs_the_same() {
    for (users, rounds) in [
        (&[ANN][..], 1 << 4),
        (&[ANN, BOB], 1 << 4),
        (&[ANN, ANN_NEXT, BOB], (1 << 4) + (1 << 5)),
        (&[BOB], 0),
    ] {
        let basic = compile(users).unwrap();
        for pair in ["ann:s3cret", "ann:wrong", "bob:hunter2", "bob:wrong", "nobody:s3cret", "nobody:"] {
            let done = work(|| assert_ne!(check(&basic, pair, &Still::default()), "Busy"));
            assert_eq!(done, rounds, "{pair}");
        }
        let long = format!("ann:{}", "x".repeat(800));
        assert_eq!(work(|| assert_eq!(check(&basic, &long, &Still::default()), "Refused")), rounds);
    }
}

#[test]
fn a_verdict_is_remembered_for_its_time() {
    let basic = compile(&[ANN]).unwrap();
    let host = Still::default();
    host.now.set(1000 * SECOND);
    for (pair, life) in [("ann:s3cret", 3600), ("ann:wrong", 60), ("nobody:s3cret", 60)] {
        let begun = host.now.get();
        let asked = |after: u64| {
            host.now.set(begun + after);
            work(|| assert_ne!(check(&basic, pair, &host), "Busy")) > 0
        };
        assert!(asked(0), "{pair}");
        assert!(!asked(life * SECOND - 1), "{pair}");
        assert!(asked(life * SECOND), "{pair}");
        // A clock that goes back forgets rather than remembers for ever.
        host.now.set(begun - SECOND);
        assert!(work(|| drop(check(&basic, pair, &host))) > 0, "{pair}");
        host.now.set(begun + 10_000 * SECOND);
    }
}

#[test]
fn guessing_fills_no_memory_and_pushes_no_one_out() {
    let basic = compile(&[ANN, BOB]).unwrap();
    let host = Still::default();
    assert_eq!(check(&basic, "ann:s3cret", &host), "ann");
    for guess in 0..3000 {
        // Time enough for the budget, not for the verdict to be forgotten.
        host.now.set(host.now.get() + SECOND / 50);
        assert_eq!(check(&basic, &format!("ann:{guess}"), &host), "Refused");
    }
    assert!(basic.bad.borrow().len() <= MAX_BAD);
    assert_eq!(basic.good.borrow().len(), 1);
    assert_eq!(work(|| assert_eq!(check(&basic, "ann:s3cret", &host), "ann")), 0);
}

#[test]
fn more_guesses_than_the_worker_can_bear_have_to_wait() {
    let basic = compile(&[ANN]).unwrap();
    let host = Still::default();
    host.now.set(1000 * SECOND);
    let refused = |from: u32| {
        let refusals = (from..from + 2000).map(|n| check(&basic, &format!("nobody:{n}"), &host));
        refusals.take_while(|outcome| outcome == "Refused").count()
    };
    assert_eq!(refused(0), (10 << 10) / (1 << 4));
    assert_eq!(work(|| assert_eq!(check(&basic, "ann:s3cret", &host), "Busy")), 0);
    assert_eq!(check(&basic, "nobody:7", &host), "Refused", "what is known is still answered");
    host.now.set(1001 * SECOND);
    assert_eq!(refused(10_000), (5 << 10) / (1 << 4));
    // A step back does not stop it, a day ahead is a burst.
    host.now.set(10 * SECOND);
    assert_eq!(refused(20_000), 0);
    host.now.set(11 * SECOND);
    assert_eq!(refused(30_000), (5 << 10) / (1 << 4));
    host.now.set(86_400 * SECOND);
    assert_eq!(refused(40_000), (10 << 10) / (1 << 4));
}

#[test]
fn a_check_that_exceeds_the_budget_is_paid_off_first() {
    use policy_core::time::Timestamp;
    let mut budget = Budget::default();
    assert!(budget.spend(1 << 14, Timestamp(SECOND)));
    // That was 3.2 seconds' worth, and a burst is 2.
    assert!(!budget.spend(1, Timestamp(2 * SECOND)));
    assert!(budget.spend(1, Timestamp(3 * SECOND)));
    assert!(!budget.spend(1 << 14, Timestamp(4 * SECOND)));
    assert!(budget.spend(1 << 14, Timestamp(5 * SECOND)));
    let mut budget = Budget::default();
    let spent =
        (0..20_000_u64).filter(|tick| budget.spend(1, Timestamp(SECOND + tick * SECOND / 20_000))).count();
    assert!((15_350..=15_361).contains(&spent), "a budget asked often gains as much: {spent}");
}

#[test]
fn a_file_in_a_variable_is_read_line_by_line() {
    let basic = compile_json(
        r#"{"users":[{"env":"FILE"}],"realm":"staff","hideCredential":false,"forwardUserHeader":"x-user"}"#,
    )
    .unwrap();
    assert_eq!(check(&basic, "ann:s3cret", &Still::default()), "ann");
    assert_eq!(check(&basic, "bob:hunter2", &Still::default()), "bob");
    assert_eq!((basic.realm(), basic.hide_credential()), ("staff", false));
    assert_eq!(basic.forward_user_header().map(HeaderName::as_str), Some("x-user"));
    let plain = compile(&[BOB]).unwrap();
    assert_eq!((plain.realm(), plain.hide_credential()), ("tollgate", true));
}

#[test]
fn the_password_is_taken_out_of_the_request() {
    let table = Table::of(&[("authorization", "Basic Ym9iOmh1bnRlcjI="), ("a", "b")]);
    let mut exchange = Exchange::new(&table);
    let outcome = compile(&[BOB]).unwrap().check(&exchange.headers, &Still::default());
    assert!(!format!("{outcome:?}").contains("Ym9i"));
    let BasicOutcome::User(user, found) = outcome else { panic!("{outcome:?}") };
    assert_eq!(&*user, "bob");
    found.remove(&mut exchange.headers);
    assert_eq!(table.after(&exchange), Table::of(&[("a", "b")]).headers);
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn any_authorization_is_answered(value in "(?s:.){0,40}", scheme in "(Basic |basic\t|Bearer )?") {
        let basic = compile(&[BOB]).unwrap();
        let outcome = check_values(&basic, &[&format!("{scheme}{value}")], &Still::default());
        proptest::prop_assert!(outcome != "bob");
    }

    #[test]
    fn any_pair_but_the_right_one_is_refused(pair in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
        let basic = compile(&[BOB]).unwrap();
        let outcome = check_values(&basic, &[&basic_auth(&pair)], &Still::default());
        proptest::prop_assert!(outcome == "Refused" || outcome == "Malformed");
    }
}
