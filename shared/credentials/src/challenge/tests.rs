//! Challenges, read back by a parser of RFC 9110 11.6.1.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The scheme and the parameters of one challenge; `None` where it is not well formed.
fn parsed(value: &HeaderValue) -> Option<(String, Vec<(String, String)>)> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    let (scheme, mut rest) = text.split_once(' ')?;
    let mut parameters = Vec::new();
    loop {
        let (name, quoted) = rest.split_once("=\"")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return None;
        }
        let mut value = String::new();
        let mut chars = quoted.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(chars.next()?),
                c @ ' '..='~' => value.push(c),
                _ => return None,
            }
        }
        parameters.push((name.to_owned(), value));
        rest = chars.as_str();
        match rest.strip_prefix(", ") {
            Some(next) => rest = next,
            None if rest.is_empty() => return Some((scheme.to_owned(), parameters)),
            None => return None,
        }
    }
}

#[test]
fn each_challenge_is_written_as_its_rfc_shows() {
    for (challenge, expected) in [
        (Challenge::bearer("corp"), r#"Bearer realm="corp""#),
        (
            Challenge::bearer("corp").invalid_token("The token has expired"),
            r#"Bearer realm="corp", error="invalid_token", error_description="The token has expired""#,
        ),
        (
            Challenge::bearer("corp").insufficient_scope(&["orders:write", "b"]),
            r#"Bearer realm="corp", error="insufficient_scope", scope="orders:write b""#,
        ),
        (
            Challenge::bearer("corp").insufficient_scope::<&str>(&[]),
            r#"Bearer realm="corp", error="insufficient_scope""#,
        ),
        (
            Challenge::bearer("corp")
                .resource_metadata("https://a.example/.well-known/oauth-protected-resource"),
            r#"Bearer realm="corp", resource_metadata="https://a.example/.well-known/oauth-protected-resource""#,
        ),
        (Challenge::basic("staff"), r#"Basic realm="staff", charset="UTF-8""#),
        (Challenge::api_key("partners"), r#"ApiKey realm="partners""#),
    ] {
        assert_eq!(String::from_utf8_lossy(challenge.value().as_bytes()), expected);
    }
}

#[test]
fn no_text_breaks_out_of_its_quotes() {
    for (realm, read) in [
        (r#"a"b"#, r#"a"b"#),
        (r"a\", r"a\"),
        (r#"", error="x"#, r#"", error="x"#),
        ("a\r\nx-evil: 1", "a??x-evil: 1"),
        ("a\tb\0\u{7f}", "a?b??"),
        ("bücher", "b?cher"),
        ("", ""),
    ] {
        let challenge = Challenge::bearer(realm).invalid_token(realm).resource_metadata(realm).value();
        let (scheme, parameters) = parsed(&challenge).unwrap();
        assert_eq!(scheme, "Bearer");
        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["realm", "error", "error_description", "resource_metadata"], "{realm:?}");
        assert_eq!((parameters[0].1.as_str(), parameters[3].1.as_str()), (read, read));
        // RFC 6750 3: no quote and no backslash in a description.
        assert!(!parameters[2].1.contains(['"', '\\']), "{realm:?}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn any_text_gives_a_well_formed_challenge(realm: String, text: String) {
        for challenge in [Challenge::basic(&realm), Challenge::bearer(&realm).invalid_token(&text).resource_metadata(&text)] {
            proptest::prop_assert!(parsed(&challenge.value()).is_some());
        }
    }
}
