//! Tokens that were verified, remembered by their whole text.

use std::rc::Rc;

use jose::Times;
use policy_core::bytes::same;
use policy_core::recent::{Limits, Recent};

use crate::identity::Identity;
use crate::provider::print::Print;

/// What the tokens of one provider may take together in one worker, in bytes.
const BYTES: usize = 8 << 20;

/// Tokens that were verified with the keys of one version.
pub(super) struct Seen {
    version: u64,
    tokens: Recent<Print, Rc<Verified>>,
}

/// A verified token, as far as the next request with it needs it.
pub(super) struct Verified {
    /// Its whole text: two tokens may have one print.
    pub(super) token: Box<[u8]>,
    pub(super) times: Times,
    pub(super) identity: Rc<Identity>,
    /// `cnf.x5t#S256`.
    pub(super) thumbprint: Option<[u8; 32]>,
}

impl Seen {
    /// None yet, and never more than so many.
    pub(super) fn new(entries: usize) -> Self {
        Self { version: 0, tokens: Recent::new(Limits { entries, weight: BYTES }) }
    }

    /// This token, if it was verified with the keys of this version. Those that were with others are forgotten.
    pub(super) fn get(&mut self, token: &[u8], print: Print, version: u64) -> Option<Rc<Verified>> {
        if self.version != version {
            self.version = version;
            self.tokens.clear();
        }
        self.tokens.get(&print).filter(|verified| same(&verified.token, token))
    }

    /// Keeps a token in place of the one that has this print.
    pub(super) fn keep(&mut self, print: Print, verified: Rc<Verified>) {
        let bytes = verified.identity.size().saturating_mul(2).saturating_add(verified.token.len());
        self.tokens.insert(print, verified, bytes);
    }

    /// Forgets the token with this print.
    pub(super) fn forget(&mut self, print: Print) {
        self.tokens.remove(&print);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Parts;
    use jose::Claims;
    use policy_core::json::Json;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn verified(token: &[u8]) -> Rc<Verified> {
        Rc::new(Verified {
            token: token.into(),
            times: Times::read(&Claims::of(Json::Null)).unwrap(),
            identity: Rc::new(Identity::new(Parts::default())),
            thumbprint: None,
        })
    }

    #[test]
    fn another_token_with_the_same_print_is_not_the_one_that_was_seen() {
        let mut seen = Seen::new(10);
        seen.keep(7, verified(b"a.b.c"));
        assert!(seen.get(b"a.b.c", 7, 0).is_some());
        for other in [b"a.b.d".as_slice(), b"a.b.", b"a.b.cc", b""] {
            assert!(seen.get(other, 7, 0).is_none());
        }
        seen.keep(7, verified(b"a.b.d"));
        assert!(seen.get(b"a.b.c", 7, 0).is_none() && seen.get(b"a.b.d", 7, 0).is_some());
    }

    #[test]
    fn other_keys_and_being_told_make_it_forget() {
        let mut seen = Seen::new(10);
        seen.keep(1, verified(b"a"));
        seen.keep(2, verified(b"b"));
        seen.forget(1);
        assert!(seen.get(b"a", 1, 0).is_none() && seen.get(b"b", 2, 0).is_some());
        assert!(seen.get(b"b", 2, 1).is_none());
        assert!(seen.get(b"b", 2, 0).is_none());
    }

    #[test]
    fn long_tokens_push_others_out() {
        let mut seen = Seen::new(1000);
        for print in 0..100 {
            seen.keep(print, verified(&vec![b'a'; BYTES / 20]));
        }
        assert!(seen.tokens.len() <= 20, "{}", seen.tokens.len());
    }
}
