//! What happens on TLS only.

use e2e::mesh::Setup;
use e2e::tls::Certificate;
use e2e::{LocalEnvoy, Mesh, Request, plugin};

use crate::support::MACHINE;

#[tokio::test]
async fn hsts_is_written_on_tls_and_is_the_stricter_of_two_when_merged() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::new(folder.path()).unwrap();
    let config = "securityHeaders: {strictTransportSecurity: {maxAge: 365d, mode: merge}}";
    let setup = Setup { tls: Some(certificate.files()), ..Setup::default() };
    let mesh = LocalEnvoy::start(&plugin::header_filter(config), setup).await.unwrap();
    for (application, expected) in [
        (None, "max-age=31536000; includeSubDomains"),
        (Some("max-age=0"), "max-age=31536000; includeSubDomains"),
        (Some("max-age=63072000; preload"), "max-age=63072000; includeSubDomains; preload"),
    ] {
        for mut request in [Request::get("/"), Request::get("/").http2()] {
            if let Some(application) = application {
                request = request.answered_with("strict-transport-security", application);
            }
            let response = certificate.send(mesh.address(), &request).await.unwrap();
            let hsts = response.headers.get("strict-transport-security");
            assert_eq!(hsts.as_deref(), Some(expected), "{application:?}");
        }
    }
}
