//! Any bytes as a token, and any header and claims as a token's: nothing panics, and nothing verifies that was not
//! signed with a key of the set.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use ct_codecs::{Base64UrlSafeNoPadding, Encoder as _};
use jose::{Algorithm, Expectations, KeyLimits, KeySet, Token};
use libfuzzer_sys::fuzz_target;
use policy_core::table::Still;
use policy_core::time::Timestamp;

const ALL: [Algorithm; 7] = [
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
    Algorithm::Hs256,
    Algorithm::Hs512,
];

/// What was signed: all that may verify.
const SIGNED: [&[u8]; 6] = [
    include_bytes!("../seeds/token/rs"),
    include_bytes!("../seeds/token/ps"),
    include_bytes!("../seeds/token/es"),
    include_bytes!("../seeds/token/es384"),
    include_bytes!("../seeds/token/ed"),
    include_bytes!("../seeds/token/hs"),
];

struct Keys(KeySet);

// SAFETY: libFuzzer runs the target on one thread.
unsafe impl Sync for Keys {}
// SAFETY: as above.
unsafe impl Send for Keys {}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let limits = KeyLimits { algorithms: ALL.to_vec(), ..KeyLimits::default() };
    Keys(KeySet::read(include_bytes!("../seeds/keys.json"), &limits).expect("keys.json"))
});

fuzz_target!(|data: &[u8]| {
    match data.strip_prefix(&[0]) {
        Some(parts) => try_token(&assembled(parts)),
        None => try_token(data),
    }
});

/// Header, claims and signature, each ended by a zero byte, as a token: mutations then do not have to survive base64.
fn assembled(parts: &[u8]) -> Vec<u8> {
    let encoded = |part: &[u8]| Base64UrlSafeNoPadding::encode_to_string(part).unwrap_or_default();
    parts.splitn(3, |byte| *byte == 0).map(encoded).collect::<Vec<_>>().join(".").into_bytes()
}

fn try_token(text: &[u8]) {
    let looks = jose::looks_like_a_token(text);
    let Ok(token) = Token::read(text) else { return };
    assert!(looks, "what is read as a token has to look like one");
    let expectations = Expectations {
        issuer: "https://idp.example.com".to_owned(),
        audiences: vec!["orders".to_owned()],
        clock_skew: Duration::from_secs(60),
        require_expiration: true,
        max_lifetime: None,
        token_type: None,
    };
    let _ = expectations.check(&token, Timestamp(1_795_000_000_000_000_000));
    let _ = (token.kid(), token.typ(), token.claims().expires(), token.claims().certificate_thumbprint());
    if KEYS.0.verify(&token, &ALL, &Still::default()).is_ok() {
        let input = |text: &[u8]| text.rsplitn(2, |byte| *byte == b'.').last().map(<[u8]>::to_vec);
        assert!(SIGNED.iter().any(|signed| input(signed) == input(text)), "a forged token verified");
    }
}
