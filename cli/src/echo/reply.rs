//! The echo's answers.

use std::fmt::Write as _;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::Arrived;

/// The answer to a request.
pub(super) fn to(arrived: &Arrived) -> Response<Full<Bytes>> {
    let text = text(arrived);
    let mut response = plain(status(&arrived.path), &text);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    if arrived.method == "HEAD" {
        // hyper leaves the body out in HTTP/1 only.
        response.headers_mut().insert("content-length", HeaderValue::from(text.len()));
        *response.body_mut() = Full::default();
    }
    asked_for(&arrived.headers, response.headers_mut());
    response
}

/// JSON with a line for each header, which is easier on the eye than what `serde_json` makes.
fn text(arrived: &Arrived) -> String {
    let headers: Vec<String> =
        arrived.headers.iter().map(|(name, value)| format!("    {}", json!([name, shown(value)]))).collect();
    let mut text = String::from("{\n");
    for (name, value) in [
        ("method", json!(arrived.method)),
        ("path", json!(arrived.path)),
        ("authority", json!(shown(&arrived.authority))),
        ("protocol", json!(arrived.protocol)),
    ] {
        let _ = writeln!(text, "  \"{name}\": {value},");
    }
    let _ = writeln!(text, "  \"headers\": [\n{}\n  ],", headers.join(",\n"));
    let _ = writeln!(text, "  \"bodyLength\": {}\n}}", arrived.body.len());
    text
}

/// A short text.
pub(super) fn plain(status: u16, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Puts the headers of `x-echo-set: name=value` on the answer. What cannot be a header is left out.
pub(super) fn asked_for(request: &[(String, Vec<u8>)], response: &mut HeaderMap) {
    let mut own_content_type = true;
    for (_, value) in request.iter().filter(|(name, _)| name == "x-echo-set") {
        let mut parts = value.splitn(2, |byte| *byte == b'=');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok());
        let (Some(name), Some(value)) = (name, value) else { continue };
        if own_content_type && name == "content-type" {
            own_content_type = false;
            response.insert(name, value);
        } else {
            response.append(name, value);
        }
    }
}

fn status(path: &str) -> u16 {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("status="));
    asked.and_then(|status| status.parse().ok()).filter(|status| (200..=599).contains(status)).unwrap_or(200)
}

fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}
