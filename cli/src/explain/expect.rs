//! What came of a request, held against what the fixture expects.

use std::collections::BTreeMap;

use policy_core::table::Pairs;

use super::fixture::Expect;
use super::hide::Hide;
use super::message::Wanted;

/// What came of it.
pub(super) struct Outcome<'o> {
    pub(super) status: u16,
    pub(super) reason: Option<&'o str>,
    /// Of the answer.
    pub(super) headers: &'o Pairs,
    /// Of the request as it went on.
    pub(super) upstream: Option<&'o Pairs>,
    pub(super) filter_state: &'o [(String, Vec<u8>)],
}

/// Everything that is not as expected, a sentence each.
pub(super) fn differences(expect: &Expect, outcome: &Outcome<'_>, hide: &Hide) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(status) = expect.status.filter(|status| *status != outcome.status) {
        said.push(format!("status: expected {status}, got {}", outcome.status));
    }
    if let Some(reason) = expect.reason.as_deref().filter(|reason| Some(*reason) != outcome.reason) {
        said.push(format!("reason: expected {reason}, got {}", outcome.reason.unwrap_or("none")));
    }
    said.extend(compare("headers", &expect.headers, &|name| joined(outcome.headers, name), hide));
    match outcome.upstream {
        Some(upstream) => {
            said.extend(compare("upstream", &expect.upstream, &|name| joined(upstream, name), hide))
        }
        None if expect.upstream.is_empty() => {}
        None => said.push("upstream: the request did not get there".to_owned()),
    }
    let fact = |key: &str| {
        outcome.filter_state.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    said.extend(compare("filterState", &expect.filter_state, &fact, hide));
    said
}

fn compare(
    what: &str,
    wanted: &BTreeMap<String, Wanted>,
    find: &dyn Fn(&str) -> Option<Vec<u8>>,
    hide: &Hide,
) -> Vec<String> {
    let mut said = Vec::new();
    for (name, wanted) in wanted {
        let found = find(name);
        let wrong = match wanted {
            Wanted::Is(text) => found.as_deref() != Some(text.as_bytes()),
            Wanted::Present => found.is_none(),
            Wanted::Absent => found.is_some(),
        };
        if wrong {
            let wanted = match wanted {
                Wanted::Is(text) => hide.value(name, text.as_bytes()),
                Wanted::Present => "something".to_owned(),
                Wanted::Absent => "nothing".to_owned(),
            };
            let found = found.map_or_else(|| "nothing".to_owned(), |found| hide.value(name, &found));
            said.push(format!("{what}.{name}: expected {wanted}, got {found}"));
        }
    }
    said
}

/// All values of a header, joined as a reader would join them; names know no case.
fn joined(pairs: &Pairs, name: &str) -> Option<Vec<u8>> {
    let name = name.to_ascii_lowercase();
    let values = pairs.iter().filter(|(known, _)| *known == name.as_bytes());
    let values: Vec<&[u8]> = values.map(|(_, value)| value.as_slice()).collect();
    (!values.is_empty()).then(|| values.join(b", ".as_slice()))
}

#[cfg(test)]
mod tests {
    use policy_core::table::Table;

    use super::*;

    fn check(expect: &str, expected: &[&str]) {
        let expect: Expect = policy_core::config::parse(expect.as_bytes()).unwrap();
        let headers =
            Table::of(&[(":status", "403"), ("a", "1"), ("a", "2"), ("set-cookie", "s=longsecret")]).headers;
        let upstream = Table::of(&[("x-env", "prod")]).headers;
        let filter_state = [("wasm.user".to_owned(), b"ann".to_vec())];
        let outcome = Outcome {
            status: 403,
            reason: Some("tollgate.auth.denied"),
            headers: &headers,
            upstream: Some(&upstream),
            filter_state: &filter_state,
        };
        assert_eq!(differences(&expect, &outcome, &Hide::default()), expected);
    }

    #[test]
    fn what_is_as_expected_is_not_mentioned() {
        check("{}", &[]);
        check(
            r#"{"status":403,"reason":"tollgate.auth.denied","headers":{"A":"1, 2","b":null,"set-cookie":true},
            "upstream":{"x-env":"prod","x-other":false},"filterState":{"wasm.user":"ann","wasm.none":null}}"#,
            &[],
        );
    }

    #[test]
    fn each_difference_is_told_without_credentials() {
        check(
            r#"{"status":200,"reason":"tollgate.auth.expired","headers":{"a":"1","b":true,"set-cookie":"s=other"},
            "upstream":{"x-env":null},"filterState":{"wasm.user":"bob"}}"#,
            &[
                "status: expected 200, got 403",
                "reason: expected tollgate.auth.expired, got tollgate.auth.denied",
                "headers.a: expected 1, got 1, 2",
                "headers.b: expected something, got nothing",
                "headers.set-cookie: expected s=(hidden), got s=(hidden)",
                "upstream.x-env: expected nothing, got prod",
                "filterState.wasm.user: expected bob, got ann",
            ],
        );
    }

    #[test]
    fn a_refused_request_has_no_upstream() {
        let expect: Expect = policy_core::config::parse(br#"{"upstream":{"a":null}}"#).unwrap();
        let outcome =
            Outcome { status: 403, reason: None, headers: &Vec::new(), upstream: None, filter_state: &[] };
        assert_eq!(
            differences(&expect, &outcome, &Hide::default()),
            ["upstream: the request did not get there"]
        );
    }
}
