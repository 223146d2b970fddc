//! A web server and a registry for tests, which do what they are told and no more.

#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::credentials::Source;
use super::manifest::digest;
use super::registry::Access;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

type Behaviour = dyn Fn(&Seen, usize) -> Answer + Send + Sync;

/// A server on a free port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers the nth request, from 0, as it is told.
    pub(crate) async fn start(behaviour: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behaviour, log) = (Arc::clone(&behaviour), Arc::clone(&log));
                tokio::spawn(async move {
                    let service =
                        service_fn(|request| answer(request, Arc::clone(&behaviour), Arc::clone(&log)));
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, seen, task }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    behaviour: Arc<Behaviour>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let authorization = head.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let path = head.uri.path_and_query().unwrap().to_string();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let seen = Seen { method: head.method.to_string(), path, authorization, body };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len().saturating_sub(1)
    };
    let answer = behaviour(&seen, number);
    tokio::time::sleep(answer.after).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(Bytes::from(answer.body))).unwrap())
}

/// What a registry holds, by the rest of the path after `/v2/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf(BTreeMap<String, (String, Vec<u8>)>);

impl Shelf {
    /// Puts a blob into the repository `r`, and describes it.
    pub(crate) fn blob(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        self.put(&format!("r/blobs/{digest}"), "application/octet-stream", bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Puts a manifest or index there, under a tag and its digest; returns that.
    pub(crate) fn document(&mut self, tag: &str, media_type: &str, json: &Value) -> String {
        let bytes = json.to_string().into_bytes();
        let digest = digest(&bytes);
        self.put(&format!("r/manifests/{tag}"), media_type, &bytes);
        self.put(&format!("r/manifests/{digest}"), media_type, &bytes);
        digest
    }

    pub(crate) fn put(&mut self, path: &str, media_type: &str, bytes: &[u8]) {
        self.0.insert(format!("/v2/{path}"), (media_type.to_owned(), bytes.to_vec()));
    }

    /// What is answered to a request.
    pub(crate) fn answer(&self, seen: &Seen) -> Answer {
        match self.0.get(&seen.path) {
            Some((media_type, bytes)) => {
                Answer::new(200, bytes.clone()).with("content-type", media_type.clone())
            }
            None if seen.path == "/v2/" => Answer::new(200, "{}"),
            None => {
                let error = json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]});
                Answer::new(404, error.to_string())
            }
        }
    }

    /// Serves it.
    pub(crate) async fn serve(self) -> Server {
        Server::start(move |seen, _| self.answer(seen)).await
    }
}

/// As istio-agent, in less time, and without the docker configuration of whoever runs the tests.
pub(crate) fn access() -> Access {
    let pauses = vec![Duration::from_millis(1); 2];
    Access { credentials: Source::Text("{}".to_owned()), pauses, most: 1 << 20, ..Access::agent() }
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    digest(bytes)
}
