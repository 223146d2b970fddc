#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
use crate::plan::Rate;
use crate::slot::decide;
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Ns = 1_800_000_000_000_000_000;
const SECOND: Ns = 1_000_000_000;
const MS: Ns = 1_000_000;

fn plan(requests: u64, burst: u64) -> Plan {
    Plan::family(&[vec![Rate { requests, period: Duration::from_secs(1), burst }]]).unwrap().remove(0)
}

/// A visit, and whether it was granted.
fn visit(memory: &mut Memory, slot: &mut Slot, now: Ns, plan: &Plan) -> bool {
    let (verdict, _) = decide(slot, now, &memory.ask(now, 1, plan), plan);
    memory.told(now, slot, &verdict, plan);
    matches!(verdict, Verdict::Granted(_))
}

/// Demand as of `per_epoch` requests in each of two epochs.
fn busy(memory: &mut Memory, from: Ns, per_epoch: u64, plan: &Plan) {
    for n in 0..2 * per_epoch {
        memory.peek(from + n * plan.epoch / per_epoch, 1, plan);
    }
}

#[test]
fn a_lease_is_as_large_as_three_quarters_of_what_is_asked_for_per_epoch() {
    let plan = plan(1000, 1000);
    for (per_epoch, least, most) in [(1, 1, 1), (40, 24, 32), (400, 280, 310)] {
        let mut memory = Memory::new(&plan);
        busy(&mut memory, NOW, per_epoch, &plan);
        let want = memory.ask(NOW + 2 * plan.epoch, 1, &plan).want;
        assert!((least..=most).contains(&want), "{per_epoch}: {want}");
    }
    assert_eq!(Memory::new(&plan).ask(NOW, 7, &plan).want, 7);
}

#[test]
fn prepaid_tokens_are_spent_without_the_store_while_the_lease_lives() {
    let plan = plan(1000, 1000);
    let (mut memory, mut slot) = (Memory::new(&plan), Slot::default());
    busy(&mut memory, NOW, 40, &plan);
    let now = NOW + 2 * plan.epoch;
    assert!(visit(&mut memory, &mut slot, now, &plan));
    let mut spent = 0;
    while memory.peek(now, 1, &plan) == Peek::Ready && memory.take(now, 1, &plan) {
        spent += 1;
    }
    assert!((20..40).contains(&spent), "{spent}");
    assert!(!memory.take(now, 1, &plan));
    assert!(visit(&mut memory, &mut slot, now, &plan));
    for elsewhen in [now - 1, now + 2 * plan.epoch] {
        assert!(!memory.take(elsewhen, 1, &plan));
        assert_eq!(memory.clone().peek(elsewhen, 1, &plan), Peek::Ask);
    }
    assert!(memory.take(now + plan.epoch - 1, 1, &plan));
}

#[test]
fn what_the_store_has_denied_is_denied_here_until_the_token_comes() {
    let plan = plan(2, 1);
    let (mut memory, mut slot) = (Memory::new(&plan), Slot::default());
    assert!(visit(&mut memory, &mut slot, NOW, &plan));
    assert_eq!(memory.peek(NOW, 1, &plan), Peek::Denied { wait: 500 * MS });
    assert_eq!(memory.peek(NOW + 499 * MS, 1, &plan), Peek::Denied { wait: MS });
    assert_eq!(memory.peek(NOW + 500 * MS, 1, &plan), Peek::Ask);
    assert_eq!(memory.peek(NOW - 1, 1, &plan), Peek::Ask, "a clock set back");
    assert_eq!(memory.peek(NOW, 2, &plan), Peek::Denied { wait: Ns::MAX }, "never");
    assert_eq!(
        Memory::new(&plan).peek(NOW, 2, &plan),
        Peek::Denied { wait: Ns::MAX },
        "known without the store"
    );
}

#[test]
fn while_there_is_a_token_the_store_says_how_many_are_missing() {
    let plan = plan(1, 30);
    let (mut memory, mut slot) = (Memory::new(&plan), Slot::default());
    assert!(visit(&mut memory, &mut slot, NOW, &plan));
    // Others take meanwhile, of which this worker knows nothing.
    slot.tats[0] += 10 * SECOND;
    assert_eq!(memory.peek(NOW, 30, &plan), Peek::Ask);
    let ask = memory.ask(NOW, 30, &plan);
    let (verdict, _) = decide(&mut slot, NOW, &ask, &plan);
    let Verdict::Denied { wait } = verdict else { panic!("{verdict:?}") };
    assert!(wait >= 10 * SECOND, "{wait}");
    memory.told(NOW, &slot, &verdict, &plan);
    assert_eq!(memory.peek(NOW, 30, &plan), Peek::Ask, "it stays so");
    slot.tats[0] = NOW + plan.windows[0].capacity();
    memory.told(NOW, &slot, &verdict, &plan);
    assert!(matches!(memory.peek(NOW, 30, &plan), Peek::Denied { .. }), "nothing is left for anyone");
}

#[test]
fn the_store_is_believed_for_a_second() {
    let plan =
        &Plan::family(&[vec![Rate { requests: 1, period: Duration::from_secs(60), burst: 1 }]]).unwrap()[0];
    let (mut memory, mut slot) = (Memory::new(plan), Slot::default());
    assert!(visit(&mut memory, &mut slot, NOW, plan));
    assert!(matches!(memory.peek(NOW + SECOND - 1, 1, plan), Peek::Denied { .. }));
    assert_eq!(memory.peek(NOW + SECOND, 1, plan), Peek::Ask);
}

#[test]
fn a_dry_bucket_is_left_alone_for_a_while_and_emptied_then() {
    let plan = plan(100, 20);
    let (mut memory, mut slot) = (Memory::new(&plan), Slot::default());
    busy(&mut memory, NOW, 100, &plan);
    let now = NOW + 2 * plan.epoch;
    slot.tats[0] = now + plan.windows[0].capacity();
    assert!(!visit(&mut memory, &mut slot, now, &plan));
    let until = (0..).find(|n| memory.clone().peek(now + n * MS, 1, &plan) == Peek::Ask).unwrap();
    // About 24 requests, at 100 in 100 ms.
    assert!((15..=40).contains(&until), "{until} ms");
    let ask = memory.ask(now + until * MS, 1, &plan);
    assert!(ask.dry && ask.want > 20);
    assert!(!memory.ask(now + 3 * 100 * MS, 1, &plan).dry);
    // Where nobody asks, it rests for as long as it may.
    let mut calm = Memory::new(&plan);
    calm.peek(now, 1, &plan);
    assert!(!visit(&mut calm, &mut slot, now, &plan));
    assert_eq!(calm.peek(now, 1, &plan), Peek::Denied { wait: 100 * MS });
}

#[test]
fn the_standings_name_what_is_left_and_when_it_is_full_again() {
    let rate = |requests, seconds, burst| Rate { requests, period: Duration::from_secs(seconds), burst };
    let plan = &Plan::family(&[vec![rate(10, 1, 10), rate(60, 60, 60)]]).unwrap()[0];
    let (mut memory, mut slot) = (Memory::new(plan), Slot::default());
    assert_eq!(memory.standings(NOW, plan), None);
    for n in 0..4 {
        assert!(visit(&mut memory, &mut slot, NOW, plan));
        let standings = memory.standings(NOW, plan).unwrap();
        let left: Vec<u64> = standings.windows().iter().map(|window| window.remaining).collect();
        assert_eq!(left, [9 - n, 59 - n]);
        assert_eq!(standings.tightest().unwrap().0, 0);
    }
    let resets =
        |at| memory.standings(at, plan).unwrap().windows().iter().map(|w| w.reset).collect::<Vec<_>>();
    assert_eq!(resets(NOW), [400 * MS, 4 * SECOND]);
    assert_eq!(resets(NOW + 100 * MS), [300 * MS, 3900 * MS]);
    assert_eq!(resets(NOW + 9 * SECOND), [0, 0]);
    assert_eq!(resets(0), [SECOND, 60 * SECOND], "a clock set back shows no more than a full debt");
}

#[test]
fn prepaid_tokens_count_as_left_and_two_windows_alike_give_the_slower() {
    let wide = plan(1000, 1000);
    let (mut memory, mut slot) = (Memory::new(&wide), Slot::default());
    busy(&mut memory, NOW, 40, &wide);
    let now = NOW + 2 * wide.epoch;
    assert!(visit(&mut memory, &mut slot, now, &wide));
    assert!(memory.lease.left > 10);
    let (_, standing) = memory.standings(now, &wide).unwrap().tightest().unwrap();
    assert_eq!(standing, Standing { remaining: 999, reset: MS });
    let alike = Standings {
        windows: [
            Standing { remaining: 1, reset: 5 },
            Standing { remaining: 1, reset: 9 },
            Standing::default(),
            Standing::default(),
        ],
        count: 2,
    };
    assert_eq!(alike.tightest().unwrap().0, 1);
    assert_eq!(Standings::default().tightest(), None);
}
