//! A client for one repository of a registry (OCI distribution specification 1.1), as go-containerregistry is one for
//! istio-agent: the same order of attempts, and errors in the same words.
//!
//! It is our own because every client that there is reads answers without bounds; a registry is foreign.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::Value;

use super::challenge;
use super::credentials::Source;
use super::manifest::{self, Descriptor, MOST_MANIFEST, OCI_MANIFEST};
use super::name::Name;
use super::web::{self, reason, shown};

/// The longest answer that is read for its message, in bytes.
const MOST_TROUBLE: u64 = 64 << 10;
/// Between attempts at reading, as go-containerregistry waits.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// How registries are spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) credentials: Source,
    /// Plain HTTP and nothing else, with credentials too.
    pub(crate) plain_http: bool,
    /// Whether a place that gives tokens must be one that istio-agent would ask.
    pub(crate) guard_realm: bool,
    /// Between attempts at reading.
    pub(crate) pauses: Vec<Duration>,
    /// The longest blob that is read, in bytes.
    pub(crate) most: u64,
}

impl Access {
    /// As istio-agent, with the docker configuration's credentials.
    pub(crate) fn agent() -> Self {
        let most = crate::fetch::MOST;
        let pauses = PAUSES.to_vec();
        Self { credentials: Source::Docker, plain_http: false, guard_realm: true, pauses, most }
    }
}

/// What is wanted of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Pull,
    Push,
}

impl Right {
    /// The scope of a token.
    pub(super) fn scope(self, repository: &str) -> String {
        let actions = if self == Self::Push { "push,pull" } else { "pull" };
        format!("repository:{repository}:{actions}")
    }
}

/// A repository that answers, and that has let us in.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(super) client: Client,
    pub(super) access: Access,
    pub(super) base: Url,
    pub(super) authorization: Option<HeaderValue>,
    repository: String,
}

/// A document of the registry.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) media_type: String,
    /// Of the bytes, `sha256:…`.
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Registry {
    /// Finds out how the registry is spoken to, and logs in where it wants that.
    ///
    /// HTTPS first. Plain HTTP is next for this machine and private addresses, and for all others that answer in it.
    pub(crate) async fn open(name: &Name, access: &Access, right: Right) -> Result<Self, String> {
        let host = web::host_of(name.registry());
        let client = web::client(host)?;
        let url = |scheme: &str| {
            let url = format!("{scheme}://{}/v2/", name.registry());
            Url::parse(&url).map_err(|error| format!("{url}: {error}"))
        };
        let mut registry = Self {
            client,
            access: access.clone(),
            base: url(if access.plain_http { "http" } else { "https" })?,
            authorization: None,
            repository: name.repository().to_owned(),
        };
        let answer = match registry.ping().await {
            Ok(answer) => answer,
            Err(error) if registry.base.scheme() == "http" => return Err(registry.unreachable(&error)),
            Err(error) if web::is_nearby(host) || answers_in_plain_http(&error) => {
                let first = registry.unreachable(&error);
                registry.base = url("http")?;
                let second = registry.ping().await;
                second.map_err(|error| format!("{first}; {}", registry.unreachable(&error)))?
            }
            Err(error) => return Err(registry.unreachable(&error)),
        };
        match answer.status() {
            StatusCode::OK => Ok(registry),
            StatusCode::UNAUTHORIZED => {
                let offered = challenge::best(answer.headers());
                registry.log_in(offered, right, name).await?;
                Ok(registry)
            }
            _ => Err(failure("GET", registry.base.as_str(), answer).await),
        }
    }

    /// Whether the registry is spoken to in plain HTTP.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    async fn ping(&self) -> Result<Response, reqwest::Error> {
        self.client.get(self.base.clone()).send().await
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        format!("Get \"{}\": {}", self.base, reason(error))
    }

    /// The manifest or index under a tag or a digest. A digest is held to.
    pub(crate) async fn document(&self, identifier: &str) -> Result<Document, String> {
        let url = self.url(&format!("manifests/{identifier}"))?;
        let types = [manifest::DOCKER_MANIFEST, OCI_MANIFEST, manifest::DOCKER_INDEX, manifest::OCI_INDEX];
        let mut answer = self.read(&url, Some(&types.join(","))).await?;
        let named = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type =
            named.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_owned();
        let body = web::body(&mut answer, MOST_MANIFEST).await;
        let bytes = body.map_err(|error| format!("GET {url}: {error}"))?;
        let digest = manifest::digest(&bytes);
        if identifier.starts_with("sha256:") && identifier != digest {
            return Err(format!(
                "manifest digest: \"{digest}\" does not match requested digest: \"{identifier}\""
            ));
        }
        Ok(Document { media_type, digest, bytes })
    }

    /// A blob. Size and digest are held to.
    pub(crate) async fn blob(&self, wanted: &Descriptor) -> Result<Vec<u8>, String> {
        if wanted.size > self.access.most {
            let most = self.access.most;
            return Err(format!("the layer of {} bytes exceeds the limit of {most} bytes", wanted.size));
        }
        let url = self.url(&format!("blobs/{}", wanted.digest))?;
        let mut answer = self.read(&url, None).await?;
        let body = web::body(&mut answer, wanted.size).await;
        let bytes = body.map_err(|error| format!("GET {url}: {error}"))?;
        let found = manifest::digest(&bytes);
        if found != wanted.digest {
            return Err(format!(
                "error verifying sha256 checksum; got \"{found}\", want \"{}\"",
                wanted.digest
            ));
        }
        Ok(bytes)
    }

    /// Below the repository. What is put in is a tag or a digest, both of a few harmless characters.
    pub(super) fn url(&self, rest: &str) -> Result<Url, String> {
        let path = format!("{}/{rest}", self.repository);
        self.base.join(&path).map_err(|error| format!("{}{path}: {error}", self.base))
    }

    /// A GET that is answered with 200, tried again where that may help.
    async fn read(&self, url: &Url, accept: Option<&str>) -> Result<Response, String> {
        let mut pauses = self.access.pauses.iter();
        loop {
            let mut headers = self.headers(url);
            if let Some(accept) = accept.and_then(|accept| HeaderValue::from_str(accept).ok()) {
                headers.insert(ACCEPT, accept);
            }
            let answer = self.client.request(Method::GET, url.clone()).headers(headers).send().await;
            let (error, passing) = match answer {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer),
                Ok(answer) => {
                    let passing = matches!(answer.status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504);
                    (failure("GET", url.as_str(), answer).await, passing)
                }
                Err(error) => (format!("Get \"{url}\": {}", reason(&error)), true),
            };
            match pauses.next() {
                Some(pause) if passing => tokio::time::sleep(*pause).await,
                _ => return Err(error),
            }
        }
    }

    /// What lets us in goes to the registry itself and to nobody that it names.
    pub(super) fn headers(&self, url: &Url) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(authorization) =
            self.authorization.as_ref().filter(|_| url.origin() == self.base.origin())
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers
    }
}

/// Whether a failed TLS handshake shows a server that speaks HTTP: "server gave HTTP response to HTTPS client".
fn answers_in_plain_http(error: &(dyn Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidMessage(_));
    }
    // The source of an error that is wrapped by one of these is that error's source, and not the error.
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| answers_in_plain_http(inner))
        || error.source().is_some_and(answers_in_plain_http)
}

/// An answer that is none: the registry's own codes where it gives them, as in `MANIFEST_UNKNOWN: manifest unknown`.
pub(super) async fn failure(method: &str, url: &str, mut answer: Response) -> String {
    let status = answer.status();
    let body = web::body(&mut answer, MOST_TROUBLE).await.unwrap_or_default();
    let json: Option<Value> = serde_json::from_slice(&body).ok();
    let errors = json.as_ref().and_then(|json| json.get("errors")?.as_array());
    let text =
        |error: &Value, field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let told: Vec<String> = errors
        .into_iter()
        .flatten()
        .take(5)
        .map(|error| shown(&format!("{}: {}", text(error, "code"), text(error, "message"))))
        .collect();
    if told.is_empty() {
        let said = shown(&String::from_utf8_lossy(&body));
        let colon = if said.is_empty() { "" } else { ": " };
        return format!("{method} {url}: unexpected status code {status}{colon}{said}");
    }
    format!("{method} {url}: {}", told.join("; "))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_server_that_answers_tls_with_http_is_told_from_one_that_is_not_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 1024];
            assert!(stream.read(&mut hello).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            let _ = stream.read(&mut hello).await;
        });
        let client = web::client("127.0.0.1").unwrap();
        let ask = async || client.get(format!("https://{address}/v2/")).send().await.unwrap_err();
        assert!(answers_in_plain_http(&ask().await));
        serving.await.unwrap();
        assert!(!answers_in_plain_http(&ask().await));
    }
}
