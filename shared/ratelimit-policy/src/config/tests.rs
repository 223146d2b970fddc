//! Configurations in, limits or the reason why not out.

use policy_core::route::Target;
use policy_core::table::{Still, Table};
use policy_core::{Attribute, Exchange};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts;
use crate::limit::{Choice, Weight};

/// That of the issue, as JSON.
const ISSUE: &str = r#"{
    "limits": [
        {"name": "per-client", "match": {"paths": [{"prefix": "/api"}]}, "key": [{"clientIp": {"ipv6PrefixLength": 64}}],
         "rate": {"requests": 100, "unit": "second", "burst": 20}},
        {"name": "per-tenant", "key": [{"identity": "id"}],
         "tiers": {"by": {"identity": "labels.tier"},
                   "values": {"gold": {"requests": 1000, "unit": "second"}, "silver": {"requests": 300, "unit": "second"}},
                   "default": {"requests": 50, "unit": "second"}}},
        {"name": "experiment", "key": [{"header": "x-user"}],
         "variants": [{"name": "a", "weight": 70, "rate": {"requests": 100, "unit": "second"}},
                      {"name": "b", "weight": 30, "rate": {"requests": 150, "unit": "second"}}],
         "enforcement": "shadow"},
        {"name": "in-flight", "key": [{"header": "x-api-key"}], "concurrency": 10},
        {"name": "shared-quota", "scope": "global", "key": [{"identity": "id"}, {"value": "checkout"}]}
    ],
    "clientIp": {"trustedHops": 0},
    "global": {"cluster": "outbound|8081||limitador.limits.svc.cluster.local", "domain": "tollgate", "timeout": "50ms", "failureMode": "allow"},
    "responseHeaders": "ietf",
    "denial": {"status": 429},
    "maxKeys": 65536
}"#;

fn compiled(json: &str) -> Result<Compiled, ConfigError> {
    policy_core::config::parse(json.as_bytes()).and_then(|config| compile(config, &|_| None))
}

fn refusal(json: &str) -> String {
    match compiled(json) {
        Ok(_) => panic!("not refused: {json}"),
        Err(error) => error.to_string(),
    }
}

/// The weights of all limits for a request.
fn weights(compiled: &Compiled, path: &str) -> Vec<Option<Weight>> {
    let table = Table::of(&[(":path", path)]).with(Attribute::SourceAddress, "10.0.0.1:80");
    let exchange = Exchange::new(&table);
    let target = Target::new(&exchange.headers);
    compiled.limits.iter().map(|limit| limit.weight(&target, &exchange, &Still::default())).collect()
}

#[test]
fn the_configuration_of_the_issue_is_taken_as_it_is() {
    let compiled = compiled(ISSUE).unwrap();
    let kinds: Vec<_> = compiled
        .limits
        .iter()
        .map(|limit| match &limit.kind {
            Kind::Local(Choice::Only) => format!("rate {:?}", limit.budgets),
            Kind::Local(Choice::Tiers(_)) => format!("tiers {}", limit.budgets.len()),
            Kind::Local(Choice::Variants(_)) => format!("variants {}", limit.budgets.len()),
            Kind::Concurrency(most) => format!("at once {most}"),
            Kind::Block => "block".to_owned(),
            Kind::Global => format!("global {}", limit.budgets.len()),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "rate [Windows([Rate { requests: 100, unit: Second, burst: 20 }])]",
            "tiers 3",
            "variants 2",
            "at once 10",
            "global 0"
        ]
    );
    assert!(compiled.limits.iter().all(|limit| limit.max_keys.get() == 65_536));
    let global = compiled.global.unwrap();
    assert_eq!(
        (global.cluster.as_str(), global.failure_mode),
        ("outbound|8081||limitador.limits.svc.cluster.local", FailureMode::Allow)
    );
    for name in ["per-client", "in-flight", "shared-quota"] {
        let counter = format!("wasm_filter.ratelimit.tag.denied;.component.{name}.tollgate_requests");
        assert!(compiled.counters.names().contains(&counter), "{name}");
    }
}

#[test]
fn a_limit_concerns_what_matches_and_what_might() {
    let issue = compiled(ISSUE).unwrap();
    let (enforced, reported) = (Some(Weight::Enforced), Some(Weight::Reported));
    for (path, of_client) in [("/api/x", enforced), ("/other", None), ("/other/../api", enforced)] {
        assert_eq!(weights(&issue, path), [of_client, enforced, reported, enforced, enforced], "{path}");
    }
    let limits = |fields: &str| format!(r#"{{"limits":[{{"name":"a","block":true,{fields}}}]}}"#);
    for (fields, expected) in [
        (r#""enforcement":"off""#, None),
        (r#""enforcement":"shadow""#, reported),
        (r#""percent":100"#, enforced),
        (r#""percent":0.000001"#, reported),
    ] {
        assert_eq!(weights(&compiled(&limits(fields)).unwrap(), "/"), [expected], "{fields}");
    }
}

#[test]
fn a_request_has_the_budget_of_its_tier_or_variant() {
    let compiled = compiled(ISSUE).unwrap();
    let mut table = Table::of(&[("x-user", "ann")]);
    table
        .filter_state
        .push(("wasm.tollgate.identity".to_owned(), br#"{"id":"a","labels":{"tier":"gold"}}"#.to_vec()));
    let most: Vec<_> = facts::of_table(&table, |facts| {
        let most =
            |limit: &Limit| limit.budgets.get(limit.budget(facts).unwrap()).map(crate::rate::Budget::most);
        compiled.limits.iter().map(most).collect()
    });
    assert!(matches!(most[..], [Some(20), Some(1000), Some(100 | 150), None, None]), "{most:?}");
}

#[test]
fn room_for_keys_is_a_power_of_two() {
    for (given, expected) in [(8, 8), (9, 16), (1000, 1024), (65_536, 65_536), (1_048_576, 1_048_576)] {
        assert_eq!(MaxKeys::try_from(given).map(MaxKeys::get), Ok(expected));
    }
    for bad in [0, 7, 1_048_577, u64::MAX] {
        assert!(MaxKeys::try_from(bad).is_err());
    }
    let json =
        r#"{"maxKeys":16,"limits":[{"name":"a","block":true},{"name":"b","block":true,"maxKeys":100}]}"#;
    let keys: Vec<_> = compiled(json).unwrap().limits.iter().map(|limit| limit.max_keys.get()).collect();
    assert_eq!(keys, [16, 128]);
}

#[test]
fn each_mistake_in_a_limit_is_named() {
    let rate = r#""rate":{"requests":1,"unit":"second"}"#;
    for (limit, expected) in [
        (
            r#""match":{}"#.to_owned(),
            "limits[0]: give exactly one of rate, rates, tiers, variants, concurrency and block",
        ),
        (format!(r#"{rate},"concurrency":1"#), "limits[0]: give exactly one of"),
        (format!(r#"{rate},"block":true"#), "limits[0]: give exactly one of"),
        (format!(r#"{rate},"rates":[]"#), "limits[0]: give exactly one of"),
        (r#""concurrency":0"#.to_owned(), "limits[0].concurrency: 0 is no limit; write block: true"),
        (r#""concurrency":70000"#.to_owned(), "limits[0].concurrency: there are at most 65535"),
        (
            r#""rate":{"requests":0,"unit":"second"}"#.to_owned(),
            "limits[0].rate.requests: 0 requests are no rate; write block",
        ),
        (r#""block":true,"cost":2"#.to_owned(), "limits[0].cost: a cost goes with rates only"),
        (format!(r#"{rate},"cost":2"#), "limits[0].cost: a request that costs more than 1 could never pass"),
        (
            format!(r#"{rate},"cost":{{"header":"a","max":2}}"#),
            "limits[0].cost.max: a request that costs more",
        ),
        (format!(r#"{rate},"required":true"#), "limits[0].required: there is no key here"),
        (format!(r#"{rate},"maxKeys":4"#), "limits[0].maxKeys: a table has room for 8 to 1048576"),
        (format!(r#"{rate},"percentBy":"x""#), "limits[0].percentBy: this is the same for every request"),
        (format!(r#"{rate},"keys":[]"#), "limits[0].keys: unknown field \"keys\", did you mean \"key\"?"),
        (format!(r#"{rate},"scope":"cluster""#), "limits[0].scope: unknown value \"cluster\""),
        (
            format!(r#"{rate},"key":[{{"header":"a"}},{{"header":"A"}}]"#),
            "limits[0].key[1]: header.a is in this key already",
        ),
        (
            r#""variants":[{"name":"a","weight":1,"block":true},{"name":"b","weight":1,"block":true}]"#
                .to_owned(),
            "limits[0].key: a variant is chosen by the key",
        ),
        (
            r#""tiers":{"by":"method","values":{"a":{"requests":1}},"default":{"block":true}}"#.to_owned(),
            "limits[0].tiers.values.a: a rate is",
        ),
    ] {
        let message = refusal(&format!(r#"{{"limits":[{{"name":"a",{limit}}}]}}"#));
        assert!(message.starts_with(expected), "{limit}: {message}");
    }
}

#[test]
fn each_mistake_in_a_global_limit_is_named() {
    let global = r#""scope":"global","key":[{"value":"x"}]"#;
    let second = r#"{"name":"b","scope":"global","key":[{"value":"x"}]}"#;
    for (limits, expected) in [
        (r#"{"name":"a","scope":"global"}"#.to_owned(), "limits[0].key: the service tells limits apart"),
        (format!(r#"{{"name":"a",{global},"concurrency":1}}"#), "limits[0].concurrency: the service counts"),
        (format!(r#"{{"name":"a",{global},"block":true}}"#), "limits[0].block: the service counts"),
        (format!(r#"{{"name":"a",{global},"maxKeys":8}}"#), "limits[0].maxKeys: the service counts"),
        (
            format!(r#"{{"name":"a",{global},"rate":{{"requests":2,"unit":"day","burst":1}}}}"#),
            "limits[0]: the service counts in fixed windows, which have no burst",
        ),
        (
            format!(r#"{{"name":"a",{global}}},{second}"#),
            "limits[1].key: the service could not tell this limit from \"a\"; add a value of its own, such as {value: b}",
        ),
        (
            format!(r#"{{"name":"a",{global},"cost":2}},{}"#, second.replace("\"x\"", "\"y\"")),
            "limits[1].cost: one call asks about all global limits",
        ),
    ] {
        let message = refusal(&format!(r#"{{"limits":[{limits}],"global":{{"cluster":"c"}}}}"#));
        assert!(message.starts_with(expected), "{limits}: {message}");
    }
    let apart = format!(
        r#"{{"limits":[{{"name":"a",{global}}},{}],"global":{{"cluster":"c"}}}}"#,
        second.replace("\"x\"", "\"y\"")
    );
    assert!(compiled(&apart).is_ok());
    let message = refusal(&format!(r#"{{"limits":[{{"name":"a",{global}}}]}}"#));
    assert!(message.starts_with("global: a limit has scope: global; name the service"), "{message}");
}

#[test]
fn each_mistake_around_the_limits_is_named() {
    let limit = r#"{"name":"a","block":true}"#;
    for (json, expected) in [
        ("{}".to_owned(), "config: \"limits\" is missing"),
        (r#"{"limits":[]}"#.to_owned(), "limits: there are 1 to 64 limits"),
        (r#"{"limits":[{"block":true}]}"#.to_owned(), "limits[0]: \"name\" is missing"),
        (r#"{"limits":[{"name":"a b","block":true}]}"#.to_owned(), "limits[0].name: a name has 1 to 63"),
        (
            format!(r#"{{"limits":[{limit},{limit}]}}"#),
            "limits[1].name: there is a limit named \"a\" already",
        ),
        (
            format!(r#"{{"limits":[{limit}],"clientIp":{{"trustedHops":17}}}}"#),
            "clientIp.trustedHops: there are at most 16",
        ),
        (format!(r#"{{"limits":[{limit}],"clientIp":{{"hops":1}}}}"#), "clientIp.hops: unknown field"),
        (
            format!(r#"{{"limits":[{limit}],"responseHeaders":"draft3"}}"#),
            "responseHeaders: unknown value \"draft3\", did you mean \"draft03\"",
        ),
        (
            format!(r#"{{"limits":[{limit}],"denial":{{"status":302}}}}"#),
            "denial.status: a refusal has a status",
        ),
        (format!(r#"{{"limits":[{limit}],"maxKeys":"many"}}"#), "maxKeys: expected a whole number"),
        (
            format!(r#"{{"limits":[{limit}],"shadow":{{"header":"host"}}}}"#),
            "shadow.header: host decides the route",
        ),
        (
            format!(r#"{{"limits":[{limit}],"global":{{"cluster":""}}}}"#),
            "global.cluster: this is the proxy's name",
        ),
    ] {
        let message = refusal(&json);
        assert!(message.starts_with(expected), "{json}: {message}");
    }
    let many: Vec<_> = (0..65).map(|n| format!(r#"{{"name":"l{n}","block":true}}"#)).collect();
    assert!(
        refusal(&format!(r#"{{"limits":[{}]}}"#, many.join(","))).starts_with("limits: there are 1 to 64")
    );
}

#[test]
fn all_tables_together_are_bounded() {
    let limits = |count: usize, more: &str| {
        let limit = |n| format!(r#"{{"name":"l{n}","rate":{{"requests":1,"unit":"second"}}{more}}}"#);
        let limits: Vec<_> = (0..count).map(limit).collect();
        format!(r#"{{"maxKeys":1048576,"limits":[{}]}}"#, limits.join(","))
    };
    assert!(compiled(&limits(4, "")).is_ok());
    let refused = refusal(&limits(5, ""));
    assert!(
        refused.starts_with("maxKeys: the limits together have room for at most 4194304 keys"),
        "{refused}"
    );
    assert!(compiled(&limits(5, r#","enforcement":"off""#)).is_ok());
    assert!(compiled(&limits(64, r#","maxKeys":65536"#)).is_ok());
}
