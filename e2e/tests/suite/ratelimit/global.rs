//! A quota that a service counts, for several proxies together.

use e2e::{Limitador, Mesh, Request};

use super::world::{asking, global, limit, mesh_of, passed, refused, send, service, statuses, user};
use crate::support::{MACHINE, canary};

fn entries(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn two_proxies_share_one_quota_and_ask_no_more_once_it_is_used_up() {
    let _machine = MACHINE.read().await;
    let service = service(6, 60).await;
    let manifests = asking(&global("deny", "2s"), service.address());
    let (one, two) = (mesh_of(1, &manifests).await, mesh_of(1, &manifests).await);
    let mut passes = 0;
    for _ in 0..6 {
        passes += passed(one.address(), &user("ann"), 1).await + passed(two.address(), &user("ann"), 1).await;
    }
    assert_eq!(passes, 6);
    let calls = service.calls();
    assert!(calls.len() <= 8, "{} calls: each proxy may hear of a denial once", calls.len());
    assert_eq!((calls[0].domain.as_str(), calls[0].hits), ("tollgate", 0));
    assert_eq!(calls[0].descriptors, [entries(&[("header.x-user", "ann"), ("value", "checkout")])]);
    for mesh in [&one, &two] {
        assert_eq!(statuses(mesh.address(), &user("ann"), 30).await, [429; 30]);
        assert_eq!(passed(mesh.address(), &user("bob"), 2).await, 2);
    }
    assert_eq!(service.calls().len(), calls.len() + 4, "denials are remembered");
    let denied = send(one.address(), &user("ann")).await;
    let (policies, wait) = refused(&denied);
    assert_eq!(policies, ["shared"]);
    assert!((1..=60).contains(&wait), "{denied:?}");
    canary(&one, "denials").await;
}

#[tokio::test]
async fn the_services_own_headers_reach_the_client_on_both_answers() {
    let _machine = MACHINE.read().await;
    let service = service(2, 60).await;
    let mesh = mesh_of(1, &asking(&global("deny", "2s"), service.address())).await;
    for (status, left) in [(200, "1"), (200, "0"), (429, "0")] {
        let answer = send(mesh.address(), &user("ann")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let limit = answer.headers.get("x-ratelimit-limit");
        assert_eq!(limit.as_deref(), Some("2, 2;w=60;name=\"shared\""), "{answer:?}");
        assert_eq!(answer.headers.get("x-ratelimit-remaining").as_deref(), Some(left), "{answer:?}");
    }
    let wait = refused(&send(mesh.address(), &user("ann")).await).1;
    assert!((50..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn any_bytes_can_be_a_key_and_each_is_one_of_its_own() {
    let _machine = MACHINE.read().await;
    let service = service(1, 60).await;
    let mesh = mesh_of(1, &asking(&global("deny", "2s"), service.address())).await;
    let keys: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "%FF%FE"),
        (b"\xff", "%FF"),
        (b"%FF", "%25FF"),
        ("n\u{e4}h".as_bytes(), "n\u{e4}h"),
        (b"a,b\t\"'", "a,b%09\"'"),
    ];
    for (key, text) in keys {
        let request = Request::get("/").header("x-user", key);
        assert_eq!(statuses(mesh.address(), &request, 2).await, [200, 429], "{text}");
        let call = service.calls().pop().unwrap();
        assert_eq!(call.descriptors, [entries(&[("header.x-user", text), ("value", "checkout")])]);
    }
    let long = Request::get("/").header("x-user", vec![b'x'; 20_000]);
    assert_eq!(statuses(mesh.address(), &long, 2).await, [200, 429]);
    let longer = Request::get("/").header("x-user", vec![b'y'; 20_000]);
    let status = send(mesh.address(), &longer).await.status;
    assert!(matches!(status, 200 | 429), "{status}");
    canary(&mesh, "odd keys").await;
}

#[tokio::test]
async fn each_limit_has_its_place_in_a_call_and_who_meets_none_asks_nobody() {
    let _machine = MACHINE.read().await;
    let limits = format!(
        "{}- namespace: tollgate\n  name: by-app\n  max_value: 2\n  seconds: 60\n  \
         conditions: [\"size(descriptors) > 1\"]\n  variables: [\"descriptors[1]['header.x-app']\"]\n",
        limit(5, 60)
    );
    let service = Limitador::start(&limits).await.unwrap();
    let more = "}, {name: by-app, scope: global, key: [{header: x-app}]}, \
                {name: own, key: [{header: x-user}], rate: {requests: 60, unit: hour, burst: 4}}]";
    let config = global("deny", "2s").replacen("}]\n", &format!("{more}\n"), 1);
    let mesh = mesh_of(1, &asking(&config, service.address())).await;
    let app = |app: &str| Request::get("/").header("x-app", app);
    assert_eq!(statuses(mesh.address(), &Request::get("/"), 5).await, [200; 5]);
    assert_eq!(service.calls(), []);
    assert_eq!(passed(mesh.address(), &app("web"), 3).await, 2);
    let call = service.calls().pop().unwrap();
    assert_eq!(call.descriptors, [entries(&[("none", "none")]), entries(&[("header.x-app", "web")])]);
    assert_eq!(passed(mesh.address(), &app("shop").header("x-user", "ann"), 3).await, 2);
    let call = service.calls().pop().unwrap();
    let both =
        [entries(&[("header.x-user", "ann"), ("value", "checkout")]), entries(&[("header.x-app", "shop")])];
    assert_eq!(call.descriptors, both);
    // The proxy's own limit comes first: what it refuses is not asked for.
    let before = service.calls().len();
    assert_eq!(passed(mesh.address(), &user("cid"), 9).await, 4);
    assert_eq!(service.calls().len(), before + 4);
}

#[tokio::test]
async fn a_shadowed_quota_is_counted_and_refuses_nobody() {
    let _machine = MACHINE.read().await;
    let service = service(2, 60).await;
    let config = global("deny", "2s").replace("scope: global,", "scope: global, enforcement: shadow,");
    let mesh =
        mesh_of(1, &asking(&format!("{config}shadow: {{header: x-would-be}}\n"), service.address())).await;
    assert_eq!(statuses(mesh.address(), &user("ann"), 5).await, [200; 5]);
    let told: Vec<bool> = mesh
        .arrived()
        .into_iter()
        .map(|arrived| {
            e2e::Fields(arrived.headers)
                .get("x-would-be")
                .is_some_and(|header| header.contains("shared=deny"))
        })
        .collect();
    assert_eq!(told, [false, false, true, true, true]);
    drop(service);
    assert_eq!(statuses(mesh.address(), &user("bob"), 3).await, [200; 3], "no service, no refusal");
}
