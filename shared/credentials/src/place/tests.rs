//! Requests in, the credential and what is left of the request out.

use policy_core::table::Table;
use policy_core::{Exchange, config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const ALL: &str = r#"[{"header":"X-Api-Key"},{"header":"authorization","prefix":"ApiKey "},{"query":"api_key"},{"cookie":"key"}]"#;

fn places(json: &str) -> Rc<[Place]> {
    config::parse::<Vec<Place>>(json.as_bytes()).unwrap().into()
}

/// What is found at all places: a value, `-` for none, `!` for more than one.
fn found(headers: &[(&str, &str)]) -> String {
    let table = Table::of(headers);
    match find(&places(ALL), &Exchange::new(&table).headers) {
        Ok(Some(found)) => String::from_utf8_lossy(&found.value).into_owned(),
        Ok(None) => "-".to_owned(),
        Err(Ambiguous) => "!".to_owned(),
    }
}

/// The request after its credential was taken out.
fn after(headers: &[(&str, &str)]) -> String {
    let table = Table::of(headers);
    let mut exchange = Exchange::new(&table);
    if let Some(found) = find(&places(ALL), &exchange.headers).unwrap() {
        found.remove(&mut exchange.headers);
    }
    let after = table.after(&exchange);
    let pairs = after
        .iter()
        .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)));
    pairs.collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_header_is_read_with_and_without_a_prefix() {
    for (name, value, expected) in [
        ("x-api-key", "abc", "abc"),
        ("x-api-key", " a,b c\t", "a,b c"),
        ("x-api-key", "", ""),
        ("x-other", "abc", "-"),
        ("authorization", "ApiKey abc", "abc"),
        ("authorization", "aPIkEY  \t abc ", "abc"),
        ("authorization", "ApiKey", ""),
        ("authorization", "ApiKeyabc", "-"),
        ("authorization", "Api", "-"),
        ("authorization", "Bearer abc", "-"),
        ("authorization", "Digest a=\"b\", c=\"d\"", "-"),
        ("authorization", "ApiKey a,ApiKey b", "!"),
        ("authorization", "ApiKey a,ApiKey a", "!"),
        ("authorization", "Bearer x, apikey a", "!"),
        ("authorization", "ApiKey a,b", "!"),
    ] {
        assert_eq!(found(&[(name, value)]), expected, "{name}: {value}");
    }
}

#[test]
fn a_prefix_without_a_blank_is_cut_as_it_is() {
    let places = places(r#"[{"header":"x-token","prefix":"key="}]"#);
    for (value, expected) in
        [("key=abc", Some("abc")), ("KEY= abc", Some("abc")), ("abc", None), ("key", None)]
    {
        let table = Table::of(&[("x-token", value)]);
        let found = find(&places, &Exchange::new(&table).headers).unwrap();
        assert_eq!(found.map(|found| found.value), expected.map(|text| text.as_bytes().to_vec()), "{value}");
    }
}

#[test]
fn a_parameter_is_read_as_the_upstream_reads_it() {
    for (path, expected) in [
        ("/a?api_key=abc", "abc"),
        ("/a?b=c&api_key=a%2Bb+c%20d&x", "a+b+c d"),
        ("/a?api%5Fkey=abc", "abc"),
        ("/a?api_key=a=b", "a=b"),
        ("/a?api_key=a%2", "a%2"),
        ("/a?api_key=a%zz%", "a%zz%"),
        ("/a?api_key", ""),
        ("/a?api_key=", ""),
        ("/a?b=1?api_key=x", "-"),
        ("/a?api_keys=x&Api_Key=x&xapi_key=x", "-"),
        ("/api_key=x", "-"),
        ("/a?", "-"),
        ("", "-"),
        ("/a?api_key=x&api_key=x", "!"),
        ("/a?api_key=x&b&api%5fkey=y", "!"),
        ("/a?api_key=x?api_key=y", "x?api_key=y"),
    ] {
        assert_eq!(found(&[(":path", path)]), expected, "{path}");
    }
}

#[test]
fn a_cookie_is_read_from_any_field() {
    for (cookies, expected) in [
        (&["key=abc"][..], "abc"),
        (&["a=b;key = \"abc\" ; c=d"], "abc"),
        (&["a=b", "c=d; key=a=b"], "a=b"),
        (&["key="], ""),
        (&["key=\""], "\""),
        (&["key"], "-"),
        (&["Key=x; keys=x; =x;;"], "-"),
        (&["key=x; key=x"], "!"),
        (&["key=x", "a=b;key=y"], "!"),
    ] {
        let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
        assert_eq!(found(&headers), expected, "{cookies:?}");
    }
}

#[test]
fn two_places_must_agree() {
    for (headers, expected) in [
        (&[("x-api-key", "a"), (":path", "/?api_key=a"), ("cookie", "key=a")][..], "a"),
        (&[("x-api-key", "a"), (":path", "/?api_key=b")], "!"),
        (&[("x-api-key", "a"), ("cookie", "key=")], "!"),
        (&[("x-api-key", "a"), ("x-api-key", "a")], "!"),
        (&[("x-api-key", "a"), ("authorization", "ApiKey b")], "!"),
        (&[("authorization", "ApiKey b"), ("authorization", "Bearer b")], "!"),
        (&[("authorization", "Basic b"), ("authorization", "ApiKey b")], "!"),
        // Neither is ours: whoever reads Bearer refuses it.
        (&[("authorization", "Bearer a"), ("authorization", "Bearer b"), ("x-api-key", "c")], "c"),
        (&[], "-"),
    ] {
        assert_eq!(found(headers), expected, "{headers:?}");
    }
}

#[test]
fn a_credential_is_taken_out_and_nothing_else() {
    for (headers, expected) in [
        (&[("x-api-key", "k"), ("x-a", "1")][..], "x-a=1"),
        (&[("authorization", "ApiKey k"), ("cookie", "a=1; key=k")], "cookie=a=1"),
        (&[("authorization", "Bearer k"), ("x-api-key", "k")], "authorization=Bearer k"),
        (&[("cookie", "key=k"), ("x-a", "1")], "x-a=1"),
        (&[("cookie", " key=k ;")], ""),
        (&[("cookie", "a=\"1\";  key=\"k\"; b=2 ")], "cookie=a=\"1\"; b=2 "),
        (&[("cookie", "a=1"), ("cookie", "key=k"), ("cookie", "b; c=2")], "cookie=a=1 | cookie=b; c=2"),
        (
            &[("x-api-key", "k"), (":path", "/p?api_key=k&a=%41"), ("cookie", "key=k; a")],
            ":path=/p?a=%41 | cookie=a",
        ),
    ] {
        assert_eq!(after(headers), expected, "{headers:?}");
    }
}

#[test]
fn a_parameter_is_cut_without_a_trace() {
    for (path, expected) in [
        ("/p?k=1", Some("/p")),
        ("/p?k", Some("/p")),
        ("?k=1", Some("")),
        ("/p?k=1&a=2&b=%2f+", Some("/p?a=2&b=%2f+")),
        ("/p?a=2&k=1&b", Some("/p?a=2&b")),
        ("/p?a=2&%6b=1", Some("/p?a=2")),
        ("/p?k=1&", Some("/p")),
        ("/p?k=1&&a=2&", Some("/p?a=2")),
        ("/p?k=1&a=?k=2&k=3", Some("/p?a=?k=2")),
        ("/p?a=k&kk=1&", None),
        ("/p", None),
        ("/k=1", None),
        ("", None),
    ] {
        let cut = remove_query(path.as_bytes(), "k");
        assert_eq!(cut.as_deref(), expected.map(str::as_bytes), "{path}");
    }
}

#[test]
fn a_place_that_makes_no_sense_is_refused() {
    for (json, expected) in [
        ("{}", "exactly one of header, query, cookie"),
        (r#"{"header":"a","query":"b"}"#, "exactly one of"),
        (r#"{"query":"a","cookie":"b"}"#, "exactly one of"),
        (r#"{"query":"a","prefix":"b"}"#, "a prefix belongs to a header"),
        (r#"{"headr":"a"}"#, "did you mean \"header\""),
        (r#"{"header":":path"}"#, "cannot hold a credential"),
        (r#"{"header":"host"}"#, "cannot hold a credential"),
        (r#"{"header":"Cookie"}"#, "write {cookie: name}"),
        (r#"{"header":"a","prefix":" b"}"#, "no blank in front"),
        (r#"{"header":"a","prefix":"b,"}"#, "no comma"),
        (r#"{"header":"a","prefix":"ü"}"#, "printable"),
        (r#"{"query":""}"#, "1 to 128"),
        (r#"{"query":"a=b"}"#, "the name of a parameter"),
        (r#"{"query":"a%62"}"#, "the name of a parameter"),
        (r#"{"query":"ä"}"#, "the name of a parameter"),
        (r#"{"cookie":"a b"}"#, "the name of a cookie"),
        (r#"{"cookie":""}"#, "the name of a cookie"),
    ] {
        let error = config::parse::<Place>(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
}

#[test]
fn places_that_overlap_are_refused() {
    for (json, expected) in [
        ("[]", ": name 1 to 16 places"),
        (r#"[{"query":"a"},{"query":"a"}]"#, "[1]: the same place"),
        (r#"[{"query":"b"},{"header":"a"},{"header":"A","prefix":"X "}]"#, "[2]: the same place"),
        (r#"[{"header":"a","prefix":"Api"},{"header":"a","prefix":"apiKey "}]"#, "[1]: the same place"),
        (r#"[{"header":"a","prefix":"X "},{"header":"a","prefix":"x"}]"#, "[1]: the same place"),
    ] {
        let error = check_places(&places(json)).unwrap_err();
        assert!(error.to_string().contains(expected), "{json}: {error}");
    }
    for json in [
        ALL,
        r#"[{"header":"a","prefix":"X "},{"header":"a","prefix":"XY "}]"#,
        r#"[{"query":"a"},{"cookie":"a"}]"#,
    ] {
        assert_eq!(check_places(&places(json)), Ok(()), "{json}");
    }
    let many = vec![Place::Query("a".to_owned()); MAX_PLACES + 1];
    assert!(check_places(&many).is_err());
}

#[test]
fn the_last_of_all_places_is_looked_at() {
    let places: Rc<[Place]> =
        (1..=MAX_PLACES).map(|number| Place::Query(format!("p{number}"))).collect::<Vec<_>>().into();
    for (path, found) in [("/?p16=k", &["p16"][..]), ("/?p1=k&p16=k", &["p1", "p16"]), ("/?p17=k", &[])] {
        let table = Table::of(&[(":path", path)]);
        let mut exchange = Exchange::new(&table);
        let at = find(&places, &exchange.headers).unwrap();
        let named: Vec<Place> = at.iter().flat_map(Found::places).cloned().collect();
        assert_eq!(named, found.iter().map(|name| Place::Query((*name).to_owned())).collect::<Vec<_>>());
        if let Some(at) = at {
            at.remove(&mut exchange.headers);
            assert_eq!(exchange.headers.first(&HeaderName::PATH), Some(b"/".as_slice()));
        }
    }
    let two = Table::of(&[(":path", "/?p1=k&p16=other")]);
    assert!(find(&places, &Exchange::new(&two).headers).is_err());
}

#[test]
fn a_header_of_a_list_becomes_a_place() {
    let place = |json: &str| Place::try_from(config::parse::<HeaderPlace>(json.as_bytes()).unwrap());
    let name = HeaderName::parse("authorization").unwrap();
    let expected = Place::Header { name, prefix: Some("Bearer ".to_owned()) };
    assert_eq!(place(r#"{"name":"Authorization","prefix":"Bearer "}"#), Ok(expected));
    assert!(matches!(place(r#"{"name":"x-jwt","prefix":""}"#), Ok(Place::Header { prefix: None, .. })));
    assert!(place(r#"{"name":":path"}"#).is_err());
}

#[test]
fn a_credential_is_not_printed() {
    let table = Table::of(&[("x-api-key", "hunter2")]);
    let found = find(&places(ALL), &Exchange::new(&table).headers).unwrap().unwrap();
    assert_eq!(found.places().count(), 1);
    assert!(!format!("{found:?}").contains("hunter2"));
}
