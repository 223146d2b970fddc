mod order;

use std::path::Path;

use super::*;
use crate::manifest::Manifests;

/// Plugins, each `namespace/name: the lines of its spec`.
fn plugins(given: &[(&str, &str)]) -> Vec<WasmPlugin> {
    let one = |(name, spec): &(&str, &str)| {
        let (namespace, name) = name.split_once('/').unwrap();
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
             metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{url: oci://x/y:1, {spec}}}\n"
        )
    };
    let text: Vec<String> = given.iter().map(one).collect();
    Manifests::parse(Path::new("a.yaml"), &text.join("---\n")).unwrap().plugins
}

fn proxy(kind: ProxyKind) -> Proxy {
    Proxy {
        kind,
        namespace: "shop".to_owned(),
        root_namespace: "istio-system".to_owned(),
        labels: vec![("app".to_owned(), "web".to_owned()), ("tier".to_owned(), "front".to_owned())],
        port: Some(8080),
        services: vec![ServiceName { namespace: "stock".to_owned(), name: "ledger".to_owned() }],
    }
}

fn waypoint() -> Proxy {
    proxy(ProxyKind::Waypoint("waypoint".to_owned()))
}

fn gateway_api() -> Proxy {
    proxy(ProxyKind::GatewayApiGateway("edge".to_owned()))
}

/// What is said of a plugin with this spec; nothing where the proxy gets it.
fn said(proxy: &Proxy, name: &str, spec: &str) -> String {
    match scope(&plugins(&[(name, spec)])[0], proxy) {
        Scope::Applies => String::new(),
        Scope::Excluded(reason) => reason.to_string(),
    }
}

/// For each spec whether the words are in what is said; no words where the plugin applies.
fn check(proxy: &Proxy, cases: &[(&str, &str, &str)]) {
    for (name, spec, words) in cases {
        let said = said(proxy, name, spec);
        assert!(
            said.contains(words) && said.is_empty() == words.is_empty(),
            "{:?}: {name} {spec}: {said}",
            proxy.kind
        );
    }
}

#[test]
fn a_sidecar_gets_what_selects_it_in_its_namespace_and_the_root_one() {
    for kind in [ProxyKind::SidecarInbound, ProxyKind::SidecarOutbound, ProxyKind::Gateway] {
        check(
            &proxy(kind),
            &[
                ("shop/a", "", ""),
                ("istio-system/a", "", ""),
                ("stock/a", "", "none that this proxy looks at (shop, istio-system)"),
                ("shop/a", "selector: {matchLabels: {app: web}}", ""),
                ("istio-system/a", "selector: {matchLabels: {app: web, tier: front}}", ""),
                ("shop/a", "selector: {}", ""),
                ("shop/a", "selector: {matchLabels: {app: web, tier: back}}", "wants the label tier=back"),
                ("shop/a", "selector: {matchLabels: {team: web}}", "wants the label team=web"),
                (
                    "shop/a",
                    "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}]",
                    "use selector.matchLabels",
                ),
                ("shop/a", "targetRefs: [{kind: Service, name: ledger}]", "use selector.matchLabels"),
                ("shop/a", "type: NETWORK", "network filter"),
            ],
        );
    }
}

#[test]
fn a_gateway_of_the_gateway_api_is_also_named() {
    let target = |name: &str| {
        format!("targetRefs: [{{kind: Gateway, group: gateway.networking.k8s.io, name: {name}}}]")
    };
    check(
        &gateway_api(),
        &[
            ("shop/a", "", ""),
            ("shop/a", "selector: {matchLabels: {app: web}}", ""),
            ("shop/a", "selector: {matchLabels: {app: other}}", "app=other"),
            ("shop/a", &target("edge"), ""),
            ("shop/a", &target("inner"), "name something else"),
            ("istio-system/a", &target("edge"), "name something else"),
            ("shop/a", "targetRefs: [{kind: Service, name: ledger}]", "name something else"),
            (
                "istio-system/a",
                "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]",
                "name something else",
            ),
        ],
    );
}

#[test]
fn a_waypoint_gets_only_what_is_attached_to_it() {
    check(
        &waypoint(),
        &[
            ("shop/a", "", "only what targetRefs attach"),
            ("istio-system/a", "", "only what targetRefs attach"),
            ("shop/a", "selector: {matchLabels: {app: web}}", "only what targetRefs attach"),
            ("shop/a", "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}]", ""),
            ("shop/a", "targetRef: {kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}", ""),
            (
                "stock/a",
                "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}]",
                "something else",
            ),
            ("stock/a", "targetRefs: [{kind: Service, name: ledger}]", ""),
            ("stock/a", "targetRefs: [{kind: Service, group: core, name: ledger}]", ""),
            ("stock/a", "targetRefs: [{kind: ServiceEntry, group: networking.istio.io, name: ledger}]", ""),
            ("stock/a", "targetRefs: [{kind: Service, name: other}, {kind: Service, name: ledger}]", ""),
            ("stock/a", "targetRefs: [{kind: Service, name: other}]", "something else"),
            ("shop/a", "targetRefs: [{kind: Service, name: ledger}]", "something else"),
            (
                "other/a",
                "targetRefs: [{kind: Service, name: ledger}]",
                "looks at (shop, istio-system, stock)",
            ),
            (
                "istio-system/a",
                "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]",
                "",
            ),
            (
                "shop/a",
                "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]",
                "something else",
            ),
            (
                "istio-system/a",
                "targetRefs: [{kind: GatewayClass, group: gateway.networking.k8s.io, name: x}]",
                "something else",
            ),
        ],
    );
}

#[test]
fn match_is_a_list_of_alternatives_of_direction_and_port() {
    let wrong_way = "which this is";
    for (proxy, wrong, right) in [
        (proxy(ProxyKind::SidecarInbound), "CLIENT", "SERVER"),
        (proxy(ProxyKind::SidecarOutbound), "SERVER", "CLIENT"),
        (proxy(ProxyKind::Gateway), "SERVER", "CLIENT"),
        (gateway_api(), "SERVER", "CLIENT"),
    ] {
        let right = |ports: &str| format!("match: [{{mode: {right}, ports: [{ports}]}}]");
        check(
            &proxy,
            &[
                ("shop/a", "match: []", ""),
                ("shop/a", "match: [{}]", ""),
                ("shop/a", "match: [{mode: UNDEFINED}]", ""),
                ("shop/a", "match: [{mode: CLIENT_AND_SERVER}]", ""),
                ("shop/a", &right(""), ""),
                ("shop/a", &right("{number: 80}, {number: 8080}"), ""),
                ("shop/a", &right("{number: 80}"), "does not name the port 8080"),
                ("shop/a", "match: [{ports: [{number: 8080}]}]", ""),
                ("shop/a", "match: [{ports: [{number: 80}]}, {ports: [{number: 8080}]}]", ""),
                ("shop/a", &format!("match: [{{mode: {wrong}}}]"), wrong_way),
                ("shop/a", &format!("match: [{{mode: {wrong}, ports: [{{number: 8080}}]}}]"), wrong_way),
                (
                    "shop/a",
                    &format!("match: [{{mode: {wrong}}}, {{ports: [{{number: 80}}]}}]"),
                    "the port 8080",
                ),
            ],
        );
        let anywhere = Proxy { port: None, ..proxy };
        check(&anywhere, &[("shop/a", &right("{number: 80}"), "")]);
    }
}

#[test]
fn on_a_waypoint_ports_and_client_turn_a_plugin_off() {
    let target = "targetRefs: [{kind: Service, name: ledger}]";
    for (entries, words) in [
        ("{mode: SERVER}", ""),
        ("{mode: CLIENT}", "no entry of its match is for SERVER"),
        ("{ports: [{number: 8080}]}", "on a waypoint there is none"),
        ("{ports: [{number: 8080}]}, {mode: SERVER}", ""),
    ] {
        let spec = format!("{target}, match: [{entries}]");
        check(&waypoint(), &[("stock/a", &spec, words)]);
        check(&Proxy { port: None, ..waypoint() }, &[("stock/a", &spec, words)]);
    }
}
