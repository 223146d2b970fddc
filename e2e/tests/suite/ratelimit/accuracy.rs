//! How exact it is: several workers, three times as much offered as may pass.

use std::time::{Duration, Instant};

use e2e::{LocalEnvoy, Mesh, plugin};

use super::load::{Offer, Shot, fire};
use super::world::mesh_of;
use crate::support::MACHINE;

const TIME: Duration = Duration::from_millis(12_500);
/// Until the bursts are used up.
const WARM_UP: Duration = Duration::from_millis(1_500);
const WINDOW: Duration = Duration::from_secs(10);
/// The promise.
const PER_CENT: f64 = 2.0;
/// Between the moment at which a request was decided on and the one that is noted.
const JITTER: Duration = Duration::from_millis(25);

const LIMITS: &str = "
    limits:
    - {name: slow, match: {paths: [{prefix: /slow}]}, key: [{header: x-user}], rate: {requests: 200, unit: second, burst: 40}}
    - {name: fast, match: {paths: [{prefix: /fast}]}, key: [{header: x-user}], rate: {requests: 1000, unit: second, burst: 100}}
    - {name: once, match: {paths: [{prefix: /once}]}, key: [{header: x-user}], rate: {requests: 1, unit: minute}}
";

fn offer(path: &'static str, rate: u32) -> Offer {
    Offer { path, headers: "x-user: ann\r\n".to_owned(), connections: 32, rate, time: TIME }
}

/// Offers three times what may pass.
async fn shots(mesh: &LocalEnvoy, path: &'static str, rate: u32) -> Vec<Shot> {
    let (address, began) = (mesh.address(), Instant::now());
    tokio::task::spawn_blocking(move || fire(address, &offer(path, 3 * rate), began)).await.unwrap()
}

/// What went through, and when, in seconds.
fn admitted(shots: &[Shot]) -> Vec<f64> {
    assert!(shots.iter().all(|shot| matches!(shot.status, 200 | 429)), "other answers than 200 and 429");
    shots.iter().filter(|shot| shot.status == 200).map(|shot| shot.at.as_secs_f64()).collect()
}

fn assert_exact(what: &str, shots: &[Shot], rate: f64, burst: f64) {
    let times = admitted(shots);
    let offered = shots.len() as f64 / TIME.as_secs_f64();
    assert!(offered > 2.7 * rate, "{what}: only {offered:.0} a second were offered");
    let mut shares = Vec::new();
    let mut from = WARM_UP;
    while from + WINDOW <= TIME {
        let window = from.as_secs_f64()..(from + WINDOW).as_secs_f64();
        let inside = times.iter().filter(|at| window.contains(at)).count();
        shares.push(100.0 * inside as f64 / (rate * WINDOW.as_secs_f64()));
        from += Duration::from_millis(200);
    }
    let (least, most) =
        (shares.iter().copied().fold(f64::MAX, f64::min), shares.iter().copied().fold(0.0, f64::max));
    // Never more in any window, short or long, than the rate and the burst.
    let (mut level, mut last, mut worst) = (0.0_f64, 0.0, f64::MIN);
    for at in &times {
        level = (level - rate * (at - last)).max(0.0) + 1.0;
        worst = worst.max(level - burst);
        last = *at;
    }
    println!(
        "{what}: {least:.2} to {most:.2} % in ten seconds, {worst:.1} above the bucket, {offered:.0}/s offered"
    );
    assert!(least >= 100.0 - PER_CENT && most <= 100.0 + PER_CENT, "{what}: {least:.2} to {most:.2} %");
    assert!(worst <= JITTER.as_secs_f64() * rate, "{what}: {worst:.1} requests more than rate and burst");
}

async fn on_workers(workers: u32) -> LocalEnvoy {
    let mesh = mesh_of(workers, &plugin::ratelimit_filter(LIMITS)).await;
    let (slow, fast) = tokio::join!(shots(&mesh, "/slow", 200), shots(&mesh, "/fast", 1000));
    assert_exact(&format!("200/s on {workers} workers"), &slow, 200.0, 40.0);
    assert_exact(&format!("1000/s on {workers} workers"), &fast, 1000.0, 100.0);
    mesh
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_times_the_rate_on_two_workers_is_cut_to_it() {
    let _machine = MACHINE.write().await;
    on_workers(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_times_the_rate_on_four_workers_is_cut_to_it_and_one_in_a_minute_is_one() {
    let _machine = MACHINE.write().await;
    let mesh = on_workers(4).await;
    for name in ["ann", "bob", "cid"] {
        let headers = format!("x-user: {name}\r\n");
        let offer =
            Offer { path: "/once", headers, connections: 40, rate: 2000, time: Duration::from_millis(100) };
        let (address, began) = (mesh.address(), Instant::now() + Duration::from_millis(50));
        let shots = tokio::task::spawn_blocking(move || fire(address, &offer, began)).await.unwrap();
        assert!(shots.len() >= 190, "{} requests", shots.len());
        assert_eq!(admitted(&shots).len(), 1, "{name}");
    }
}
