//! The reader compared with `serde_json`'s.

use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::Json;

/// What `serde_json` makes of a text, by the kinds that it tells apart, members in order and each once.
#[derive(Debug, PartialEq)]
enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut object: Vec<(String, Tree)> = Vec::new();
        while let Some((key, value)) = entries.next_entry::<String, Tree>()? {
            if object.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom("given twice"));
            }
            object.push((key, value));
        }
        Ok(Tree::Object(object))
    }
}

fn same(ours: &Json, theirs: &Tree) -> bool {
    match (ours, theirs) {
        (Json::Null, Tree::Null) => true,
        (Json::Bool(a), Tree::Bool(b)) => a == b,
        (Json::Unsigned(a), Tree::Unsigned(b)) => a == b,
        (Json::Signed(a), Tree::Signed(b)) => a == b,
        (Json::Decimal(a), Tree::Float(b)) => {
            // Theirs is off by a bit now and then.
            let exact: f64 = a.as_str().parse().unwrap();
            (exact - b).abs() <= exact.abs() * 1e-15
        }
        (Json::Text(a), Tree::Text(b)) => a == b,
        (Json::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Tree::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
        }
        _ => false,
    }
}

fn agree(text: &[u8]) -> Result<(), TestCaseError> {
    match (Json::parse(text), serde_json::from_slice::<Tree>(text)) {
        (Ok(ours), Ok(theirs)) => {
            prop_assert!(same(&ours, &theirs), "{ours:?}, not {theirs:?}");
            let written = ours.to_string();
            prop_assert_eq!(Json::parse(written.as_bytes()), Ok(ours));
        }
        (Err(_), Err(_)) => {}
        // The one text that we take and they do not: a number that no float holds.
        (Ok(ours), Err(theirs)) => {
            prop_assert!(theirs.to_string().contains("out of range"), "{ours:?}: {theirs}")
        }
        (Err(ours), Ok(theirs)) => prop_assert!(false, "{ours}, not {theirs:?}"),
    }
    Ok(())
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
    ]
}

/// Strings as they are written: plain runs of any length, escapes, halves of pairs.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -!#-\\[\\]-~]{0,20}",
        2 => "[é€😀\u{7f}\u{80}]{1,3}",
        2 => "\\\\[\"\\\\/bfnrt]",
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => "\\\\ud8[0-9a-f]{2}\\\\udc[0-9a-f]{2}",
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![3 => number(), 3 => string(), 1 => "true|false|null"];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop_oneof![3 => "\"[a-c]{1,3}\"", 1 => string()];
        let blank = "[ \n]{0,2}";
        let item = (blank, inner.clone(), blank).prop_map(|(before, item, after)| before + &item + &after);
        let member = (blank, key, blank, inner)
            .prop_map(|(before, key, blank, value)| format!("{before}{key}{blank}:{value}"));
        prop_oneof![
            prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_trees_are_the_same(text in json()) {
        agree(text.as_bytes())?;
    }

    #[test]
    fn a_changed_text_is_taken_by_both_or_none(
        text in json(), at in any::<prop::sample::Index>(), cut in 0_usize..3, new in "[\\[\\]{}:,\"\\\\0-2eE+.u \n\0-]{0,2}",
    ) {
        let mut bytes = text.into_bytes();
        let start = at.index(bytes.len());
        let end = bytes.len().min(start.saturating_add(cut));
        bytes.splice(start..end, new.into_bytes());
        agree(&bytes)?;
    }

    #[test]
    fn any_bytes_are_taken_by_both_or_none(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        agree(&bytes)?;
        agree(&[b"\"", bytes.as_slice(), b"\""].concat())?;
    }

    #[test]
    fn letters_of_json_are_taken_by_both_or_none(text in "[\\[\\]{}:,\"\\\\0-2eE+.ut \n-]{0,12}") {
        agree(text.as_bytes())?;
    }

    #[test]
    fn a_number_is_scaled_as_whole_numbers_say(
        whole in 0_u128..1 << 66, fraction in "[0-9]{0,9}", exponent in -25_i32..12, digits in 0_u32..10,
    ) {
        let point = if fraction.is_empty() { "" } else { "." };
        let text = format!("{whole}{point}{fraction}e{exponent}");
        let mantissa: u128 = format!("{whole}{fraction}").parse().unwrap();
        let shift = exponent.saturating_add_unsigned(digits).saturating_sub(fraction.len() as i32);
        let power = 10_u128.pow(shift.unsigned_abs());
        let exact = if shift < 0 { mantissa.checked_div(power) } else { mantissa.checked_mul(power) };
        let expected = exact.and_then(|exact| u64::try_from(exact).ok());
        prop_assert_eq!(Json::parse(text.as_bytes()).unwrap().scaled(digits), expected, "{}", text);
    }
}
