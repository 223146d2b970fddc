//! What keys read of a request, each worked out once however many limits ask.

use std::cell::OnceCell;

use policy_core::Exchange;
use policy_core::json::Json;
use policy_core::route::{NormalPath, Target};

use crate::client_ip::{Client, ClientIp};

/// Filter state in which the auth filter says who is calling: JSON with all claims.
const IDENTITY: &str = "wasm.tollgate.identity";

/// A part of the request that is absent, in its one form, or `Err` when it can be read in more than one way.
pub(crate) type Decided<T> = Result<Option<T>, Ambiguous>;

/// A part of the request can be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// One request, as keys see it.
pub struct Facts<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    client_ip: &'a ClientIp,
    /// As `match` sees it.
    target: &'a Target<'a, 'a>,
    client: OnceCell<Option<Client>>,
    path: OnceCell<Decided<Vec<u8>>>,
    identity_text: OnceCell<Option<Vec<u8>>>,
    identity: OnceCell<Option<Json>>,
}

impl<'a> Facts<'a> {
    /// The facts of this request.
    #[must_use]
    pub fn new(exchange: &'a Exchange<'a>, client_ip: &'a ClientIp, target: &'a Target<'a, 'a>) -> Self {
        Self {
            exchange,
            client_ip,
            target,
            client: OnceCell::new(),
            path: OnceCell::new(),
            identity_text: OnceCell::new(),
            identity: OnceCell::new(),
        }
    }

    /// Who is at the other end.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.get_or_init(|| self.client_ip.of(self.exchange)).as_ref()
    }

    pub(crate) fn method(&self) -> Option<&[u8]> {
        self.target.method()
    }

    /// `:path` as it is, with its query.
    pub(crate) fn raw_path(&self) -> Option<&[u8]> {
        self.target.raw_path()
    }

    /// The path in the form in which `match` compares it, in lower case and without slashes at its end: servers that
    /// take `/Items/` for `/items` are many, and two buckets for one resource are worse than one for two.
    pub(crate) fn path(&self) -> Decided<&[u8]> {
        let path = self.path.get_or_init(|| {
            let folded = |normal: &NormalPath| {
                let mut path = normal.as_bytes().to_ascii_lowercase();
                while path.len() > 1 && path.last() == Some(&b'/') {
                    path.pop();
                }
                path
            };
            self.target.path().map(|path| path.map(folded)).map_err(|_| Ambiguous)
        });
        path.as_ref().map(Option::as_deref).map_err(|ambiguous| *ambiguous)
    }

    /// The host in lower case, without port and trailing dot.
    pub(crate) fn host(&self) -> Decided<&[u8]> {
        self.target.host().map_err(|_| Ambiguous)
    }

    fn identity_text(&self) -> Option<&[u8]> {
        self.identity_text.get_or_init(|| self.exchange.filter_state(IDENTITY)).as_deref()
    }

    /// What the auth filter says of the caller; nothing when it said nothing, or no JSON.
    pub(crate) fn identity(&self) -> Option<&Json> {
        self.identity.get_or_init(|| Json::parse(self.identity_text()?).ok()).as_ref()
    }

    /// The caller's id, where it can be had without reading all claims: the auth filter writes it first.
    pub(crate) fn identity_id(&self) -> Option<&[u8]> {
        let rest = self.identity_text()?.strip_prefix(br#"{"id":""#)?;
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (id, rest) = rest.split_at_checked(end)?;
        // As JSON goes on after a member; what is escaped takes the long way.
        matches!(rest, [b'"', b',' | b'}', ..]).then_some(id)
    }
}

/// Works on the facts of a request, without trusted proxies.
#[cfg(test)]
pub(crate) fn of_table<T>(
    table: &policy_core::table::Table,
    work: impl for<'a> FnOnce(&'a Facts<'a>) -> T,
) -> T {
    let exchange = Exchange::new(table);
    let target = Target::new(&exchange.headers);
    work(&Facts::new(&exchange, &ClientIp::new(0), &target))
}
