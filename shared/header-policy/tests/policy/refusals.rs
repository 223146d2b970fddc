//! Which configurations are refused, and what they are told.

use header_policy::HeaderPlugin;
use policy_core::Plugin;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Configuration and refusal.
const REFUSED: &[(&str, &str)] = &[
    (
        r#"{"rule":[]}"#,
        r#"rule: unknown field "rule", did you mean "rules"? (allowed: rules, requestId, toFilterState, securityHeaders, cookies, failureMode)"#,
    ),
    (r#"{"rules":{}}"#, "rules: expected a list, found an object"),
    (r#"{"rules":[{}]}"#, "rules[0]: the rule is empty; give it edits under request or response"),
    (
        r#"{"rules":[{"request":{}}]}"#,
        "rules[0].request: no edit is given; use set, add, addIfAbsent, setIfPresent, remove, rename or copy",
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":"x y","value":"1"}]}}]}"#,
        r#"rules[0].request.set[0].name: "x y" is not a header name: ' ' is not allowed (use letters, digits and !#$%&'*+-.^_`|~)"#,
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":"x","value":1}]}}]}"#,
        "rules[0].request.set[0].value: expected a string, found a number (text that looks like one goes in quotes)",
    ),
    (r#"{"rules":[{"request":{"set":[{"name":"x"}]}}]}"#, r#"rules[0].request.set[0]: "value" is missing"#),
    (
        r#"{"rules":[{"request":{"set":[{"name":"x","value":"%PEER%"}]}}]}"#,
        "rules[0].request.set[0].value: unknown operator %PEER% (known: REQ(name), RESP(name), DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT, PROTOCOL, ROUTE_NAME, UPSTREAM_CLUSTER, START_TIME, REQUEST_ID, FILTER_STATE(key:PLAIN), UUID, and %% for a percent sign)",
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":"x","value":"a\nb"}]}}]}"#,
        "rules[0].request.set[0].value: a header value must not hold the control character 0x0a",
    ),
    (
        r#"{"rules":[{"request":{"add":[{"name":"content-length","value":"1"}]}}]}"#,
        "rules[0].request.add[0].name: content-length frames the message or belongs to one connection; Envoy keeps it right and it cannot be edited",
    ),
    (
        r#"{"rules":[{"response":{"set":[{"name":":path","value":"/"}]}}]}"#,
        "rules[0].response.set[0].name: :path can be rewritten with request.set only",
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":":method","value":"GET"}]}}]}"#,
        "rules[0].request.set[0].name: :method decides how the message is understood and cannot be edited",
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":"Host","value":"a"}]}}]}"#,
        "rules[0].request.set[0].name: Envoy calls this header :authority; rewrite it with request.set",
    ),
    (
        r#"{"rules":[{"request":{"set":[{"name":":path","value":"x"}]}}]}"#,
        "rules[0].request.set[0].value: this is no value for :path",
    ),
    (
        r#"{"rules":[{"request":{"remove":["*"]}}]}"#,
        "rules[0].request.remove[0]: * would remove every header; name them, or give a start or an end such as x-int-*",
    ),
    (
        r#"{"rules":[{"request":{"rename":[{"from":"a","to":"A"}]}}]}"#,
        "rules[0].request.rename[0].to: from and to are the same header",
    ),
    (
        r#"{"rules":[{"request":{"rename":[{"from":":path","to":"a"}]}}]}"#,
        "rules[0].request.rename[0].from: :path can be rewritten with request.set only",
    ),
    (
        r#"{"rules":[{"name":"a.b","request":{"remove":["x"]}}]}"#,
        "rules[0].name: a name has 1 to 63 letters, digits, - and _: it becomes part of metric names",
    ),
    (
        r#"{"rules":[{"name":"a","request":{"remove":["x"]}},{"name":"a","request":{"remove":["x"]}}]}"#,
        r#"rules[1].name: there are two rules named "a""#,
    ),
    (
        r#"{"rules":[{"enforcement":"shadwo","request":{"remove":["x"]}}]}"#,
        r#"rules[0].enforcement: unknown value "shadwo", did you mean "shadow"? (allowed: enforce, shadow, off)"#,
    ),
    (
        r#"{"rules":[{"percent":0,"request":{"remove":["x"]}}]}"#,
        "rules[0].percent: a percentage is above 0 (0.000000001 or more) and at most 100; to switch a rule off write enforcement: off",
    ),
    (
        r#"{"rules":[{"percentBy":"me","request":{"remove":["x"]}}]}"#,
        "rules[0].percentBy: this is the same for every request; use an operator such as %REQ(x-user)%",
    ),
    (
        r#"{"rules":[{"match":{"hosts":[]},"request":{"remove":["x"]}}]}"#,
        "rules[0].match.hosts: an empty list would match nothing; leave it out to match everything",
    ),
    (
        r#"{"rules":[{"match":{"host":["a"]},"request":{"remove":["x"]}}]}"#,
        r#"rules[0].match.host: unknown field "host", did you mean "hosts"? (allowed: hosts, paths, methods, headers)"#,
    ),
    (
        r#"{"rules":[{"match":{"paths":["/a"]},"request":{"remove":["x"]}}]}"#,
        r#"rules[0].match.paths[0]: expected an object such as {prefix: /api}, found a string"#,
    ),
    (
        r#"{"rules":[{"match":{"methods":["get"]},"request":{"remove":["x"]}}]}"#,
        "rules[0].match.methods[0]: methods are case-sensitive; write GET",
    ),
    (
        r#"{"rules":[{"match":{"headers":[{"name":"a"}]},"request":{"remove":["x"]}}]}"#,
        "rules[0].match.headers[0]: give exactly one of exact, prefix, suffix, contains, regex, present",
    ),
    (
        r#"{"requestId":{"mode":"kep"}}"#,
        r#"requestId.mode: unknown value "kep", did you mean "keep"? (allowed: keep, require, replace)"#,
    ),
    (
        r#"{"requestId":{"header":"te"}}"#,
        "requestId.header: te frames the message or belongs to one connection; Envoy keeps it right and it cannot be edited",
    ),
    (
        r#"{"toFilterState":[{"header":"a","key":"wasm.a"}]}"#,
        "toFilterState[0].key: leave out the prefix wasm.: Envoy adds it",
    ),
    (
        r#"{"toFilterState":[{"header":"a","key":"a","rewrite":{"pattern":"(","substitution":""}}]}"#,
        "toFilterState[0].rewrite.pattern: not a regular expression: found open group without closing ')'",
    ),
    (
        r#"{"toFilterState":[{"header":"a","key":"a","rewrite":{"pattern":"a","substitution":"\\1"}}]}"#,
        r"toFilterState[0].rewrite.substitution: \1 is used, but the pattern has 0 group(s)",
    ),
    (
        r#"{"toFilterState":[{"header":"a","key":"a"},{"header":"b","key":"a"}]}"#,
        "toFilterState[1].key: another entry has this key",
    ),
    (
        r#"{"requestId":{"filterState":"a"},"toFilterState":[{"header":"a","key":"a"}]}"#,
        "toFilterState[0].key: requestId has this key",
    ),
    (r#"{"failureMode":"open"}"#, r#"failureMode: unknown value "open" (allowed: deny, allow)"#),
    (
        r#"{"a\u0000\nINJECT":1}"#,
        r#"a\u0000\u000aINJECT: unknown field "a\0\nINJECT" (allowed: rules, requestId, toFilterState, securityHeaders, cookies, failureMode)"#,
    ),
    ("nope", "config: not valid JSON: expected true, false or null at line 1 column 2"),
    ("[]", "config: expected an object, found a list"),
];

#[test]
fn each_mistake_is_named_with_its_place_and_the_remedy() {
    for (config, expected) in REFUSED {
        match HeaderPlugin::from_json(config.as_bytes(), &|_| None) {
            Ok(_) => panic!("{config} was accepted"),
            Err(error) => assert_eq!(error.to_string(), *expected, "{config}"),
        }
    }
}
