//! An identity provider that can be told to misbehave: keys, discovery and introspection over real HTTP.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ct_codecs::{Base64, Encoder as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::mint::{Key, jwks};

/// The client that may introspect, and its password.
pub const CLIENT: (&str, &str) = ("tollgate", "introspection-secret");

/// How it answers from now on.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// As it should.
    Normal,
    /// As it should, after so long.
    Slow(Duration),
    /// It closes every connection without an answer.
    Dead,
    /// This status, with an empty body.
    Status(u16),
    /// 200 with this body.
    Body(Vec<u8>),
}

/// One request that it got.
#[derive(Debug, Clone)]
pub struct Call {
    /// Path and query.
    pub path: String,
    /// When.
    pub at: Instant,
    /// The headers' names and values, as text.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

/// A running provider. Dropping it closes its port.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    issuer: String,
    keys: String,
    behaviour: Behaviour,
    tokens: HashMap<String, Value>,
    calls: Vec<Call>,
}

impl KeyServer {
    /// Starts one on a free port of 127.0.0.1, with these keys.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(issuer: &str, keys: &[&Key]) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = State {
            issuer: issuer.to_owned(),
            keys: jwks(keys),
            behaviour: Behaviour::Normal,
            tokens: HashMap::new(),
            calls: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers in another way from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.state).behaviour = behaviour;
    }

    /// Serves other keys from now on.
    pub fn rotate(&self, keys: &[&Key]) {
        lock(&self.state).keys = jwks(keys);
    }

    /// Makes an opaque token known: what introspection says of it besides `active: true`.
    pub fn issue(&self, token: &str, claims: Value) {
        lock(&self.state).tokens.insert(token.to_owned(), claims);
    }

    /// The same as if it had never been issued.
    pub fn revoke(&self, token: &str) {
        lock(&self.state).tokens.remove(token);
    }

    /// All requests so far to a path.
    #[must_use]
    pub fn calls(&self, path: &str) -> Vec<Call> {
        lock(&self.state).calls.iter().filter(|call| call.path == path).cloned().collect()
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Behaviour {
    /// A page instead of JSON.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Body(b"<html><body>Sign in</body></html>".to_vec())
    }

    /// More than anyone should read.
    #[must_use]
    pub fn oversized() -> Self {
        let filler = "x".repeat(400 << 10);
        Self::Body(format!("{{\"keys\":[],\"filler\":\"{filler}\"}}").into_bytes())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&state)));
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, Arc::clone(&state)));
    // A connection that breaks is the caller's business.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// Answers, or fails, upon which the connection is closed.
async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, 1 << 20).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
    let call = Call {
        path: head.uri.path_and_query().map_or("", |path| path.as_str()).to_owned(),
        at: Instant::now(),
        headers: headers.collect(),
        body: text(&body),
    };
    let behaviour = {
        let mut state = lock(&state);
        state.calls.push(call.clone());
        state.behaviour.clone()
    };
    match behaviour {
        Behaviour::Dead => return Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        Behaviour::Status(status) => return Ok(json_reply(status, Vec::new())),
        Behaviour::Body(body) => return Ok(json_reply(200, body)),
        Behaviour::Slow(delay) => tokio::time::sleep(delay).await,
        Behaviour::Normal => {}
    }
    let Ok(response) = reply(&lock(&state), &call);
    Ok(response)
}

fn reply(state: &State, call: &Call) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match call.path.split('?').next().unwrap_or_default() {
        "/keys" => (200, state.keys.clone()),
        "/.well-known/openid-configuration" => {
            let document = json!({"issuer": state.issuer, "jwks_uri": format!("{}/keys", state.issuer)});
            (200, document.to_string())
        }
        "/introspect" if !is_client(call) => (401, json!({"error": "invalid_client"}).to_string()),
        "/introspect" => (200, introspection(state, &call.body).to_string()),
        _ => (404, String::new()),
    };
    Ok(json_reply(status, body.into_bytes()))
}

fn is_client(call: &Call) -> bool {
    let (name, password) = CLIENT;
    let wanted = Base64::encode_to_string(format!("{name}:{password}")).unwrap_or_default();
    call.headers.iter().any(|(name, value)| name == "authorization" && *value == format!("Basic {wanted}"))
}

/// RFC 7662, section 2.2. The tokens of the suite need no escapes in a form.
fn introspection(state: &State, form: &str) -> Value {
    let token = form.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let Some(claims) = state.tokens.get(token) else { return json!({"active": false}) };
    let mut answer = claims.clone();
    if let Some(fields) = answer.as_object_mut() {
        fields.entry("active").or_insert(json!(true));
    }
    answer
}

fn json_reply(status: u16, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}
