//! gRPC, as much of it as one unary method takes.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message as _;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::engine::Engine;
use crate::protocol::{Code, Request, Response};

/// The only method.
const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// As large as a message may be; gRPC's usual bound.
const LARGEST: usize = 4 << 20;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What answers.
pub(crate) struct Service {
    pub(crate) engine: Arc<Engine>,
    /// A file that says how many milliseconds an answer takes.
    pub(crate) delay: Option<PathBuf>,
    pub(crate) log_calls: bool,
}

/// A call that failed: gRPC's number, and its message in percent-encoding.
struct Failure(u8, &'static str);

const UNIMPLEMENTED: Failure = Failure(12, "");
const INTERNAL: Failure = Failure(13, "not%20a%20RateLimitRequest");
const UNAVAILABLE: Failure = Failure(14, "Service%20unavailable");

/// Serves connections for ever.
pub(crate) async fn accept(listener: TcpListener, service: Arc<Service>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&service)));
        }
    }
}

async fn serve(stream: TcpStream, service: Arc<Service>) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.reply(request).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    // A connection that breaks is the caller's business.
    let _ = builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}

impl Service {
    async fn reply(&self, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
        match self.call(request).await {
            Ok(answer) => success(&answer),
            Err(failure) => failed(&failure),
        }
    }

    async fn call(&self, request: hyper::Request<Incoming>) -> Result<Response, Failure> {
        if request.uri().path() != METHOD {
            return Err(UNIMPLEMENTED);
        }
        let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|_| INTERNAL)?;
        let call = decode(&body.to_bytes()).ok_or(INTERNAL)?;
        // Whether to let a request pass then is the caller's to decide, which `UNKNOWN` would not leave to it.
        let answer = self.engine.ask(&call).await.map_err(|error| {
            eprintln!("unavailable: {error}");
            UNAVAILABLE
        });
        if self.log_calls {
            println!("call {}", line(&call, answer.as_ref().ok()));
        }
        if let Some(delay) = self.delay() {
            tokio::time::sleep(delay).await;
        }
        answer
    }

    fn delay(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.delay.as_deref()?).ok()?;
        text.trim().parse().ok().map(Duration::from_millis)
    }
}

/// One message: a byte that says whether it is compressed, its length in four bytes, and itself.
fn decode(body: &Bytes) -> Option<Request> {
    let (prefix, message) = body.split_first_chunk::<5>()?;
    let [0, length @ ..] = *prefix else { return None };
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    if message.len() == length { Request::decode(message).ok() } else { None }
}

fn encode(message: &Response) -> Bytes {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
    [&[0], &length[..], &message].concat().into()
}

fn success(answer: &Response) -> hyper::Response<Body> {
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(encode(answer)).with_trailers(std::future::ready(Some(Ok(trailers))));
    response(body.boxed_unsync())
}

/// Without a message the status is among the headers.
fn failed(Failure(status, message): &Failure) -> hyper::Response<Body> {
    let mut response = response(Empty::new().boxed_unsync());
    response.headers_mut().insert(GRPC_STATUS, HeaderValue::from(u16::from(*status)));
    if !message.is_empty() {
        response.headers_mut().insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    }
    response
}

fn response(body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A call and its answer as JSON.
fn line(call: &Request, answer: Option<&Response>) -> serde_json::Value {
    let pair = |entry: &crate::protocol::Entry| json!([entry.key, entry.value]);
    let descriptors = call.descriptors.iter().map(|one| one.entries.iter().map(pair).collect::<Vec<_>>());
    let answer = match answer.map(Response::overall_code) {
        Some(Code::Ok) => "OK",
        Some(Code::OverLimit) => "OVER_LIMIT",
        Some(Code::Unknown) => "UNKNOWN",
        None => "UNAVAILABLE",
    };
    json!({
        "domain": call.domain,
        "descriptors": descriptors.collect::<Vec<_>>(),
        "hits": call.hits_addend,
        "answer": answer,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::protocol::{Descriptor, Entry};

    /// By hand, so that the tags are not checked against themselves.
    const REQUEST: &[u8] = b"\0\0\0\0\x0e\x0a\x01d\x12\x07\x0a\x05\x0a\x01k\x12\0\x18\x02";

    #[test]
    fn a_request_is_read_as_envoy_writes_it() {
        let entry = Entry { key: "k".to_owned(), value: String::new() };
        let descriptors = vec![Descriptor { entries: vec![entry] }];
        let wanted = Request { domain: "d".to_owned(), descriptors, hits_addend: 2 };
        assert_eq!(decode(&Bytes::from_static(REQUEST)), Some(wanted));
    }

    #[test]
    fn an_answer_is_written_as_envoy_reads_it() {
        let header = crate::protocol::Header { key: "a".to_owned(), value: "b".to_owned() };
        let answer = Response { overall_code: 2, response_headers_to_add: vec![header] };
        assert_eq!(&encode(&answer)[..], b"\0\0\0\0\x0a\x08\x02\x1a\x06\x0a\x01a\x12\x01b");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for cut in 0..REQUEST.len() {
            assert_eq!(decode(&Bytes::copy_from_slice(REQUEST.get(..cut).unwrap())), None, "cut at {cut}");
        }
        let compressed = [&[1], REQUEST.get(1..).unwrap()].concat();
        assert_eq!(decode(&Bytes::from(compressed)), None);
        let text_that_is_none = b"\0\0\0\0\x03\x0a\x01\xff";
        assert_eq!(decode(&Bytes::from_static(text_that_is_none)), None);
    }
}
