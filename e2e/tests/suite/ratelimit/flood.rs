//! A flood of keys: memory does not grow past its bound, and a key that is used up stays so.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use e2e::bench::cpu::resident;
use e2e::{Mesh, Request, plugin};

use super::load::Connection;
use super::world::{mesh_of, send};
use crate::support::MACHINE;

const KEYS: u32 = 100_000;
const BATCH: u32 = 200;
const THREADS: u32 = 8;

/// Room for 4096 keys, and a filter behind that answers at once: the upstream is not what is tried.
const LIMIT: &str = "limits: [{name: per-user, key: [{header: x-user}], rate: {requests: 60, unit: hour, burst: 2}, maxKeys: 4096}]";

const CALLERS: &str = "
    providers: [{name: partners, apiKey: {from: [{header: x-api-key}], keys: [{id: beta, key: {env: BETA_KEY}}]}}]
    rules: [{name: all, require: {anyOf: [partners]}}]
";

/// Sends so many keys, each once; how many were let in, and how many not. Now and then the hot key is tried.
fn flood(address: SocketAddr, keys: Range<u32>) -> (usize, usize) {
    let mut connection = Connection::open(address);
    let (mut passed, mut refused) = (0, 0);
    for key in keys {
        match connection.ask(&request(&format!("flood-{key}"))) {
            401 => passed += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
        if key % BATCH == 0 {
            assert_eq!(connection.ask(&request("hot")), 429, "the hot key was let in after {key} keys");
        }
    }
    (passed, refused)
}

fn request(user: &str) -> Vec<u8> {
    format!("GET /flood HTTP/1.1\r\nhost: a\r\nx-user: {user}\r\n\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_keys_cost_bounded_memory_and_refill_nobody() {
    let _machine = MACHINE.write().await;
    // Whoever has no key gets the later filter's 401.
    let refusing = plugin::auth_filter(CALLERS).replacen("phase: AUTHN", "phase: STATS", 1);
    let mesh = mesh_of(2, &format!("{}---\n{refusing}", plugin::ratelimit_filter(LIMIT))).await;
    let (address, process) = (mesh.address(), mesh.process_id().unwrap());
    let run = move |from: u32, to: u32| {
        let share = (to - from) / THREADS;
        std::thread::scope(|scope| {
            let one = |thread| {
                scope.spawn(move || flood(address, from + thread * share..from + (thread + 1) * share))
            };
            let threads: Vec<_> = (0..THREADS).map(one).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
        })
    };
    let mut connection = Connection::open(address);
    let statuses: Vec<u16> = (0..4).map(|_| connection.ask(&request("hot"))).collect();
    assert_eq!(statuses, [401, 401, 429, 429]);
    // The table is full after this, and all buffers have been needed once.
    let warm = tokio::task::spawn_blocking(move || run(0, KEYS / 5)).await.unwrap();
    let (before, began) = (resident(process).unwrap(), Instant::now());
    let (passed, refused) = tokio::task::spawn_blocking(move || run(KEYS / 5, KEYS)).await.unwrap();
    let after = resident(process).unwrap();
    println!(
        "{} keys in {:?}: {passed} let in, {refused} refused, {before} kB before, {after} kB after; before that {warm:?}",
        KEYS / 5 * 4,
        began.elapsed()
    );
    assert_eq!(passed + refused, (KEYS / 5 * 4) as usize);
    assert!(warm.0 > 4000, "newcomers are let in while there is room: {warm:?}");
    assert!(after.saturating_sub(before) < 4 * 1024, "{before} kB grew to {after} kB");
    let with_key = Request::get("/").header("x-api-key", plugin::AUTH_ENV[0].1);
    assert_eq!(send(address, &with_key).await.status, 200);
    assert_eq!(send(address, &with_key.header("x-user", "hot")).await.status, 429);
}
