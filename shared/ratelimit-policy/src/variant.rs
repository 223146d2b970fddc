//! Variants: two or more settings side by side, each key in one of them for good.
//!
//! The choice is weighted rendezvous hashing: each variant draws a number from its name and the key, and the best one by
//! weight wins. A variant whose weight grows takes keys, one whose weight shrinks gives them up, and between the others
//! none moves; order and number of variants do not matter. It is the same on every proxy, as no secret is in it.

use policy_core::config::Wire;
use policy_core::{ConfigError, Label, hash};

use crate::facts::Facts;
use crate::key::{Key, Missing, Sink};
use crate::rate::{Budget, RateConfig, Written};

/// The most variants of one limit.
const MAX_VARIANTS: usize = 16;
/// The largest weight.
const MAX_WEIGHT: u64 = 1_000_000;

/// A variant as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::variant))]
pub struct Config {
    /// Unique within the limit.
    name: Label,
    /// Its share of the keys, beside the weights of the others.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_WEIGHT)))]
    weight: u64,
    /// How many requests over time.
    rate: Option<RateConfig>,
    /// Several windows at once, each with another unit.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::rate::MAX_WINDOWS)))]
    rates: Option<Vec<RateConfig>>,
    /// Nothing passes.
    #[serde(default)]
    block: bool,
}

/// Compiled variants.
#[derive(Debug, Clone)]
pub struct Variants(Vec<Variant>);

#[derive(Debug, Clone)]
struct Variant {
    name: String,
    hash: u64,
    weight: u64,
}

impl Variants {
    /// Compiles variants, with their budgets in the same order.
    ///
    /// # Errors
    /// Names the variant whose weight or budget makes no sense; refuses fewer than two.
    pub fn compile(limit: &str, configs: &[Config]) -> Result<(Self, Vec<Budget>), ConfigError> {
        if !(2..=MAX_VARIANTS).contains(&configs.len()) {
            return Err(ConfigError::at("", format!("there are 2 to {MAX_VARIANTS} variants")));
        }
        let mut variants: Vec<Variant> = Vec::with_capacity(configs.len());
        let mut budgets = Vec::with_capacity(configs.len());
        for (index, config) in configs.iter().enumerate() {
            let at = |error: ConfigError| error.under_item("", index);
            let name = config.name.as_str().to_owned();
            if variants.iter().any(|known| known.name == name) {
                return Err(at(ConfigError::at(
                    "name",
                    format!("there is a variant named {name:?} already"),
                )));
            }
            if !(1..=MAX_WEIGHT).contains(&config.weight) {
                let message =
                    format!("a weight is 1 to {MAX_WEIGHT}; leave the variant out if nobody shall be in it");
                return Err(at(ConfigError::at("weight", message)));
            }
            let written =
                Written { rate: config.rate.as_ref(), rates: config.rates.as_deref(), block: config.block };
            let budget = written.compile().map_err(at)?;
            let message = "give exactly one of rate, rates and block: true";
            budgets.push(budget.ok_or_else(|| at(ConfigError::at("", message)))?);
            let hash = hash::stable(&[limit.as_bytes(), name.as_bytes()]);
            variants.push(Variant { name, hash, weight: config.weight });
        }
        Ok((Self(variants), budgets))
    }

    /// The number of the variant, and so of the budget, that a request's key is in.
    ///
    /// # Errors
    /// [`Missing`] when the limit does not apply.
    pub fn choose(&self, key: &Key, facts: &Facts<'_>) -> Result<usize, Missing> {
        let mut print = Print(0xcbf2_9ce4_8422_2325);
        key.feed(facts, &mut print)?;
        Ok(self.of(print.0))
    }

    /// The name of a variant.
    #[must_use]
    pub fn name(&self, number: usize) -> Option<&str> {
        self.0.get(number).map(|variant| variant.name.as_str())
    }

    fn of(&self, print: u64) -> usize {
        // The logarithm of an even draw, over the weight: the least is this variant's with a chance by weight.
        let draws =
            self.0.iter().map(|variant| (depth(mix(variant.hash ^ print)), variant.weight)).enumerate();
        // Neither product is above 54 * 2^32 * MAX_WEIGHT.
        let by_weight =
            |(a, of_a): (u64, u64), (b, of_b): (u64, u64)| a.wrapping_mul(of_b).cmp(&b.wrapping_mul(of_a));
        draws.min_by(|(_, a), (_, b)| by_weight(*a, *b)).map_or(0, |(number, _)| number)
    }
}

/// How far an even draw between 0 and 1 lies below 1: its binary logarithm without its sign, in units of 2^-32.
///
/// In whole numbers, bit by bit: squaring a number doubles its logarithm. That of floating point brings a table of 4 kB.
fn depth(draw: u64) -> u64 {
    // The middle of one of 2^53 intervals, in units of 2^-54.
    let even = (draw >> 11 << 1) | 1;
    let whole = even.ilog2();
    let mut mantissa = (even << 63_u32.wrapping_sub(whole)) >> 32;
    let mut log = u64::from(whole);
    for _ in 0..32 {
        // Below 2^32 each, so the square is below 2^64, and what is left of it below 2^33.
        mantissa = mantissa.wrapping_mul(mantissa) >> 31;
        let bit = mantissa >> 32;
        mantissa >>= bit;
        log = (log << 1) | bit;
    }
    (54_u64 << 32).wrapping_sub(log)
}

/// FNV-1a over a key's parts.
struct Print(u64);

impl Print {
    fn eat(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

impl Sink for Print {
    fn part(&mut self, tag: u8, bytes: &[u8]) {
        self.eat(tag);
        bytes.iter().for_each(|byte| self.eat(*byte));
        // The length ends each part.
        (bytes.len() as u64).to_le_bytes().into_iter().for_each(|byte| self.eat(byte));
    }
}

/// The final mix of SplitMix64: all bits of the sum depend on all bits of what went in.
const fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    use policy_core::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::facts;

    const KEYS: u64 = 20_000;

    fn compile(json: &str) -> Result<(Variants, Vec<Budget>), String> {
        let configs: Result<Vec<Config>, _> = config::parse(json.as_bytes());
        configs
            .and_then(|configs| Variants::compile("experiment", &configs))
            .map_err(|error| error.to_string())
    }

    fn variants(weights: &[(&str, u64)]) -> Variants {
        let variants = weights.iter().map(|(name, weight)| {
            format!(r#"{{"name":"{name}","weight":{weight},"rate":{{"requests":1,"unit":"second"}}}}"#)
        });
        compile(&format!("[{}]", variants.collect::<Vec<_>>().join(","))).unwrap().0
    }

    /// The name of the variant of each key.
    fn chosen(variants: &Variants) -> Vec<&str> {
        (0..KEYS).map(|n| variants.name(variants.of(hash::stable(&[&n.to_le_bytes()]))).unwrap()).collect()
    }

    #[test]
    fn shares_are_as_the_weights() {
        let variants = variants(&[("a", 70), ("b", 25), ("c", 5)]);
        let chosen = chosen(&variants);
        for (name, share) in [("a", 0.70), ("b", 0.25), ("c", 0.05)] {
            let found = chosen.iter().filter(|of| **of == name).count() as f64 / KEYS as f64;
            assert!((found - share).abs() < 0.015, "{name}: {found}");
        }
    }

    #[test]
    fn a_changed_weight_moves_keys_to_or_from_its_variant_only() {
        let before = variants(&[("a", 70), ("b", 20), ("c", 10)]);
        for (after, gains) in [
            (variants(&[("a", 70), ("b", 40), ("c", 10)]), Some("b")),
            (variants(&[("c", 10), ("b", 20), ("a", 70)]), None),
            (variants(&[("a", 70), ("b", 20), ("c", 10), ("d", 30)]), Some("d")),
        ] {
            let moves: Vec<_> = chosen(&before)
                .into_iter()
                .zip(chosen(&after))
                .filter(|(a, b)| a != b)
                .map(|(_, b)| b.to_owned())
                .collect();
            assert!(moves.iter().all(|to| Some(to.as_str()) == gains), "{gains:?}");
            assert_eq!(moves.is_empty(), gains.is_none());
        }
    }

    #[test]
    fn the_depth_of_a_draw_is_its_logarithm() {
        for draw in
            [0, 1 << 11, u64::MAX, 1 << 63, 0x1234_5678_9abc_def0].into_iter().chain((0..1000).map(mix))
        {
            let even = ((draw >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
            let off = depth(draw) as f64 / 4_294_967_296.0 + even.log2();
            assert!(off.abs() < 1e-7, "{draw:#x}: {off}");
        }
    }

    #[test]
    fn a_choice_never_changes() {
        // Of a former version: what is in a variant stays there.
        let variants = variants(&[("a", 70), ("b", 30)]);
        let first: String = chosen(&variants).into_iter().take(24).collect();
        assert_eq!(first, FIRST);
    }

    const FIRST: &str = "baabbababababaaabaaababb";

    #[test]
    fn a_key_is_in_one_variant_and_no_key_in_none() {
        let variants = variants(&[("a", 50), ("b", 50)]);
        let key = Key::compile(config::parse(br#"[{"header":"x-user"}]"#).unwrap(), false).unwrap();
        let of = |headers: &[(&str, &str)]| {
            let table = Table::of(headers);
            facts::of_table(&table, |facts| variants.choose(&key, facts))
        };
        let users: Vec<_> = (0..50).map(|n| of(&[("x-user", &format!("u{n}"))]).unwrap()).collect();
        let again: Vec<_> =
            (0..50).map(|n| of(&[("x-user", &format!(" u{n}")), (":path", "/x")]).unwrap()).collect();
        assert_eq!(users, again);
        assert!(users.contains(&0) && users.contains(&1), "{users:?}");
        assert_eq!(of(&[]), Err(Missing));
    }

    #[test]
    fn variants_that_make_no_sense_are_refused() {
        let one = r#"{"name":"a","weight":1,"rate":{"requests":1,"unit":"second"}}"#;
        for (json, expected) in [
            (format!("[{one}]"), "there are 2 to 16 variants"),
            (format!("[{one},{one}]"), "[1].name: there is a variant named \"a\" already"),
            (
                format!("[{one},{}]", one.replace("\"a\",\"weight\":1", "\"b\",\"weight\":0")),
                "[1].weight: a weight is 1 to",
            ),
            (
                format!("[{},{one}]", one.replace("\"requests\":1", "\"requests\":0")),
                "[0].rate.requests: 0 requests",
            ),
            (
                format!(r#"[{one},{{"name":"b","weight":1}}]"#),
                "[1]: give exactly one of rate, rates and block",
            ),
            (format!(r#"[{one},{{"weight":1}}]"#), "[1]: \"name\" is missing"),
        ] {
            let error = compile(&json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
