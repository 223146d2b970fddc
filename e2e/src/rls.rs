//! A client of the rate limit protocol, `envoy.service.ratelimit.v3`, for asking a service what a proxy would ask it.
//! It shares no code with the service, so that neither's mistakes are the other's.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::client::Error;

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Within the limits, with the headers that a response shall get.
    Ok(Vec<(String, String)>),
    /// Over one of them, with the same.
    OverLimit(Vec<(String, String)>),
    /// Neither.
    Unknown,
    /// gRPC's status, when that is not 0.
    Failed(u16),
}

impl Answer {
    /// The value of one of its headers.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (Self::Ok(headers) | Self::OverLimit(headers)) = self else { return None };
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Asks once, on a connection of its own. No hits are one hit.
///
/// # Errors
/// When there is no answer that makes sense.
pub async fn ask(
    address: SocketAddr,
    domain: &str,
    descriptors: &[&[(&str, &str)]],
    hits: u8,
) -> Result<Answer, Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let uri = format!("http://{address}/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit");
    let request =
        hyper::Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    let request = request.body(Full::new(Bytes::from(framed(&message(domain, descriptors, hits)))))?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?;
    let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
    let status =
        status.or_else(|| head.headers.get("grpc-status")).ok_or("no grpc-status")?.to_str()?.parse()?;
    if status != 0 {
        return Ok(Answer::Failed(status));
    }
    let body = body.to_bytes();
    answer(&body).ok_or_else(|| format!("not a RateLimitResponse: {body:?}").into())
}

/// `RateLimitRequest`.
fn message(domain: &str, descriptors: &[&[(&str, &str)]], hits: u8) -> Vec<u8> {
    let mut message = field(1, domain.as_bytes());
    for entries in descriptors {
        let entry = |(key, value): &(&str, &str)| {
            field(1, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
        };
        message.extend(field(2, &entries.iter().flat_map(entry).collect::<Vec<_>>()));
    }
    // A number that small is its own encoding.
    message.extend([3 << 3, hits.min(0x7f)]);
    message
}

/// A field whose length comes first.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number.wrapping_shl(3) | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        field.push(0x80 | length.to_le_bytes()[0]);
        length = length.wrapping_shr(7);
    }
    field.push(length.to_le_bytes()[0]);
    field.extend(bytes);
    field
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// `RateLimitResponse`.
fn answer(body: &[u8]) -> Option<Answer> {
    let (_, message) = body.split_first_chunk::<5>()?;
    let (mut code, mut headers) = (0, Vec::new());
    for (number, field) in fields(message)? {
        match (number, field) {
            (1, Field::Number(number)) => code = number,
            (3, Field::Bytes(header)) => headers.push(pair(header)?),
            _ => {}
        }
    }
    Some(match code {
        1 => Answer::Ok(headers),
        2 => Answer::OverLimit(headers),
        _ => Answer::Unknown,
    })
}

/// A message of two strings.
fn pair(message: &[u8]) -> Option<(String, String)> {
    let (mut key, mut value) = (String::new(), String::new());
    for (number, field) in fields(message)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => key = String::from_utf8(bytes.to_vec()).ok()?,
            (2, Field::Bytes(bytes)) => value = String::from_utf8(bytes.to_vec()).ok()?,
            _ => {}
        }
    }
    Some((key, value))
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(number(&mut bytes)?),
            2 => {
                let length = usize::try_from(number(&mut bytes)?).ok()?;
                let (field, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(field)
            }
            _ => return None,
        };
        fields.push((key.wrapping_shr(3), field));
    }
    Some(fields)
}

/// A varint.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}
