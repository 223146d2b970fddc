//! A mesh with an auth filter, and the identity provider that it asks.

use e2e::mesh::Setup;
use e2e::mint::{Key, now};
use e2e::{KeyServer, LocalEnvoy, Mesh, Request, Response, plugin};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::PATIENCE;

pub(crate) const ISSUER: &str = "https://idp.example.com";
/// Where the filter finds the provider: the name that it derives itself.
pub(crate) const HOST: (&str, u16) = ("idp.example.com", 443);

/// One provider of tokens that keeps its keys fresh, for every request.
pub(crate) const CORP: &str = "
    providers:
    - name: corp
      jwt:
        issuer: https://idp.example.com
        audiences: [orders]
        jwksUri: https://idp.example.com/keys
        jwksRefresh: {interval: 5s, minInterval: 1s, timeout: 1s, maxStale: 24h}
    rules:
    - {name: all, require: {anyOf: [corp]}}
";

pub(crate) struct World {
    pub(crate) mesh: LocalEnvoy,
    pub(crate) server: KeyServer,
}

impl World {
    /// Starts both; the keys are on their way then.
    pub(crate) async fn start(config: &str, keys: &[&Key], setup: Setup) -> Self {
        let server = KeyServer::start(ISSUER, keys).await.unwrap();
        Self::with(config, server, setup).await
    }

    pub(crate) async fn with(config: &str, server: KeyServer, setup: Setup) -> Self {
        let manifests = manifests(config, &server);
        Self { mesh: LocalEnvoy::start(&manifests, setup).await.unwrap(), server }
    }

    pub(crate) async fn send(&self, request: &Request) -> Response {
        let answer = e2e::send(self.mesh.address(), request).await;
        answer.unwrap_or_else(|error| panic!("{request:?}: {error}\n{}", self.mesh.log()))
    }

    /// Waits until this request is answered so: until keys have come, or have gone.
    pub(crate) async fn until(&self, what: &str, request: &Request, status: u16) {
        let answered = async || {
            e2e::send(self.mesh.address(), request).await.ok().filter(|answer| answer.status == status)
        };
        let answered = e2e::eventually(what, PATIENCE, answered).await;
        answered.unwrap_or_else(|error| panic!("{error}\n{}", self.mesh.log()));
    }

    /// Waits until all workers answer it so: until one answer after the other is.
    pub(crate) async fn until_all(&self, what: &str, request: &Request, status: u16) {
        let all = async || {
            let mut answers = JoinSet::new();
            for _ in 0..16 {
                let (address, request) = (self.mesh.address(), request.clone());
                answers.spawn(
                    async move { e2e::send(address, &request).await.ok().map(|answer| answer.status) },
                );
            }
            answers.join_all().await.iter().all(|got| *got == Some(status)).then_some(())
        };
        e2e::eventually(what, PATIENCE, all)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.mesh.log()));
    }

    /// Waits until the provider has been asked so often for its keys.
    pub(crate) async fn fetched(&self, times: usize) {
        let asked = async || (self.server.calls("/keys").len() >= times).then_some(());
        e2e::eventually("the keys asked for", PATIENCE, asked).await.unwrap();
    }
}

/// The filter's manifest and the way to its provider.
pub(crate) fn manifests(config: &str, server: &KeyServer) -> String {
    let entry = plugin::service_entry(HOST.0, HOST.1, server.address());
    format!("{}{entry}", plugin::auth_filter(config))
}

/// Claims that are fine, with these in their place: null takes one away.
pub(crate) fn claims(other: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "aud": "orders", "sub": "ann", "iat": now(-5), "exp": now(600)});
    for (name, value) in other.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A request with a bearer token.
pub(crate) fn bearer(path: &str, token: &str) -> Request {
    Request::get(path).header("authorization", format!("Bearer {token}"))
}

/// A request with a token that is fine.
pub(crate) fn good(key: &Key) -> Request {
    bearer("/orders", &key.token(&claims(json!({}))))
}

/// The configuration of a provider with inline keys.
pub(crate) fn inline(keys: &[&Key], more: &str) -> String {
    format!(
        "providers: [{{name: corp, jwt: {{issuer: {ISSUER}, audiences: [orders], jwks: '{}'{more}}}}}]\n\
         rules: [{{name: all, require: {{anyOf: [corp]}}}}]\n",
        e2e::mint::jwks(keys)
    )
}

/// The `reason` of a problem, which is a word of a fixed set.
pub(crate) fn problem(response: &Response) -> Value {
    assert_eq!(
        response.headers.get("content-type").as_deref(),
        Some("application/problem+json"),
        "{response:?}"
    );
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}
