//! What one module saves: the README's table says how many host calls the three filters make in its place.

use policy_core::json::Json;

use crate::world::{Parts, both, get};

/// Rows of the table: what, configuration, host calls of one and of three.
fn rows() -> Vec<(String, Parts, usize, usize)> {
    let readme = include_str!("../../../../filters/edge-filter/README.md");
    let table = readme.split("<!-- host-calls -->").nth(1).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let number = |place: usize| cells[place].parse::<usize>().unwrap();
        let Json::Object(config) = Json::parse(cells[1].trim_matches('`').as_bytes()).unwrap() else {
            panic!("{line}")
        };
        let part = |name: &str| -> &'static str {
            let mut text = String::new();
            config.iter().filter(|(known, _)| *known == name).for_each(|(_, part)| part.write(&mut text));
            text.leak()
        };
        let parts = Parts { headers: part("headers"), auth: part("auth"), rate_limit: part("rateLimit") };
        (cells[0].to_owned(), parts, number(2).saturating_add(number(3)), number(4))
    };
    table.lines().filter(|line| line.starts_with('|')).skip(2).map(row).collect()
}

#[test]
fn the_three_filters_make_as_many_host_calls_as_the_readme_says_and_one_makes_fewer() {
    // As the budget's: {"iss":"i","sub":"ann","exp":9999999999}, signed with 32 letters k.
    let token = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJpIiwic3ViIjoiYW5uIiwiZXhwIjo5OTk5OTk5OTk5fQ.X2GhaSBaRmwb--bMZyfINuJcgR-R9cT5GN4g6R5Olr0";
    let mut sent = get("/api", &[("x-old", "1"), ("x-api-key", "hunter2"), ("authorization", token)]);
    sent.response = vec![("content-type", "text/html"), ("set-cookie", "a=b")];
    let mut wrong = Vec::new();
    for (what, parts, by_one, by_three) in rows() {
        let requests = vec![sent.clone(); if what.contains("seen") { 2 } else { 1 }];
        let ((_, chained), (_, fused)) = both(parts, &requests);
        let counted = (fused.last().copied().unwrap(), chained.last().copied().unwrap());
        if counted != (by_one, by_three) {
            wrong.push(format!("{what}: {counted:?}, the README says {:?}", (by_one, by_three)));
        }
        assert!(by_one <= by_three, "{what}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
