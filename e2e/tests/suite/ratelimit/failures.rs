//! The service fails in every way: the failure mode decides, at once, and not for longer than the failure lasts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use e2e::{Fault, Limitador, LocalEnvoy, Mesh, Request, TcpFaults};

use super::world::{asking, global, mesh_of, passed, problem, send, service, statuses, until, user};
use crate::support::{MACHINE, PATIENCE, canary};

const TIMEOUT: Duration = Duration::from_millis(300);

/// Two proxies that ask at the same address: one lets pass what cannot be decided, the other does not.
struct Pair {
    lax: LocalEnvoy,
    strict: LocalEnvoy,
}

impl Pair {
    async fn asking(address: SocketAddr) -> Self {
        let mesh = async |mode| mesh_of(1, &asking(&global(mode, "300ms"), address)).await;
        Self { lax: mesh("allow").await, strict: mesh("deny").await }
    }

    /// Nothing comes of the service: both must say so at once, and neither with 429.
    async fn fail(&self, how: &str) {
        for _ in 0..2 {
            let began = Instant::now();
            let eve = user("eve");
            let (lax, strict) =
                tokio::join!(send(self.lax.address(), &eve), send(self.strict.address(), &eve));
            assert_eq!((lax.status, strict.status), (200, 503), "{how}: {lax:?} {strict:?}");
            assert_eq!(strict.headers.get("retry-after").as_deref(), Some("1"), "{how}: {strict:?}");
            assert_eq!(problem(&strict)["reason"], "unavailable", "{how}");
            assert!(began.elapsed() < TIMEOUT + Duration::from_secs(3), "{how}: {:?}", began.elapsed());
        }
    }

    /// The service counts again, on both sides.
    async fn recover(&self, service: &Limitador, name: &str) {
        for mesh in [&self.lax, &self.strict] {
            let counted = async || {
                let before = service.calls().len();
                let status = send(mesh.address(), &user("again")).await.status;
                (status == 200 && service.calls().len() > before).then_some(())
            };
            e2e::eventually(&format!("counting again after {name}"), PATIENCE, counted).await.unwrap();
        }
        let first = passed(self.lax.address(), &user(name), 2).await;
        assert_eq!(first + passed(self.strict.address(), &user(name), 4).await, 3, "after {name}");
    }
}

#[tokio::test]
async fn a_service_that_is_stopped_or_cut_off_or_speaks_nonsense_is_a_failure_and_then_one_no_more() {
    let _machine = MACHINE.read().await;
    let mut service = service(3, 600).await;
    service.configure(&unlimited_for("again")).await.unwrap();
    let faults = TcpFaults::start(service.address()).unwrap();
    let pair = Pair::asking(faults.address()).await;
    pair.recover(&service, "the start").await;
    for (fault, name) in [
        (Fault::Refuse, "refusals"),
        (Fault::Garbage(1), "a byte"),
        (Fault::Garbage(4096), "garbage"),
        (Fault::Reset(0), "resets"),
        (Fault::Reset(80), "cut answers"),
        (Fault::Hang, "silence"),
    ] {
        faults.set(fault);
        pair.fail(name).await;
        faults.set(Fault::Pass);
        pair.recover(&service, name).await;
    }
    service.stop().await;
    pair.fail("a stopped service").await;
    service.start_again().await.unwrap();
    pair.recover(&service, "a stop").await;
    let logged = async || {
        let log = std::fs::read_to_string(pair.strict.proxy().run_dir().access_log()).unwrap_or_default();
        log.contains("tollgate.ratelimit.unavailable.shared").then_some(())
    };
    e2e::eventually("the details of a failure", PATIENCE, logged).await.unwrap();
    canary(&pair.strict, "all failures").await;
}

/// The limit of the service with one user that has as many as it likes.
fn unlimited_for(name: &str) -> String {
    super::world::limit(3, 600)
        .replace("== 'checkout'", &format!("== 'checkout' && descriptors[0]['header.x-user'] != '{name}'"))
}

#[tokio::test]
async fn a_slow_service_is_waited_for_until_the_timeout_and_no_longer() {
    let _machine = MACHINE.write().await;
    let service = service(1000, 600).await;
    let pair = Pair::asking(service.address()).await;
    service.delay(Duration::from_millis(120)).unwrap();
    for mesh in [&pair.lax, &pair.strict] {
        // The first call of a proxy has to connect.
        let _ = send(mesh.address(), &user("ann")).await;
        let began = Instant::now();
        assert_eq!(send(mesh.address(), &user("ann")).await.status, 200);
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(120) && took < TIMEOUT, "{took:?}");
    }
    service.delay(Duration::from_millis(600)).unwrap();
    pair.fail("a slow service").await;
    // Who does not ask does not wait.
    let began = Instant::now();
    assert_eq!(send(pair.strict.address(), &Request::get("/")).await.status, 200);
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
    service.delay(Duration::ZERO).unwrap();
    until(pair.strict.address(), "an answer in time", &user("ann"), 200).await;
    assert_eq!(statuses(pair.strict.address(), &user("ann"), 10).await, [200; 10]);
}

#[tokio::test]
async fn a_client_that_goes_away_while_the_service_is_asked_harms_nobody() {
    let _machine = MACHINE.read().await;
    let service = service(1000, 600).await;
    let mesh = mesh_of(1, &asking(&global("deny", "300ms"), service.address())).await;
    service.delay(Duration::from_millis(150)).unwrap();
    for round in 0..20 {
        let mut gone = e2e::raw::RawClient::connect(mesh.address()).await.unwrap();
        gone.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-user: gone\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(round * 4)).await;
        drop(gone);
    }
    assert_eq!(send(mesh.address(), &user("ann")).await.status, 200);
    service.delay(Duration::ZERO).unwrap();
    assert_eq!(statuses(mesh.address(), &user("ann"), 20).await, [200; 20]);
    canary(&mesh, "clients that went away").await;
}
