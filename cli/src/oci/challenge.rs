//! `WWW-Authenticate`: what a registry wants to see.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    /// A token from the realm, a URL.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The best way of those that are offered: a token before a password.
pub(crate) fn best(headers: &HeaderMap) -> Option<Challenge> {
    let offered = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| parse(value.to_str().ok()?));
    offered.min_by_key(|challenge| *challenge == Challenge::Basic)
}

fn parse(text: &str) -> Option<Challenge> {
    let (scheme, parameters) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    let parameters = scheme.eq_ignore_ascii_case("bearer").then(|| pairs(parameters))?;
    let value = |wanted: &str| {
        let found = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone())
    };
    Some(Challenge::Bearer { realm: value("realm")?, service: value("service") })
}

/// `name="value", name=value`; quotes may hold commas.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        let name = name.trim_matches([',', ' ']);
        pairs.push((name.to_owned(), value.trim().to_owned()));
        rest = after;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: Option<Challenge>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        assert_eq!(best(&headers), expected, "{values:?}");
    }

    #[test]
    fn challenges_are_read_and_tokens_preferred() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        check(&["Basic realm=\"x\""], Some(Challenge::Basic));
        check(&["basic"], Some(Challenge::Basic));
        check(&["Bearer realm=\"https://a/t?x=1,2\",service=\"s\""], bearer("https://a/t?x=1,2", Some("s")));
        check(&["Basic realm=\"x\"", "bearer service=s , Realm=https://a"], bearer("https://a", Some("s")));
        for nonsense in ["", "Bearer", "Bearer service=\"s\"", "Digest realm=\"x\"", "Bearer realm", "= = ="]
        {
            check(&[nonsense], None);
        }
        check(&["Bearer realm=\"open"], bearer("open", None));
        check(&[], None);
    }
}
