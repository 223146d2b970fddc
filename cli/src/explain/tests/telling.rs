use super::*;
use crate::report::Reporter;

pub(super) fn text(explained: &Explained) -> String {
    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    text::tell(explained, &mut Reporter::new(kept.clone()));
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn edits_pass_from_plugin_to_plugin_and_a_refusal_goes_back_through_those_that_saw_the_request() {
    let first = header(
        "{rules: [{name: tag, request: {set: [{name: x-user, value: ann}]}, response: {set: [{name: x-first, value: '1'}]}}], \
         toFilterState: [{header: x-team, key: team}]}",
    );
    let second = limits(
        "{limits: [{name: per-user, key: [{header: x-user}, {filterState: wasm.team}], rate: {requests: 1, unit: day}}]}",
    );
    let third = plugin(
        "header-filter",
        "priority: 1",
        "{rules: [{name: last, response: {set: [{name: x-last, value: '1'}]}}]}",
    )
    .replace("name: header-filter", "name: last-filter");
    let manifest = format!("{third}---\n{second}---\n{first}");
    let explained = told(
        &manifest,
        "requests: [{times: 2, headers: {x-team: red}, response: {status: 201, headers: {x-up: '1'}}}]\n",
    );
    let explained = explained.unwrap();
    assert_eq!(answers(&explained)[0], (201, String::new()));
    assert_eq!(statuses(&explained), [201, 429]);
    let went = &explained.requests[0];
    let plugins: Vec<String> =
        went.steps.iter().map(|step| format!("{} {}", step.phase, step.plugin)).collect();
    assert_eq!(
        plugins,
        [
            "request shop.header-filter",
            "request shop.ratelimit-filter",
            "request shop.last-filter",
            "response shop.last-filter",
            "response shop.ratelimit-filter",
            "response shop.header-filter",
        ]
    );
    assert_eq!(went.steps[0].edits, ["set x-user: ann"]);
    assert_eq!(fields(&went.steps[0].filter_state), ["wasm.team: red"]);
    assert!(fields(went.upstream.as_ref().unwrap()).contains(&"x-user: ann".to_owned()));
    let of = |told: &report::Told| fields(&told.answer.headers);
    assert!(of(went).contains(&"x-up: 1".to_owned()) && of(went).contains(&"x-last: 1".to_owned()));
    let refused = of(&explained.requests[1]);
    assert!(
        refused.contains(&"x-first: 1".to_owned()) && !refused.contains(&"x-last: 1".to_owned()),
        "{refused:?}"
    );
}

#[test]
fn what_is_not_as_expected_is_told_and_counts() {
    let manifest = header("{rules: [{name: tag, request: {set: [{name: x-env, value: prod}]}}]}");
    let good = told(&manifest, "requests: [{expect: {status: 200, upstream: {x-env: prod}}}]\n").unwrap();
    assert!(good.as_expected());
    assert!(text(&good).ends_with("1 requests, 1 with expectations, all as expected\n"), "{}", text(&good));
    let bad = told(&manifest, "requests: [{}, {expect: {status: 403, upstream: {x-env: dev}}}]\n").unwrap();
    assert!(!bad.as_expected());
    let text = text(&bad);
    assert!(text.contains("  not as expected: upstream.x-env: expected dev, got prod\n"), "{text}");
    assert!(text.ends_with("2 requests, 1 with expectations, 1 not as expected\n"), "{text}");
}

#[test]
fn long_values_are_cut_for_people_only() {
    let long = "é".repeat(300);
    let manifest =
        header(&format!("{{rules: [{{name: tag, request: {{set: [{{name: x-long, value: {long}}}]}}}}]}}"));
    let explained = told(&manifest, "requests: [{}]\n").unwrap();
    let text = text(&explained);
    assert!(
        !text.contains(&long) && text.contains("      set x-long: éé") && text.contains("éé…\n"),
        "{text}"
    );
    assert!(serde_json::to_string(&explained).unwrap().contains(&long));
    assert!(text.ends_with("1 requests, 0 with expectations: nothing was tested\n"), "{text}");
}

#[test]
fn the_chain_is_shown_with_istios_own_filters_and_with_what_is_left_out() {
    let other = plugin("other", "phase: STATS", "{}");
    let outbound =
        plugin("auth-filter", "match: [{mode: CLIENT}]", "{}").replace("name: auth-filter", "name: out");
    let manifest = format!("{}---\n{other}---\n{outbound}", header("{}"));
    let explained =
        told(&manifest, "as: sidecar-inbound\nnamespace: shop\nport: 8080\nrequests: []\n").unwrap();
    let text = text(&explained);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        lines[..8],
        [
            "  1. Istio: peer metadata, ext_authz of AuthorizationPolicy CUSTOM - not run here",
            "  2. shop.header-filter (AUTHN, priority 9, header-filter)",
            "  3. Istio: RequestAuthentication - not run here",
            "  4. Istio: AuthorizationPolicy - not run here",
            "  5. shop.other (STATS, no priority, other) - not run here",
            "  6. Istio: grpc stats, fault, cors, telemetry, router - not run here",
            "  left out: shop.out: no entry of its match is for SERVER, which this is",
            "  note: shop.other is not one of Tollgate's filters: it is passed over here",
        ]
    );
    assert!(
        text.starts_with("/") && text.contains(": a sidecar, inbound, in namespace shop, port 8080\n"),
        "{text}"
    );
}

#[test]
fn a_variable_of_the_host_is_the_fixtures() {
    let config = "{providers: [{name: keys, apiKey: {from: [{header: x-api-key}], keys: [{id: acme, key: {env: TOLLGATE_EXPLAINED_KEY}}]}}], \
                  rules: [{name: all, require: {anyOf: [keys]}}]}";
    let manifest =
        plugin("auth-filter", "vmConfig: {env: [{name: TOLLGATE_EXPLAINED_KEY, valueFrom: HOST}]}", config);
    let request =
        "requests: [{headers: {x-api-key: the-key-of-acme}}, {headers: {x-api-key: no-key-of-acme}}]\n";
    let explained =
        told(&manifest, &format!("environment: {{TOLLGATE_EXPLAINED_KEY: the-key-of-acme}}\n{request}"))
            .unwrap();
    assert_eq!(statuses(&explained), [200, 401]);
    assert!(!text(&explained).contains("the-key-of-acme"));
    let without = told(&manifest, request).unwrap_err();
    assert!(without.contains("is not set"), "{without}");
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let manifest = header("{}");
    for (fixture, message) in [
        (
            "requests: [{metod: GET}]\n",
            "fixture.yaml:3:13: requests[0].metod: unknown field \"metod\", did you mean \"method\"?",
        ),
        ("requests: [{time: today}]\n", "fixture.yaml:3:13: requests[0].time: a time is written like"),
        ("requests: [{time: 2026-11-21T09:00:00Z}]\n", "fixture.yaml:3:13: requests[0].time: this is before"),
        (
            "requests: [{time: 2026-11-21T11:00:00Z, after: 1s}]\n",
            "fixture.yaml:3:41: requests[0].after: give either",
        ),
        (
            "requests: [{peer: {address: ann}}]\n",
            "fixture.yaml:3:20: requests[0].peer.address: this is no address",
        ),
        ("requests: [{headers: {\"a b\": c}}]\n", "requests[0].headers: \"a b\" is not a header name"),
        (
            "requests: [{headers: [{name: a, value: \"b\\n\"}]}]\n",
            "requests[0].headers: a header value must not hold",
        ),
        ("requests: [{times: 0}]\n", "fixture.yaml:3:13: requests[0].times: at least one"),
        ("requests: [{times: 60000}]\n", "fixture.yaml:3:1: requests: at most 10000 requests"),
        ("as: pod\nrequests: []\n", "fixture.yaml:3:1: as: unknown value \"pod\""),
        (
            "waypointServices: [ledger]\nrequests: []\n",
            "waypointServices[0]: a service is written NAMESPACE/NAME",
        ),
        ("services: {a: {/: {file: absent.json}}}\nrequests: []\n", "absent.json: cannot be read"),
        ("---\na: b\n", "a fixture is one YAML document"),
        ("", "\"requests\" is missing"),
    ] {
        let error = told(&manifest, fixture).unwrap_err();
        assert!(error.contains(message), "{fixture}: {error}");
    }
    let error = told(&header("{rulez: []}"), "requests: []\n").unwrap_err();
    assert!(error.starts_with("plugin.yaml:8:18: spec.pluginConfig.rulez: unknown field"), "{error}");
    let error = explained(&[("fixture.yaml", "time: 2026-11-21T10:00:00Z\nrequests: []\n")]).unwrap_err();
    assert!(error.contains("names no manifests"), "{error}");
}

#[test]
fn expectations_that_nothing_can_meet_are_a_failure() {
    let manifest = header("{rules: [{name: a, request: {set: [{name: x-a, value: b}]}}]}");
    let requests = "requests: [{expect: {status: 200}}]\n";
    for (fixture, expected) in [
        (requests.to_owned(), true),
        (format!("as: sidecar-inbound\nnamespace: shop\n{requests}"), true),
        (format!("as: sidecar-inbound\nnamespace: other\n{requests}"), false),
        (format!("as: sidecar-inbound\nnamespace: other\nnoPlugins: true\n{requests}"), true),
        (format!("as: sidecar-inbound\nnamespace: shop\nnoPlugins: true\n{requests}"), false),
        ("as: sidecar-inbound\nnamespace: other\nrequests: [{}]\n".to_owned(), true),
    ] {
        assert_eq!(told(&manifest, &fixture).unwrap().as_expected(), expected, "{fixture}");
    }
}

#[test]
fn what_cannot_happen_is_refused_with_its_place() {
    let manifest = header("{rules: [{name: a, request: {set: [{name: x-a, value: b}]}}]}");
    for (request, expected) in [
        ("expect: {}", "expect: this expects nothing"),
        ("method: 'GET /'", "method: this is no method"),
        ("path: orders", "path: a path starts with /"),
        ("path: '*'", "path: a path starts with /"),
        ("path: '/a b'", "path: a path starts with /"),
        ("authority: ''", "authority: this is no host"),
        ("scheme: ftp", "scheme: http or https"),
        ("headers: {Host: a}", "headers: the host is the authority"),
        ("headers: {':path': /}", "headers"),
        ("response: {status: 99}", "response.status: an answer has a status"),
    ] {
        let error = told(&manifest, &format!("requests: [{{{request}}}]\n")).unwrap_err();
        assert!(error.contains(&format!("requests[0].{expected}")), "{request}: {error}");
    }
    told(&manifest, "requests: [{method: OPTIONS, path: '*'}]\n").unwrap();
}
