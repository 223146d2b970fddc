//! Requests at once: never more than may be, and each gives its place back however it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use e2e::local::{dist, envoy};
use e2e::raw::RawClient;
use e2e::{Fault, Mesh, Request, TcpFaults, plugin};
use tokio::task::JoinSet;
use tollgate::echo::Echo;
use tollgate::envoy::{Proxy, Settings};
use tollgate::filters::Filters;
use tollgate::manifest::Manifests;
use tollgate::module::Modules;
use tollgate::plan::Plan;

use super::world::{begin, hold, mesh, mesh_of, problem, release, send, statuses, until, user};
use crate::support::{MACHINE, PATIENCE};

const TEN: &str = "limits: [{name: in-flight, key: [{header: x-user}], concurrency: 10}]";

/// Holds ten requests of a user open: all that may be.
async fn ten(address: SocketAddr) -> Vec<RawClient> {
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(hold(address, "ann").await);
    }
    assert_eq!(send(address, &user("ann")).await.status, 429, "ten are under way");
    held
}

/// All ten places are free, and no more.
async fn all_free(address: SocketAddr, after: &str) {
    println!("after {after}");
    let held = ten(address).await;
    for (number, held) in held.into_iter().enumerate() {
        assert_eq!(release(held).await, 200, "place {number} after {after}");
    }
}

#[tokio::test]
async fn the_eleventh_at_once_is_refused_and_a_place_is_free_as_soon_as_it_is_left() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(TEN).await;
    let first = send(mesh.address(), &user("ann")).await;
    assert_eq!(
        first.headers.get("ratelimit-policy").as_deref(),
        Some("\"in-flight\";q=10;qu=\"concurrent-requests\"")
    );
    assert_eq!(first.headers.get("ratelimit").as_deref(), Some("\"in-flight\";r=9"), "{first:?}");
    let mut held = ten(mesh.address()).await;
    let denied = send(mesh.address(), &user("ann")).await;
    assert_eq!(
        (denied.status, &problem(&denied)["reason"]),
        (429, &"concurrency_exceeded".into()),
        "{denied:?}"
    );
    let wait: Option<u32> = denied.headers.get("retry-after").map(|seconds| seconds.parse().unwrap());
    assert!(wait.is_none_or(|seconds| seconds >= 1), "{denied:?}");
    assert_eq!(send(mesh.address(), &user("bob")).await.status, 200);
    assert_eq!(send(mesh.address(), &Request::get("/")).await.status, 200);
    for _ in 0..3 {
        assert_eq!(release(held.pop().unwrap()).await, 200);
        assert_eq!(statuses(mesh.address(), &user("ann"), 3).await, [200; 3], "one after the other");
        held.push(hold(mesh.address(), "ann").await);
        assert_eq!(send(mesh.address(), &user("ann")).await.status, 429, "ten again");
    }
    // The clients go away in the middle.
    drop(held);
    until(mesh.address(), "places after resets", &user("ann"), 200).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    all_free(mesh.address(), "resets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_at_the_same_moment_on_four_workers_are_ten() {
    let _machine = MACHINE.write().await;
    let mesh = mesh_of(4, &plugin::ratelimit_filter(TEN)).await;
    for round in 0..5 {
        let mut clients = JoinSet::new();
        for _ in 0..60 {
            clients.spawn(begin(mesh.address(), "ann"));
        }
        let mut waiting = JoinSet::new();
        for mut client in clients.join_all().await {
            waiting.spawn(async move {
                // Whoever is let in gets no answer until its body is there.
                let early = tokio::time::timeout(Duration::from_millis(300), client.answer("POST")).await;
                (client, early.ok().map(|answer| answer.unwrap().unwrap().status))
            });
        }
        let (mut held, mut refused) = (Vec::new(), 0);
        for (client, early) in waiting.join_all().await {
            match early {
                None => held.push(client),
                Some(429) => refused += 1,
                Some(other) => panic!("round {round}: {other}"),
            }
        }
        assert_eq!((held.len(), refused), (10, 50), "round {round}");
        for held in held {
            assert_eq!(release(held).await, 200, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_filter_behind_that_refuses_gives_the_place_back() {
    let _machine = MACHINE.read().await;
    let behind =
        plugin::header_filter("requestId: {mode: require}").replacen("phase: AUTHN", "phase: STATS", 1);
    let mut mesh = mesh_of(1, &format!("{}---\n{behind}", plugin::ratelimit_filter(TEN))).await;
    assert_eq!(statuses(mesh.address(), &user("ann"), 30).await, [400; 30]);
    // The next refuses itself, in front and behind of others.
    let two = TEN.replace(
        "concurrency: 10}]",
        "concurrency: 10}, {name: shut, match: {paths: [{prefix: /shut}]}, block: true}]",
    );
    mesh.apply(&plugin::ratelimit_filter(&two)).await.unwrap();
    let shut = Request::get("/shut").header("x-user", "ann");
    assert_eq!(statuses(mesh.address(), &shut, 30).await, [429; 30]);
    all_free(mesh.address(), "refusals").await;
}

/// A proxy whose upstream fails as it is told.
async fn failing_upstream() -> (Proxy, Echo, TcpFaults) {
    let echo = Echo::start().await.unwrap();
    let faults = TcpFaults::start(echo.address()).unwrap();
    let manifests = Manifests::parse(Path::new("test.yaml"), &plugin::ratelimit_filter(TEN)).unwrap();
    let plan = Plan::compile(manifests, &Modules::new(dist()), &Filters::builtin()).unwrap();
    let settings = Settings { concurrency: 2, ..Settings::new(envoy().unwrap()) };
    (Proxy::start(settings, faults.address(), &plan).await.unwrap(), echo, faults)
}

#[tokio::test]
async fn an_upstream_that_fails_in_any_way_gives_the_place_back() {
    let _machine = MACHINE.read().await;
    let (proxy, _echo, faults) = failing_upstream().await;
    let address = proxy.address();
    for fault in [Fault::Refuse, Fault::Garbage(100), Fault::Reset(0), Fault::Refuse] {
        faults.set(fault);
        let got = statuses(address, &user("ann"), 25).await;
        assert!(got.iter().all(|got| matches!(got, 502 | 503)), "{fault:?}: {got:?}");
        faults.set(Fault::Pass);
        until(address, "the upstream is back", &user("bob"), 200).await;
        all_free(address, &format!("{fault:?}")).await;
    }
    // No answer at all, until the clients have had enough.
    faults.set(Fault::Hang);
    for _ in 0..3 {
        let mut clients = JoinSet::new();
        for _ in 0..15 {
            clients.spawn(async move {
                let answer =
                    tokio::time::timeout(Duration::from_millis(200), e2e::send(address, &user("ann"))).await;
                answer.ok().map(|answer| answer.unwrap().status)
            });
        }
        let answers = clients.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 10, "{answers:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    faults.set(Fault::Pass);
    until(address, "the upstream is back", &user("bob"), 200).await;
    all_free(address, "silence").await;
    // In the middle of an answer that has begun.
    faults.set(Fault::Reset(40));
    for _ in 0..25 {
        let answer = tokio::time::timeout(PATIENCE, e2e::send(address, &user("ann"))).await.unwrap();
        assert!(answer.is_err() || answer.unwrap().status >= 500);
    }
    faults.set(Fault::Pass);
    until(address, "the upstream is back", &user("bob"), 200).await;
    all_free(address, "broken answers").await;
    let began = Instant::now();
    all_free(address, "nothing").await;
    assert!(began.elapsed() < Duration::from_secs(2), "places come back at once: {:?}", began.elapsed());
}
