//! Who is calling: one value, whatever the credential was.

use std::collections::BTreeMap;

use jose::Claims;
use policy_core::bytes::is_printable;
use policy_core::json::{Json, write_text};
use policy_core::{HeaderName, HeaderValue};

use crate::claim;

/// A verified caller. Made once per credential; a cached one is shared.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Who: `sub`, the key's id, the user, the certificate's name.
    pub(crate) id: String,
    /// What was configured about the caller.
    pub(crate) labels: BTreeMap<String, String>,
    /// What the provider says about the caller: an object, empty where there is nothing to say.
    pub(crate) claims: Claims,
    /// What a token allows.
    pub(crate) scopes: Vec<String>,
    /// What is told upstream besides the identity.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    state: HeaderValue,
    short: HeaderValue,
}

/// What an identity is made of.
#[derive(Debug, Default)]
pub(crate) struct Parts<'p> {
    /// The name of the provider that vouches.
    pub(crate) provider: &'p str,
    /// `jwt`, `apiKey`, `basic`, `introspection`, `mtls`.
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) claims: Option<Claims>,
    /// The claims as JSON, where they came so: it need not be written again.
    pub(crate) claims_text: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Identity {
    /// Puts an identity together.
    pub(crate) fn new(parts: Parts<'_>) -> Self {
        let Parts { provider, kind, id, labels, claims, claims_text, headers } = parts;
        let claims = claims.unwrap_or_else(|| Claims::of(Json::Null));
        let scopes = claim::scopes(claims.json());
        let mut out = String::from("{");
        member(&mut out, "id", &id);
        member(&mut out, "provider", provider);
        member(&mut out, "kind", kind);
        if let Some(issuer) = claims.issuer() {
            member(&mut out, "issuer", issuer);
        }
        if !labels.is_empty() {
            key(&mut out, "labels");
            out.push('{');
            labels.iter().for_each(|(name, value)| member(&mut out, name, value));
            out.push('}');
        }
        if !scopes.is_empty() {
            key(&mut out, "scopes");
            out.push('[');
            for scope in &scopes {
                comma(&mut out);
                write_text(&mut out, scope);
            }
            out.push(']');
        }
        out.push('}');
        let short = HeaderValue::escaped(out.as_bytes());
        let state = if matches!(claims.json(), Json::Object(claims) if claims.is_empty()) {
            short.clone()
        } else {
            out.pop();
            key(&mut out, "claims");
            match claims_text
                .filter(|text| is_printable(text.as_bytes()) || !text.chars().any(char::is_control))
            {
                Some(text) => out.push_str(&text),
                None => claims.json().write(&mut out),
            }
            out.push('}');
            HeaderValue::escaped(out.as_bytes())
        };
        Self { id, labels, claims, scopes, headers, state, short }
    }

    /// As JSON with all claims, for filter state.
    pub(crate) fn state(&self) -> &HeaderValue {
        &self.state
    }

    /// As JSON without the claims, for a header.
    pub(crate) fn short(&self) -> &HeaderValue {
        &self.short
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(_, value)| value.as_bytes().len()).sum();
        // The claims as a tree take several times their text.
        self.state.as_bytes().len().saturating_mul(5).saturating_add(headers).saturating_add(256)
    }
}

/// Before all but the first of an object or a list.
fn comma(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

fn key(out: &mut String, name: &str) {
    comma(out);
    write_text(out, name);
    out.push(':');
}

fn member(out: &mut String, name: &str, value: &str) {
    key(out, name);
    write_text(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn claims_that_came_as_text_are_told_as_they_came() {
        for (text, told) in
            [(r#"{ "sub" : "x" }"#, r#"{ "sub" : "x" }"#), ("{\n\"sub\":\t\"x\"}", r#"{"sub":"x"}"#)]
        {
            let identity = Identity::new(Parts {
                claims: Some(Claims::of(Json::parse(text.as_bytes()).unwrap())),
                claims_text: Some(text.to_owned()),
                ..Parts::default()
            });
            let expected = format!(r#"{{"id":"","provider":"","kind":"","claims":{told}}}"#);
            assert_eq!(identity.state().as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn an_identity_is_one_json_object_whatever_the_credential_was() {
        let claims = Json::parse(br#"{"iss":"https://i","scope":"a b","sub":"x","n":[1]}"#).unwrap();
        let of_token = Identity::new(Parts {
            provider: "corp",
            kind: "jwt",
            id: "x\"\n".to_owned(),
            claims: Some(Claims::of(claims)),
            ..Parts::default()
        });
        let short =
            r#"{"id":"x\"\u000a","provider":"corp","kind":"jwt","issuer":"https://i","scopes":["a","b"]"#;
        assert_eq!(of_token.short().as_bytes(), format!("{short}}}").as_bytes());
        let state = format!(r#"{short},"claims":{{"iss":"https://i","scope":"a b","sub":"x","n":[1]}}}}"#);
        assert_eq!(of_token.state().as_bytes(), state.as_bytes());
        let of_key = Identity::new(Parts {
            provider: "partners",
            kind: "apiKey",
            id: "acme".to_owned(),
            labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
            ..Parts::default()
        });
        let expected = r#"{"id":"acme","provider":"partners","kind":"apiKey","labels":{"tier":"gold"}}"#;
        assert_eq!(of_key.state().as_bytes(), expected.as_bytes());
        assert_eq!(of_key.short(), of_key.state());
        assert!(of_token.size() > of_key.size());
    }
}
