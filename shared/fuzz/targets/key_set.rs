//! Any bytes as a key set: nothing panics, and what is read can be used.
#![no_main]

use jose::{Algorithm, KeyLimits, KeySet, Token};
use libfuzzer_sys::fuzz_target;
use policy_core::table::Still;

const TOKENS: [&[u8]; 5] = [
    include_bytes!("../seeds/token/rs"),
    include_bytes!("../seeds/token/es"),
    include_bytes!("../seeds/token/es384"),
    include_bytes!("../seeds/token/ed"),
    include_bytes!("../seeds/token/hs"),
];

fuzz_target!(|data: &[u8]| {
    let algorithms = [Algorithm::DEFAULT, &[Algorithm::Hs256, Algorithm::Es512]].concat();
    let limits = KeyLimits { algorithms: algorithms.clone(), max_rsa_bits: 8192 };
    let Ok(keys) = KeySet::read(data, &limits) else { return };
    assert!((1..=100).contains(&keys.len()) && keys.skipped() < 100);
    assert!(data.len() <= 256 << 10);
    for token in TOKENS {
        if let Ok(token) = Token::read(token) {
            let _ = keys.verify(&token, &algorithms, &Still::default());
        }
    }
});
