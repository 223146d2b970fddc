//! Host calls per request: the budgets in `filters/*/README.md`, row by row.

use auth_policy::AuthPlugin;
use edge_policy::EdgePlugin;
use header_policy::HeaderPlugin;
use policy_core::Plugin;
use ratelimit_policy::RateLimitPlugin;
use testkit::Proxy;

/// Rows of a README's table: what, configuration, host calls of request and response.
fn rows(readme: &str) -> Vec<(String, String, usize, usize)> {
    let table = readme.split("<!-- host-calls -->").nth(1).unwrap();
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| {
            let cells = cells(line);
            let config = cells[1].trim_matches('`').to_owned();
            (cells[0].clone(), config, cells[2].parse().unwrap(), cells[3].parse().unwrap())
        })
        .collect()
}

/// Sends a request under each row's configuration, a second one when the row is about a credential seen before.
fn check<P: Plugin + 'static>(readme: &str, request: &[(&str, &str)]) {
    let rows = rows(readme);
    assert!(rows.len() >= 6, "the table is gone");
    for (what, config, in_request, in_response) in rows {
        let mut proxy = Proxy::start::<P>(&config).unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
        proxy.set_attribute("source.address", "10.0.0.1:1");
        if what.contains("seen") {
            let _ = proxy.request(request).send();
        }
        let response = [("content-type", "text/html"), ("set-cookie", "a=b")];
        let answer = proxy.request(request).answered(&response).send();
        assert_eq!(
            answer.request_calls.len(),
            in_request,
            "{what}: request calls {:?}",
            answer.request_calls
        );
        let calls = &answer.response_calls;
        assert_eq!(calls.len(), in_response, "{what}: response calls {calls:?}");
    }
}

const PLAIN: [(&str, &str); 4] =
    [(":method", "GET"), (":path", "/api"), (":authority", "a.example.com"), ("x-old", "1")];

#[test]
fn the_header_filter_makes_as_many_host_calls_as_its_readme_says() {
    check::<HeaderPlugin>(include_str!("../../../../filters/header-filter/README.md"), &PLAIN);
}

fn with_credentials() -> Vec<(&'static str, &'static str)> {
    // {"alg":"HS256"}.{"iss":"i","sub":"ann","exp":9999999999}, signed with 32 letters k.
    let token = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJpIiwic3ViIjoiYW5uIiwiZXhwIjo5OTk5OTk5OTk5fQ.X2GhaSBaRmwb--bMZyfINuJcgR-R9cT5GN4g6R5Olr0";
    let credentials = [("x-api-key", "hunter2"), ("authorization", token)];
    [PLAIN.as_slice(), &credentials].concat()
}

#[test]
fn the_auth_filter_makes_as_many_host_calls_as_its_readme_says() {
    check::<AuthPlugin>(include_str!("../../../../filters/auth-filter/README.md"), &with_credentials());
}

#[test]
fn the_edge_filter_makes_as_many_host_calls_as_its_readme_says() {
    check::<EdgePlugin>(include_str!("../../../../filters/edge-filter/README.md"), &with_credentials());
}

#[test]
fn the_rate_limit_filter_makes_as_many_host_calls_as_its_readme_says() {
    check::<RateLimitPlugin>(include_str!("../../../../filters/ratelimit-filter/README.md"), &PLAIN);
}
