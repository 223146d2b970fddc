//! Clusters as Envoy gets them: by file, so that they can change under it.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::bootstrap::socket_address;
use crate::cluster::Cluster;
use crate::manifest::TlsOrigination;

const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const OPTIONS: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/// Where systems keep the authorities that they trust.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The file that delivers the clusters.
#[must_use]
pub fn clusters(clusters: &[Cluster], version: &str) -> Value {
    json!({"version_info": version, "resources": clusters.iter().map(cluster).collect::<Vec<_>>()})
}

fn cluster(cluster: &Cluster) -> Value {
    let endpoint =
        |(address, port): &(String, u16)| json!({"endpoint": {"address": socket_address(address, *port)}});
    let endpoints: Vec<Value> = cluster.endpoints.iter().map(endpoint).collect();
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("@type", json!(CLUSTER));
    add("name", json!(cluster.name));
    add("type", json!(if cluster.dns { "STRICT_DNS" } else { "STATIC" }));
    add("connect_timeout", json!("5s"));
    add("load_assignment", json!({"cluster_name": cluster.name, "endpoints": [{"lb_endpoints": endpoints}]}));
    if cluster.dns {
        // A name that does not resolve must not keep everything else from starting.
        add("wait_for_warm_on_init", json!(false));
        add("dns_lookup_family", json!("V4_PREFERRED"));
    }
    let version = if cluster.http2 { "http2_protocol_options" } else { "http_protocol_options" };
    let mut options = json!({"@type": OPTIONS, "explicit_http_config": {version: {}}});
    if let Some(tls) = &cluster.tls {
        add("transport_socket", transport(tls));
        if let Some(options) = options.as_object_mut().filter(|_| tls.sni.is_none()) {
            // As Istio: without a name of its own, the certificate is held to the name that is asked for.
            let strict = tls.subject_alt_names.is_empty() && validation(tls).is_some();
            let automatic = json!({"auto_sni": true, "auto_san_validation": strict});
            options.insert("upstream_http_protocol_options".to_owned(), automatic);
        }
    }
    add(
        "typed_extension_protocol_options",
        json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}),
    );
    Value::Object(fields)
}

fn transport(tls: &TlsOrigination) -> Value {
    let mut common = json!({});
    if let (Some(context), Some(common)) = (validation(tls), common.as_object_mut()) {
        common.insert("validation_context".to_owned(), context);
    }
    let mut context = json!({"@type": TLS, "common_tls_context": common});
    if let (Some(sni), Some(context)) = (&tls.sni, context.as_object_mut()) {
        context.insert("sni".to_owned(), json!(sni));
    }
    json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
}

/// What the server's certificate is held to; nothing where the operator says that any will do. On a machine without
/// authorities Envoy refuses the cluster for the file that is missing, rather than trust everyone.
fn validation(tls: &TlsOrigination) -> Option<Value> {
    if tls.insecure_skip_verify {
        return None;
    }
    let system = || SYSTEM_AUTHORITIES.iter().map(Path::new).find(|file| file.is_file());
    let usual = || SYSTEM_AUTHORITIES.first().map(Path::new);
    let file = tls.ca_certificates.as_deref().or_else(system).or_else(usual);
    let names: Vec<Value> = tls
        .subject_alt_names
        .iter()
        .map(|name| json!({"san_type": "DNS", "matcher": {"exact": name}}))
        .collect();
    Some(json!({"trusted_ca": {"filename": file}, "match_typed_subject_alt_names": names}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::TlsMode;

    fn delivered(dns: bool, tls: Option<TlsOrigination>) -> Value {
        let name = "outbound|443||idp.com".to_owned();
        let endpoints = vec![("10.0.0.1".to_owned(), 8443)];
        let delivered = clusters(&[Cluster { name, dns, endpoints, http2: false, tls }], "3");
        assert_eq!(delivered["version_info"], "3");
        delivered["resources"][0].clone()
    }

    #[test]
    fn a_cluster_has_istios_name_and_its_endpoints() {
        let cluster = delivered(false, None);
        assert_eq!((&cluster["name"], &cluster["type"]), (&json!("outbound|443||idp.com"), &json!("STATIC")));
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(endpoint["address"], socket_address("10.0.0.1", 8443));
        assert_eq!(cluster.get("transport_socket"), None);
        let cluster = delivered(true, None);
        assert_eq!(
            (&cluster["type"], &cluster["wait_for_warm_on_init"]),
            (&json!("STRICT_DNS"), &json!(false))
        );
    }

    #[test]
    fn http2_is_spoken_where_the_port_says_so() {
        for (http2, version) in [(true, "http2_protocol_options"), (false, "http_protocol_options")] {
            let endpoints = vec![("10.0.0.1".to_owned(), 8081)];
            let cluster = Cluster { name: "limits".to_owned(), dns: false, endpoints, http2, tls: None };
            let options = &super::cluster(&cluster)["typed_extension_protocol_options"];
            let options = &options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
            assert_eq!(options["explicit_http_config"], json!({version: {}}), "{http2}");
        }
    }

    #[test]
    fn tls_holds_the_certificate_to_a_name_and_to_authorities() {
        let tls = TlsOrigination {
            mode: TlsMode::Simple,
            sni: None,
            ca_certificates: Some("/ca.pem".into()),
            subject_alt_names: Vec::new(),
            insecure_skip_verify: false,
        };
        let options = |cluster: &Value| {
            let options = &cluster["typed_extension_protocol_options"];
            options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["upstream_http_protocol_options"].clone()
        };
        let cluster = delivered(false, Some(tls.clone()));
        assert_eq!(options(&cluster), json!({"auto_sni": true, "auto_san_validation": true}));
        let context = &cluster["transport_socket"]["typed_config"];
        assert_eq!(context["common_tls_context"]["validation_context"]["trusted_ca"]["filename"], "/ca.pem");
        let named = TlsOrigination { sni: Some("x.com".to_owned()), ..tls.clone() };
        let cluster = delivered(false, Some(named));
        assert_eq!(
            (options(&cluster), &cluster["transport_socket"]["typed_config"]["sni"]),
            (Value::Null, &json!("x.com"))
        );
        let cluster = delivered(false, Some(TlsOrigination { insecure_skip_verify: true, ..tls }));
        assert_eq!(cluster["transport_socket"]["typed_config"]["common_tls_context"], json!({}));
        assert_eq!(options(&cluster)["auto_san_validation"], false);
    }
}
