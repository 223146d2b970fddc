//! Client certificates: as a credential of their own, and as what a token is bound to.

use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::tls::Certificate;
use e2e::{Fields, LocalEnvoy, Mesh, Request, plugin};
use serde_json::json;

use super::world::{bearer, claims, inline};
use crate::support::MACHINE;

async fn mesh(config: &str, certificate: &Certificate) -> LocalEnvoy {
    let setup = Setup { tls: Some(certificate.files_with_clients()), ..Setup::default() };
    LocalEnvoy::start(&plugin::auth_filter(config), setup).await.unwrap()
}

#[tokio::test]
async fn a_certificate_with_the_right_name_lets_in() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path()).unwrap();
    let config = r#"
        providers: [{name: workload, mtls: {uriSans: ["spiffe://cluster.local/ns/*/sa/*"]}}]
        rules: [{name: all, require: {anyOf: [workload]}}]
        identity: {header: x-who}
    "#;
    let mesh = mesh(config, &certificate).await;
    let name = "spiffe://cluster.local/ns/shop/sa/web";
    for (uri, fine) in [
        (Some(name), true),
        (Some("spiffe://cluster.local/ns/shop/sa/web/x"), false),
        (Some("spiffe://other/ns/shop/sa/web"), false),
        (Some("spiffe://cluster.local/ns/sa/web"), false),
        (None, false),
    ] {
        let identity = uri.map(|uri| certificate.identity(uri).unwrap());
        let _ = mesh.arrived();
        let answer =
            certificate.send_as(mesh.address(), &Request::get("/"), identity.as_ref()).await.unwrap();
        if !fine {
            assert!(matches!(answer.status, 401 | 403), "{uri:?}: {answer:?}");
            assert!(mesh.arrived().is_empty(), "{uri:?}");
            continue;
        }
        assert_eq!(answer.status, 200, "{uri:?}: {answer:?}");
        let who = Fields(mesh.arrived().pop().unwrap().headers).get("x-who").unwrap();
        let who: serde_json::Value = serde_json::from_str(&who).unwrap();
        assert_eq!((&who["id"], &who["kind"]), (&json!(name), &json!("mtls")));
    }
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_needs_it() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path()).unwrap();
    let key = Key::new("es", "ES256").unwrap();
    let mesh = mesh(&inline(&[&key], ", requireCertificateBinding: true"), &certificate).await;
    let (own, other) =
        (certificate.identity("spiffe://a/own").unwrap(), certificate.identity("spiffe://a/other").unwrap());
    let bound = |thumbprint: &str| key.token(&claims(json!({"cnf": {"x5t#S256": thumbprint}})));
    for (what, token, shown, status) in [
        ("its own", bound(&own.thumbprint()), Some(&own), 200),
        ("another", bound(&own.thumbprint()), Some(&other), 401),
        ("none", bound(&own.thumbprint()), None, 401),
        ("a token that is not bound", key.token(&claims(json!({}))), Some(&own), 401),
        ("a thumbprint that is none", bound("x"), Some(&own), 401),
    ] {
        let answer = certificate.send_as(mesh.address(), &bearer("/", &token), shown).await.unwrap();
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
}
