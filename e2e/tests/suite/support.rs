//! What the cases share.

mod case;

use std::time::Duration;

use e2e::{Mesh, Request};
use tokio::sync::RwLock;
use tollgate::echo::Arrived;

pub(crate) use case::{Filter, case, case_of, refusal};

/// Longer than anything may take that is not measured.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Read by every test that uses an Envoy, written by one that measures time: it has the machine for itself.
pub(crate) static MACHINE: RwLock<()> = RwLock::const_new(());

/// The config of issue 2, to the letter.
pub(crate) const VERBATIM: &str = r#"
    rules:
    - name: tag
      match: {hosts: ["*.example.com"], paths: [{prefix: /api}], methods: [GET, POST]}
      request:
        set: [{name: x-env, value: prod}, {name: x-peer, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}]
        add: [{name: x-via, value: tollgate}]
        addIfAbsent: [{name: x-tenant, value: public}]
        remove: ["x-internal-*"]
        rename: [{from: x-old, to: x-new}]
      response:
        set: [{name: x-served-by, value: "%UPSTREAM_CLUSTER%"}]
        remove: [x-powered-by]
    requestId: {mode: keep, header: x-request-id, echo: true}
    securityHeaders:
      preset: owasp
      contentSecurityPolicy: {directives: {default-src: ["'self'"], script-src: ["'self'", nonce]}}
    cookies: {secure: true, httpOnly: true, sameSite: Lax}
"#;

/// A plain request must be answered with 200 and reach the upstream. Returns what arrived there.
pub(crate) async fn canary(mesh: &impl Mesh, after: &str) -> Arrived {
    let _ = mesh.arrived();
    let request = Request::get("/api/canary");
    let response = e2e::send(mesh.address(), &request).await;
    let response =
        response.unwrap_or_else(|error| panic!("the request after {after}: {error}\n{}", mesh.log()));
    assert_eq!(response.status, 200, "the request after {after}: {response:?}");
    // Others may be sending too.
    let arrived = mesh.arrived().into_iter().rfind(|arrived| arrived.path == request.path);
    arrived.unwrap_or_else(|| panic!("the request after {after} did not reach the upstream"))
}
