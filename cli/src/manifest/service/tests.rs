//! What is wrong with a ServiceEntry or a DestinationRule is named with its place.

use std::path::Path;

use crate::manifest::Manifests;

fn check(kind: &str, spec: &str, expected: &str) {
    let text = format!(
        "apiVersion: networking.istio.io/v1beta1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n{spec}"
    );
    let shown = match Manifests::parse(Path::new("a.yaml"), &text) {
        Ok(read) => format!("{} {}", read.services.len(), read.destinations.len()),
        Err(faults) => faults.to_string(),
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn a_service_entry_is_read_strictly() {
    let head = "  hosts: [a.com]\n  ports: [{number: 80, name: http}]\n";
    check("ServiceEntry", &format!("{head}  resolution: DNS\n  location: MESH_EXTERNAL\n"), "1 0");
    check("ServiceEntry", head, "1 0");
    // What only a mesh can call is right all the same.
    for spec in [
        "  resolution: STATIC\n  workloadSelector: {labels: {app: web}}\n",
        "  resolution: STATIC\n  endpoints: [{address: 'unix:///var/run/x.sock'}]\n",
    ] {
        check("ServiceEntry", &format!("{head}{spec}"), "1 0");
    }
    for protocol in ["http", "GRPC-Web", "GRPC-WEB", "Tls"] {
        let port = format!("  hosts: [a.com]\n  ports: [{{number: 1, name: x, protocol: {protocol}}}]\n");
        check("ServiceEntry", &port, "1 0");
    }
    for (spec, expected) in [
        ("  hosts: []\n", "a.yaml:5:3: spec.hosts: is required: at least one"),
        ("  hosts: [a.com]\n", "a.yaml:4:1: spec.ports: is required: at least one"),
        ("  hosts: [a/b]\n", "a.yaml:5:11: spec.hosts[0]: must be a DNS name, or one after \"*.\""),
        (
            "  hosts: [a.com]\n  ports: [{number: 0, name: x}]\n",
            "a.yaml:6:12: spec.ports[0].number: must be a port number: 1 to 65535",
        ),
        (
            "  hosts: [a.com]\n  ports: [{number: 1, name: x, protcol: HTTP}]\n",
            "a.yaml:6:32: spec.ports[0].protcol: unknown field \"protcol\", did you mean \"protocol\"? \
             (allowed: number, name, protocol, targetPort)",
        ),
        (
            "  hosts: [a.com]\n  ports: [{number: 1, name: x}]\n  resolution: STATIC\n",
            "a.yaml:4:1: spec.endpoints: is required: STATIC takes their addresses",
        ),
        (
            "  hosts: ['*.com']\n  ports: [{number: 1, name: x}]\n  resolution: DNS\n",
            "a.yaml:5:11: spec.hosts[0]: cannot be resolved: give endpoints, or a name without *",
        ),
        (
            "  hosts: [a.com]\n  ports: [{number: 1, name: x}]\n  resolution: STATIC\n  endpoints: [{address: b.com}]\n",
            "a.yaml:8:16: spec.endpoints[0].address: must be an IP address: resolution is STATIC",
        ),
        (
            "  hosts: [a.com]\n  ports: [{number: 1, name: x}]\n  resolution: DNS\n  endpoints: [{address: b.com, ports: {xx: 1}}]\n",
            "a.yaml:8:40: spec.endpoints[0].ports.xx: unknown field \"xx\", did you mean \"x\"? (allowed: x)",
        ),
    ] {
        check("ServiceEntry", spec, expected);
    }
}

#[test]
fn a_destination_rule_is_read_strictly() {
    check("DestinationRule", "  host: a.com\n", "0 1");
    check("DestinationRule", "  host: a.com\n  trafficPolicy: {loadBalancer: {simple: RANDOM}}\n", "0 1");
    for (tls, expected) in [
        ("{mode: MUTUAL, clientCertificate: /a, privateKey: /b}", "0 1"),
        ("{mode: ISTIO_MUTUAL}", "0 1"),
        ("{mode: SIMPLE, credentialName: x}", "0 1"),
        (
            "{mode: simple}",
            "a.yaml:6:25: spec.trafficPolicy.tls.mode: \"simple\" is not one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL; \
             did you mean SIMPLE?",
        ),
        (
            "{mode: SIMPLE, insecureSkipVerify: 1}",
            "a.yaml:6:39: spec.trafficPolicy.tls.insecureSkipVerify: expected true or false, found a number",
        ),
    ] {
        check("DestinationRule", &format!("  host: a.com\n  trafficPolicy: {{tls: {tls}}}\n"), expected);
    }
}

#[test]
fn the_version_is_one_of_istios() {
    let text = "apiVersion: example.com/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {hosts: [a], ports: [{number: 1, name: x}]}\n";
    let faults = Manifests::parse(Path::new("a.yaml"), text).unwrap_err().to_string();
    assert_eq!(
        faults,
        "a.yaml:1:1: apiVersion: must be networking.istio.io/v1 or networking.istio.io/v1beta1 or networking.istio.io/v1alpha3"
    );
}
