#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
use crate::hash::KeyHash;
use policy_core::table::Still;
use policy_core::time::Timestamp;
use policy_core::{Stale, Stored};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SECOND: Ns = 1_000_000_000;

fn print(n: u64) -> Print {
    let mut hasher = KeyHash::new([3; 16]).seed("limit").start();
    hasher.part(1, &n.to_le_bytes());
    hasher.finish()
}

/// Some VMs and their store, in which writes may come too late.
struct Vms {
    host: Still,
    flights: Flights,
    vms: Vec<Fleet>,
    stale: Cell<bool>,
    drawn: Cell<usize>,
}

impl Host for Vms {
    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        // The first draws are 0, which is nobody, and an id that two have drawn.
        let drawn = self.drawn.replace(self.drawn.get() + 1);
        buffer.copy_from_slice(&[0, 1, 1].get(drawn).map_or(drawn as u32, |id| *id).to_le_bytes());
    }

    fn load(&self, key: &str) -> Option<Stored> {
        self.host.load(key)
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        if self.stale.get() { Err(Stale) } else { self.host.store(key, value, over) }
    }
}

impl Vms {
    fn new(count: usize) -> Self {
        let flights = Flights::new("limit", 8);
        let vms = std::iter::repeat_with(Fleet::default).take(count).collect();
        let all = Self { host: Still::default(), flights, vms, stale: Cell::new(false), drawn: Cell::new(0) };
        all.host.now.set(1_800_000_000 * SECOND);
        prepare(&all, &all.flights).unwrap();
        all
    }

    fn enter(&self, vm: usize, key: u64, limit: u32) -> Result<Entry, Trouble> {
        self.vms[vm].enter(self, &self.flights, print(key), limit)
    }

    fn leave(&self, vm: usize, key: u64) {
        self.vms[vm].leave(self, &self.flights, print(key));
    }

    /// A second in which these VMs beat.
    fn second(&self, vms: &[usize]) {
        self.host.now.set(self.host.now.get() + SECOND);
        vms.iter().for_each(|vm| self.vms[*vm].beat(self));
    }
}

#[test]
fn no_more_than_the_limit_are_under_way_over_all_vms_and_a_place_is_free_at_once() {
    let vms = Vms::new(4);
    for n in 0..10 {
        assert_eq!(vms.enter(n % 4, 0, 10), Ok(Entry::Entered { under_way: n as u32 + 1 }));
    }
    for n in 0..4 {
        assert_eq!(vms.enter(n, 0, 10), Ok(Entry::Full));
        assert!(
            matches!(vms.enter(n, 1, 10), Ok(Entry::Entered { .. })),
            "another key has places of its own"
        );
    }
    vms.leave(3, 0);
    assert_eq!(vms.enter(0, 0, 10), Ok(Entry::Entered { under_way: 10 }));
    assert_eq!(vms.enter(3, 0, 10), Ok(Entry::Full));
    assert_eq!(vms.enter(3, 2, 0), Ok(Entry::Full));
    for (vm, count) in [(0, 4), (1, 3), (2, 2), (3, 1)] {
        (0..count).for_each(|_| vms.leave(vm, 0));
    }
    assert_eq!(vms.enter(3, 0, 1), Ok(Entry::Entered { under_way: 1 }), "nothing was lost or counted twice");
}

#[test]
fn the_places_of_a_dead_vm_come_back_after_three_ticks_and_not_before() {
    let vms = Vms::new(3);
    vms.enter(0, 0, 2).unwrap();
    vms.enter(1, 0, 2).unwrap();
    vms.second(&[0, 1, 2]);
    for _ in 0..3 {
        assert_eq!(vms.enter(1, 0, 2), Ok(Entry::Full));
        vms.second(&[1, 2]);
    }
    assert_eq!(vms.enter(1, 0, 2), Ok(Entry::Entered { under_way: 2 }));
    assert_eq!(vms.enter(2, 0, 2), Ok(Entry::Full));
    // In the end nothing of it is left.
    (0..30).for_each(|_| vms.second(&[1, 2]));
    let entries: Vec<Stored> = vms.host.store.borrow().values().cloned().collect();
    assert!(entries.iter().any(|entry| entry.value.len() == 4 + 2 * 8), "two VMs in the registry");
    vms.leave(1, 0);
    vms.enter(2, 0, 2).unwrap();
    let records = Records::decode(&vms.host.load(&vms.flights.0.name(0)).unwrap().value);
    assert_eq!(records.owners().count(), 2);
}

#[test]
fn a_vm_that_was_taken_for_dead_counts_again_when_it_beats() {
    let vms = Vms::new(2);
    vms.enter(0, 0, 1).unwrap();
    vms.enter(1, 1, 1).unwrap();
    (0..4).for_each(|_| vms.second(&[1]));
    assert_eq!(vms.enter(1, 0, 2), Ok(Entry::Entered { under_way: 1 }), "overlooked");
    vms.leave(1, 0);
    vms.second(&[0]);
    assert_eq!(vms.enter(1, 0, 1), Ok(Entry::Full), "found without a tick of this one's own");
    vms.leave(0, 0);
    assert_eq!(vms.enter(1, 0, 1), Ok(Entry::Entered { under_way: 1 }));
}

#[test]
fn a_vm_that_comes_between_two_ticks_is_counted() {
    let vms = Vms::new(2);
    vms.enter(0, 0, 1).unwrap();
    vms.second(&[0]);
    vms.leave(0, 0);
    vms.enter(1, 0, 1).unwrap();
    assert_eq!(vms.enter(0, 0, 1), Ok(Entry::Full));
    // Nor do clocks kill: beats are counted, and no more than one a second.
    for step in [86_400 * SECOND as i64, -86_400 * SECOND as i64, -86_400 * SECOND as i64] {
        vms.host.now.set(vms.host.now.get().wrapping_add_signed(step));
        (0..9).for_each(|_| vms.vms[0].beat(&vms));
        vms.vms[1].beat(&vms);
        assert_eq!(vms.enter(0, 0, 1), Ok(Entry::Full));
    }
}

#[test]
fn what_cannot_be_written_on_leaving_is_made_good_with_the_next_beat() {
    let vms = Vms::new(1);
    (0..3).for_each(|_| assert!(vms.enter(0, 0, 3).is_ok()));
    vms.stale.set(true);
    assert_eq!(vms.enter(0, 1, 3), Err(Trouble::Contended));
    vms.leave(0, 0);
    vms.leave(0, 0);
    vms.second(&[0]);
    assert_eq!(vms.vms[0].owed(), 1);
    vms.stale.set(false);
    assert_eq!(vms.enter(0, 0, 3), Ok(Entry::Full));
    vms.second(&[0]);
    assert_eq!((vms.vms[0].owed(), vms.enter(0, 0, 3)), (0, Ok(Entry::Entered { under_way: 2 })));
}

#[test]
fn a_full_entry_is_trouble_and_no_living_record_is_dropped() {
    let vms = Vms::new(2);
    for key in 0..records::MOST as u64 {
        assert_eq!(vms.enter(0, key, 1), Ok(Entry::Entered { under_way: 1 }));
    }
    assert_eq!(vms.enter(1, 99, 1), Err(Trouble::Crowded));
    assert_eq!(vms.enter(1, 5, 1), Ok(Entry::Full));
    vms.leave(0, 5);
    assert_eq!(vms.enter(1, 99, 1), Ok(Entry::Entered { under_way: 1 }));
    // The dead make room.
    (0..5).for_each(|_| vms.second(&[1]));
    assert_eq!(vms.enter(1, 5, 1), Ok(Entry::Entered { under_way: 1 }));
}

#[test]
fn a_store_without_the_entries_is_trouble_and_leaving_it_is_none() {
    let vms = Vms::new(1);
    vms.enter(0, 0, 1).unwrap();
    vms.host.store.borrow_mut().clear();
    assert_eq!(vms.enter(0, 0, 1), Err(Trouble::Missing));
    vms.leave(0, 0);
    vms.second(&[0]);
    assert_eq!(vms.vms[0].owed(), 0);
    let other = Vms::new(1);
    other.host.store.borrow_mut().clear();
    assert_eq!(other.enter(0, 0, 1), Err(Trouble::Missing));
    assert!(Rc::ptr_eq(&fleet(), &fleet()));
}

#[test]
fn the_registry_has_room_for_128_and_none_is_pushed_out() {
    let vms = Vms::new(130);
    for vm in 0..128 {
        assert!(matches!(vms.enter(vm, 0, 500), Ok(Entry::Entered { .. }) | Err(Trouble::Crowded)), "{vm}");
        assert!(vms.vms[vm].joined.get());
    }
    assert_eq!(vms.enter(128, 0, 500), Err(Trouble::Crowded));
    (0..32).for_each(|_| vms.second(&[0, 129]));
    assert!(vms.enter(128, 1, 500).is_ok(), "after half a minute the dead are removed");
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn any_bytes_are_records_and_a_registry(
        mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 4..600), layout in 1_u8..=2,
    ) {
        let size = if layout == 1 { 8 } else { 16 };
        let count = ((bytes.len() - 4) / size).min(255);
        bytes[..4].copy_from_slice(&[layout, count as u8, 0, 0]);
        bytes.truncate(4 + count * size);
        let (records, registry) = (Records::decode(&bytes), Registry::decode(&bytes));
        proptest::prop_assert_eq!(Records::decode(&records.encode()), records.clone());
        proptest::prop_assert_eq!(Registry::decode(&registry.encode()), registry);
        proptest::prop_assert!(records.count(1, |_| true) <= u64::from(u16::MAX) * 32);
    }
}
