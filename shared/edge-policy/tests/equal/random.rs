//! Requests that nobody has thought of.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::configs::ALL;
use crate::world::{Sent, both, token};

fn path() -> impl Strategy<Value = String> {
    let start =
        select(vec!["/", "/api/x", "/admin", "/old", "/healthz", "/x", "/api/%2e%2e", "*", "/api;a/b"]);
    let query = select(vec!["", "?a=1", "?api_key=hunter2&b", "?api_key=no&api_key=hunter2"]);
    (start, query).prop_map(|(start, query)| format!("{start}{query}"))
}

fn credential() -> impl Strategy<Value = String> {
    let subject = select(vec![
        r#""sub":"ann""#,
        r#""sub":"bob","realm":{"roles":["admin","x"]}"#,
        r#""nbf":9999999990"#,
    ]);
    prop_oneof![
        subject.prop_map(|claims| format!("Bearer {}", token(claims))),
        select(vec!["Bearer good-1", "Bearer bad", "bearer  x", "Basic eDp5", ""]).prop_map(str::to_owned),
    ]
}

fn header() -> impl Strategy<Value = (&'static str, String)> {
    let plain = select(vec![
        "x-user",
        "x-tenant",
        "x-old",
        "x-internal-a",
        "x-tollgate-identity",
        "x_jwt_sub",
        "x-jwt-sub",
        "x-client-id",
        "x-fake",
        "x-quota",
        "x-auth-shadow",
        "x-limit-shadow",
        "x-request-id",
        "origin",
        "x-via",
        "content-type",
        "x-csp-nonce",
    ]);
    prop_oneof![
        3 => (plain, "[a-c]{0,2}"),
        2 => (select(vec!["authorization", "x-token"]), credential()),
        1 => (Just("x-api-key"), select(vec!["hunter2", "beta-key", "no"]).prop_map(str::to_owned)),
        1 => (Just("cookie"), select(vec!["key=beta-key", "a=b; key=hunter2", "session=x"]).prop_map(str::to_owned)),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let method = select(vec!["GET", "GET", "POST", "OPTIONS", "DELETE"]);
    let response = select(vec![
        vec![],
        vec![("content-type", "text/html"), ("set-cookie", "a=b")],
        vec![(":status", "404"), ("x-powered-by", "PHP"), ("ratelimit", "own"), ("x-request-id", "own")],
    ]);
    let pause = select(vec![0, 0, 0, 1, 30]).prop_map(Duration::from_secs);
    (method, path(), vec(header(), 0..7), response, pause, any::<bool>(), 0..8_u8).prop_map(
        |(method, path, others, response, pause, over, dead)| {
            let mut headers = vec![
                (":method", method.to_owned()),
                (":path", path),
                (":authority", "shop.example.com".to_owned()),
            ];
            headers.extend(others);
            Sent { headers, response, pause, over, dead: dead == 0 }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_come_to_the_same_in_one_module(number in 0..ALL.len(), requests in vec(sent(), 1..12)) {
        let ((chained, _), (fused, _)) = both(ALL[number], &requests);
        prop_assert_eq!(fused, chained);
    }
}
