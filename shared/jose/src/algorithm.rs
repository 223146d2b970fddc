//! The algorithms of RFC 7518, 3.1 and RFC 8037, `none` excepted.

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of RFC 7518, 3.1")]
#[repr(u8)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
    Hs256,
    Hs384,
    Hs512,
}

const NAMES: [(Algorithm, &str); 13] = [
    (Algorithm::Rs256, "RS256"),
    (Algorithm::Rs384, "RS384"),
    (Algorithm::Rs512, "RS512"),
    (Algorithm::Ps256, "PS256"),
    (Algorithm::Ps384, "PS384"),
    (Algorithm::Ps512, "PS512"),
    (Algorithm::Es256, "ES256"),
    (Algorithm::Es384, "ES384"),
    (Algorithm::Es512, "ES512"),
    (Algorithm::EdDsa, "EdDSA"),
    (Algorithm::Hs256, "HS256"),
    (Algorithm::Hs384, "HS384"),
    (Algorithm::Hs512, "HS512"),
];

impl Algorithm {
    /// What is allowed where nothing is said: no shared secrets, and not ES512, which only some hosts can check.
    pub const DEFAULT: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The algorithm of this name, compared exactly; `none` is none. `Ed25519` (RFC 9864) is `EdDSA` here, as we know no
    /// other curve for it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        NAMES.iter().find(|(_, known)| *known == name).map(|(algorithm, _)| *algorithm)
    }

    /// The name that a header gives.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| *name)
    }
}

/// A set of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Algorithms(u16);

impl Algorithms {
    pub(crate) fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & Self::bit(algorithm) != 0
    }

    pub(crate) fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn bit(algorithm: Algorithm) -> u16 {
        1_u16.wrapping_shl(u32::from(algorithm as u8))
    }
}

impl From<&[Algorithm]> for Algorithms {
    fn from(list: &[Algorithm]) -> Self {
        Self(list.iter().fold(0, |bits, algorithm| bits | Self::bit(*algorithm)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn names_are_read_exactly() {
        for (algorithm, name) in NAMES {
            assert_eq!(Algorithm::parse(name), Some(algorithm));
            assert_eq!(algorithm.name(), name);
        }
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
        for other in
            ["none", "None", "nOnE", "", "rs256", "RS256 ", "RS-256", "ES256K", "HS1", "Ed448", "EDDSA"]
        {
            assert_eq!(Algorithm::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn shared_secrets_and_es512_are_allowed_only_when_named() {
        let default = Algorithms::from(Algorithm::DEFAULT);
        for (algorithm, name) in NAMES {
            assert_eq!(default.contains(algorithm), !name.starts_with("HS") && name != "ES512", "{name}");
        }
    }
}
