//! Counters: named when a policy is compiled, counted by number while it decides.
//!
//! Names carry labels in the form that Istio's stock bootstrap extracts (`wasm_filter.<x>.`, `component.<x>.`,
//! `tag.<x>;.`), so `tollgate_requests{wasm_filter="header",component="tag",tag="applied"}` appears in Prometheus
//! without a change of the bootstrap. The tag comes first: its expression would else begin in a rule named `tag`. Stats are never removed by Envoy: a name comes from configuration only.

use crate::config::Wire;

/// A name that a configuration gives and that becomes part of metric names: 1 to 63 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r#"^[A-Za-z0-9_-]{1,63}$"#))
)]
pub struct Label(String);

impl Label {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            return Err("a name has 1 to 63 letters, digits, - and _: it becomes part of metric names");
        }
        Ok(Self(name))
    }
}

/// One counter of a policy: its place in [`Counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(usize);

impl Counter {
    /// The same counter where so many others come first.
    pub(crate) fn shifted(self, by: usize) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The counter's place in [`Counters::names`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// One gauge of a policy: its place in [`Counters::gauges`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge(usize);

impl Gauge {
    /// The same gauge where so many others come first.
    pub(crate) fn shifted(self, by: usize) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The gauge's place in [`Counters::gauges`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// The names of all counters and gauges that a compiled policy uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    filter: &'static str,
    names: Names,
    gauges: Names,
    /// Which counters are rare, sorted.
    rare: Vec<usize>,
}

impl Counters {
    /// No counters yet, for the filter of this name.
    #[must_use]
    pub fn new(filter: &'static str) -> Self {
        Self { filter, names: Names::default(), gauges: Names::default(), rare: Vec::new() }
    }

    /// These, and behind them those of another filter, to be counted by number: each filter has named its own.
    #[must_use]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let begin = self.names.all.len();
        let mut rare = self.rare.clone();
        rare.extend(other.rare.iter().map(|counter| counter.saturating_add(begin)));
        Self {
            filter: self.filter,
            names: self.names.and(&other.names),
            gauges: self.gauges.and(&other.gauges),
            rare,
        }
    }

    /// The counter of requests for which `component` came to `outcome`. Asked twice, it is the same counter.
    pub fn requests(&mut self, component: &str, outcome: &str) -> Counter {
        self.named("tollgate_requests", component, outcome)
    }

    /// A counter of something else than requests, such as `tollgate_key_fetches`.
    pub fn named(&mut self, metric: &str, component: &str, outcome: &str) -> Counter {
        let name = format!("wasm_filter.{}.tag.{outcome};.component.{component}.{metric}", self.filter);
        Counter(self.names.place(name))
    }

    /// A counter of something that most likely never happens: the host has it from its first count on. For the many reasons
    /// that a rule may have, of which a proxy sees few.
    pub fn rare(&mut self, metric: &str, component: &str, outcome: &str) -> Counter {
        let counter = self.named(metric, component, outcome);
        if let Err(at) = self.rare.binary_search(&counter.0) {
            self.rare.insert(at, counter.0);
        }
        counter
    }

    /// True for a counter that the host has from its first count on.
    #[must_use]
    pub fn is_rare(&self, counter: usize) -> bool {
        self.rare.binary_search(&counter).is_ok()
    }

    /// A gauge of a component, such as `tollgate_key_age_seconds`.
    pub fn gauge(&mut self, metric: &str, component: &str) -> Gauge {
        let name = format!("wasm_filter.{}.component.{component}.{metric}", self.filter);
        Gauge(self.gauges.place(name))
    }

    /// The counters' names, by [`Counter::index`].
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names.all
    }

    /// The gauges' names, by [`Gauge::index`].
    #[must_use]
    pub fn gauges(&self) -> &[String] {
        &self.gauges.all
    }
}

/// Names in the order in which they were first given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Names {
    all: Vec<String>,
    /// Their places, sorted by name: a policy may have thousands.
    sorted: Vec<usize>,
}

impl Names {
    /// The place of a name.
    fn place(&mut self, name: String) -> usize {
        let found = self.sorted.binary_search_by(|place| self.all.get(*place).cmp(&Some(&name)));
        match found {
            Ok(at) => self.sorted.get(at).copied().unwrap_or_default(),
            Err(at) => {
                let place = self.all.len();
                self.sorted.insert(at, place);
                self.all.push(name);
                place
            }
        }
    }

    /// These, and others behind them. Names that are given later stand behind both.
    fn and(&self, others: &Self) -> Self {
        Self { all: [self.all.as_slice(), &others.all].concat(), sorted: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_counter_asked_for_twice_is_one_counter() {
        let mut counters = Counters::new("header");
        let first = counters.requests("tag", "applied");
        let other = counters.requests("tag", "shadow");
        assert_eq!(counters.requests("tag", "applied"), first);
        assert_ne!(first, other);
        assert_eq!(counters.names()[0], "wasm_filter.header.tag.applied;.component.tag.tollgate_requests");
        let (rare, gauge) = (counters.rare("tollgate_x", "tag", "a"), counters.gauge("tollgate_y", "tag"));
        assert_eq!(counters.rare("tollgate_x", "tag", "a"), rare);
        assert_eq!(counters.gauge("tollgate_y", "tag"), gauge);
        assert_eq!((rare.index(), gauge.index(), counters.names().len()), (2, 0, 3));
    }

    #[test]
    fn thousands_keep_their_numbers_behind_one_another_too() {
        let mut counters = Counters::new("header");
        let name = |n: usize| (n * 7919 % 3000).to_string();
        let mut count = |n: usize| match n % 3 {
            0 => counters.rare("tollgate_x", &name(n), "a"),
            _ => counters.named("tollgate_x", &name(n), "a"),
        };
        for n in (0..3000).chain(0..3000) {
            assert_eq!(count(n).index(), n);
        }
        let both = counters.and(&counters);
        assert_eq!(both.names().len(), 6000);
        for n in 0..3000 {
            let (first, then) = (Counter(n), Counter(n).shifted(3000));
            assert_eq!(both.names()[first.index()], both.names()[then.index()]);
            assert_eq!(both.is_rare(first.index()), n % 3 == 0, "{n}");
            assert_eq!(both.is_rare(then.index()), n % 3 == 0, "{n}");
        }
    }
}
