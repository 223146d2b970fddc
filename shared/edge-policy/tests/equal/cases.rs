//! Requests of each kind, under each configuration.

use std::time::Duration;

use crate::configs::ALL;
use crate::world::{Sent, assert_equal, both, get, token};

fn bearer(claims: &str) -> Sent {
    get("/api/orders", &[("authorization", &format!("Bearer {}", token(claims)))])
}

/// What each of them is about stands before it.
#[allow(clippy::too_many_lines, reason = "a table")]
fn requests() -> Vec<(&'static str, Sent)> {
    let ann = r#""sub":"ann","realm":{"roles":["admin"]}"#;
    let key = ("x-api-key", "hunter2");
    let html = Sent {
        response: vec![("content-type", "text/html"), ("set-cookie", "a=b"), ("x-powered-by", "PHP")],
        ..get("/api/x?a=1", &[("x-internal-user", "root"), ("x-old", "1")])
    };
    let quota = ("x-quota", "1");
    vec![
        ("no credential", get("/api", &[])),
        ("an answer to be shaped", html),
        ("a new token", bearer(ann)),
        ("a seen token", bearer(ann)),
        ("a token of nobody", bearer(r#""x":1"#)),
        ("a bad token", get("/api", &[("authorization", "Bearer no.no.no")])),
        ("a token that the header part moves", get("/", &[("x-token", &format!("Bearer {}", token(ann)))])),
        ("a token in a query", get(&format!("/x?b=1&access_token={}", token(ann)), &[])),
        ("a role", get("/admin/x", &[("authorization", &format!("Bearer {}", token(ann)))])),
        ("no role", get("/admin/x", &[key])),
        ("a path that is moved to one that is guarded", get("/old", &[])),
        ("a key", get("/x", &[key, ("x-client-id", "spoofed"), ("x-user", "u")])),
        (
            "a key in a cookie, limited by its tier",
            get("/x", &[("cookie", "a=b; key=beta-key"), ("x-user", "u")]),
        ),
        ("the same", get("/x", &[("cookie", "a=b; key=beta-key"), ("x-user", "u")])),
        ("the same", get("/x", &[("cookie", "a=b; key=beta-key")])),
        ("over the limit", get("/x", &[("cookie", "a=b; key=beta-key"), ("accept", "text/html")])),
        ("later", Sent { pause: Duration::from_secs(30), ..get("/x", &[("cookie", "key=beta-key")]) }),
        ("two keys that differ", get("/x", &[key, ("x-api-key", "beta-key")])),
        ("an opaque token, asked about", get("/x", &[("authorization", "Bearer good-1")])),
        ("known by now", get("/x", &[("authorization", "Bearer good-1")])),
        ("an opaque token that is refused", get("/api", &[("authorization", "Bearer other")])),
        ("the provider is dead", Sent { dead: true, ..get("/x", &[("authorization", "Bearer good-2")]) }),
        ("the service is asked", get("/x", &[key, quota])),
        ("asked about one that waited", get("/x", &[("authorization", "Bearer good-3"), quota])),
        (
            "the service refuses",
            Sent {
                over: true,
                pause: Duration::from_secs(30),
                ..get("/x", &[("authorization", "Bearer good-4"), quota])
            },
        ),
        ("the service is dead", Sent { dead: true, ..get("/x", &[key, quota]) }),
        ("a tenant of the header part", get("/api", &[("x-tenant", "t")])),
        ("a forged identity", get("/api", &[("x-fake", r#"{"id":"root"}"#), ("x-tenant", "t")])),
        ("the tenant's last", get("/api", &[("x-tenant", "t")])),
        ("a public route", get("/healthz", &[("x-tollgate-identity", "root"), ("x_jwt_sub", "root")])),
        ("no rule", get("/x", &[(":method", "DELETE")])),
        (
            "a preflight",
            get(
                "/x",
                &[(":method", "OPTIONS"), ("origin", "https://a"), ("access-control-request-method", "GET")],
            ),
        ),
        ("an ambiguous path", get("/api/%2e%2e/x", &[])),
        ("gRPC", get("/admin", &[("content-type", "application/grpc"), (":method", "POST")])),
        (
            "no request id",
            Sent {
                headers: vec![(":path", "/".to_owned()), (":method", "GET".to_owned())],
                ..Sent::default()
            },
        ),
    ]
}

#[test]
fn requests_of_each_kind_come_to_the_same_in_one_module() {
    let (names, requests): (Vec<_>, Vec<_>) = requests().into_iter().unzip();
    for (number, parts) in ALL.into_iter().enumerate() {
        let ((chained, _), (fused, _)) = both(parts, &requests);
        for ((name, one), other) in names.iter().zip(&fused.came).zip(&chained.came) {
            assert_eq!(one, other, "{name}, configuration {number}: first fused, then chained");
        }
        let list =
            |map: &std::collections::BTreeMap<String, i64>| map.clone().into_iter().collect::<Vec<_>>();
        assert_equal(
            &format!("counters, configuration {number}"),
            &list(&fused.counters),
            &list(&chained.counters),
        );
        assert_equal(&format!("the store, configuration {number}"), &fused.stored, &chained.stored);
        assert_equal(&format!("what was asked, configuration {number}"), &fused.asked, &chained.asked);
    }
}

/// The cases would be equal if nothing happened in any of them.
#[test]
fn the_cases_meet_what_they_are_about() {
    let (names, requests): (Vec<_>, Vec<_>) = requests().into_iter().unzip();
    let (_, (fused, _)) = both(ALL[0], &requests);
    let details = |name: &str| {
        let place = names.iter().position(|known| *known == name).unwrap();
        fused.came[place]
            .reply
            .as_ref()
            .map_or("passed".to_owned(), |told| format!("{} {}", told.status, told.details))
    };
    for (name, expected) in [
        ("no credential", "passed"),
        ("a new token", "passed"),
        ("a bad token", "401 tollgate.auth.inactive_token"),
        ("no role", "403 tollgate.auth.claim_not_allowed"),
        ("over the limit", "429 tollgate.ratelimit.quota_exceeded.per-tenant"),
        ("later", "passed"),
        ("an opaque token, asked about", "passed"),
        ("the provider is dead", "503 tollgate.auth.no_introspection"),
        ("asked about one that waited", "passed"),
        ("the service refuses", "429 tollgate.ratelimit.quota_exceeded.shared-quota"),
        ("an ambiguous path", "400 tollgate.header.ambiguous_path"),
        ("no rule", "403 tollgate.auth.no_rule"),
    ] {
        assert_eq!(details(name), expected, "{name}");
    }
    let clusters: Vec<&str> = fused.asked.iter().map(|(cluster, ..)| cluster.as_str()).collect();
    assert!(
        clusters.contains(&"outbound|8081||limits") && clusters.contains(&"outbound|443||idp.example.com")
    );
}
