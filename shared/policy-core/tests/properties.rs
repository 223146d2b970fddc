//! What holds for any bytes and any edits. Native only: proptest keeps its regressions in files.
#![cfg(not(target_arch = "wasm32"))]
#![cfg(test)]

use std::collections::BTreeMap;

use policy_core::enforcement::Percent;
use policy_core::format::{Captured, Compiler, Phase};
use policy_core::ids::Ids;
use policy_core::recent::{Limits, Recent};
use policy_core::regex::{Regex, Substitution};
use policy_core::route::{Match, NormalPath, Target, normal_host};
use policy_core::table::{Pairs, Still, Table};
use policy_core::time::{Timestamp, parse_duration};
use policy_core::{Exchange, HeaderName, HeaderValue, Snapshot, config, snapshot};
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..longest)
}

/// Few names, so that edits meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("x-d"), Just("x-e")].prop_map(str::to_owned)
}

fn message() -> impl Strategy<Value = Pairs> {
    vec((name().prop_map(String::into_bytes), "[a-z]{0,3}".prop_map(String::into_bytes)), 0..8)
}

#[derive(Debug, Clone)]
enum Edit {
    Set(String, String),
    SetAll(String, Vec<String>),
    Append(String, String),
    Remove(String),
    RemoveX,
    Read(String),
    /// What was edited so far stands.
    Settle,
}

fn edit() -> impl Strategy<Value = Edit> {
    let value = || "[a-z]{1,3}";
    prop_oneof![
        (name(), value()).prop_map(|(name, value)| Edit::Set(name, value)),
        (name(), vec(value(), 0..3)).prop_map(|(name, values)| Edit::SetAll(name, values)),
        (name(), value()).prop_map(|(name, value)| Edit::Append(name, value)),
        name().prop_map(Edit::Remove),
        Just(Edit::RemoveX),
        name().prop_map(Edit::Read),
        Just(Edit::Settle),
    ]
}

/// The same edits, carried out at once on a plain list.
fn model(pairs: &mut Pairs, edit: &Edit) {
    let mut replace = |name: &str, values: &[String]| {
        pairs.retain(|(known, _)| known != name.as_bytes());
        pairs.extend(values.iter().map(|value| (name.as_bytes().to_vec(), value.clone().into_bytes())));
    };
    match edit {
        Edit::Set(name, value) => replace(name, std::slice::from_ref(value)),
        Edit::SetAll(name, values) => replace(name, values),
        Edit::Append(name, value) => pairs.push((name.clone().into_bytes(), value.clone().into_bytes())),
        Edit::Remove(name) => replace(name, &[]),
        Edit::RemoveX => pairs.retain(|(name, _)| !name.starts_with(b"x-")),
        Edit::Read(_) | Edit::Settle => {}
    }
}

fn journal(exchange: &mut Exchange<'_>, edit: &Edit) {
    let parse = |name: &str| HeaderName::parse(name).unwrap();
    let value = |value: &String| HeaderValue::parse(value).unwrap();
    let headers = &mut exchange.headers;
    match edit {
        Edit::Set(name, text) => headers.set(&parse(name), value(text)),
        Edit::SetAll(name, values) => headers.set_all(&parse(name), values.iter().map(value).collect()),
        Edit::Append(name, text) => headers.append(&parse(name), value(text)),
        Edit::Remove(name) => headers.remove(&parse(name)),
        Edit::RemoveX => headers.remove_where(|name| name.starts_with(b"x-")),
        Edit::Read(name) => {
            let _ = headers.joined(&parse(name));
        }
        Edit::Settle => exchange.settle(),
    }
}

/// The values of each name, in order: what edits promise. The order of different names is the proxy's.
fn by_name(pairs: &Pairs) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut names: Vec<Vec<u8>> = pairs.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    let values =
        |name: &Vec<u8>| pairs.iter().filter(|(known, _)| known == name).map(|(_, v)| v.clone()).collect();
    names.iter().map(|name| (name.clone(), values(name))).collect()
}

/// The percentage as a configuration gives it.
fn percent(value: f64) -> Percent {
    config::parse(format!("{value:.9}").as_bytes()).unwrap()
}

proptest! {
    #[test]
    fn the_journal_comes_to_what_editing_at_once_comes_to(before in message(), edits in vec(edit(), 0..12)) {
        let table = Table { headers: before.clone(), ..Table::default() };
        let mut exchange = Exchange::new(&table);
        let mut expected = before;
        let mut stands = expected.clone();
        for edit in &edits {
            journal(&mut exchange, edit);
            model(&mut expected, edit);
            if matches!(edit, Edit::Settle) {
                stands = expected.clone();
            }
            for (name, values) in by_name(&expected) {
                let name = HeaderName::parse(std::str::from_utf8(&name).unwrap()).unwrap();
                let seen: Vec<Vec<u8>> = exchange.headers.values(&name).map(<[u8]>::to_vec).collect();
                prop_assert_eq!(seen, values, "{:?} after {:?}", name, edit);
            }
            prop_assert!(table.reads.get() <= 1, "the headers are read once");
        }
        prop_assert_eq!(by_name(&table.after(&exchange)), by_name(&expected));
        exchange.headers.take_back();
        prop_assert_eq!(by_name(&table.after(&exchange)), by_name(&stands));
    }

    #[test]
    fn a_snapshot_reads_back_what_was_encoded_and_no_buffer_breaks_it(
        pairs in vec((bytes(6), bytes(6)), 0..6), garbage in bytes(64),
    ) {
        let read = Snapshot::parse(snapshot::encode(&pairs)).unwrap();
        let back: Pairs = read.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(back, pairs);
        if let Some(read) = Snapshot::parse(garbage) {
            prop_assert!(read.iter().count() <= 64);
        }
    }

    #[test]
    fn no_bytes_make_a_value_that_ends_early(value in bytes(64)) {
        let escaped = HeaderValue::escaped(&value);
        prop_assert!(escaped.as_bytes().iter().all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f)));
        if !value.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
            prop_assert_eq!(escaped.as_bytes(), value.as_slice());
        }
    }

    #[test]
    fn a_normal_path_is_its_own_normal_form(path in "(/[a-zA-Z0-9%.;/_~-]{0,4}){1,5}(\\?[a-z=/.]{0,6})?", any in bytes(24)) {
        for path in [path.as_bytes(), &any] {
            let (bare, stands) = raw::path::cut(path);
            if stands && path == bare {
                // A parameter, which is cut, takes the long way.
                let long = [path, b";"].concat();
                let long = NormalPath::read(&long).map(NormalPath::into_owned);
                prop_assert_eq!(long.as_ref().map(NormalPath::as_bytes), Some(path));
            }
            let Some(normal) = NormalPath::read(path) else { continue };
            let text = normal.as_bytes();
            prop_assert!(text == b"*" || text.starts_with(b"/"));
            prop_assert!(!text.windows(2).any(|two| two == b"//") && !text.contains(&b'?') && !text.contains(&b';'));
            prop_assert!(!normal.segments().any(|segment| segment == b"." || segment == b".."));
            let again = NormalPath::read(text);
            prop_assert_eq!(again.as_ref(), Some(&normal));
        }
    }

    #[test]
    fn a_normal_host_is_its_own_normal_form(host in "[a-zA-Z0-9.:_-]{0,12}", any in bytes(12)) {
        for host in [host.as_bytes(), &any] {
            if let Some(normal) = normal_host(host) {
                prop_assert_eq!(normal_host(&normal).map(|again| again.to_ascii_lowercase()), Some(normal.clone()));
                prop_assert!(!normal.contains(&b','));
            }
        }
    }

    #[test]
    fn matching_any_request_ends(path in bytes(30), host in bytes(30), value in bytes(30)) {
        let json = br#"{"hosts":["*.a"],"paths":[{"prefix":"/a"},{"template":"/{x}/**"},{"regex":"(a|b)*c"}],
            "headers":[{"name":"h","regex":".*"},{"name":"h","contains":"a","invert":true}]}"#;
        let block: Match = config::parse(json).unwrap();
        let pairs = [(":path", path), (":authority", host), ("h", value)];
        let headers = pairs.into_iter().map(|(name, value)| (name.as_bytes().to_vec(), value)).collect();
        let table = Table { headers, ..Table::default() };
        let exchange = Exchange::new(&table);
        let _ = block.matches(&Target::new(&exchange.headers));
    }

    #[test]
    fn any_text_is_a_format_or_is_refused(text in ".{0,40}", operators in "(%[A-Z_(a-z):0-9?)]{0,12}%?){0,4}") {
        for text in [text, operators] {
            for phase in [Phase::Request, Phase::Response] {
                let mut compiler = Compiler::new(HeaderName::parse("x-request-id").unwrap());
                let Ok(format) = compiler.compile(&text, phase) else { continue };
                let table = Table::of(&[("a", "1")]);
                let _ = format.value(&Exchange::new(&table), &Captured::default(), &Still::default());
            }
        }
    }

    #[test]
    fn a_rewrite_that_puts_the_match_back_changes_nothing(value in bytes(40), pattern in "[a-z.*+?()|\\[\\]^$]{1,8}") {
        let Ok(regex) = Regex::new(&pattern) else { return Ok(()) };
        let same = Substitution::try_from(r"\0".to_owned()).unwrap();
        prop_assert_eq!(regex.replace_all(&value, &same), value);
    }

    #[test]
    fn a_larger_percentage_holds_the_smaller(low in 0.01f64..100.0, more in 0.0f64..50.0, key in bytes(12)) {
        let small = percent(low);
        let large = percent((low + more).min(100.0));
        prop_assert!(!small.includes("rule", &key) || large.includes("rule", &key));
    }

    #[test]
    fn what_was_needed_last_is_at_hand_and_never_another_value(
        entries in 0_usize..12, steps in vec((0_u64..20, 0_u8..10), 0..200),
    ) {
        let mut recent = Recent::new(Limits { entries, weight: usize::MAX });
        // A key that was removed took its place all the same.
        let mut last: Vec<(u64, Option<usize>)> = Vec::new();
        for (number, (key, what)) in steps.into_iter().enumerate() {
            let before = last.iter().position(|(known, _)| *known == key).and_then(|at| last.remove(at).1);
            match what {
                0 => {
                    recent.remove(&key);
                    last.push((key, None));
                }
                1..4 => {
                    recent.insert(key, number, 0);
                    last.push((key, Some(number)));
                }
                _ => {
                    let found = recent.get(&key);
                    prop_assert!(found.is_none() || found == before);
                    last.extend(found.map(|value| (key, Some(value))));
                }
            }
            prop_assert!(recent.len() <= entries.max(1));
        }
        for (key, value) in last.into_iter().rev().take((entries / 2).max(1)) {
            prop_assert_eq!(recent.get(&key), value);
        }
    }

    #[test]
    fn ids_hold_what_a_map_holds(steps in vec((0_u32..40, 0_u8..9), 0..300)) {
        let (mut ids, mut map) = (Ids::new(), BTreeMap::new());
        for (number, (id, what)) in steps.into_iter().enumerate() {
            match what {
                0 => {
                    ids.retain(|value| value % 3 == 0);
                    map.retain(|_, value| *value % 3 == 0);
                }
                1..5 => {
                    ids.insert(id, number);
                    map.insert(id, number);
                }
                _ => prop_assert_eq!(ids.remove(id), map.remove(&id)),
            }
            prop_assert_eq!((ids.len(), ids.is_empty()), (map.len(), map.is_empty()));
            for id in 0..40 {
                prop_assert_eq!(ids.get(id), map.get(&id));
            }
        }
    }

    #[test]
    fn times_are_printed_in_order_and_durations_read(a in any::<u64>(), b in any::<u64>(), text in "[0-9]{0,6}[a-z]{0,2}") {
        let (early, late) = (a.min(b), a.max(b));
        prop_assert!(Timestamp(early).to_rfc3339() <= Timestamp(late).to_rfc3339());
        let _ = parse_duration(&text);
    }
}
