//! Requests that ask: `Flow::Ask` pauses a request until its callout has an answer.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use policy_core::ids::Ids;
use policy_core::{Answer, Callout, CalloutReply, Lost, Plugin, Snapshot};
use proxy_wasm::types::MapType;

use crate::host;
use crate::stream::Seat;

/// At most so many callouts of requests are on their way in one VM: each holds memory here and a request at the service
/// that is slow to answer. Those of clients that have left count, as Envoy does not cancel them.
const MOST: usize = 1024;

/// What Envoy says of an answer before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Number of headers; 0 when there was no answer.
    pub headers: usize,
    /// Bytes of its body.
    pub body: usize,
    /// Number of trailers.
    pub trailers: usize,
}

/// The callouts of requests that are on their way, by their tokens.
pub(crate) struct Asks<P: Plugin> {
    sent: RefCell<Ids<Ask<P>>>,
}

struct Ask<P: Plugin> {
    /// Not kept alive: the answer to one whose client has left is nobody's.
    seat: Weak<Seat<P>>,
    root: Option<u32>,
    max_body: usize,
}

impl<P: Plugin> Asks<P> {
    /// Nobody has asked.
    pub(crate) const fn new() -> Self {
        Self { sent: RefCell::new(Ids::new()) }
    }

    /// Sends a request's callout; false when it was not sent.
    pub(crate) fn send(&self, seat: &Rc<Seat<P>>, callout: &Callout) -> bool {
        if self.sent.borrow().len() >= MOST {
            return false;
        }
        let Some(token) = host::http_call(callout) else { return false };
        let ask = Ask { seat: Rc::downgrade(seat), root: seat.root(), max_body: callout.max_body };
        self.sent.borrow_mut().insert(token, ask);
        true
    }

    /// Hands an answer to the request that has asked; false when it is not a request's.
    pub(crate) fn answered(&self, token: u32, sizes: Sizes) -> bool {
        let ask = self.sent.borrow_mut().remove(token);
        let Some(Ask { seat, max_body, .. }) = ask else { return false };
        if let Some(seat) = seat.upgrade() {
            seat.answered(read_answer(max_body, sizes));
        }
        true
    }

    /// A root context is gone: Envoy has cancelled its calls, and answers none.
    pub(crate) fn forget(&self, root: u32) {
        self.sent.borrow_mut().retain(|ask| ask.root != Some(root));
    }
}

/// Reads the answer at hand, but not a body larger than was asked for.
pub(crate) fn read_answer(max_body: usize, sizes: Sizes) -> CalloutReply {
    let Sizes { headers, body, trailers } = sizes;
    if headers == 0 {
        return Err(Lost::Broken);
    }
    if body > max_body {
        return Err(Lost::TooLarge);
    }
    let pairs = |map| host::header_pairs(map).ok().and_then(Snapshot::parse).ok_or(Lost::Broken);
    let headers = pairs(MapType::HttpCallResponseHeaders)?;
    let trailers =
        if trailers == 0 { Snapshot::default() } else { pairs(MapType::HttpCallResponseTrailers)? };
    let body = if body == 0 { Vec::new() } else { host::call_body(body).map_err(|_| Lost::Broken)? };
    let status =
        headers.values(b":status").next().and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    Ok(Answer { status: status.unwrap_or_default(), headers, body, trailers })
}
