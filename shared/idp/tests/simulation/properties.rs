use crate::world::{Mode, START, World};
use policy_core::Lost;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Mode(Mode),
    Latency(u64),
    /// A request at this worker, with a key that nobody has.
    Ask(usize),
    Join,
    Kill(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![
        3 => Just(Mode::Keys("keys: a")),
        2 => Just(Mode::Keys("keys: b c")),
        1 => Just(Mode::Keys("keys:")),
        1 => Just(Mode::Status(500)),
        1 => Just(Mode::Lost(Lost::Broken)),
        1 => Just(Mode::Body(vec![0xff])),
        1 => Just(Mode::Silent),
    ];
    prop_oneof![
        6 => (1..120_000_u64).prop_map(Step::Pass),
        4 => (1..3000_u64).prop_map(Step::Pass),
        3 => mode.prop_map(Step::Mode),
        1 => (0..2500_u64).prop_map(Step::Latency),
        4 => (0..8_usize).prop_map(Step::Ask),
        1 => Just(Step::Join),
        1 => (0..8_usize).prop_map(Step::Kill),
    ]
}

const MAX_STALE: u64 = 600_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Two fetches at once are found by the world itself.
    #[test]
    fn keys_do_not_go_before_their_time_and_fetches_stay_few(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::configured(3, r#"{"maxStale":"10m"}"#, false);
        let mut deaths = 0;
        for step in steps {
            match step {
                Step::Pass(millis) => world.run(millis),
                Step::Mode(mode) => world.mode = mode,
                Step::Latency(latency) => world.latency = latency,
                Step::Ask(worker) => {
                    let alive = world.alive();
                    let (waited, known) = world.wait_for(alive[worker % alive.len()], "none");
                    prop_assert!(!known && waited <= 5000, "{waited}");
                }
                Step::Join if world.workers.len() < 12 => world.join(),
                Step::Kill(worker) if world.alive().len() > 1 => {
                    let alive = world.alive();
                    world.kill(alive[worker % alive.len()]);
                    deaths += 1;
                }
                Step::Join | Step::Kill(_) => {}
            }
            // Every worker but those that have not had a tick since.
            let Some(good_at) = world.good_at.filter(|at| world.now > at + 1100) else { continue };
            let young = world.now - good_at <= MAX_STALE;
            for worker in world.alive() {
                prop_assert_eq!(world.keys(worker).is_some(), young, "worker {}", worker);
            }
        }
        let passed = world.now - START;
        let most = passed / 10_000 + passed / 900 / 2 + 8 + deaths;
        prop_assert!(u64::try_from(world.sent.len()).unwrap() <= most, "{} in {passed}", world.sent.len());
    }
}
