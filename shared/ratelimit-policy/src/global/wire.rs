//! The messages of `envoy.service.ratelimit.v3` (rls.proto), and gRPC's frame around them.
//!
//! Written by hand: two messages do not need a library. Reading is bounded and skips what it does not know.

use policy_core::header::is_protected;
use policy_core::{HeaderName, HeaderValue};

use super::Descriptor;
use super::reply::{Response, Status};

/// The largest request, in bytes.
const LARGEST_REQUEST: usize = 256 * 1024;
/// The most statuses, and the most headers, of one answer that are read.
const MAX_MEMBERS: usize = 64;

/// A `RateLimitRequest` in its frame. `None` without descriptors, and when it would be too large.
#[must_use]
pub fn request(domain: &str, descriptors: &[Descriptor], hits: u64) -> Option<Vec<u8>> {
    if descriptors.is_empty() {
        return None;
    }
    let mut message = Vec::new();
    bytes(&mut message, 1, domain.as_bytes());
    for descriptor in descriptors {
        let mut entries = Vec::new();
        for (key, value) in descriptor {
            let mut entry = Vec::new();
            bytes(&mut entry, 1, key.as_bytes());
            bytes(&mut entry, 2, value.as_bytes());
            bytes(&mut entries, 1, &entry);
        }
        bytes(&mut message, 2, &entries);
    }
    // Without hits a call counts one.
    if hits > 1 {
        message.push(3 << 3);
        varint(&mut message, hits.min(u64::from(u32::MAX)));
    }
    if message.len() > LARGEST_REQUEST {
        return None;
    }
    let length = u32::try_from(message.len()).ok()?.to_be_bytes();
    Some([&[0], &length[..], &message].concat())
}

/// A field of bytes.
fn bytes(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// The one message of an answer's body. `None` when it is compressed, cut, or not alone.
#[must_use]
pub fn unframed(body: &[u8]) -> Option<&[u8]> {
    let ([0, length @ ..], message) = body.split_first_chunk::<5>()? else { return None };
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    (message.len() == length).then_some(message)
}

/// Reads a `RateLimitResponse`. `None` when it is none, or says neither `OK` nor `OVER_LIMIT`.
#[must_use]
pub fn response(message: &[u8]) -> Option<Response> {
    let mut response = Response::default();
    let mut code = 0;
    for field in Fields(message) {
        match field? {
            (1, Value::Number(number)) => code = number,
            (2, Value::Bytes(bytes)) if response.statuses.len() < MAX_MEMBERS => {
                response.statuses.push(status(bytes)?)
            }
            (3, Value::Bytes(bytes)) if response.response_headers.len() < MAX_MEMBERS => {
                response.response_headers.extend(header(bytes)?);
            }
            (4, Value::Bytes(bytes)) if response.request_headers.len() < MAX_MEMBERS => {
                response.request_headers.extend(header(bytes)?);
            }
            _ => {}
        }
    }
    response.over = match code {
        1 => false,
        2 => true,
        _ => return None,
    };
    Some(response)
}

/// A `DescriptorStatus`.
fn status(message: &[u8]) -> Option<Status> {
    let mut status = Status::default();
    for field in Fields(message) {
        match field? {
            (1, Value::Number(code)) => status.over = code == 2,
            (2, Value::Bytes(_)) => status.known = true,
            (3, Value::Number(remaining)) => status.remaining = remaining & u64::from(u32::MAX),
            (4, Value::Bytes(duration)) => status.reset = Some(seconds(duration)?),
            _ => {}
        }
    }
    Some(status)
}

/// A `Duration` in seconds, rounded up; one below 0 is 0.
fn seconds(message: &[u8]) -> Option<u64> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields(message) {
        match field? {
            (1, Value::Number(number)) => seconds = number,
            (2, Value::Number(number)) => nanos = number,
            _ => {}
        }
    }
    // Both are signed, in two's complement.
    let (seconds, nanos) =
        (i64::from_le_bytes(seconds.to_le_bytes()), i64::from_le_bytes(nanos.to_le_bytes()));
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Some(if nanos > 0 { seconds.saturating_add(1) } else { seconds })
}

/// A `HeaderValue`, with its value as text or as bytes. `Some(None)` for a header that no filter may write.
fn header(message: &[u8]) -> Option<Option<(HeaderName, HeaderValue)>> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields(message) {
        match field? {
            (1, Value::Bytes(bytes)) => key = bytes,
            (2 | 3, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    let name = std::str::from_utf8(key).ok().and_then(|key| HeaderName::parse(key).ok());
    let name = name.filter(|name| !is_protected(name.as_bytes()));
    Some(name.map(|name| (name, HeaderValue::escaped(value))))
}

/// The fields of a message; `None` once where it is broken.
struct Fields<'m>(&'m [u8]);

enum Value<'m> {
    Number(u64),
    Bytes(&'m [u8]),
    Other,
}

impl<'m> Iterator for Fields<'m> {
    type Item = Option<(u64, Value<'m>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'m> Fields<'m> {
    fn field(&mut self) -> Option<(u64, Value<'m>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Other)?,
            // Groups are long gone.
            _ => return None,
        };
        let number = key >> 3;
        (number > 0).then_some((number, value))
    }

    fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied()?;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
