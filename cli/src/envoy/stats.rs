//! Envoy's counters, as its admin interface prints them.

use std::collections::HashMap;

/// A reading of `/stats`.
#[derive(Debug, Clone, Default)]
pub struct Stats(HashMap<String, String>);

impl Stats {
    /// Reads lines like `name: 3` and `name: "text"`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.rsplit_once(": "));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect())
    }

    /// A counter or gauge; one that does not exist yet is 0.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// A text; empty when it does not exist.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether it exists.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_numbers_and_texts() {
        let stats =
            Stats::parse("a.b~c.version_text: \"12\"\na.b~c.config_reload: 3\nh: No recorded values\n");
        assert_eq!(stats.number("a.b~c.config_reload"), 3);
        assert_eq!(stats.text("a.b~c.version_text"), "12");
        assert_eq!(stats.number("absent"), 0);
    }
}
