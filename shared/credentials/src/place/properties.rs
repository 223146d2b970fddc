//! What holds for any bytes.

#![cfg(not(target_arch = "wasm32"))]

use policy_core::Exchange;
use policy_core::table::{Pairs, Table};
use proptest::prelude::*;

use super::*;

fn places() -> Rc<[Place]> {
    let header = |name| HeaderName::parse(name).unwrap();
    Rc::new([
        Place::Header { name: header("x-key"), prefix: None },
        Place::Header { name: header("authorization"), prefix: Some("Bearer ".to_owned()) },
        Place::Query("key".to_owned()),
        Place::Cookie("key".to_owned()),
    ])
}

fn table(headers: &[(&str, Vec<u8>)]) -> Table {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.clone()));
    Table { headers: headers.collect(), ..Table::default() }
}

/// Takes the credential out; `None` where there is none, or two.
fn without(table: &Table) -> Option<Pairs> {
    let mut exchange = Exchange::new(table);
    let found = find(&places(), &exchange.headers).ok()??;
    found.remove(&mut exchange.headers);
    assert!(matches!(find(&places(), &exchange.headers), Ok(None)), "it is gone for who comes later");
    Some(table.after(&exchange))
}

/// Bytes in which names, separators and escapes are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "key", "k%65y", "=", "&", "?", ";", "; ", "%", "Bearer ", "bearer", ",", "\"", " ", "a"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn field() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    (proptest::sample::select(vec!["x-key", "authorization", ":path", "cookie", "x-other"]), bytes())
}

proptest! {
    #[test]
    fn any_request_is_read_and_what_is_taken_is_gone(fields in proptest::collection::vec(field(), 0..6)) {
        let before = table(&fields);
        let Some(after) = without(&before) else { return Ok(()) };
        let after = Table { headers: after, ..Table::default() };
        prop_assert!(without(&after).is_none());
    }

    #[test]
    fn the_other_parameters_stay_as_they_were(
        before in proptest::collection::vec("[a-j]{1,3}(=[!-%'-~]{0,6})?", 0..5),
        key in "key=[a-z0-9%+=]{0,8}",
        after in proptest::collection::vec("[a-j]{1,3}(=[!-%'-~]{0,6})?", 0..5),
    ) {
        let others = [before.clone(), after.clone()].concat();
        let all = [before, vec![key], after].concat().join("&");
        let left = without(&table(&[(":path", format!("/p?{all}").into_bytes())])).unwrap();
        let mark = if others.is_empty() { "" } else { "?" };
        let expected = format!("/p{mark}{}", others.join("&"));
        prop_assert_eq!(left, vec![(b":path".to_vec(), expected.into_bytes())]);
    }

    #[test]
    fn the_other_cookies_stay_as_they_were(
        before in proptest::collection::vec("[a-j]{1,3}=[!-:<-~]{0,6}", 0..5),
        value in "[!#-:<-~]{0,8}",
        after in proptest::collection::vec("[a-j]{1,3}=[!-:<-~]{0,6}", 0..5),
    ) {
        let others = [before.clone(), after.clone()].concat().join("; ");
        let all = [before, vec![format!("key={value}")], after].concat().join("; ");
        let left = without(&table(&[("cookie", all.into_bytes())])).unwrap();
        let expected = (!others.is_empty()).then(|| (b"cookie".to_vec(), others.into_bytes()));
        prop_assert_eq!(left, expected.into_iter().collect::<Vec<_>>());
    }
}
