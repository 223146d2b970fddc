//! Limits that only report.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{SECOND, Shared, Worker, config};

const HEADER: &str = r#""shadow":{"header":"x-shadow"}"#;
const TRIAL: &str = r#"{"name":"trial","enforcement":"shadow","rate":{"requests":2,"unit":"hour"}}"#;

#[test]
fn it_never_refuses_and_says_what_it_would_do() {
    for (limit, verdicts) in [
        (TRIAL, ["allow", "allow", "deny", "deny"]),
        (r#"{"name":"trial","enforcement":"shadow","block":true}"#, ["deny"; 4]),
        (r#"{"name":"trial","enforcement":"shadow","concurrency":1}"#, ["allow"; 4]),
    ] {
        let worker = Worker::of(limit, HEADER);
        for verdict in verdicts {
            let outcome = worker.get(&[("x-shadow", "forged")]);
            let told = format!("trial={verdict}");
            assert_eq!(outcome.verdict(), "ok", "{limit}");
            assert_eq!(outcome.saw("x-shadow"), Some(told.clone()));
            assert_eq!(outcome.published("tollgate.ratelimit.shadow"), Some(told.as_str()));
            assert_eq!(outcome.counts(), [format!("trial:would_{verdict}")]);
            assert_eq!(outcome.got("ratelimit"), None, "no client is told of a trial");
        }
    }
}

#[test]
fn where_no_trial_concerns_a_request_the_header_is_only_removed() {
    let limit = TRIAL.replace("\"rate\"", r#""match":{"paths":[{"prefix":"/other"}]},"rate""#);
    let outcome = Worker::of(&limit, HEADER).get(&[("x-shadow", "trial=allow")]);
    assert_eq!((outcome.saw("x-shadow"), outcome.published.len(), outcome.counts().len()), (None, 0, 0));
}

#[test]
fn a_trial_changes_nothing_for_other_limits() {
    let real = r#"{"name":"real","rate":{"requests":5,"unit":"hour"}}"#;
    for limits in [format!("{TRIAL},{real}"), format!("{real},{TRIAL}")] {
        let worker = Worker::of(&limits, HEADER);
        assert_eq!(worker.passing(3, &[]), 3);
        let outcome = worker.get(&[]);
        assert_eq!(outcome.counts(), ["real:allowed", "trial:would_deny"]);
        assert!(outcome.got("ratelimit").unwrap().starts_with(r#""real";r=1;t="#));
        assert_eq!(worker.passing(10, &[]), 1);
        // What another limit refuses costs a trial nothing.
        let refused = worker.get(&[]);
        assert_eq!((refused.counts(), refused.saw("x-shadow")), (vec!["real:denied".to_owned()], None));
    }
}

#[test]
fn outside_the_percentage_a_limit_reports() {
    let worker = Worker::of(
        r#"{"name":"half","percent":50,"percentBy":"%REQ(x-user)%","key":[{"header":"x-user"}],"block":true}"#,
        HEADER,
    );
    let mut refused = 0;
    for user in 0..200 {
        let outcome = worker.get(&[("x-user", &format!("u{user}"))]);
        let reported = outcome.saw("x-shadow").as_deref() == Some("half=deny");
        assert_ne!(outcome.reply.is_some(), reported, "{user}");
        refused += usize::from(outcome.reply.is_some());
    }
    assert!((70..=130).contains(&refused), "{refused}");
}

#[test]
fn a_limit_that_was_tried_keeps_what_it_has_counted() {
    let shared = Shared::new();
    assert_eq!(shared.worker(&config(TRIAL, "")).passing(5, &[]), 5);
    let enforced = config(&TRIAL.replace("shadow", "enforce"), "");
    assert_eq!(shared.worker(&enforced).passing(5, &[]), 0);
    let larger = config(&TRIAL.replace("shadow", "enforce").replace("2,", "20,"), "");
    shared.pass(360 * SECOND);
    let passing = shared.worker(&larger).passing(50, &[]);
    assert!((1..=20).contains(&passing), "a changed rate keeps the key's history: {passing}");
}
