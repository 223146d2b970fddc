//! Alone, chained and fused, policies do the same: whatever they edit, publish, count and store, wait for, ask and refuse.
//! Native only: proptest keeps its regressions in files.
#![cfg(not(target_arch = "wasm32"))]
#![cfg(test)]

mod outside;
mod proxy;
mod scripted;

use policy_core::{Chain, Part};
use proptest::collection::vec;
use proptest::prelude::*;
use proxy::{exchange, filter};
use scripted::{Op, Script, Scripted, Turn};

/// Few names, so that edits of different policies meet.
fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("x-d")]
}

fn op() -> impl Strategy<Value = Op> {
    let value = || "[a-z]{1,2}";
    prop_oneof![
        (name(), value()).prop_map(|(name, value)| Op::Set(name, value)),
        (name(), value()).prop_map(|(name, value)| Op::Append(name, value)),
        name().prop_map(Op::Remove),
        Just(Op::RemoveX),
        (name(), name()).prop_map(|(from, to)| Op::Copy(from, to)),
        (name(), value()).prop_map(|(key, value)| Op::Publish(key, value)),
        (name(), name()).prop_map(|(key, to)| Op::Show(key, to)),
        (0..3_usize).prop_map(Op::Count),
        (name(), name()).prop_map(|(key, header)| Op::Store(key, header)),
        (name(), name()).prop_map(|(key, header)| Op::Load(key, header)),
    ]
}

fn script(turn: impl Strategy<Value = Turn>) -> impl Strategy<Value = Script> {
    let ops = || vec(op(), 0..6);
    (ops(), turn, ops(), any::<bool>(), ops()).prop_map(|(request, turn, later, refuses, response)| Script {
        request,
        turn,
        later,
        refuses,
        response,
    })
}

/// One that may stand anywhere: only the last one may ask.
fn any_place() -> impl Strategy<Value = Script> {
    script(prop_oneof![4 => Just(Turn::GoOn), 1 => Just(Turn::Refuse), 2 => (1..3_u8).prop_map(Turn::Wait)])
}

fn last() -> impl Strategy<Value = Script> {
    script(
        prop_oneof![3 => Just(Turn::GoOn), 1 => Just(Turn::Refuse), 1 => (1..3_u8).prop_map(Turn::Wait), 2 => Just(Turn::Ask)],
    )
}

fn message() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    vec((name(), "[a-z]{0,2}"), 0..6)
}

fn part(name: &'static str, script: &Script) -> Part<Scripted> {
    Part::new(name, Some(Scripted::new(name, script.clone())))
}

fn none(name: &'static str) -> Part<Scripted> {
    Part::new(name, None)
}

proptest! {
    #[test]
    fn a_chain_in_one_module_does_what_separate_filters_do(
        a in any_place(), b in any_place(), c in last(), request in message(), response in message(),
    ) {
        let own = |name, script: &Script| filter(part(name, script));
        let separate = exchange(vec![own("a", &a), own("b", &b), own("c", &c)], &request, &response);
        let left = Chain::new(Chain::new(part("a", &a), part("b", &b)), part("c", &c));
        prop_assert_eq!(&exchange(vec![filter(left)], &request, &response), &separate);
        let right = Chain::new(part("a", &a), Chain::new(part("b", &b), part("c", &c)));
        prop_assert_eq!(&exchange(vec![filter(right)], &request, &response), &separate);
        let half = vec![own("a", &a), filter(Chain::new(part("b", &b), part("c", &c)))];
        prop_assert_eq!(&exchange(half, &request, &response), &separate);
    }

    #[test]
    fn a_part_that_is_not_configured_is_as_if_it_were_not_there(
        a in any_place(), c in last(), request in message(), response in message(),
    ) {
        let alone = exchange(vec![filter(Scripted::new("a", a.clone()))], &request, &response);
        let fused = Chain::new(Chain::new(none("x"), Part::new("", Some(Scripted::new("a", a.clone())))), none("y"));
        let fused = exchange(vec![filter(fused)], &request, &response);
        prop_assert_eq!(fused.without_store(), alone.without_store());
        let two = vec![filter(part("a", &a)), filter(part("c", &c))];
        let with_hole = Chain::new(Chain::new(part("a", &a), none("y")), part("c", &c));
        prop_assert_eq!(exchange(vec![filter(with_hole)], &request, &response), exchange(two, &request, &response));
    }
}

/// What the property rests on: the three ways to stop are all met, and edits before them are there.
#[test]
fn what_was_done_before_a_refusal_stands_and_what_the_refusing_part_did_does_not() {
    let set =
        |value: &str| vec![Op::Set("a", value.to_owned()), Op::Publish("b", value.to_owned()), Op::Count(0)];
    let first =
        Script { request: set("1"), response: vec![Op::Append("c", "1".to_owned())], ..Script::default() };
    let second = Script {
        request: set("2"),
        turn: Turn::Refuse,
        response: vec![Op::Append("c", "2".to_owned())],
        ..Script::default()
    };
    let third =
        Script { request: set("3"), response: vec![Op::Append("c", "3".to_owned())], ..Script::default() };
    let chain = Chain::new(Chain::new(part("a", &first), part("b", &second)), part("c", &third));
    let outcome = exchange(vec![filter(chain)], &[], &[]);
    assert_eq!(outcome.details.as_deref(), Some("tollgate.b.no"));
    assert_eq!(outcome.header("a"), ["1"], "as access logs show it");
    assert_eq!(outcome.response("c"), ["2", "1"], "the third never sees it");
    assert_eq!(outcome.state["wasm.b"], b"2", "who refuses says why");
    assert_eq!(outcome.counted(), ["a.0", "b.0", "a.end", "b.end"]);
}
