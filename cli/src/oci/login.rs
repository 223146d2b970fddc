//! Being let in: a password, or a token that is got for it.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::challenge::Challenge;
use super::credentials::Credential;
use super::name::Name;
use super::registry::{Registry, Right, failure};
use super::web::{self, reason};

/// The longest answer with a token, in bytes.
const MOST_TOKEN: u64 = 256 << 10;
const CLIENT: &str = "tollgate";

impl Registry {
    /// Answers a challenge. Who has no credential asks for a token without one, which is how public images are read.
    pub(super) async fn log_in(
        &mut self,
        challenge: Option<Challenge>,
        right: Right,
        name: &Name,
    ) -> Result<(), String> {
        let host = name.registry();
        let credential = self.access.credentials.find(host).await?;
        let authorization = match (challenge, &credential) {
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let scope = right.scope(name.repository());
                let realm = self.realm(&realm, credential.is_some())?;
                Some(self.token(realm, service, &scope, credential.as_ref()).await?)
            }
            (_, Some(Credential::Password { user, password })) => {
                self.may_be_sent_to(&self.base, host)?;
                let request = self.client.get(self.base.clone()).basic_auth(user, Some(password)).build();
                let request = request.map_err(|error| reason(&error))?;
                request.headers().get(AUTHORIZATION).cloned()
            }
            // The next answer says what is missing.
            _ => None,
        };
        self.authorization = authorization.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        Ok(())
    }

    /// Where to ask for a token. A registry could name any address in our network, and get at it through us.
    fn realm(&self, realm: &str, secret: bool) -> Result<Url, String> {
        let rejected = || format!("rejected unsafe bearer realm: {}", web::shown(realm));
        let url = Url::parse(realm).map_err(|_| rejected())?;
        let host = url.host_str().unwrap_or_default();
        if !["http", "https"].contains(&url.scheme()) || host.is_empty() {
            return Err(rejected());
        }
        if self.access.guard_realm && web::is_unsafe_realm(host) {
            return Err(rejected());
        }
        if secret {
            self.may_be_sent_to(&url, host)?;
        }
        Ok(url)
    }

    fn may_be_sent_to(&self, url: &Url, name: &str) -> Result<(), String> {
        let nearby = web::is_nearby(web::host_of(name));
        if url.scheme() == "https" || nearby || self.access.plain_http {
            return Ok(());
        }
        Err(format!(
            "{name} speaks plain HTTP, and a credential is not sent in the clear: give it a certificate, or --plain-http"
        ))
    }

    async fn token(
        &self,
        mut realm: Url,
        service: Option<String>,
        scope: &str,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, String> {
        let client = web::client(realm.host_str().unwrap_or_default())?;
        let shown = realm.to_string();
        let service = service.unwrap_or_default();
        let request = if let Some(Credential::Refresh(token)) = credential {
            let mut form = Url::parse("x:").map_err(|error| error.to_string())?;
            let pairs =
                [("grant_type", "refresh_token"), ("client_id", CLIENT), ("service", service.as_str())];
            form.query_pairs_mut()
                .extend_pairs(pairs)
                .append_pair("scope", scope)
                .append_pair("refresh_token", token);
            let body = form.query().unwrap_or_default().to_owned();
            client.post(realm).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        } else {
            realm.query_pairs_mut().append_pair("scope", scope).append_pair("service", &service);
            let request = client.get(realm);
            match credential {
                Some(Credential::Password { user, password }) => request.basic_auth(user, Some(password)),
                _ => request,
            }
        };
        let mut answer =
            request.send().await.map_err(|error| format!("Get \"{shown}\": {}", reason(&error)))?;
        if answer.status() != StatusCode::OK {
            return Err(failure("GET", &shown, answer).await);
        }
        let body =
            web::body(&mut answer, MOST_TOKEN).await.map_err(|error| format!("GET {shown}: {error}"))?;
        bearer(&body).ok_or_else(|| format!("GET {shown}: no token in bearer response"))
    }
}

fn bearer(body: &[u8]) -> Option<HeaderValue> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let text = |field: &str| json.get(field).and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = text("token").or_else(|| text("access_token"))?;
    HeaderValue::from_str(&format!("Bearer {token}")).ok()
}
