//! The bounded memory of one worker for one limit.
//!
//! Sets of eight by the key's print, which is a hash already. Who was not asked for longest makes room; a lease that goes with it is
//! lost when its time is over, no more.

use crate::hash::Print;
use crate::memory::{Memory, Peek, Standings};
use crate::plan::{Ns, Plan};

const WAYS: usize = 8;
/// However many keys a limit may have, a worker remembers no more.
const MOST: usize = 4096;

/// A request that is to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its key.
    pub print: Print,
    /// The time: read once, and the same in each step of the decision.
    pub now: Ns,
    /// Its tokens.
    pub cost: u32,
}

/// What one worker remembers of the keys of one limit.
#[derive(Debug)]
pub struct Worker {
    /// A power of two.
    sets: Vec<Vec<Entry>>,
    turn: u64,
}

#[derive(Debug)]
struct Entry {
    print: u64,
    /// When it was asked for, in turns.
    turn: u64,
    memory: Memory,
}

impl Worker {
    /// An empty one for a limit of so many keys: it remembers as many, at most 4096. It grows with the keys that come.
    #[must_use]
    pub fn new(keys: usize) -> Self {
        let sets = keys.clamp(WAYS, MOST).next_power_of_two() / WAYS;
        Self { sets: std::iter::repeat_with(Vec::new).take(sets).collect(), turn: 0 }
    }

    /// What can be said without the store. Takes nothing, but counts as demand: once per request.
    pub fn peek(&mut self, request: &Request, plan: &Plan) -> Peek {
        let peek = |memory: &mut Memory| memory.peek(request.now, request.cost, plan);
        self.of(request.print, plan).map_or(Peek::Ask, peek)
    }

    /// Takes prepaid tokens: true after [`Peek::Ready`]. False when there are too few, and then it takes none.
    pub fn take(&mut self, request: &Request, plan: &Plan) -> bool {
        let take = |memory: &mut Memory| memory.take(request.now, request.cost, plan);
        self.of(request.print, plan).is_some_and(take)
    }

    /// How the buckets of a key stand, as far as this worker knows.
    #[must_use]
    pub fn standings(&self, request: &Request, plan: &Plan) -> Option<Standings> {
        let set = self.sets.get(self.set(request.print))?;
        let entry = set.iter().find(|entry| entry.print == request.print.low)?;
        entry.memory.standings(request.now, plan)
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.iter().map(Vec::len).fold(0, usize::saturating_add)
    }

    /// True when no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.iter().all(Vec::is_empty)
    }

    /// What is remembered of this key. Never `None`: there is a set for each print.
    pub(crate) fn of(&mut self, print: Print, plan: &Plan) -> Option<&mut Memory> {
        self.turn = self.turn.saturating_add(1);
        let (turn, at) = (self.turn, self.set(print));
        let set = self.sets.get_mut(at)?;
        let at = set.iter().position(|entry| entry.print == print.low).unwrap_or_else(|| {
            let fresh = Entry { print: print.low, turn, memory: Memory::new(plan) };
            let oldest = set.iter().enumerate().min_by_key(|(_, entry)| entry.turn).map(|(at, _)| at);
            match oldest.filter(|_| set.len() >= WAYS) {
                Some(oldest) => {
                    set.push(fresh);
                    set.swap_remove(oldest);
                    oldest
                }
                None => {
                    set.push(fresh);
                    set.len().saturating_sub(1)
                }
            }
        });
        let entry = set.get_mut(at)?;
        entry.turn = turn;
        Some(&mut entry.memory)
    }

    fn set(&self, print: Print) -> usize {
        (print.low as usize) & self.sets.len().saturating_sub(1)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]
mod tests {
    use super::*;
    use crate::plan::Rate;
    use crate::slot::{Slot, decide};
    use std::time::Duration;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: Ns = 1_800_000_000_000_000_000;

    fn plans() -> Vec<Plan> {
        let rate = |requests| vec![Rate { requests, period: Duration::from_secs(1), burst: requests }];
        Plan::family(&[rate(1000), rate(10)]).unwrap()
    }

    fn key(n: u64) -> Request {
        let mut hasher = crate::KeyHash::new([3; 16]).seed("worker").start();
        hasher.part(1, &n.to_le_bytes());
        Request { print: hasher.finish(), now: NOW, cost: 1 }
    }

    /// Prepays for this key, as after a visit.
    fn prepay(worker: &mut Worker, request: &Request, plan: &Plan) {
        let memory = worker.of(request.print, plan).unwrap();
        let mut ask = memory.ask(request.now, 1, plan);
        ask.want = 50;
        let mut slot = Slot::default();
        let (verdict, _) = decide(&mut slot, request.now, &ask, plan);
        memory.told(request.now, &slot, &verdict, plan);
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_it_nor_take_a_busy_keys_lease() {
        let plan = &plans()[0];
        let mut worker = Worker::new(1_000_000);
        assert!(worker.is_empty());
        prepay(&mut worker, &key(0), plan);
        for n in 1..20_000 {
            worker.peek(&key(n), plan);
            if n % 500 == 0 {
                assert!(worker.take(&key(0), plan), "{n}");
            }
            assert!(n > 8 || worker.len() == n as usize + 1);
        }
        assert!(worker.len() > 4000 && worker.len() <= 4096, "{}", worker.len());
        assert!((0..512).all(|set| worker.sets[set].capacity() <= 16));
        assert!(!worker.is_empty());
    }

    #[test]
    fn it_remembers_no_more_keys_than_the_limit_has() {
        for (keys, most) in [(0, 8), (8, 8), (9, 16), (64, 64), (100_000, 4096)] {
            let mut worker = Worker::new(keys);
            for n in 0..50_000 {
                worker.peek(&key(n), &plans()[0]);
            }
            assert!(worker.len() <= most && worker.len() * 10 > most * 8, "{keys}: {}", worker.len());
        }
    }

    #[test]
    fn looking_takes_nothing_and_taking_takes_once() {
        let plan = &plans()[0];
        let mut worker = Worker::new(8);
        assert_eq!(worker.standings(&key(0), plan), None);
        assert_eq!(worker.peek(&key(0), plan), Peek::Ask);
        assert_eq!(worker.standings(&key(0), plan), None);
        prepay(&mut worker, &key(0), plan);
        let left = |worker: &Worker| worker.standings(&key(0), plan).unwrap().windows()[0].remaining;
        assert_eq!(left(&worker), 999);
        assert_eq!([worker.peek(&key(0), plan), worker.peek(&key(0), plan)], [Peek::Ready, Peek::Ready]);
        assert_eq!(left(&worker), 999);
        assert!(worker.peek(&key(0), plan) == Peek::Ready && worker.take(&key(0), plan));
        assert!(worker.take(&key(0), plan));
        assert_eq!(left(&worker), 997);
        let dear = Request { cost: 48, ..key(0) };
        assert!(!worker.take(&dear, plan) && worker.peek(&dear, plan) == Peek::Ask);
        assert_eq!(left(&worker), 997);
    }

    #[test]
    fn what_was_prepaid_at_another_rate_is_not_spent() {
        let plans = &plans();
        let mut worker = Worker::new(8);
        prepay(&mut worker, &key(0), &plans[0]);
        assert!(!worker.take(&key(0), &plans[1]));
        assert_eq!(worker.standings(&key(0), &plans[1]), None);
        assert_eq!(worker.peek(&key(0), &plans[1]), Peek::Ask);
        assert_eq!(worker.peek(&key(0), &plans[0]), Peek::Ask, "and lost for good");
    }
}
