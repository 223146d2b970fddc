//! Upgrades: 101, and from then on every byte comes back. No websocket frames are read or made.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::{list, reply};

/// Whether the client wants to go on with another protocol.
pub(super) fn is_asked_for<B>(request: &Request<B>) -> bool {
    let connection = request.headers().get_all(CONNECTION);
    let mut words = connection.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    request.headers().contains_key(UPGRADE)
        && words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

/// Agrees, and gives the bytes back.
pub(super) fn accept(mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = request.headers().get(UPGRADE) {
        response.headers_mut().insert(UPGRADE, protocol.clone());
    }
    reply::asked_for(&list(request.headers()), response.headers_mut());
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(stream) = upgraded.await {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(stream));
            let _ = tokio::io::copy(&mut from, &mut to).await;
        }
    });
    response
}
