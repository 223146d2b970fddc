//! A configuration and the names of a certificate in, the accepted name out.

use policy_core::config;
use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn compile(json: &str) -> Result<CertificateNames, ConfigError> {
    CertificateNames::compile(config::parse(json.as_bytes())?)
}

/// A connection with a verified certificate of these names.
fn peer(uri: &[u8], host: &[u8]) -> Table {
    Table::default()
        .with(Attribute::Mtls, [1])
        .with(Attribute::PeerUriSan, uri)
        .with(Attribute::PeerDnsSan, host)
        .with(Attribute::PeerCertificateDigest, "0aff".repeat(16))
}

fn check(json: &str, table: &Table) -> Option<String> {
    compile(json).unwrap().check(&Exchange::new(table))
}

#[test]
fn a_uri_name_matches_segment_for_segment() {
    let json = r#"{"uriSans":["spiffe://cluster.local/ns/*/sa/*","https://a.example/x"]}"#;
    for (uri, accepted) in [
        ("spiffe://cluster.local/ns/shop/sa/cart", true),
        ("https://a.example/x", true),
        ("spiffe://cluster.local/ns/shop/sa/cart/x", false),
        ("spiffe://cluster.local/ns/shop/sa", false),
        ("spiffe://cluster.local/ns/shop/sa/", false),
        ("spiffe://cluster.local/ns//sa/cart", false),
        ("spiffe://cluster.local/ns/a/b/sa/cart", false),
        ("spiffe://cluster.local/ns/../sa/cart", false),
        ("spiffe://cluster.local/ns/*/sa/cart", false),
        ("spiffe://cluster.local/ns/shop/sa/cart?x", false),
        ("spiffe://cluster.local/ns/sh op/sa/cart", false),
        ("spiffe://cluster.local/NS/shop/sa/cart", false),
        ("SPIFFE://cluster.local/ns/shop/sa/cart", false),
        ("spiffe://cluster.local.evil/ns/shop/sa/cart", false),
        ("xspiffe://cluster.local/ns/shop/sa/cart", false),
        ("https://a.example/x/", false),
        ("", false),
    ] {
        let expected = accepted.then(|| uri.to_owned());
        assert_eq!(check(json, &peer(uri.as_bytes(), b"")), expected, "{uri}");
    }
    assert_eq!(check(json, &peer(b"spiffe://cluster.local/ns/\xff/sa/a", b"")), None);
}

#[test]
fn a_host_name_matches_label_for_label() {
    let json = r#"{"dnsSans":["*.Clients.example","api.example"]}"#;
    for (host, accepted) in [
        ("a.clients.example", Some("a.clients.example")),
        ("A.Clients.Example", Some("a.clients.example")),
        ("api.example", Some("api.example")),
        ("clients.example", None),
        ("a.b.clients.example", None),
        (".clients.example", None),
        ("*.clients.example", None),
        ("a.clients.example.", None),
        ("apiXexample", None),
    ] {
        assert_eq!(check(json, &peer(b"", host.as_bytes())).as_deref(), accepted, "{host}");
    }
}

#[test]
fn the_uri_name_comes_first() {
    let json = r#"{"uriSans":["spiffe://a/b"],"dnsSans":["c"]}"#;
    assert_eq!(check(json, &peer(b"spiffe://a/b", b"c")).unwrap(), "spiffe://a/b");
    assert_eq!(check(json, &peer(b"spiffe://a/x", b"c")).unwrap(), "c");
}

#[test]
fn an_unverified_certificate_is_none() {
    let json = r#"{"uriSans":["spiffe://a/b"]}"#;
    let names = Table::default()
        .with(Attribute::PeerUriSan, "spiffe://a/b")
        .with(Attribute::PeerCertificateDigest, "0aff".repeat(16));
    for mtls in [&[][..], &[0], b"1", b"true", &[1, 1]] {
        let table = names.clone().with(Attribute::Mtls, mtls);
        assert_eq!(check(json, &table), None, "{mtls:?}");
        assert_eq!(peer_thumbprint(&Exchange::new(&table)), None, "{mtls:?}");
    }
}

#[test]
fn the_thumbprint_is_that_of_the_verified_certificate() {
    let expected: Vec<u8> = [0x0a, 0xff].repeat(16);
    assert_eq!(peer_thumbprint(&Exchange::new(&peer(b"", b""))).unwrap().to_vec(), expected);
    for digest in ["", "0aff", &"0aff".repeat(17), &"0afg".repeat(16)] {
        let table =
            Table::default().with(Attribute::Mtls, [1]).with(Attribute::PeerCertificateDigest, digest);
        assert_eq!(peer_thumbprint(&Exchange::new(&table)), None, "{digest}");
    }
}

#[test]
fn a_pattern_that_means_something_else_is_refused() {
    for (json, expected) in [
        ("{}", "at least one name"),
        (r#"{"uriSan":["a"]}"#, "did you mean"),
        (r#"{"uriSans":["cluster.local/ns"]}"#, "uriSans[0]: expected a URI"),
        (r#"{"uriSans":["spiffe://a/b","spiffe://*/b"]}"#, "uriSans[1]: * stands for a segment of the path"),
        (r#"{"uriSans":["*://a/b"]}"#, "* stands for a segment of the path"),
        (r#"{"uriSans":["spiffe://a/b*"]}"#, "* stands for a whole segment"),
        (r#"{"uriSans":["spiffe://Cluster.local/b"]}"#, "lower case"),
        (r#"{"uriSans":["spiffe://a/ b"]}"#, "no blanks"),
        (r#"{"uriSans":[""]}"#, "1 to 2048"),
        (r#"{"dnsSans":["a*.example"]}"#, "dnsSans[0]: expected a host name"),
        (r#"{"dnsSans":["a..b"]}"#, "expected a host name"),
        (r#"{"dnsSans":["*"]}"#, "every certificate"),
        (r#"{"dnsSans":["*.*"]}"#, "every certificate"),
    ] {
        let error = compile(json).err().unwrap().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    let many = CertificateConfig { uri_sans: vec!["spiffe://a/b".to_owned(); 257], dns_sans: Vec::new() };
    assert!(CertificateNames::compile(many).is_err());
}
