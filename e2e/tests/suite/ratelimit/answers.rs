//! What clients are told: how much is left, why not, and when to come back.

use std::time::{Duration, Instant};

use e2e::{Mesh, Request};

use super::world::{mesh, parameter, passed, problem, refused, send, statuses, user};
use crate::support::{MACHINE, PATIENCE, canary};

/// One each second, three at once.
const BURST: &str = "
    limits:
    - {name: per-user, key: [{header: x-user}], rate: {requests: 60, unit: minute, burst: 3}}
";

#[tokio::test]
async fn a_burst_passes_and_the_wait_that_is_named_is_the_true_one() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(BURST).await;
    let began = Instant::now();
    for left in [2, 1, 0] {
        let answer = send(mesh.address(), &user("ann")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.headers.get("ratelimit-policy").as_deref(), Some("\"per-user\";q=60;w=60"));
        assert_eq!(parameter(&answer, "ratelimit", "r"), Some(left), "{answer:?}");
        assert!(matches!(parameter(&answer, "ratelimit", "t"), Some(1..=3)), "{answer:?}");
        assert!(!answer.headers.has("retry-after"), "{answer:?}");
    }
    let denied = send(mesh.address(), &user("ann")).await;
    assert!(began.elapsed() < Duration::from_millis(900), "too slow for this test: {:?}", began.elapsed());
    assert_eq!(refused(&denied), (vec!["per-user".to_owned()], 1));
    assert_eq!(denied.headers.get("ratelimit-policy").as_deref(), Some("\"per-user\";q=60;w=60"));
    assert_eq!(parameter(&denied, "ratelimit", "r"), Some(0), "{denied:?}");
    assert_eq!(parameter(&denied, "ratelimit", "t"), Some(1), "{denied:?}");
    assert_eq!(mesh.arrived().len(), 3, "what is refused does not go upstream");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(statuses(mesh.address(), &user("ann"), 2).await, [200, 429]);
    assert_eq!(statuses(mesh.address(), &user("bob"), 4).await, [200, 200, 200, 429]);
    canary(&mesh, "refusals").await;
}

#[tokio::test]
async fn other_styles_of_fields_and_other_statuses_can_be_chosen() {
    let _machine = MACHINE.read().await;
    let mut mesh = mesh(&format!("{BURST}    responseHeaders: draft03\n")).await;
    let filter = e2e::plugin::ratelimit_filter;
    for left in ["2", "1", "0", "0"] {
        let answer = send(mesh.address(), &user("ann")).await;
        assert_eq!(answer.headers.get("x-ratelimit-limit").as_deref(), Some("60, 60;w=60;name=\"per-user\""));
        assert_eq!(answer.headers.get("x-ratelimit-remaining").as_deref(), Some(left), "{answer:?}");
        let reset: u64 = answer.headers.get("x-ratelimit-reset").unwrap().parse().unwrap();
        assert!((1..=3).contains(&reset), "{answer:?}");
        assert!(!answer.headers.has("ratelimit") && !answer.headers.has("ratelimit-policy"), "{answer:?}");
    }
    mesh.apply(&filter(&format!("{BURST}    responseHeaders: none\n    denial: {{status: 503}}\n")))
        .await
        .unwrap();
    let names = ["ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining"];
    for (count, status) in [(0, 200), (1, 200), (2, 200), (3, 503)] {
        let answer = send(mesh.address(), &user("bob")).await;
        assert_eq!(answer.status, status, "request {count}: {answer:?}");
        assert!(names.iter().all(|name| !answer.headers.has(name)), "{answer:?}");
        assert_eq!(answer.headers.has("retry-after"), status == 503, "{answer:?}");
    }
}

#[tokio::test]
async fn the_log_and_grpc_clients_are_told_in_their_own_words() {
    let _machine = MACHINE.read().await;
    let config =
        format!("{BURST}    - {{name: closed, match: {{paths: [{{prefix: /closed}}]}}, block: true}}\n");
    let mesh = mesh(&config).await;
    let grpc = |user: &str| {
        let request = Request::post("/shop.Orders/Get", vec![0; 5]).http2();
        request.header("content-type", "application/grpc").header("te", "trailers").header("x-user", user)
    };
    assert_eq!(passed(mesh.address(), &user("ann"), 5).await, 3);
    let denied = send(mesh.address(), &grpc("ann")).await;
    assert_eq!(denied.status, 200, "gRPC has its own status");
    assert_eq!(denied.headers.get("grpc-status").as_deref(), Some("8"), "{denied:?}");
    let blocked = send(mesh.address(), &Request::get("/closed/door")).await;
    assert_eq!((blocked.status, blocked.headers.has("retry-after")), (429, false), "{blocked:?}");
    assert_eq!(problem(&blocked)["reason"], "blocked");
    let logged = async || {
        let log = std::fs::read_to_string(mesh.proxy().run_dir().access_log()).unwrap_or_default();
        let count = |details: &str| log.lines().filter(|line| line.contains(details)).count();
        (count("tollgate.ratelimit.quota_exceeded.per-user") == 3
            && count("tollgate.ratelimit.blocked.closed") == 1)
            .then_some(())
    };
    e2e::eventually("the details of each refusal", PATIENCE, logged).await.unwrap();
}

#[tokio::test]
async fn a_header_says_what_a_request_costs_and_a_dear_one_takes_nothing_when_it_is_refused() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "limits:
         - name: per-user
           key: [{header: x-user}]
           rate: {requests: 60, unit: hour, burst: 6}
           cost: {header: x-cost, default: 1, max: 5}",
    )
    .await;
    for (cost, status, left, wait) in [
        ("4", 200, 2, None),
        ("4", 429, 2, Some(120)),
        ("2", 200, 0, None),
        ("1", 429, 0, Some(60)),
        ("99999999999999999999999", 429, 0, Some(300)),
    ] {
        let answer = send(mesh.address(), &user("ann").header("x-cost", cost)).await;
        assert_eq!(answer.status, status, "{cost}: {answer:?}");
        assert_eq!(parameter(&answer, "ratelimit", "r"), Some(left), "{cost}: {answer:?}");
        if let Some(wait) = wait {
            let (_, named) = refused(&answer);
            assert!((wait - 15..=wait).contains(&named), "{cost}: {answer:?}");
            assert_eq!(parameter(&answer, "ratelimit", "t"), Some(named), "{cost}: {answer:?}");
        }
    }
    // What is no cost is the default; 0 costs one.
    for cost in ["", "-1", "x", "1.5", "0"] {
        let answer = send(mesh.address(), &user("bob").header("x-cost", cost)).await;
        assert_eq!(answer.status, 200, "{cost}: {answer:?}");
    }
    assert_eq!(statuses(mesh.address(), &user("bob"), 2).await, [200, 429]);
}

#[tokio::test]
async fn a_request_has_to_find_room_in_every_window() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "limits:
         - name: windows
           key: [{header: x-user}]
           rates: [{requests: 4, unit: minute}, {requests: 2, unit: second}]",
    )
    .await;
    let first = send(mesh.address(), &user("ann")).await;
    let policies = "\"windows.second\";q=2;w=1, \"windows.minute\";q=4;w=60";
    assert_eq!(first.headers.get("ratelimit-policy").as_deref(), Some(policies), "{first:?}");
    assert_eq!(statuses(mesh.address(), &user("ann"), 1).await, [200]);
    let denied = send(mesh.address(), &user("ann")).await;
    assert_eq!(refused(&denied), (vec!["windows.second".to_owned()], 1));
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert_eq!(statuses(mesh.address(), &user("ann"), 2).await, [200, 200]);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    let denied = send(mesh.address(), &user("ann")).await;
    let (violated, wait) = refused(&denied);
    assert_eq!(violated, ["windows.minute"]);
    assert!((11..=13).contains(&wait), "{denied:?}");
}
