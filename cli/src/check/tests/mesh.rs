//! What other objects tell of the mesh.

use super::*;

#[test]
fn a_gateway_among_the_manifests_says_what_it_is() {
    let gateway = |class: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: shop}}\n\
             spec: {{gatewayClassName: {class}}}\n"
        )
    };
    let target = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]";
    let text = plugin("a", SHOP, target);
    assert_eq!(found(&[], &(gateway("istio") + &text)), ["spec.match[0].mode never-runs"]);
    assert_eq!(found(&[], &(gateway("istio-waypoint") + &text)), [""; 0]);
}

#[test]
fn what_another_namespace_does_not_export_is_not_there() {
    let service = |export: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: idp, namespace: idp}}\nspec:\n  \
             hosts: [idp.com]\n  ports: [{{number: 443, name: tls}}]\n  resolution: DNS\n{export}"
        )
    };
    let config = "url: oci://x/auth-filter:1\npluginConfig: {providers: [{name: k, jwt: {issuer: 'https://idp.com', \
                  jwksUri: 'https://idp.com/k'}}], rules: [{name: a, require: {anyOf: [k]}}]}";
    let unknown = "spec.pluginConfig.providers[0].jwt.jwksUri callout-unknown";
    let root = "  namespace: istio-system\n";
    for (metadata, export, seen) in [
        (SHOP, "", true),
        (SHOP, "  exportTo: ['*']\n", true),
        (SHOP, "  workloadSelector: {labels: {app: idp}}\n", true),
        (SHOP, "  exportTo: [idp, shop]\n", true),
        (SHOP, "  exportTo: ['.']\n", false),
        (SHOP, "  exportTo: ['~']\n", false),
        ("  namespace: idp\n", "  exportTo: ['.']\n", true),
        (root, "  exportTo: [istio-system]\n", false),
        (root, "  exportTo: ['*']\n", true),
    ] {
        let text = plugin("a", metadata, config) + &service(export);
        assert_eq!(!found(&[], &text).contains(&unknown.to_owned()), seen, "{metadata} {export}");
    }
}

#[test]
fn labels_of_istios_charts_are_known_and_their_like_are_guessed() {
    let (sure, guess) = ("spec.match[0].mode never-runs", "spec.match[0].mode never-runs-guess");
    for (label, expected) in [
        ("istio: ingressgateway", vec![sure]),
        ("app: istio-ingressgateway", vec![sure]),
        ("istio: partner-gateway", vec![guess]),
        ("app: istio-partner-gateway", vec![guess]),
        ("app: api-gateway", vec![]),
        ("app: web", vec![]),
    ] {
        let spec = format!("selector: {{matchLabels: {{{label}}}}}");
        assert_eq!(found(&[], &plugin("a", SHOP, &spec)), expected, "{label}");
    }
}

#[test]
fn a_guess_can_be_accepted_and_a_gateway_says_what_it_is() {
    let target = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: my-waypoint}]\nmatch: [{mode: CLIENT}]";
    let allow = "  annotations: {tollgate.dev/allow: 'never-runs-guess: it is a gateway'}\n";
    let guess = "spec.match[0].mode never-runs-guess";
    let gateway = |more: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: my-waypoint\n{SHOP}{more}"
        )
    };
    let ours = "  labels: {istio.io/waypoint-for: service}\nspec: {gatewayClassName: other}\n";
    for (metadata, object, expected) in [
        (SHOP.to_owned(), String::new(), vec![guess]),
        (format!("{SHOP}{allow}"), String::new(), vec![]),
        (SHOP.to_owned(), gateway("spec: {gatewayClassName: istio}\n"), vec![]),
        (
            SHOP.to_owned(),
            gateway("spec: {gatewayClassName: istio-waypoint}\n"),
            vec!["spec.match[0].mode never-runs"],
        ),
        (SHOP.to_owned(), gateway(ours), vec!["spec.match[0].mode never-runs"]),
    ] {
        assert_eq!(found(&[], &(plugin("a", &metadata, target) + &object)), expected, "{metadata}{object}");
    }
}

#[test]
fn global_limits_of_one_domain_are_the_same_or_said_to_differ() {
    let limited = |name: &str, requests: u32, domain: &str| {
        let spec = format!(
            "url: oci://x/ratelimit-filter:1\nmatch: [{{mode: SERVER}}]\npriority: {requests}\npluginConfig: {{global: {{cluster: c, \
             domain: {domain}}}, limits: [{{name: a, scope: global, key: [{{header: x}}], rate: {{requests: {requests}, unit: hour}}}}]}}"
        );
        plugin(name, SHOP, &spec)
    };
    let differ = "spec.pluginConfig.global.domain limits-differ".to_owned();
    for (requests, domain, expected) in [(1, "d", false), (2, "d", true), (2, "e", false)] {
        let text = limited("a", 1, "d") + &limited("b", requests, domain);
        assert_eq!(found(&[], &text).contains(&differ), expected, "{requests} {domain}");
    }
}

#[test]
fn a_module_is_told_by_its_digest_whatever_it_is_called() {
    let shared = "spec.vmConfig.env shared-vm";
    let (one, other) = ("a".repeat(64), "b".repeat(64));
    for (first, second, expected) in [
        (
            format!("oci://x/header-filter:1@sha256:{one}"),
            format!("oci://y.io/header-filter@sha256:{one}"),
            true,
        ),
        (
            format!("oci://x/header-filter:1@sha256:{one}"),
            format!("oci://x/header-filter:1@sha256:{other}"),
            false,
        ),
    ] {
        let spec = |url: &str| format!("url: {url}\nvmConfig: {{env: [{{name: A, value: b}}]}}");
        let text =
            plugin("a", SHOP, &spec(&first)) + &plugin("b", SHOP, &format!("{}\npriority: 1", spec(&second)));
        assert_eq!(found(&[], &text).contains(&shared.to_owned()), expected, "{first} {second}");
    }
}
