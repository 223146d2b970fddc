//! Host calls per request: the budget in `filters/header-filter/README.md`, row by row.

use header_policy::HeaderPlugin;
use testkit::Proxy;

/// Rows of the README's table: what, configuration, host calls of request and response.
fn rows() -> Vec<(String, String, usize, usize)> {
    let readme = include_str!("../../../../filters/header-filter/README.md");
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

#[test]
fn host_calls_are_what_the_readme_says() {
    let rows = rows();
    assert!(rows.len() >= 6, "the table is gone");
    for (what, config, request, response) in rows {
        let mut proxy = Proxy::start::<HeaderPlugin>(&config).unwrap();
        proxy.set_attribute("source.address", "10.0.0.1:1");
        let answer = proxy
            .request(&[
                (":method", "GET"),
                (":path", "/api"),
                (":authority", "a.example.com"),
                ("x-old", "1"),
            ])
            .answered(&[("content-type", "text/html"), ("set-cookie", "a=b")])
            .send();
        assert_eq!(answer.request_calls.len(), request, "{what}: request calls {:?}", answer.request_calls);
        assert_eq!(
            answer.response_calls.len(),
            response,
            "{what}: response calls {:?}",
            answer.response_calls
        );
    }
}
