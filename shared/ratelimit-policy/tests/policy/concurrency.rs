//! Requests at once: places are taken, and come back however a request ends.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Worker, request};

const TEN: &str = r#"{"name":"flight","key":[{"header":"x-api-key"}],"concurrency":10}"#;

#[test]
fn as_many_as_may_be_are_under_way_and_each_end_makes_room_for_one() {
    let worker = Worker::of(TEN, "");
    let table = request("10.0.0.1", &[("x-api-key", "k")]);
    let mut open: Vec<_> = (0..10).map(|_| worker.begin(&table)).collect();
    assert!(open.iter().all(|(_, outcome)| outcome.reply.is_none()));
    assert_eq!(open[3].1.got("ratelimit").as_deref(), Some(r#""flight";r=6"#));
    assert_eq!(
        open[3].1.got("ratelimit-policy").as_deref(),
        Some(r#""flight";q=10;qu="concurrent-requests""#)
    );
    let (mut refused, outcome) = worker.begin(&table);
    assert_eq!(outcome.verdict(), "429 concurrency_exceeded.flight");
    assert_eq!((outcome.retry_after(), outcome.counts()), (Some(1), vec!["flight:denied".to_owned()]));
    assert_eq!(worker.get(&[("x-api-key", "other")]).verdict(), "ok");
    // Who was refused has no place to give back.
    worker.end(&mut refused);
    assert_eq!(worker.send(&table).verdict(), "429 concurrency_exceeded.flight");
    for _ in 0..3 {
        let (mut stream, _) = open.pop().unwrap();
        worker.end(&mut stream);
        worker.end(&mut stream);
        open.push(worker.begin(&table));
        assert_eq!(open.last().unwrap().1.verdict(), "ok");
        assert_eq!(worker.send(&table).verdict(), "429 concurrency_exceeded.flight");
    }
    open.iter_mut().for_each(|(stream, _)| worker.end(stream));
    assert_eq!(worker.passing(30, &[("x-api-key", "k")]), 30);
}

#[test]
fn a_place_is_given_back_when_another_limit_refuses_after_it_was_taken() {
    let one = TEN.replace("10", "1").replace("flight", "one");
    let worker = Worker::of(&format!("{TEN},{one}"), "");
    let table = request("10.0.0.1", &[("x-api-key", "k")]);
    let (mut first, _) = worker.begin(&table);
    for _ in 0..30 {
        assert_eq!(worker.send(&table).verdict(), "429 concurrency_exceeded.one");
    }
    worker.end(&mut first);
    assert_eq!(worker.passing(20, &[("x-api-key", "k")]), 20);
}

#[test]
fn a_rate_that_refuses_takes_no_place() {
    let rate = r#"{"name":"rate","rate":{"requests":2,"unit":"hour"}}"#;
    let worker = Worker::of(&format!("{TEN},{rate}"), "");
    let table = request("10.0.0.1", &[("x-api-key", "k")]);
    let open: Vec<_> = (0..30).map(|_| worker.begin(&table)).collect();
    let verdicts: Vec<_> = open.iter().map(|(_, outcome)| outcome.verdict()).collect();
    assert!(verdicts[2..].iter().all(|verdict| verdict == "429 quota_exceeded.rate"), "{verdicts:?}");
}

#[test]
fn a_trial_counts_and_gives_back_as_well() {
    let worker = Worker::of(&TEN.replace("\"key\"", "\"enforcement\":\"shadow\",\"key\""), "");
    let table = request("10.0.0.1", &[("x-api-key", "k")]);
    let mut open: Vec<_> = (0..12).map(|_| worker.begin(&table)).collect();
    let told: Vec<_> = open.iter().map(|(_, outcome)| outcome.counts().remove(0)).collect();
    assert_eq!(told[9..], ["flight:would_allow", "flight:would_deny", "flight:would_deny"]);
    open.iter_mut().for_each(|(stream, _)| worker.end(stream));
    assert_eq!(worker.send(&table).counts(), ["flight:would_allow"]);
}

/// A worker is a thread here: a VM's name among the others is one per thread.
#[cfg(not(target_arch = "wasm32"))]
mod workers {
    use std::thread;

    use policy_core::{Outside, Policy};

    use crate::support::{SECOND, Shared, Worker, config, request};

    use super::TEN;

    fn tick(worker: &Worker) {
        worker.policy.on_tick(&mut Outside::new(&worker.shared));
    }

    fn open(worker: &Worker, count: usize) -> usize {
        let table = request("10.0.0.1", &[("x-api-key", "k")]);
        (0..count).filter(|_| worker.begin(&table).1.reply.is_none()).count()
    }

    fn another<T: Send>(shared: &Shared, work: impl FnOnce(Worker) -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(|| work(shared.worker(&config(TEN, "")))).join().unwrap())
    }

    #[test]
    fn two_workers_share_the_places() {
        let shared = Shared::new();
        let worker = shared.worker(&config(TEN, ""));
        assert_eq!(open(&worker, 4), 4);
        let (other, again) = another(&shared, |worker| {
            let first = open(&worker, 30);
            (first, open(&worker, 1))
        });
        assert_eq!((other, again, open(&worker, 5)), (6, 0, 0));
    }

    #[test]
    fn the_places_of_a_dead_worker_come_back_and_those_of_a_living_one_do_not() {
        let shared = Shared::new();
        let worker = shared.worker(&config(TEN, ""));
        assert_eq!(open(&worker, 4), 4);
        // It ends with its thread, and leaves nothing.
        assert_eq!(another(&shared, |worker| open(&worker, 30)), 6);
        for second in 0..8 {
            shared.pass(SECOND);
            tick(&worker);
            if second < 2 {
                assert_eq!(open(&worker, 1), 0, "{second}");
            }
        }
        assert_eq!(open(&worker, 30), 6);
    }

    #[test]
    fn many_at_once_never_exceed_the_limit() {
        let shared = Shared::new();
        drop(shared.worker(&config(TEN, "")));
        let (most, under_way) =
            (std::sync::atomic::AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let worker = shared.worker(&config(TEN, ""));
                    let table = request("10.0.0.1", &[("x-api-key", "k")]);
                    for _ in 0..100 {
                        let mut open: Vec<_> = (0..4).map(|_| worker.begin(&table)).collect();
                        open.retain(|(_, outcome)| {
                            outcome.reply.is_none() && outcome.counts() == ["flight:allowed"]
                        });
                        let now =
                            under_way.fetch_add(open.len(), std::sync::atomic::Ordering::SeqCst) + open.len();
                        most.fetch_max(now, std::sync::atomic::Ordering::SeqCst);
                        under_way.fetch_sub(open.len(), std::sync::atomic::Ordering::SeqCst);
                        open.iter_mut().for_each(|(stream, _)| worker.end(stream));
                        tick(&worker);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((4..=10).contains(&most), "{most}");
        let last = shared.worker(&config(TEN, ""));
        // What a worker could not write before it ended is forgotten with it.
        for _ in 0..8 {
            shared.pass(SECOND);
            tick(&last);
        }
        assert_eq!(open(&last, 30), 10, "all places are free again");
    }
}
