//! The claims of a token (RFC 7519, 4).

use std::fmt;

use policy_core::json::Json;

use crate::base64;
use crate::refused::Refused;

/// Of seconds that a double counts exactly, and later than any date that is meant.
const MAX_MILLIS: u64 = (1 << 53) * 1000;

/// The claims of a token: a JSON object that names no member twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Json);

/// A `cnf` that is not, or not only, `x5t#S256`: the token is bound to something that we cannot check (RFC 7800).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownBinding;

impl fmt::Display for UnknownBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is bound in a way that is not supported")
    }
}

impl std::error::Error for UnknownBinding {}

impl Claims {
    pub(crate) fn new(object: Json) -> Self {
        Self(object)
    }

    /// Claims that did not come in a token. What is no object holds none.
    #[must_use]
    pub fn of(json: Json) -> Self {
        Self(if matches!(json, Json::Object(_)) { json } else { Json::Object(Vec::new()) })
    }

    /// All claims, as an object.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.0
    }

    /// The claim at this path: `["realm", "roles"]` is the member `roles` of the claim `realm`.
    #[must_use]
    pub fn get(&self, path: &[String]) -> Option<&Json> {
        path.iter().try_fold(&self.0, |json, name| json.get(name))
    }

    /// `iss`, if it is a string.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`, if it is a string.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `jti`, if it is a string.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `aud`, a string or a list of strings.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let audiences = match self.0.get("aud") {
            Some(Json::List(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        audiences.iter().filter_map(Json::as_str)
    }

    /// `exp` in whole seconds since the Unix epoch, rounded down; `None` where it is missing or no such number.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.date("exp").ok().flatten().map(|millis| millis / 1000)
    }

    /// The certificate that the token is bound to (`cnf` with `x5t#S256`; RFC 8705, 3.1), by its SHA-256. `None` without
    /// `cnf`.
    ///
    /// # Errors
    /// [`UnknownBinding`] for any other `cnf`, one that binds to a certificate and to something else included.
    pub fn certificate_thumbprint(&self) -> Result<Option<[u8; 32]>, UnknownBinding> {
        match self.0.get("cnf") {
            None => Ok(None),
            Some(Json::Object(members)) => match members.as_slice() {
                [(kind, Json::Text(thumbprint))] if kind == "x5t#S256" => {
                    let bytes = base64::decode(thumbprint.as_bytes()).ok_or(UnknownBinding)?;
                    bytes.try_into().map(Some).map_err(|_| UnknownBinding)
                }
                _ => Err(UnknownBinding),
            },
            Some(_) => Err(UnknownBinding),
        }
    }

    /// A `NumericDate` (RFC 7519, 2) in milliseconds, rounded down.
    pub(crate) fn date(&self, name: &str) -> Result<Option<u64>, Refused> {
        let Some(date) = self.0.get(name) else { return Ok(None) };
        date.scaled(3).filter(|millis| *millis <= MAX_MILLIS).map(Some).ok_or(Refused::BadClaim)
    }

    /// Refuses registered claims of the wrong type, which would otherwise pass for missing (RFC 7519, 4.1).
    pub(crate) fn check_types(&self) -> Result<(), Refused> {
        let is_text = |claim: &Json| claim.as_str().is_some();
        let names = ["iss", "sub", "jti"];
        let texts = names.iter().filter_map(|name| self.0.get(name)).all(is_text);
        let audience = match self.0.get("aud") {
            Some(Json::List(list)) => list.iter().all(is_text),
            one => one.is_none_or(is_text),
        };
        if texts && audience { Ok(()) } else { Err(Refused::BadClaim) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Json::as_str)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn claims(text: &str) -> Claims {
        Claims::new(Json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn claims_are_found_by_their_path() {
        let claims = claims(r#"{"sub":"ann","jti":"7","realm":{"roles":["ops"]},"a.b":1,"exp":12.9}"#);
        let get = |path: &[&str]| claims.get(&path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(get(&["realm", "roles"]), Some(&Json::List(vec![Json::Text("ops".to_owned())])));
        assert_eq!(get(&["a.b"]), Some(&Json::Unsigned(1)));
        assert_eq!(get(&[]), Some(claims.json()));
        assert_eq!((get(&["a", "b"]), get(&["sub", "x"]), get(&["realm", "roles", "0"])), (None, None, None));
        assert_eq!((claims.subject(), claims.id(), claims.issuer()), (Some("ann"), Some("7"), None));
        assert_eq!(claims.expires(), Some(12));
    }

    #[test]
    fn a_date_is_in_milliseconds_rounded_down() {
        for (text, expected) in [
            ("12", Ok(Some(12_000))),
            ("12.9996", Ok(Some(12_999))),
            ("1.001", Ok(Some(1001))),
            ("1.5e3", Ok(Some(1_500_000))),
            ("-0", Ok(Some(0))),
            ("9007199254740992", Ok(Some(9_007_199_254_740_992_000))),
            ("9007199254740992.0", Ok(Some(9_007_199_254_740_992_000))),
            ("9007199254740992.001", Err(Refused::BadClaim)),
            ("9007199254740993", Err(Refused::BadClaim)),
            ("1e999", Err(Refused::BadClaim)),
            ("-1", Err(Refused::BadClaim)),
            ("-0.5", Err(Refused::BadClaim)),
            ("\"12\"", Err(Refused::BadClaim)),
            ("null", Err(Refused::BadClaim)),
        ] {
            assert_eq!(claims(&format!("{{\"exp\":{text}}}")).date("exp"), expected, "{text}");
        }
        assert_eq!(claims("{}").date("exp"), Ok(None));
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_none() {
        let claims = claims(r#"{"sub":1,"jti":[],"iss":{},"exp":"12","aud":["a",1,"b"]}"#);
        assert_eq!(
            (claims.subject(), claims.id(), claims.issuer(), claims.expires()),
            (None, None, None, None)
        );
        assert_eq!(claims.audiences().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_certificate_is_told_from_other_bindings() {
        let bound = r#"{"cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"}}"#;
        assert_eq!(claims("{}").certificate_thumbprint(), Ok(None));
        let found = claims(bound).certificate_thumbprint().unwrap().unwrap();
        assert_eq!((found[0], found[1], found[31]), (0x6f, 0x07, 0x0d));
        for other in [
            r#"{"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}"#.to_owned(),
            bound.replace("}}", r#","jkt":"AA"}}"#),
            // The example of RFC 8705, 3.1, which no encoder can have written.
            bound.replace("dg0", "dg2"),
            r#"{"cnf":{"x5t#S256":"AA"}}"#.to_owned(),
            r#"{"cnf":{"x5t#S256":7}}"#.to_owned(),
            r#"{"cnf":{}}"#.to_owned(),
            r#"{"cnf":null}"#.to_owned(),
        ] {
            assert_eq!(claims(&other).certificate_thumbprint(), Err(UnknownBinding), "{other}");
        }
    }
}
