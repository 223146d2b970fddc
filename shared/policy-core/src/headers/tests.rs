//! What edits make of a message, and what they cost.

use super::*;
use crate::exchange::Exchange;
use crate::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn name(name: &str) -> HeaderName {
    HeaderName::parse(name).unwrap()
}

fn value(value: &str) -> HeaderValue {
    HeaderValue::parse(value).unwrap()
}

/// Makes the edits on `a: 1, b: 2, a: 3` and returns the message after them, and how many writes it took.
fn edited(edit: impl Fn(&mut Headers<'_>)) -> (String, usize) {
    let table = Table::of(&[("a", "1"), ("b", "2"), ("a", "3")]);
    let mut exchange = Exchange::new(&table);
    edit(&mut exchange.headers);
    let pairs = table.after(&exchange);
    let shown =
        pairs.iter().map(|(n, v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)));
    (shown.collect::<Vec<_>>().join(" "), exchange.headers.writes().count())
}

#[test]
fn each_edit_does_what_it_says() {
    type Edit<'f> = &'f dyn Fn(&mut Headers<'_>);
    let edits: [(&str, Edit<'_>, usize); 7] = [
        ("a=x b=2", &|h| h.set(&name("a"), value("x")), 1),
        ("a=1 b=2 a=3 a=x", &|h| h.append(&name("a"), value("x")), 1),
        ("b=2", &|h| h.remove(&name("a")), 1),
        ("a=1 b=2 a=3 c=x", &|h| h.set(&name("c"), value("x")), 1),
        ("a=x b=2 a=y", &|h| h.set_all(&name("a"), vec![value("x"), value("y")]), 2),
        (
            "b=2 a=z",
            &|h| {
                h.set(&name("a"), value("x"));
                h.remove(&name("a"));
                h.append(&name("a"), value("z"));
            },
            1,
        ),
        ("b=2", &|h| h.remove_where(|name| name == b"a"), 1),
    ];
    for (expected, edit, writes) in edits {
        let (after, count) = edited(edit);
        // Where a removed name comes back, its place in the message is the old one.
        assert_eq!(sorted(&after), sorted(expected));
        assert_eq!(count, writes, "{expected}");
    }
}

#[test]
fn several_values_are_written_in_order() {
    let (after, writes) = edited(|headers| {
        headers.set_all(&name("c"), vec![value("1"), value("2")]);
        headers.append(&name("c"), value("3"));
    });
    assert_eq!((after.as_str(), writes), ("a=1 b=2 a=3 c=1 c=2 c=3", 3));
}

#[test]
fn what_is_settled_comes_back_with_all_its_values() {
    let table = Table::of(&[("a", "1")]);
    let mut exchange = Exchange::new(&table);
    let shown = |exchange: &Exchange<'_>| {
        let joined = |name: &HeaderName| exchange.headers.joined(name).map(|v| String::from_utf8(v).unwrap());
        (joined(&name("a")), joined(&name("b")))
    };
    exchange.headers.append(&name("a"), value("2"));
    exchange.headers.set_all(&name("b"), vec![value("x"), value("y")]);
    exchange.settle();
    exchange.headers.append(&name("a"), value("3"));
    exchange.headers.append(&name("b"), value("z"));
    assert_eq!(shown(&exchange), (Some("1,2,3".to_owned()), Some("x,y,z".to_owned())));
    exchange.take_back();
    assert_eq!(shown(&exchange), (Some("1,2".to_owned()), Some("x,y".to_owned())));
}

fn sorted(pairs: &str) -> Vec<&str> {
    let mut pairs: Vec<&str> = pairs.split(' ').collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn later_readers_see_the_edits() {
    let table = Table::of(&[("a", "1"), ("b", "2"), ("a", "3")]);
    let mut headers = Exchange::new(&table).headers;
    assert_eq!(headers.joined(&name("a")).unwrap(), b"1,3");
    headers.append(&name("a"), value("4"));
    assert_eq!(headers.joined(&name("a")).unwrap(), b"1,3,4");
    headers.remove(&name("b"));
    assert!(!headers.contains(&name("b")));
    assert_eq!(headers.names().collect::<Vec<_>>(), [b"a", b"a", b"a"]);
}

#[test]
fn writing_reads_nothing_and_reading_reads_once() {
    let table = Table::of(&[("a", "1")]);
    let mut headers = Exchange::new(&table).headers;
    headers.set(&name("a"), value("2"));
    headers.remove(&name("b"));
    assert_eq!(headers.first(&name("a")), Some(b"2".as_slice()));
    assert_eq!(headers.writes().count(), 2);
    assert_eq!(table.reads.get(), 0);
    assert!(!headers.contains(&name("c")) && !headers.contains(&name("d")));
    assert_eq!(table.reads.get(), 1);
}

#[test]
fn a_wildcard_meets_a_name_of_any_length() {
    let long = format!("x-int-{}", "a".repeat(1000));
    let table = Table::of(&[(&long, "1"), ("b", "2")]);
    let mut exchange = Exchange::new(&table);
    exchange.headers.remove_where(|name| name.starts_with(b"x-int-"));
    assert_eq!(table.after(&exchange), Table::of(&[("b", "2")]).headers);
}

#[test]
fn an_edit_that_changes_nothing_is_not_written() {
    let (after, writes) = edited(|headers| {
        assert!(headers.contains(&name("b")));
        headers.set(&name("b"), value("2"));
        headers.set_all(&name("a"), vec![value("1"), value("3")]);
        headers.remove(&name("c"));
    });
    assert_eq!((after.as_str(), writes), ("a=1 b=2 a=3", 0));
}
