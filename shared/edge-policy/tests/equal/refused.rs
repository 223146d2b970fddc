//! A configuration that is refused, and where.

use edge_policy::EdgePlugin;
use policy_core::Plugin as _;

use crate::configs::{AUTH, HEADERS, LIMITS};
use crate::world::{Parts, edge};

fn refusal(json: &str) -> String {
    EdgePlugin::from_json(json.as_bytes(), &|_| None)
        .err()
        .map_or("taken".to_owned(), |error| error.to_string())
}

#[test]
fn a_mistake_is_named_with_the_part_it_is_in() {
    for (config, expected) in [
        ("", "config: without a part everything passes; give headers, auth, rateLimit, or several of them"),
        ("{}", "config: without a part everything passes; give headers, auth, rateLimit, or several of them"),
        (
            r#"{"ratelimit":{}}"#,
            r#"ratelimit: unknown field "ratelimit", did you mean "rateLimit"? (allowed: headers, auth, rateLimit)"#,
        ),
        (
            r#"{"auth":{"rules":[{"publik":true}]}}"#,
            r#"auth.rules[0].publik: unknown field "publik", did you mean "public"?"#,
        ),
        (r#"{"headers":{"rules":[{"name":"a"}]}}"#, "headers.rules[0]: the rule is empty"),
        (r#"{"headers":{},"auth":{}}"#, "auth.rules: without rules everything is refused"),
        (r#"{"headers":{},"rateLimit":{"limits":[]}}"#, "rateLimit.limits: there are 1 to 64 limits"),
        (r#"{"rateLimit":{}}"#, r#"rateLimit: "limits" is missing"#),
    ] {
        let refusal = refusal(config);
        assert!(refusal.starts_with(expected), "{config}: {refusal}");
    }
}

#[test]
fn any_of_the_parts_may_be_left_out() {
    for present in 1..8_u8 {
        let of = |bit: u8, config| if present & bit == 0 { "" } else { config };
        let parts = Parts { headers: of(1, HEADERS), auth: of(2, AUTH), rate_limit: of(4, LIMITS) };
        assert_eq!(refusal(&edge(parts)), "taken", "{present}");
    }
}
