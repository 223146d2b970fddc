//! Signed tokens of one issuer.

mod config;
mod seen;

use std::cell::RefCell;
use std::rc::Rc;

use credentials::{Place, peer_thumbprint};
use idp::{Asked, KeySource, Parsed, Refetch};
use jose::{Algorithm, Expectations, KeySet, Refused, Token};
use policy_core::json::Json;
use policy_core::time::Timestamp;
use policy_core::{CalloutReply, Counter, Exchange, Host, Outside};

use super::print::{Print, Printer};
use super::{Evidence, Question, Vouched, Waiting};
use crate::denial::Denial;
use crate::identity::{Identity, Parts};
use crate::outputs::Outputs;

pub(crate) use config::Config;
use seen::{Seen, Verified};

/// A compiled provider of this kind.
pub(crate) struct Jwt {
    provider: String,
    realm: String,
    places: Rc<[Place]>,
    keys: Keys,
    algorithms: Vec<Algorithm>,
    expectations: Expectations,
    bound: bool,
    forward: bool,
    outputs: Outputs,
    printer: Printer,
    seen: RefCell<Seen>,
    hit: Counter,
    miss: Counter,
}

/// Where the keys come from.
enum Keys {
    Inline(Rc<KeySet>),
    Remote(Box<KeySource<KeySet>>),
}

/// Why a token does not vouch.
enum Trouble {
    /// It is made for someone else.
    Foreign(Denial),
    Bad(Denial),
    /// Its key is not known; others may come.
    Wait(Option<Asked>),
}

impl Jwt {
    /// Where tokens stand.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// The protection space, for the challenge.
    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// What it says of a request.
    pub(crate) fn examine(&self, question: Question<'_, '_>) -> Evidence {
        let found = match question.credential(&self.places) {
            Ok(found) => found,
            Err(evidence) => return evidence,
        };
        let asked = match question.waited {
            Some(Waiting::Keys(asked, _)) => asked,
            _ => None,
        };
        let now = question.host.now();
        let print = self.printer.of(&found.value);
        let verified = match self.seen(&found.value, print, now) {
            Some(verified) => {
                question.counts.push(self.hit);
                Ok(verified)
            }
            None => {
                question.counts.push(self.miss);
                self.verify(&found.value, print, asked, now, question.host)
            }
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(Trouble::Foreign(denial)) => return Evidence::Foreign(found.value, denial),
            Err(Trouble::Bad(denial)) => return Evidence::Bad(denial),
            Err(Trouble::Wait(asked)) => return Evidence::Wait(Waiting::Keys(asked, self.keys.version())),
        };
        // Not a matter of the token alone: the same token may come over another connection.
        if self.bound && !is_bound(&verified, question.exchange) {
            return Evidence::Bad(Denial::UNBOUND);
        }
        Evidence::Good(Vouched {
            identity: Rc::clone(&verified.identity),
            credential: Some(found),
            hide: !self.forward,
        })
    }

    /// True while other keys than those of this version may still come.
    pub(crate) fn still_waits(&self, asked: &mut Option<Asked>, version: u64, host: &dyn Host) -> bool {
        match &self.keys {
            Keys::Inline(_) => false,
            // They have come: whether they are the right ones shows when the request is decided.
            Keys::Remote(source) if source.version() != version => false,
            Keys::Remote(source) => source.refetch(asked, host) == Refetch::Wait,
        }
    }

    /// The policy is live in this VM.
    pub(crate) fn on_start(&self, out: &mut Outside<'_>) {
        if let Keys::Remote(source) = &self.keys {
            source.on_start(out);
        }
    }

    /// Time has passed.
    pub(crate) fn on_tick(&self, out: &mut Outside<'_>) {
        if let Keys::Remote(source) = &self.keys {
            source.on_tick(out);
            source.take_notes().into_iter().for_each(|note| out.note(format!("{}: {note}", self.provider)));
        }
    }

    /// A request for keys has an answer.
    pub(crate) fn on_errand(&self, local: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        if let Keys::Remote(source) = &self.keys {
            source.on_errand(local, reply, out);
            source.take_notes().into_iter().for_each(|note| out.note(format!("{}: {note}", self.provider)));
        }
    }

    /// A token that was verified before, when it still holds. Keys that are too old vouch for nothing, seen or not.
    fn seen(&self, token: &[u8], print: Print, now: Timestamp) -> Option<Rc<Verified>> {
        self.keys.current(now)?;
        let mut seen = self.seen.borrow_mut();
        let verified = seen.get(token, print, self.keys.version())?;
        if self.expectations.check_time(verified.times, now).is_err() {
            seen.forget(print);
            return None;
        }
        Some(verified)
    }

    fn verify(
        &self,
        text: &[u8],
        print: Print,
        asked: Option<Asked>,
        now: Timestamp,
        host: &dyn Host,
    ) -> Result<Rc<Verified>, Trouble> {
        let token = Token::read(text).map_err(|malformed| {
            let denial = Denial { sentence: malformed.sentence(), ..Denial::NOT_A_TOKEN };
            if jose::looks_like_a_token(text) { Trouble::Bad(denial) } else { Trouble::Foreign(denial) }
        })?;
        if token.claims().issuer() != Some(self.expectations.issuer.as_str()) {
            return Err(Trouble::Foreign(Denial::token(Refused::WrongIssuer)));
        }
        let keys = self.keys.current(now).ok_or(Trouble::Bad(Denial::NO_KEYS))?;
        // The cheap questions first. What they give away, the token says itself.
        let times = self.expectations.check(&token, now).map_err(|refused| match refused {
            // Another provider of this issuer may be for that audience.
            Refused::WrongAudience => Trouble::Foreign(Denial::token(refused)),
            refused => Trouble::Bad(Denial::token(refused)),
        })?;
        match keys.verify(&token, &self.algorithms, host) {
            Ok(()) => {}
            // It may be signed with a key that is not here yet: not every issuer gives a new key a new name.
            Err(refused @ (Refused::UnknownKey | Refused::BadSignature)) => {
                return Err(self.other_keys(asked, refused, host));
            }
            Err(refused) => return Err(Trouble::Bad(Denial::token(refused))),
        }
        let verified = Rc::new(Verified {
            token: text.into(),
            times,
            thumbprint: token.claims().certificate_thumbprint().ok().flatten(),
            identity: Rc::new(self.identity(token)),
        });
        self.seen.borrow_mut().keep(print, Rc::clone(&verified));
        Ok(verified)
    }

    fn other_keys(&self, mut asked: Option<Asked>, refused: Refused, host: &dyn Host) -> Trouble {
        if self.still_waits(&mut asked, self.keys.version(), host) {
            return Trouble::Wait(asked);
        }
        Trouble::Bad(Denial::token(refused))
    }

    fn identity(&self, token: Token<'_>) -> Identity {
        let json = token.claims().json();
        let member = |name: &str| json.get(name).and_then(Json::as_str);
        // A token for a service often has no subject of its own (RFC 9068, 5 asks for one).
        let id = ["sub", "client_id", "azp"].into_iter().find_map(member).unwrap_or_default().to_owned();
        let headers = self.outputs.headers(json, Some(token.payload()));
        let (claims, text) = token.into_claims();
        Identity::new(Parts {
            provider: &self.provider,
            kind: "jwt",
            id,
            claims: Some(claims),
            claims_text: Some(text),
            headers,
            ..Parts::default()
        })
    }
}

impl Keys {
    fn current(&self, now: Timestamp) -> Option<Rc<KeySet>> {
        match self {
            Self::Inline(keys) => Some(Rc::clone(keys)),
            Self::Remote(source) => source.keys(now),
        }
    }

    fn version(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Remote(source) => source.version(),
        }
    }
}

/// Whether the token is bound to the certificate of this very connection (RFC 8705, 3).
fn is_bound(verified: &Verified, exchange: &Exchange<'_>) -> bool {
    verified.thumbprint.is_some_and(|thumbprint| peer_thumbprint(exchange) == Some(thumbprint))
}

/// Reads what an issuer sent.
fn parse(text: &[u8], limits: &jose::KeyLimits) -> Result<Parsed<KeySet>, String> {
    let keys = KeySet::read(text, limits).map_err(|error| error.to_string())?;
    Ok(Parsed { count: keys.len(), skipped: keys.skipped(), keys })
}
