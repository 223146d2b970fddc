//! The schema never refuses what the reader takes, and refuses most of what the reader refuses.

#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use std::collections::BTreeMap;

use super::mutants::{Change, Keys, collect, mutants};
use super::{Filter, complaints, config_validator, good};

/// Mutants that the reader refuses, and how many of them the schema refuses too.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    taken: usize,
    refused: usize,
    by_both: usize,
}

fn compare(filter: Filter) -> BTreeMap<Change, Tally> {
    let validator = config_validator(filter);
    let configs = good::configs(filter);
    let mut keys = Keys::new();
    configs.iter().for_each(|(_, config)| collect(config, "", &mut keys));
    let mut tallies: BTreeMap<Change, Tally> = BTreeMap::new();
    for (_, config) in &configs {
        for (change, place, mutant) in mutants(config, &keys) {
            let tally = tallies.entry(change).or_default();
            match (good::compile(filter, &mutant), validator.is_valid(&mutant)) {
                (Ok(()), true) => tally.taken += 1,
                (Ok(()), false) => {
                    let complaints = complaints(&validator, &mutant);
                    panic!(
                        "{}: {place}: the reader takes this and the schema does not: {complaints:?}\n{mutant}",
                        filter.name()
                    );
                }
                (Err(reason), true) => {
                    let shape = matches!(change, Change::Unknown | Change::Null);
                    assert!(!shape, "{}: {place}: only the reader refuses this: {reason}", filter.name());
                    tally.refused += 1;
                }
                (Err(_), false) => {
                    tally.refused += 1;
                    tally.by_both += 1;
                }
            }
        }
    }
    tallies
}

fn check(filter: Filter) {
    let tallies = compare(filter);
    for (change, least) in [(Change::Kind, 97), (Change::Gone, 80), (Change::Added, 80), (Change::Other, 60)]
    {
        let Tally { refused, by_both, .. } = tallies[&change];
        assert!(by_both * 100 >= refused * least, "{}: {change:?}: {tallies:#?}", filter.name());
    }
    let taken: usize = tallies.values().map(|tally| tally.taken).sum();
    let refused: usize = tallies.values().map(|tally| tally.refused).sum();
    assert!(taken > 1000 && refused > 3000, "{}: {tallies:#?}", filter.name());
    // For whoever wants to know: `cargo test -p cli agreement -- --nocapture`.
    println!("{}: {taken} mutants taken, {refused} refused: {tallies:?}", filter.name());
}

// One test for each, so that they run side by side.

#[test]
fn the_auth_filter_and_its_schema_agree() {
    check(Filter::Auth);
}

#[test]
fn the_header_filter_and_its_schema_agree() {
    check(Filter::Header);
}

#[test]
fn the_ratelimit_filter_and_its_schema_agree() {
    check(Filter::RateLimit);
}
