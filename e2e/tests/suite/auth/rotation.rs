//! The provider changes its keys under load.

use std::time::{Duration, Instant};

use e2e::load::Load;
use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{Behaviour, Mesh};
use tokio::task::JoinSet;

use super::world::{CORP, World, good};
use crate::support::MACHINE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_valid_token_is_refused_while_keys_rotate_on_two_workers() {
    let _machine = MACHINE.write().await;
    let config = CORP.replace("interval: 5s", "interval: 5m");
    let mut current = Key::new("es-0", "ES256").unwrap();
    let setup = Setup { workers: 2, ..Setup::default() };
    let world = World::start(&config, &[&current], setup).await;
    world.until_all("keys for all workers", &good(&current), 200).await;
    for round in 1..=3 {
        let next = Key::new(&format!("es-{round}"), "ES256").unwrap();
        let load = Load::start(world.mesh.address(), &good(&current), 4, |response| response.status == 200);
        world.server.behave(Behaviour::Slow(Duration::from_millis(100)));
        world.server.rotate(&[&current, &next]);
        // Not sooner after the last fetch than one is allowed.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let began = Instant::now();
        let mut first = JoinSet::new();
        for _ in 0..20 {
            let (address, request) = (world.mesh.address(), good(&next));
            first.spawn(async move { e2e::send(address, &request).await.unwrap().status });
        }
        let statuses = first.join_all().await;
        let took = began.elapsed();
        assert!(
            statuses.iter().all(|status| *status == 200),
            "round {round}: {statuses:?}\n{}",
            world.mesh.log()
        );
        assert!(took < Duration::from_secs(3), "round {round}: {took:?}");
        let load_of_next =
            Load::start(world.mesh.address(), &good(&next), 2, |response| response.status == 200);
        tokio::time::sleep(Duration::from_millis(200)).await;
        for tally in [load.stop().await, load_of_next.stop().await] {
            assert!(
                tally.failures.is_empty() && tally.fine > 5,
                "round {round}: {:?}",
                tally.failures.first()
            );
        }
        current = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_workers_fetches_for_all() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let setup = Setup { workers: 2, ..Setup::default() };
    let config = CORP.replace("interval: 5s", "interval: 5m");
    let world = World::start(&config, &[&key], setup).await;
    let load =
        Load::start(world.mesh.address(), &good(&key), 4, |response| matches!(response.status, 200 | 503));
    world.until_all("keys for all workers", &good(&key), 200).await;
    let tally = load.stop().await;
    assert!(tally.failures.is_empty(), "{:?}", tally.failures.first());
    let fetches = world.server.calls("/keys").len();
    assert_eq!(fetches, 1, "{fetches} fetches");
}

#[tokio::test]
async fn a_key_that_is_withdrawn_is_not_taken_after_the_next_refresh() {
    let _machine = MACHINE.read().await;
    let (old, new) = (Key::new("old", "ES256").unwrap(), Key::new("new", "ES256").unwrap());
    let world = World::start(CORP, &[&old], Setup::default()).await;
    world.until("the first keys", &good(&old), 200).await;
    world.server.rotate(&[&new]);
    world.until("the old key gone", &good(&old), 401).await;
    assert_eq!(world.send(&good(&new)).await.status, 200);
}
