//! Limits that a service counts.

use policy_core::{Answer, CalloutReply, Snapshot};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Outcome, SECOND, Worker, request};

pub(crate) const SERVICE: &str = r#""global":{"cluster":"outbound|8081||limits.svc","domain":"d"}"#;
pub(crate) const USER: &str = r#"{"name":"user","scope":"global","key":[{"header":"x-user"}]}"#;
const PATH: &str = r#"{"name":"path","scope":"global","key":["path",{"value":"checkout"}]}"#;
pub(crate) const ANN: [(&str, &str); 1] = [("x-user", "ann")];

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

fn header(number: u8, name: &str, value: &str) -> Vec<u8> {
    field(number, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
}

/// Of one descriptor: over, remaining, seconds until the reset.
fn status(over: bool, remaining: u8, reset: u8) -> Vec<u8> {
    let duration = field(4, &[8, reset]);
    field(2, &[&[8, 1 + u8::from(over)][..], &field(2, &[8, 9]), &[24, remaining], &duration].concat())
}

/// An answer with these further members.
pub(crate) fn answer(over: bool, members: &[Vec<u8>]) -> CalloutReply {
    let message = [vec![8, 1 + u8::from(over)], members.concat()].concat();
    let body = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
    let headers = Snapshot::from_pairs(&[("content-type", "application/grpc")]);
    Ok(Answer { status: 200, headers, body, trailers: Snapshot::from_pairs(&[("grpc-status", "0")]) })
}

/// What the service is asked about, as text.
fn asked_about(outcome: &Outcome) -> String {
    let body = &outcome.ask.as_ref().expect("it asks").body;
    String::from_utf8_lossy(&body[5..]).chars().filter(|c| c.is_ascii_graphic()).collect()
}

#[test]
fn the_service_is_asked_once_about_all_limits_each_in_its_place() {
    let worker = Worker::of(&format!("{USER},{PATH}"), SERVICE);
    let ask = |headers: &[(&str, &str)]| worker.get(headers);
    let both = ask(&ANN);
    let callout = both.ask.as_ref().unwrap();
    assert_eq!(
        (callout.cluster.as_str(), callout.authority.as_str(), callout.path.as_str()),
        (
            "outbound|8081||limits.svc",
            "limits.svc",
            "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
        )
    );
    let text = asked_about(&both);
    assert!(text.contains("header.x-user") && text.contains("ann") && text.contains("checkout"), "{text}");
    let second = asked_about(&ask(&[]));
    assert!(second.contains("none") && second.contains("checkout") && !second.contains("ann"), "{second}");
    assert_eq!(ask(&[]).counts(), ["user:missing_key"]);
    let hostile = Worker::of(USER, SERVICE).get(&[("x-user", "\u{e9}%")]);
    assert!(std::str::from_utf8(&hostile.ask.unwrap().body[5..]).is_ok());
}

#[test]
fn what_is_not_over_passes_with_what_the_service_adds() {
    let worker = Worker::of(USER, SERVICE);
    let members =
        [header(3, "x-ratelimit-remaining", "7"), header(4, "x-tier", "gold"), header(4, ":path", "/admin")];
    let outcome = worker.asked(&ANN, answer(false, &members));
    assert_eq!(outcome.verdict(), "ok");
    assert_eq!(outcome.counts(), ["global:answered", "user:allowed"]);
    assert_eq!(outcome.got("x-ratelimit-remaining").as_deref(), Some("7"));
    assert_eq!(
        (outcome.saw("x-tier").as_deref(), outcome.saw(":path").as_deref()),
        (Some("gold"), Some("/api"))
    );
    assert!(worker.get(&ANN).ask.is_some(), "nothing of it is kept");
}

#[test]
fn what_is_over_is_refused_and_not_asked_again_for_ten_seconds_at_most() {
    for (reset, kept) in [(3_u64, 3), (3600, 10)] {
        let worker = Worker::of(USER, SERVICE);
        let members = [header(3, "x-ratelimit-reset", &reset.to_string()), header(4, "x-tier", "gold")];
        let outcome = worker.asked(&ANN, answer(true, &members));
        assert_eq!(outcome.verdict(), "429 quota_exceeded.user");
        assert_eq!(outcome.counts(), ["global:answered", "user:denied"]);
        // The service rounds down.
        assert_eq!(outcome.retry_after(), Some(reset + 1));
        assert_eq!(outcome.got("x-ratelimit-reset"), Some(reset.to_string()));
        assert_eq!((outcome.saw("x-tier"), outcome.got("x-tier")), (None, None));
        assert!(outcome.body().contains(r#""violated-policies":["user"]"#), "{}", outcome.body());
        for second in 0..kept {
            let again = worker.get(&ANN);
            assert_eq!(again.verdict(), "429 quota_exceeded.user", "{second}");
            assert_eq!(again.counts(), ["user:cached", "user:denied"]);
            assert_eq!(again.retry_after(), Some(reset - second + 1), "the window's end, not the memory's");
            worker.shared.pass(SECOND);
        }
        assert!(worker.get(&ANN).ask.is_some(), "{reset}: asked again");
        assert!(worker.get(&[("x-user", "bob")]).ask.is_some());
    }
}

#[test]
fn of_two_limits_that_one_denies_which_the_service_says_is_over() {
    let limits = format!("{USER},{PATH}");
    for (members, refused, later) in [
        (vec![status(false, 3, 60), status(true, 0, 5)], "path", true),
        (vec![status(true, 0, 60), status(true, 0, 5)], "user", true),
        // Known by its name: kept for both together.
        (
            vec![
                header(3, "x-ratelimit-limit", "2, 2;w=60;name=\"path\""),
                header(3, "x-ratelimit-reset", "5"),
            ],
            "path",
            false,
        ),
        (vec![header(3, "x-ratelimit-reset", "5")], "user", false),
    ] {
        let worker = Worker::of(&limits, SERVICE);
        assert_eq!(
            worker.asked(&ANN, answer(true, &members)).verdict(),
            format!("429 quota_exceeded.{refused}")
        );
        assert_eq!(worker.get(&ANN).verdict().split('.').next(), Some("429 quota_exceeded"));
        let of_path_alone = worker.get(&[]);
        assert_eq!(of_path_alone.ask.is_none(), later, "{refused}");
    }
}

#[test]
fn two_limits_that_are_over_are_each_remembered_as_long_as_each_is() {
    let worker = Worker::of(&format!("{USER},{PATH}"), SERVICE);
    let outcome = worker.asked(&ANN, answer(true, &[status(true, 0, 8), status(true, 0, 2)]));
    assert_eq!(outcome.retry_after(), Some(9));
    worker.shared.pass(3 * SECOND);
    assert!(worker.get(&[]).ask.is_some(), "the path's window is over");
    assert_eq!(
        (worker.get(&ANN).verdict().as_str(), worker.get(&ANN).retry_after()),
        ("429 quota_exceeded.user", Some(6))
    );
}

#[test]
fn limits_of_the_proxy_come_first_and_their_fields_stay() {
    let local = r#"{"name":"local","rate":{"requests":2,"unit":"hour"}},{"name":"flight","concurrency":1}"#;
    let worker = Worker::of(&format!("{USER},{local}"), SERVICE);
    let outcome = worker.asked(&ANN, answer(false, &[header(3, "x-service", "1")]));
    assert_eq!(outcome.got("x-service").as_deref(), Some("1"));
    assert_eq!(outcome.got("ratelimit").as_deref(), Some(r#""local";r=1;t=1800, "flight";r=0"#));
    // That request has not ended: its place is taken, and the service is not asked.
    let full = worker.get(&ANN);
    assert_eq!((full.verdict().as_str(), full.ask.is_none()), ("429 concurrency_exceeded.flight", true));
    let empty = worker.get(&ANN);
    assert_eq!((empty.verdict().as_str(), empty.ask.is_none()), ("429 quota_exceeded.local", true));
}

#[test]
fn a_request_that_asks_gives_its_place_back_however_it_ends() {
    let worker = Worker::of(&format!(r#"{USER},{{"name":"flight","concurrency":1}}"#), SERVICE);
    let table = request("10.0.0.1", &ANN);
    for reply in [None, Some(answer(false, &[])), Some(answer(true, &[]))] {
        let (mut stream, outcome) = worker.begin(&table);
        assert!(outcome.ask.is_some(), "{}", outcome.verdict());
        if let Some(reply) = reply {
            worker.answer(&table, &mut stream, reply);
        }
        worker.end(&mut stream);
    }
    assert!(worker.get(&ANN).ask.is_some());
}
