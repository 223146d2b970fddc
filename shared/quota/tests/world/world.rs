//! The simulation.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::rng::Rng;
use quota::store::step;
use quota::{Ask, KeyHash, Memory, Ns, Peek, Plan, Print, Rate, Request, Set, Verdict, Window};

pub(crate) const START: Ns = 1_800_000_000_000_000_000;
pub(crate) const SECOND: Ns = 1_000_000_000;

pub(crate) fn rate(requests: u64, seconds: u64, burst: u64) -> Rate {
    Rate { requests, period: Duration::from_secs(seconds), burst }
}

pub(crate) fn plan(rates: &[Rate]) -> Plan {
    Plan::family(&[rates.to_vec()]).unwrap().remove(0)
}

pub(crate) fn prints(count: usize) -> Vec<Print> {
    let seed = KeyHash::new([9; 16]).seed("world");
    let print = |n: usize| {
        let mut hasher = seed.start();
        hasher.part(1, &n.to_le_bytes());
        hasher.finish()
    };
    (0..count).map(print).collect()
}

/// What happens.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) rates: Vec<Rate>,
    /// Each worker's part of the load.
    pub(crate) shares: Vec<f64>,
    /// Requests per second.
    pub(crate) load: f64,
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
    /// All of one set of the table.
    pub(crate) keys: usize,
    /// From this second on the clock is shifted by so many nanoseconds.
    pub(crate) steps: Vec<(f64, i64)>,
    /// A worker forgets all so often, in seconds; 0 is never.
    pub(crate) trap_every: f64,
    pub(crate) max_cost: u64,
    /// Load goes on and off.
    pub(crate) gusts: bool,
}

impl Scene {
    pub(crate) fn new(rates: &[Rate], workers: usize, load: f64, seconds: f64, seed: u64) -> Self {
        Self {
            rates: rates.to_vec(),
            shares: vec![1.0 / workers as f64; workers],
            load,
            seconds,
            seed,
            keys: 1,
            steps: vec![],
            trap_every: 0.0,
            max_cost: 1,
            gusts: false,
        }
    }
}

/// When, for how many tokens, for which key.
pub(crate) type Admitted = (Ns, u32, usize);

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) admitted: Vec<Admitted>,
    pub(crate) offered: u64,
    pub(crate) visited: u64,
    pub(crate) given_up: u64,
    /// What one bucket that sees everything at once would have admitted, in tokens.
    pub(crate) central: u64,
}

impl Outcome {
    pub(crate) fn tokens(&self) -> u64 {
        self.admitted.iter().map(|(_, cost, _)| u64::from(*cost)).sum()
    }
}

enum Event {
    Arrive(usize),
    Write(usize),
    Trap,
}

struct Visit {
    entry: Vec<u8>,
    version: u64,
    request: Request,
    key: usize,
    ask: Ask,
    tries: u32,
}

struct Worker {
    memories: Vec<Memory>,
    queue: VecDeque<(u32, usize)>,
    visit: Option<Visit>,
}

struct World<'s> {
    scene: &'s Scene,
    plan: Plan,
    prints: Vec<Print>,
    rng: Rng,
    workers: Vec<Worker>,
    entry: Vec<u8>,
    version: u64,
    /// Time, then order; the event's place.
    queue: BinaryHeap<Reverse<(Ns, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    central: Vec<Vec<Ns>>,
    out: Outcome,
}

pub(crate) fn run(scene: &Scene) -> Outcome {
    let plan = plan(&scene.rates);
    let worker =
        || Worker { memories: vec![Memory::new(&plan); scene.keys], queue: VecDeque::new(), visit: None };
    let mut world = World {
        workers: scene.shares.iter().map(|_| worker()).collect(),
        prints: prints(scene.keys),
        rng: Rng(scene.seed),
        entry: Set::default().encode(1),
        version: 1,
        queue: BinaryHeap::new(),
        events: vec![],
        free: vec![],
        central: vec![vec![0; plan.windows().len()]; scene.keys],
        out: Outcome::default(),
        scene,
        plan,
    };
    world.run();
    world.out
}

impl World<'_> {
    fn run(&mut self) {
        (0..self.workers.len()).for_each(|worker| self.next_arrival(worker, 0));
        let trap_every = (self.scene.trap_every * 1e9) as Ns;
        if trap_every > 0 {
            self.at(trap_every, Event::Trap);
        }
        while let Some(Reverse((real, id))) = self.queue.pop() {
            if real > (self.scene.seconds * 1e9) as Ns {
                break;
            }
            self.free.push(id);
            match self.events[id].take().unwrap() {
                Event::Arrive(worker) => self.arrive(worker, real),
                Event::Write(worker) => self.write(worker, real),
                Event::Trap => {
                    let worker = self.rng.below(self.workers.len() as u64) as usize;
                    if self.workers[worker].visit.is_none() {
                        self.workers[worker].memories.fill(Memory::new(&self.plan));
                    }
                    self.at(real + trap_every, Event::Trap);
                }
            }
        }
    }

    fn at(&mut self, time: Ns, event: Event) {
        let id = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[id] = Some(event);
        self.queue.push(Reverse((time, id)));
    }

    fn next_arrival(&mut self, worker: usize, real: Ns) {
        let mut gap = self.rng.exp(1e9 / (self.scene.load * self.scene.shares[worker])).max(1.0);
        if self.scene.gusts && self.rng.below(400) == 0 {
            gap += self.rng.exp(6e8);
        }
        self.at(real + gap as Ns, Event::Arrive(worker));
    }

    /// The proxy's clock shows microseconds.
    fn wall(&self, real: Ns) -> Ns {
        let past = self.scene.steps.iter().filter(|(second, _)| (second * 1e9) as Ns <= real);
        (START + real).wrapping_add_signed(past.map(|(_, shift)| shift).sum()) / 1000 * 1000
    }

    fn arrive(&mut self, worker: usize, real: Ns) {
        self.next_arrival(worker, real);
        let cost = 1 + self.rng.below(self.scene.max_cost) as u32;
        let key = self.rng.below(self.scene.keys as u64) as usize;
        self.out.offered += 1;
        let now = self.wall(real);
        let windows = self.plan.windows();
        let tats = &mut self.central[key];
        if tats.iter().zip(windows).all(|(tat, window)| window.wait(*tat, now, cost) == 0) {
            for (tat, window) in tats.iter_mut().zip(windows) {
                *tat = now.max(*tat) + window.cost(u64::from(cost));
            }
            self.out.central += u64::from(cost);
        }
        self.workers[worker].queue.push_back((cost, key));
        if self.workers[worker].visit.is_none() {
            self.work(worker, real);
        }
    }

    /// What waits at a worker is decided, until the store has to be asked.
    fn work(&mut self, at: usize, real: Ns) {
        let now = self.wall(real);
        while let Some((cost, key)) = self.workers[at].queue.pop_front() {
            let memory = &mut self.workers[at].memories[key];
            match memory.peek(now, cost, &self.plan) {
                Peek::Ready => {
                    assert!(memory.take(now, cost, &self.plan));
                    self.out.admitted.push((now, cost, key));
                }
                Peek::Denied { .. } => {}
                Peek::Ask => {
                    self.out.visited += 1;
                    let ask = memory.ask(now, cost, &self.plan);
                    let request = Request { print: self.prints[key], now, cost };
                    let (entry, version) = (self.entry.clone(), self.version);
                    self.workers[at].visit = Some(Visit { entry, version, request, key, ask, tries: 0 });
                    self.later(at, real);
                    return;
                }
            }
        }
    }

    fn later(&mut self, worker: usize, real: Ns) {
        let paused = self.rng.below(500) == 0;
        let delay = if paused { self.rng.below(15_000_000) } else { 400 + self.rng.below(2500) };
        self.at(real + delay, Event::Write(worker));
    }

    fn write(&mut self, at: usize, real: Ns) {
        let mut visit = self.workers[at].visit.take().unwrap();
        let Request { now, cost, .. } = visit.request;
        let step = step(&visit.entry, &visit.request, &visit.ask, &self.plan);
        if step.write.is_some() && visit.version != self.version {
            visit.tries += 1;
            if visit.tries < 5 {
                (visit.entry, visit.version) = (self.entry.clone(), self.version);
                self.workers[at].visit = Some(visit);
                self.later(at, real);
                return;
            }
            self.out.given_up += 1;
        } else {
            if let Some(entry) = step.write {
                assert!(entry.len() <= Set::size(self.plan.windows().len()));
                (self.entry, self.version) = (entry, self.version + 1);
            }
            if let Verdict::Granted(_) = step.verdict {
                self.out.admitted.push((now, cost, visit.key));
            }
            self.workers[at].memories[visit.key].told(now, &step.slot, &step.verdict, &self.plan);
        }
        self.work(at, real);
    }
}

/// By how much the admitted of any key ever exceed `burst + rate * window`, over all windows, as a time: an exact bucket's debt beyond
/// what it may have.
pub(crate) fn excess(out: &mut Outcome, window: &Window) -> i128 {
    out.admitted.sort_unstable_by_key(|(now, ..)| *now);
    let mut tats = vec![0; 1 + out.admitted.iter().map(|(.., key)| *key).max().unwrap_or(0)];
    let mut worst = i128::MIN;
    for (now, cost, key) in &out.admitted {
        let tat = (*now).max(tats[*key]) + window.cost(u64::from(*cost));
        tats[*key] = tat;
        worst = worst.max(i128::from(tat) - i128::from(*now) - i128::from(window.capacity()));
    }
    worst
}
