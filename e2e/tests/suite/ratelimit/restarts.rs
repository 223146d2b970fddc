//! Redis, in which the service counts, is restarted under load: it forgets, and nobody is refused or let in for long.

use std::time::{Duration, Instant};

use e2e::load::Load;
use e2e::{Mesh, Request, Response};

use super::world::{asking, global, limit, mesh_of, passed, send, service, user};
use crate::support::{MACHINE, PATIENCE};

/// As long as a denial may be remembered, and a bit.
const FORGOTTEN: Duration = Duration::from_secs(12);

fn fine(response: &Response) -> bool {
    response.status == 200
}

fn never_over(response: &Response) -> bool {
    matches!(response.status, 200 | 503)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_of_redis_nobody_is_refused_for_long_and_nobody_is_let_in_for_long() {
    let _machine = MACHINE.read().await;
    // An hour: far longer than anyone may be refused for what Redis has forgotten.
    let mut service = service(5, 3600).await;
    let plenty = "- namespace: tollgate\n  name: load\n  max_value: 1000000\n  seconds: 3600\n  \
                  conditions: [\"size(descriptors) > 0 && descriptors[0]['header.x-user'] == 'load'\"]\n  variables: []\n";
    let others =
        limit(5, 3600).replace("== 'checkout'", "== 'checkout' && descriptors[0]['header.x-user'] != 'load'");
    service.configure(&format!("{plenty}{others}")).await.unwrap();
    let lax = mesh_of(2, &asking(&global("allow", "300ms"), service.address())).await;
    let strict = mesh_of(2, &asking(&global("deny", "300ms"), service.address())).await;
    for (mesh, name) in [(&lax, "ann"), (&strict, "bob")] {
        assert_eq!(passed(mesh.address(), &user(name), 12).await, 5, "{name}");
    }
    let request: Request = user("load");
    let of_lax = Load::start(lax.address(), &request, 2, fine);
    let of_strict = Load::start(strict.address(), &request, 2, never_over);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    service.redis().stop().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(send(lax.address(), &user("cid")).await.status, 200);
    assert_eq!(send(strict.address(), &user("cid")).await.status, 503);
    service.redis().start_again().await.unwrap();
    for (mesh, name) in [(&lax, "ann"), (&strict, "bob")] {
        let let_in = async || (send(mesh.address(), &user(name)).await.status == 200).then_some(());
        e2e::eventually(&format!("{name} is let in again"), PATIENCE, let_in).await.unwrap();
        assert!(began.elapsed() < FORGOTTEN, "{name} after {:?}", began.elapsed());
    }
    let (of_lax, of_strict) = (of_lax.stop().await, of_strict.stop().await);
    for (what, tally) in [("allow", &of_lax), ("deny", &of_strict)] {
        assert!(
            tally.failures.is_empty() && tally.fine > 5,
            "{what}: {} {:?}",
            tally.fine,
            tally.failures.first()
        );
    }
    // What counts counts again: the quota holds as before.
    for (mesh, name) in [(&lax, "dan"), (&strict, "dora")] {
        assert_eq!(passed(mesh.address(), &user(name), 12).await, 5, "{name}");
    }
}
