//! Counts outlive the configuration and the module that made them.

use std::time::Duration;

use e2e::load::Load;
use e2e::mesh::Setup;
use e2e::{LocalEnvoy, Mesh, Request, Response, local, module, plugin};
use tollgate::module::Modules;

use super::world::{hold, mesh_of, passed, release, send, until, user};
use crate::support::MACHINE;

/// One in a minute, after three at once.
const LIMITS: &str = "
    limits:
    - {name: rate, match: {paths: [{prefix: /api}]}, key: [{header: x-user}], rate: {requests: 60, unit: hour, burst: 3}}
    - {name: at-once, match: {paths: [{prefix: /held}]}, key: [{header: x-user}], concurrency: 2}
";

/// The module in a folder of its own, where it can be replaced.
struct Module {
    folder: tempfile::TempDir,
    original: Vec<u8>,
}

impl Module {
    fn new() -> Self {
        let original = std::fs::read(local::dist().join("ratelimit-filter.wasm"));
        let original = original.expect("dist/ratelimit-filter.wasm: run `make e2e`");
        let module = Self { folder: tempfile::tempdir().unwrap(), original };
        module.write(0);
        module
    }

    fn write(&self, number: u8) {
        let bytes = if number == 0 { self.original.clone() } else { module::variant(&self.original, number) };
        std::fs::write(self.folder.path().join("ratelimit-filter.wasm"), bytes).unwrap();
    }

    async fn mesh(&self, workers: u32, config: &str) -> LocalEnvoy {
        let setup = Setup { workers, ..Setup::default() };
        let modules = Modules::new(self.folder.path());
        LocalEnvoy::start_with(&plugin::ratelimit_filter(config), setup, modules).await.unwrap()
    }
}

fn fine(response: &Response) -> bool {
    response.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_used_up_stays_used_up_through_changes_of_limits_and_modules_under_load() {
    let _machine = MACHINE.write().await;
    let module = Module::new();
    let mut mesh = module.mesh(2, LIMITS).await;
    let load = Load::start(mesh.address(), &Request::get("/api/load"), 2, fine);
    assert_eq!(passed(mesh.address(), &user("ann"), 6).await, 3);
    assert_eq!(passed(mesh.address(), &user("bob"), 1).await, 1);
    for (number, from, to) in [
        // Twice the rate and the burst: what took three minutes to fill takes no less for that.
        (0, "requests: 60, unit: hour, burst: 3", "requests: 120, unit: hour, burst: 6"),
        (1, "", ""),
        (2, "requests: 60, unit: hour, burst: 3", "requests: 20, unit: hour, burst: 1"),
        (3, "burst: 3", "burst: 3"),
    ] {
        module.write(number);
        let config = if from.is_empty() { LIMITS.to_owned() } else { LIMITS.replace(from, to) };
        mesh.apply(&plugin::ratelimit_filter(&config)).await.unwrap();
        for _ in 0..8 {
            let answer = send(mesh.address(), &user("ann")).await;
            assert_eq!(answer.status, 429, "after change {number}: {answer:?}");
        }
    }
    assert_eq!(passed(mesh.address(), &user("bob"), 6).await, 2, "what was left is left");
    assert_eq!(passed(mesh.address(), &user("cid"), 6).await, 3);
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.fine > 5, "{}: {:?}", tally.fine, tally.failures.first());
}

#[tokio::test]
async fn a_bucket_that_is_made_smaller_has_no_more_than_one_for_who_has_used_it_up() {
    let _machine = MACHINE.read().await;
    let mut mesh = mesh_of(1, &plugin::ratelimit_filter(LIMITS)).await;
    assert_eq!(passed(mesh.address(), &user("ann"), 6).await, 3);
    let smaller = LIMITS.replace("requests: 60, unit: hour, burst: 3", "requests: 120, unit: hour, burst: 4");
    mesh.apply(&plugin::ratelimit_filter(&smaller)).await.unwrap();
    let passes = passed(mesh.address(), &user("ann"), 9).await;
    assert!(passes <= 1, "{passes} of nine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_under_load_is_kept_through_swaps() {
    let _machine = MACHINE.write().await;
    let module = Module::new();
    let limits = |burst: u8| {
        format!(
            "limits: [{{name: r, key: [{{header: x-user}}], rate: {{requests: 20, unit: second, burst: {burst}}}}}]"
        )
    };
    let mut mesh = module.mesh(2, &limits(20)).await;
    let began = std::time::Instant::now();
    let request = user("ann");
    let load = Load::start(mesh.address(), &request, 4, |response| matches!(response.status, 200 | 429));
    for number in 1..=4 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        module.write(if number % 2 == 0 { number } else { number - 1 });
        mesh.apply(&plugin::ratelimit_filter(&limits(20 + number % 2))).await.unwrap();
    }
    let tally = load.stop().await;
    let time = began.elapsed().as_secs_f64();
    assert!(tally.failures.is_empty() && tally.fine > 5, "{}: {:?}", tally.fine, tally.failures.first());
    let admitted = mesh.arrived().len() as f64;
    println!("{admitted} in {time:.1} s");
    assert!(admitted <= 21.0 + 20.0 * time + 1.0, "{admitted} in {time} s");
    assert!(admitted >= 20.0 + 20.0 * time * 0.8, "{admitted} in {time} s");
}

#[tokio::test]
async fn requests_that_are_under_way_are_counted_through_swaps_and_give_their_places_back() {
    let _machine = MACHINE.read().await;
    let module = Module::new();
    let mut mesh = module.mesh(1, LIMITS).await;
    let (first, second) = (hold(mesh.address(), "ann").await, hold(mesh.address(), "ann").await);
    let other = Request::get("/held").header("x-user", "ann");
    assert_eq!(send(mesh.address(), &other).await.status, 429);
    let manifest = |config: &str| plugin::ratelimit_filter(config);
    mesh.apply(&manifest(&LIMITS.replace("burst: 3", "burst: 4"))).await.unwrap();
    assert_eq!(send(mesh.address(), &other).await.status, 429, "after another configuration");
    module.write(1);
    mesh.apply(&manifest(LIMITS)).await.unwrap();
    // Longer than it takes to find out that a worker is dead: this one is not.
    for second in 0..6 {
        assert_eq!(send(mesh.address(), &other).await.status, 429, "{second} s after another module");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(release(first).await, 200);
    until(mesh.address(), "a place", &other, 200).await;
    let third = hold(mesh.address(), "ann").await;
    assert_eq!(send(mesh.address(), &other).await.status, 429);
    assert_eq!((release(second).await, release(third).await), (200, 200));
}
