//! A configuration and the cookies of an application in, the writes out.

use policy_core::{Attribute, Exchange, Snapshot, Source, Write, config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const ALL: &str = r#"{"secure":true,"httpOnly":true,"sameSite":"Lax","path":"/"}"#;

struct Response(Vec<Vec<u8>>);

impl Source for Response {
    fn headers(&self) -> Snapshot {
        let pairs: Vec<_> = self.0.iter().map(|value| ("set-cookie", value)).collect();
        Snapshot::from_pairs(&pairs)
    }

    fn attribute(&self, _: Attribute) -> Option<Vec<u8>> {
        None
    }

    fn filter_state(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

fn compile(json: &str) -> Result<Cookies, String> {
    let compiled = config::parse(json.as_bytes()).and_then(Cookies::compile);
    compiled.map_err(|error| error.under("cookies").to_string())
}

/// The writes that the runtime would do, as text.
fn harden(json: &str, cookies: &[&[u8]]) -> Vec<String> {
    let response = Response(cookies.iter().map(|cookie| cookie.to_vec()).collect());
    let mut exchange = Exchange::new(&response);
    compile(json).unwrap().harden(&mut exchange.headers);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let writes = exchange.headers.writes().map(|write| match write {
        Write::Replace(_, value) | Write::Add(_, value) => text(value),
        Write::Remove(_) => "removed".to_owned(),
    });
    writes.collect()
}

#[test]
fn what_a_cookie_lacks_is_added_after_what_it_has() {
    for (json, before, after) in [
        (ALL, "a=b", "a=b; Secure; HttpOnly; SameSite=Lax; Path=/"),
        (ALL, "a=b; path=/x; SAMESITE=strict", "a=b; path=/x; SAMESITE=strict; Secure; HttpOnly"),
        (ALL, "a=b;secure;HTTPONLY;Path=", "a=b;secure;HTTPONLY;Path=; SameSite=Lax"),
        (ALL, "a=b; Secure=no ; HttpOnly", "a=b; Secure=no ; HttpOnly; SameSite=Lax; Path=/"),
        (
            r#"{"secure":true}"#,
            "a=\"b c\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=x.example; Max-Age=5; Priority=High; Partitioned",
            "a=\"b c\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=x.example; Max-Age=5; Priority=High; Partitioned; Secure",
        ),
        (r#"{"secure":true}"#, "a=b; SameSite=None", "a=b; SameSite=None; Secure"),
        (r#"{"secure":true}"#, "a=Secure", "a=Secure; Secure"),
        (r#"{"secure":true}"#, "a=;", "a=; Secure"),
        (r#"{"secure":true}"#, "a=b; ", "a=b; Secure"),
        (r#"{"sameSite":"None","secure":true}"#, "a=b=c==", "a=b=c==; Secure; SameSite=None"),
        (r#"{"path":"/app"}"#, "__Secure-a=b", "__Secure-a=b; Path=/app"),
        (r#"{"path":"/"}"#, "__Host-a=b; Secure", "__Host-a=b; Secure; Path=/"),
        (r#"{"path":"/app","httpOnly":true}"#, "__hOST-a=b; Secure", "__hOST-a=b; Secure; HttpOnly"),
    ] {
        assert_eq!(harden(json, &[before.as_bytes()]), [after], "{json}");
    }
}

#[test]
fn a_cookie_that_lacks_nothing_or_is_none_is_not_written() {
    for cookie in
        ["a=b; Path=/; Secure; HttpOnly; SameSite=Lax", "", "a", "=b", " =b", ";a=b", "; Secure", "a; b=c"]
    {
        assert!(harden(ALL, &[cookie.as_bytes()]).is_empty(), "{cookie:?}");
    }
    assert!(harden(r#"{"path":"/app"}"#, &[b"__Host-a=b"]).is_empty());
    assert!(harden(ALL, &[]).is_empty());
}

#[test]
fn several_cookies_stay_several_in_their_order() {
    let cookies: [&[u8]; 4] = [b"a=1", b"bad", b"b=2; Secure", b"a=3"];
    assert_eq!(harden(r#"{"secure":true}"#, &cookies), ["a=1; Secure", "bad", "b=2; Secure", "a=3; Secure"]);
}

#[test]
fn an_excepted_cookie_is_left_alone() {
    let json = r#"{"httpOnly":true,"except":["XSRF-TOKEN","pref-*"]}"#;
    let cookies: [&[u8]; 4] = [b"XSRF-TOKEN=1", b"pref-x=1", b"xsrf-token=1", b"pref=1"];
    assert_eq!(
        harden(json, &cookies),
        ["XSRF-TOKEN=1", "pref-x=1", "xsrf-token=1; HttpOnly", "pref=1; HttpOnly"]
    );
    assert!(harden(json, &cookies[..2]).is_empty());
}

#[test]
fn any_bytes_pass_and_no_line_break_is_written() {
    for byte in 0..=255_u8 {
        for cookie in
            [vec![byte], vec![b'a', b'=', byte], vec![b'a', byte, b'=', b';', byte], vec![byte, b'=']]
        {
            let written = harden(ALL, &[&cookie]);
            assert!(written.iter().all(|value| !value.contains(['\r', '\n', '\0'])), "{cookie:?}");
        }
    }
    assert_eq!(harden(r#"{"secure":true}"#, &[b"a=\xff"]), ["a=\u{fffd}; Secure"]);
}

#[test]
fn a_block_that_cannot_work_is_refused_with_the_way_out() {
    for (json, message) in [
        (
            "{}",
            "cookies: this adds nothing; write secure: true, httpOnly: true, sameSite (Strict, Lax, None) or path",
        ),
        (r#"{"secure":false,"except":["a"]}"#, "cookies: this adds nothing"),
        (r#"{"sameSite":"None"}"#, "cookies.sameSite: browsers drop a cookie with None that is not secure"),
        (
            r#"{"sameSite":"lax"}"#,
            "cookies.sameSite: unknown value \"lax\", did you mean \"Lax\"? (allowed: Strict, Lax, None)",
        ),
        (r#"{"path":"app"}"#, "cookies.path: a cookie's path starts with /"),
        (r#"{"path":"/;x"}"#, "cookies.path: a cookie's path starts with /"),
        (r#"{"httponly":true}"#, "cookies.httponly: unknown field \"httponly\", did you mean \"httpOnly\"?"),
        (r#"{"secure":true,"except":["a","*"]}"#, "cookies.except[1]: write a name"),
        (r#"{"secure":"yes"}"#, "cookies.secure: expected true or false, found a string"),
    ] {
        let error = compile(json).unwrap_err();
        assert!(error.starts_with(message), "{json}: {error}");
    }
}
