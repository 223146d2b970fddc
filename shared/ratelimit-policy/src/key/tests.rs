//! Requests in, parts and entries out.

use policy_core::table::Table;
use policy_core::{Attribute, config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::facts;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Parts(Vec<(u8, Vec<u8>)>);

impl Sink for Parts {
    fn part(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push((tag, bytes.to_vec()));
    }
}

fn key(json: &str) -> Key {
    Key::compile(config::parse(json.as_bytes()).unwrap(), false).unwrap()
}

/// The parts and the entries of a key.
fn both(key: &Key, table: &Table) -> Option<(Parts, Vec<Entry>)> {
    facts::of_table(table, |facts| {
        let mut parts = Parts::default();
        let fed = key.feed(facts, &mut parts);
        let entries = key.entries(facts);
        assert_eq!(fed.is_ok(), entries.is_ok());
        entries.ok().map(|entries| (parts, entries))
    })
}

/// The values of the entries, joined by blanks; `-` when the limit does not apply.
fn values(json: &str, table: &Table) -> String {
    match both(&key(json), table) {
        None => "-".to_owned(),
        Some((_, entries)) => entries.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" "),
    }
}

fn from(peer: &str) -> Table {
    Table::default().with(Attribute::SourceAddress, peer)
}

fn known_as(identity: &str) -> Table {
    Table {
        filter_state: vec![("wasm.tollgate.identity".to_owned(), identity.as_bytes().to_vec())],
        ..Table::default()
    }
}

#[test]
fn an_address_counts_by_its_prefix() {
    for (element, peer, expected) in [
        ("{}", "10.1.2.3:80", "10.1.2.3"),
        ("{}", "[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::/64"),
        ("{}", "[2001:db8:1:2:ffff::1]:80", "2001:db8:1:2::/64"),
        ("{}", "[::ffff:10.1.2.3]:80", "10.1.2.3"),
        (r#"{"ipv6PrefixLength":128}"#, "[2001:db8::1]:80", "2001:db8::1"),
        (r#"{"ipv6PrefixLength":48,"ipv4PrefixLength":24}"#, "10.1.2.3:80", "10.1.2.0/24"),
        ("{}", "/run/client.sock", "/run/client.sock"),
        ("{}", "", "-"),
    ] {
        assert_eq!(
            values(&format!(r#"[{{"clientIp":{element}}}]"#), &from(peer)),
            expected,
            "{element} {peer}"
        );
    }
}

#[test]
fn a_header_has_one_value_however_it_is_sent() {
    for (headers, expected) in [
        (&[("x-user", "ann")][..], "ann"),
        (&[("x-user", " ann\t")], "ann"),
        (&[("x-user", "a"), ("x-user", " b")], "a,b"),
        (&[("x-user", "")], "-"),
        (&[("x-user", "  ")], "-"),
        (&[("x-users", "ann")], "-"),
        (&[("x-user", "100%")], "100%25"),
    ] {
        assert_eq!(values(r#"[{"header":"X-User"}]"#, &Table::of(headers)), expected, "{headers:?}");
    }
}

#[test]
fn a_path_counts_once_however_it_is_written() {
    for (path, expected) in [
        ("/Items/", "/items"),
        ("/items", "/items"),
        ("//items//?q=1", "/items"),
        ("/%49tems;v=1", "/items"),
        ("/", "/"),
        ("//", "/"),
        ("/a/../items", "%"),
        ("/a%2fb", "%"),
        ("", "%"),
    ] {
        assert_eq!(values(r#"["path"]"#, &Table::of(&[(":path", path)])), expected, "{path}");
    }
    assert_eq!(values(r#"["path"]"#, &Table::default()), "-");
}

#[test]
fn a_host_counts_without_case_and_port() {
    for (host, expected) in [
        ("API.example.com:443", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("a,b", "%"),
        ("", "%"),
    ] {
        assert_eq!(values(r#"["host"]"#, &Table::of(&[(":authority", host)])), expected, "{host}");
    }
    assert_eq!(
        values(r#"["method","host"]"#, &Table::of(&[(":method", "GET"), (":authority", "a")])),
        "GET a"
    );
}

#[test]
fn a_parameter_and_a_cookie_have_one_value_or_none() {
    for (path, expected) in [
        ("/?user=ann", "ann"),
        ("/?a=b&us%65r=a%6en&c", "ann"),
        ("/?user=a+n%20n", "a n n"),
        ("/?user=ann&user=ann", "ann"),
        ("/?user=ann&user=bob", "%"),
        ("/?user=%", "%25"),
        ("/?user=%ff%4", "%FF%254"),
        ("/?user=", "-"),
        ("/?user", "-"),
        ("/?User=ann", "-"),
        ("/user=ann", "-"),
    ] {
        assert_eq!(values(r#"[{"query":"user"}]"#, &Table::of(&[(":path", path)])), expected, "{path}");
    }
    for (fields, expected) in [
        (&["sid=1"][..], "1"),
        (&["a=b; sid = \"1\""], "1"),
        (&["a=b", "sid=1;c"], "1"),
        (&["sid=1;sid=1"], "1"),
        (&["sid=1", "sid=2"], "%"),
        (&["SID=1; sid"], "-"),
    ] {
        let headers: Vec<_> = fields.iter().map(|field| ("cookie", *field)).collect();
        assert_eq!(values(r#"[{"cookie":"sid"}]"#, &Table::of(&headers)), expected, "{fields:?}");
    }
}

#[test]
fn the_identity_is_read_as_the_auth_filter_writes_it() {
    let all = r#"{"id":"ann","provider":"corp","kind":"jwt","labels":{"tier":"gold","a.b":"x"},"claims":{"org":{"id":7},"x":null,"l":["a"],"e":""}}"#;
    for (path, identity, expected) in [
        (r#""id""#, all, "ann"),
        (r#""id""#, r#"{"id":"a\"n"}"#, "a\"n"),
        (r#""id""#, r#"{"provider":"p","id":"ann"}"#, "ann"),
        (r#""id""#, r#"{"id":"ann"#, "-"),
        (r#""id""#, r#"{"id":"ann"x"#, "-"),
        (r#""id""#, r#"{"id":""}"#, "-"),
        (r#""id""#, r#"{"id":7}"#, "7"),
        (r#""id""#, "", "-"),
        (r#""provider""#, all, "corp"),
        (r#""labels.tier""#, all, "gold"),
        (r#"["labels","a.b"]"#, all, "x"),
        (r#""labels.none""#, all, "-"),
        (r#""claims.org.id""#, all, "7"),
        (r#""claims.l""#, all, r#"["a"]"#),
        (r#""claims.x""#, all, "-"),
        (r#""claims.e""#, all, "-"),
        (r#""claims.org.id.x""#, all, "-"),
        (r#""claims.a""#, "not JSON", "-"),
    ] {
        let key = format!(r#"[{{"identity":{path}}}]"#);
        assert_eq!(values(&key, &known_as(identity)), expected, "{path} {identity}");
    }
}

#[test]
fn entries_are_named_after_the_elements() {
    let key = key(
        r#"[{"clientIp":{}},{"header":"X-A"},{"identity":"id"},{"identity":"labels.tier"},{"filterState":"wasm.t"},{"value":"checkout"}]"#,
    );
    let names: Vec<_> = key.elements().iter().map(Element::entry_name).collect();
    assert_eq!(
        names,
        ["clientIp", "header.x-a", "identity", "identity.labels.tier", "filterState.wasm.t", "value"]
    );
    assert_eq!(key.elements().last().unwrap().constant().as_deref(), Some("checkout"));
}

#[test]
fn a_missing_part_is_counted_only_where_the_key_is_required() {
    let elements = || config::parse(br#"[{"value":"v"},{"header":"x-user"}]"#).unwrap();
    let required = Key::compile(elements(), true).unwrap();
    let (nobody, entries) = both(&required, &Table::default()).unwrap();
    assert_eq!(entries, [("value".to_owned(), "v".to_owned()), ("header.x-user".to_owned(), String::new())]);
    let (ann, _) = both(&required, &Table::of(&[("x-user", "ann")])).unwrap();
    assert_ne!(nobody, ann);
    assert_eq!(both(&Key::compile(elements(), false).unwrap(), &Table::default()), None);
    assert_eq!(both(&key("[]"), &Table::default()), Some((Parts::default(), Vec::new())));
}

#[test]
fn a_long_value_is_no_long_entry_and_still_a_key_of_its_own() {
    let key = key(r#"[{"header":"x-user"}]"#);
    let of = |length: usize| both(&key, &Table::of(&[("x-user", &"a".repeat(length))])).unwrap();
    assert_eq!(of(LONGEST_ENTRY).1[0].1.len(), LONGEST_ENTRY);
    assert_eq!(of(LONGEST_ENTRY + 1).1[0].1, UNDECIDED);
    assert_ne!(of(LONGEST_ENTRY + 1).0, of(LONGEST_ENTRY + 2).0);
}

#[test]
fn an_element_that_makes_no_sense_is_refused() {
    for (json, expected) in [
        (r#"[{"headr":"a"}]"#, "[0].headr: unknown value \"headr\", did you mean \"header\""),
        (r#"[{"header":"a","cookie":"b"}]"#, "expected exactly one of clientIp, header"),
        (r#"["header"]"#, "[0]: \"header\" needs a value"),
        (r#"[{"path":true}]"#, "[0]: write just \"path\""),
        (r#"[{"header":":path"}]"#, "[0].header: write path"),
        (r#"[{"header":"Cookie"}]"#, "[0].header: write {cookie: name}"),
        (r#"[{"header":"X-Forwarded-For"}]"#, "clientIp.trustedHops"),
        (r#"[{"header":"content-length"}]"#, "says nothing of the client"),
        (r#"[{"clientIp":{"ipv6PrefixLength":0}}]"#, "[0].clientIp.ipv6PrefixLength: a prefix has 1 to 128"),
        (r#"[{"clientIp":{"ipv4PrefixLength":33}}]"#, "a prefix has 1 to 32"),
        (r#"[{"identity":"name"}]"#, "[0].identity: this is id, provider"),
        (r#"[{"identity":"labels.a.b"}]"#, "goes in a list"),
        (r#"[{"identity":"claims"}]"#, "this is id"),
        (r#"[{"value":"a b"}]"#, "without blanks"),
        (r#"[{"value":""}]"#, "1 to 128"),
        (r#"[{"cookie":"a=b"}]"#, "key[0]: no cookie can have the name"),
        (r#"[{"header":"a"},{"value":"x"},{"header":"A"}]"#, "key[2]: header.a is in this key already"),
        (r#"[{"value":"x"},{"value":"y"}]"#, "key[1]: value is in this key already"),
    ] {
        let compiled =
            config::parse::<Vec<Element>>(json.as_bytes()).and_then(|key| Key::compile(key, false));
        let error = compiled.unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    assert!(Key::compile(Vec::new(), true).is_err());
    let many: Vec<Element> =
        (0..9).map(|n| config::parse(format!(r#"{{"header":"x-{n}"}}"#).as_bytes()).unwrap()).collect();
    assert!(Key::compile(many, false).is_err());
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    /// Requests that differ in a value have other parts and other entries.
    #[test]
    fn different_requests_have_different_keys(
        a in proptest::collection::vec("[ -~\u{80}-\u{ff}%:,|]{0,6}", 3), b in proptest::collection::vec("[ -~%:,|]{0,6}", 3),
    ) {
        let key = Key::compile(config::parse(br#"[{"header":"x-a"},{"header":"x-b"},{"filterState":"c"}]"#).unwrap(), true).unwrap();
        let table = |v: &[String]| {
            let mut table = Table::of(&[("x-a", &v[0]), ("x-b", &v[1])]);
            table.filter_state.push(("c".to_owned(), v[2].clone().into_bytes()));
            table
        };
        let same = a[0].trim_ascii() == b[0].trim_ascii() && a[1].trim_ascii() == b[1].trim_ascii() && a[2] == b[2];
        let (one, other) = (both(&key, &table(&a)).unwrap(), both(&key, &table(&b)).unwrap());
        proptest::prop_assert_eq!(one.0 == other.0, same);
        proptest::prop_assert_eq!(one.1 == other.1, same);
    }

    #[test]
    fn a_key_is_made_of_any_request(path: Vec<u8>, cookie: Vec<u8>, peer: Vec<u8>, state: Vec<u8>) {
        let headers = vec![(b":path".to_vec(), path), (b"cookie".to_vec(), cookie)];
        let mut table = Table { headers, ..Table::default() }.with(Attribute::SourceAddress, peer);
        table.filter_state.push(("wasm.tollgate.identity".to_owned(), state));
        let elements = br#"["path","host","method",{"cookie":"a"},{"query":"a"},{"clientIp":{}},{"identity":"id"},{"identity":"claims.a"}]"#;
        let key = Key::compile(config::parse(elements).unwrap(), true).unwrap();
        let (parts, entries) = both(&key, &table).unwrap();
        proptest::prop_assert_eq!((parts.0.len(), entries.len()), (8, 8));
    }
}
