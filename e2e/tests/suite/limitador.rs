//! The rate limit service of the test bed itself: that what the suite tests global limits with is what it is taken for.

use std::time::{Duration, Instant};

use e2e::limitador::{Call, Limitador};
use e2e::rls::{Answer, ask};
use e2e::{Fault, TcpFaults, TooLate, eventually};

use crate::support::{MACHINE, PATIENCE};

/// Three in three seconds for each identity, and one limit that looks at a second descriptor.
const LIMITS: &str = r#"
- namespace: tollgate
  name: shared-quota
  max_value: 3
  seconds: 3
  conditions: ["descriptors[0]['value'] == 'checkout'"]
  variables: ["descriptors[0]['identity']"]
- namespace: tollgate
  name: by-path
  max_value: 1
  seconds: 60
  conditions: ["size(descriptors) > 1 && descriptors[1]['path'] == '/api'"]
  variables: []
"#;

type Entries<'a> = &'a [(&'a str, &'a str)];

fn checkout(identity: &str) -> [(&str, &str); 2] {
    [("identity", identity), ("value", "checkout")]
}

/// Counts `hits` for an identity.
async fn hit(service: &Limitador, identity: &str, hits: u8) -> Answer {
    ask(service.address(), "tollgate", &[&checkout(identity)], hits).await.unwrap()
}

async fn until_ok(service: &Limitador, identity: &str, what: &str) -> Result<Answer, TooLate> {
    eventually(what, PATIENCE, async || {
        Some(hit(service, identity, 1).await).filter(|answer| matches!(answer, Answer::Ok(_)))
    })
    .await
}

#[tokio::test]
async fn three_of_five_hits_pass_and_the_window_gives_them_back() {
    let _machine = MACHINE.read().await;
    let service = Limitador::start(LIMITS).await.unwrap();
    let start = Instant::now();
    for remaining in ["2", "1", "0"] {
        let answer = hit(&service, "ada", 0).await;
        assert!(matches!(answer, Answer::Ok(_)), "{answer:?}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("3, 3;w=3;name=\"shared-quota\""));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining));
        let reset: u64 = answer.header("x-ratelimit-reset").unwrap().parse().unwrap();
        assert!(reset <= 3, "{answer:?}");
    }
    for _ in 0..2 {
        let answer = hit(&service, "ada", 0).await;
        assert!(matches!(answer, Answer::OverLimit(_)), "{answer:?}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    }
    let other = hit(&service, "grace", 0).await;
    assert_eq!(other.header("x-ratelimit-remaining"), Some("2"));
    until_ok(&service, "ada", "a new window").await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(2900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn hits_are_added_up_and_what_does_not_fit_takes_nothing() {
    let _machine = MACHINE.read().await;
    let service = Limitador::start(LIMITS).await.unwrap();
    let cases = [(2, true, "1"), (2, false, "1"), (1, true, "0"), (1, false, "0")];
    for (hits, passes, remaining) in cases {
        let answer = hit(&service, "ada", hits).await;
        assert_eq!(matches!(answer, Answer::Ok(_)), passes, "{hits}: {answer:?}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining), "{hits}: {answer:?}");
    }
    let calls = service.calls();
    let answers: Vec<_> = calls.iter().map(|call| (call.hits, call.answer.as_str())).collect();
    assert_eq!(answers, [(2, "OK"), (2, "OVER_LIMIT"), (1, "OK"), (1, "OVER_LIMIT")]);
    let Call { domain, descriptors, .. } = calls.first().unwrap();
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    assert_eq!((domain.as_str(), descriptors), ("tollgate", &vec![checkout("ada").map(owned).to_vec()]));
}

#[tokio::test]
async fn what_no_limit_is_for_passes() {
    let _machine = MACHINE.read().await;
    let service = Limitador::start(LIMITS).await.unwrap();
    let address = service.address();
    let ada = checkout("ada");
    let cases: [(&str, Entries<'_>, Answer); 5] = [
        ("nobody", &ada, Answer::Ok(Vec::new())),
        ("tollgate", &[("identity", "ada")], Answer::Ok(Vec::new())),
        ("tollgate", &[("value", "checkout")], Answer::Ok(Vec::new())),
        ("tollgate", &[], Answer::Ok(Vec::new())),
        ("", &ada, Answer::Unknown),
    ];
    for (domain, descriptor, wanted) in cases {
        let answer = ask(address, domain, &[descriptor], 1).await.unwrap();
        assert_eq!(answer, wanted, "{domain} {descriptor:?}");
    }
    // Limitador takes a descriptor that is not there for a bug of its own, and breaks the call off.
    assert!(ask(address, "tollgate", &[], 1).await.is_err());
    // Every limit that matches counts, and the headers tell of the one that is nearest.
    let both = ask(address, "tollgate", &[&ada, &[("path", "/api")]], 1).await.unwrap();
    let limits = "1, 1;w=60;name=\"by-path\", 3;w=3;name=\"shared-quota\"";
    assert_eq!(both.header("x-ratelimit-limit"), Some(limits));
    assert!(
        matches!(hit(&service, "ada", 1).await, Answer::Ok(_)),
        "a descriptor is missing, not over its limit"
    );
}

#[tokio::test]
async fn a_redis_that_is_restarted_is_found_again_and_has_forgotten() {
    let _machine = MACHINE.read().await;
    let mut service = Limitador::start(LIMITS).await.unwrap();
    hit(&service, "ada", 3).await;
    assert!(matches!(hit(&service, "ada", 1).await, Answer::OverLimit(_)));
    service.redis().stop().await;
    for _ in 0..3 {
        assert_eq!(hit(&service, "ada", 1).await, Answer::Failed(14));
    }
    service.redis().start_again().await.unwrap();
    let answer = until_ok(&service, "ada", "Redis is found").await.unwrap();
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("2"));
}

#[tokio::test]
async fn a_service_that_is_restarted_or_told_other_limits_keeps_its_counts() {
    let _machine = MACHINE.read().await;
    let limits = LIMITS.replace("seconds: 3", "seconds: 60");
    let mut service = Limitador::start(&limits).await.unwrap();
    let address = service.address();
    hit(&service, "ada", 2).await;
    service.stop().await;
    assert!(ask(address, "tollgate", &[], 1).await.is_err());
    service.start_again().await.unwrap();
    assert_eq!(service.address(), address);
    assert_eq!(hit(&service, "ada", 1).await.header("x-ratelimit-remaining"), Some("0"));
    service.configure(&limits.replace("max_value: 3", "max_value: 5")).await.unwrap();
    assert_eq!(hit(&service, "ada", 1).await.header("x-ratelimit-remaining"), Some("1"));
    let refused = service.configure("- namespace: 5\n  max_value: many\n").await.unwrap_err();
    assert!(refused.to_string().contains("the old ones stay"), "{refused}");
    assert_eq!(hit(&service, "ada", 1).await.header("x-ratelimit-remaining"), Some("0"));
}

#[tokio::test]
async fn answers_come_late_when_the_service_or_its_redis_is_slow() {
    let _machine = MACHINE.read().await;
    let mut service = Limitador::start(LIMITS).await.unwrap();
    let late = Duration::from_millis(150);
    service.delay(late).unwrap();
    let start = Instant::now();
    hit(&service, "ada", 1).await;
    assert!(start.elapsed() >= late, "{:?}", start.elapsed());
    service.delay(Duration::ZERO).unwrap();
    assert_eq!(service.redis().command("CLIENT PAUSE 300 ALL").await.unwrap(), "+OK");
    let start = Instant::now();
    hit(&service, "ada", 1).await;
    assert!(start.elapsed() >= late, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_network_that_fails_between_is_no_answer_and_then_one_again() {
    let _machine = MACHINE.read().await;
    let service = Limitador::start(LIMITS).await.unwrap();
    let faults = TcpFaults::start(service.address()).unwrap();
    let ask = || ask(faults.address(), "nobody", &[&[("identity", "ada")]], 1);
    // A whole answer has more than 80 bytes: its settings come first, and its end is the status.
    for fault in [Fault::Refuse, Fault::Garbage(1), Fault::Garbage(4096), Fault::Reset(0), Fault::Reset(80)] {
        faults.set(fault);
        let answer = tokio::time::timeout(PATIENCE, ask()).await.unwrap();
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
        faults.set(Fault::Pass);
        assert_eq!(ask().await.unwrap(), Answer::Ok(Vec::new()), "after {fault:?}");
    }
    faults.set(Fault::Hang);
    let mut late = Box::pin(ask());
    let early = tokio::time::timeout(Duration::from_millis(100), &mut late).await;
    assert!(early.is_err(), "{early:?}");
    faults.set(Fault::Pass);
    assert_eq!(late.await.unwrap(), Answer::Ok(Vec::new()));
}
