//! From slices to figures.

/// Rounds of which figures are drawn anew to see how far they wander.
const DRAWS: usize = 400;

/// Microseconds per request: of each variant, in each round.
#[derive(Debug, Clone)]
pub struct Figures {
    rounds: Vec<Vec<f64>>,
    variants: usize,
}

/// A figure, and between what it lies in nine of ten cases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// The 5th percentile.
    pub low: f64,
    /// The 95th percentile.
    pub high: f64,
}

impl Figures {
    /// None yet.
    #[must_use]
    pub fn new(variants: usize) -> Self {
        Self { rounds: Vec::new(), variants }
    }

    /// One round: a cost for each variant.
    pub fn add(&mut self, costs: &[f64]) {
        self.rounds.push(costs.to_vec());
    }

    /// What a variant costs in all.
    #[must_use]
    pub fn whole(&self, variant: usize) -> Figure {
        self.figure(|rounds| quartile(rounds, variant))
    }

    /// What a variant adds to the first one, which has no filter.
    #[must_use]
    pub fn added(&self, variant: usize) -> Figure {
        self.figure(|rounds| quartile(rounds, variant) - quartile(rounds, 0))
    }

    /// What one variant adds, as a multiple of what another one adds.
    #[must_use]
    pub fn times(&self, variant: usize, other: usize) -> Figure {
        self.figure(|rounds| {
            let base = quartile(rounds, 0);
            (quartile(rounds, variant) - base) / (quartile(rounds, other) - base)
        })
    }

    /// How many variants there are.
    #[must_use]
    pub fn variants(&self) -> usize {
        self.variants
    }

    /// The figure of all rounds, and of rounds drawn from them with repetition.
    fn figure(&self, of: impl Fn(&[&Vec<f64>]) -> f64) -> Figure {
        let all: Vec<&Vec<f64>> = self.rounds.iter().collect();
        let mut random = Random::new(1);
        let mut draws: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn: Vec<&Vec<f64>> =
                    all.iter().filter_map(|_| all.get(random.below(all.len())).copied()).collect();
                of(&drawn)
            })
            .collect();
        draws.sort_by(f64::total_cmp);
        Figure { value: of(&all), low: at(&draws, 5), high: at(&draws, 95) }
    }
}

impl Figure {
    /// Whether it wanders too far to say anything: by more than a third to either side, and more than so much.
    #[must_use]
    pub fn is_noise(&self, least: f64) -> bool {
        let most = (self.value.abs() / 3.0).max(least);
        !self.value.is_finite() || self.high - self.value > most || self.value - self.low > most
    }
}

/// The lower quartile: what a request costs when nothing else disturbs.
fn quartile(rounds: &[&Vec<f64>], variant: usize) -> f64 {
    let mut costs: Vec<f64> = rounds.iter().filter_map(|round| round.get(variant).copied()).collect();
    costs.sort_by(f64::total_cmp);
    at(&costs, 25)
}

/// A percentile of sorted values.
#[must_use]
pub fn at(sorted: &[f64], per_cent: usize) -> f64 {
    let place = sorted.len().saturating_sub(1).saturating_mul(per_cent).checked_div(100);
    place.and_then(|place| sorted.get(place)).copied().unwrap_or(f64::NAN)
}

/// One number by another.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "nanoseconds and requests of a slice are far below 2^52")]
pub fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// Numbers that are the same in every run (xorshift).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a number that is not 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default().checked_rem(end).unwrap_or_default()
    }

    /// Puts a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last.saturating_add(1));
            list.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rounds: impl Iterator<Item = Vec<f64>>) -> Figures {
        let mut figures = Figures::new(3);
        rounds.for_each(|round| figures.add(&round));
        figures
    }

    #[test]
    fn what_is_added_is_told_from_what_is_there_without_a_filter() {
        // A disturbance in each fourth round does not show.
        let figures =
            figures((0..40).map(|n| if n % 4 == 3 { vec![90.0; 3] } else { vec![30.0, 40.0, 50.0] }));
        assert_eq!(figures.whole(0).value, 30.0);
        assert_eq!(figures.added(1), Figure { value: 10.0, low: 10.0, high: 10.0 });
        assert_eq!(figures.times(1, 2).value, 0.5);
        assert!(!figures.times(1, 2).is_noise(0.0) && !figures.added(0).is_noise(2.0));
    }

    #[test]
    fn what_wanders_is_called_noise() {
        let mut random = Random::new(7);
        let figures = figures((0..20).map(|_| vec![30.0, 30.0 + random.below(60) as f64, 50.0]));
        assert!(figures.added(1).is_noise(2.0), "{:?}", figures.added(1));
        assert!(figures.times(1, 0).is_noise(0.0), "nothing is a multiple of nothing");
    }

    #[test]
    fn an_order_is_one_of_all() {
        let (mut random, mut seen) = (Random::new(3), std::collections::HashSet::new());
        for _ in 0..200 {
            let mut list = [1, 2, 3];
            random.shuffle(&mut list);
            seen.insert(list);
        }
        assert_eq!(seen.len(), 6);
    }
}
