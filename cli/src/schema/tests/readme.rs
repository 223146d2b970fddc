//! The READMEs' tables of fields and the schemas know the same names.

use std::collections::BTreeSet;
use std::fs;

use super::super::config;
use super::{Filter, SINGLE, good};

fn readme(filter: Filter) -> String {
    fs::read_to_string(good::root().join("filters").join(filter.name()).join("README.md")).unwrap()
}

/// The words of a text that may be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_field_is_named_in_the_readme() {
    let header = readme(Filter::Header);
    for filter in &SINGLE {
        let own = readme(*filter);
        let known: BTreeSet<&str> = own.lines().flat_map(code).flat_map(words).collect();
        let shared: BTreeSet<&str> = header.lines().flat_map(code).flat_map(words).collect();
        let unnamed: Vec<String> = good::fields(&config::schema(*filter))
            .into_iter()
            .filter(|field| !field.contains("directives."))
            .filter(|field| {
                let name = field.rsplit(['.', ']']).next().unwrap_or_default();
                // `match` is explained once, with the header filter.
                let elsewhere = field.contains("match.") && shared.contains(name);
                !(known.contains(name) || elsewhere)
            })
            .collect();
        assert_eq!(unnamed, Vec::<String>::new(), "{}", filter.name());
    }
}

#[test]
fn every_field_in_a_table_is_known() {
    for filter in &SINGLE {
        let fields = good::fields(&config::schema(*filter));
        let names: BTreeSet<&str> = fields.iter().flat_map(|field| words(field)).collect();
        let mut checked = 0;
        let mut in_table = false;
        for line in readme(*filter).lines() {
            in_table = line.starts_with('|') && (in_table || line.starts_with("| field |"));
            let cell = line.split('|').nth(1).unwrap_or_default();
            // `<header>.mode` is one for each header.
            for name in
                code(cell).filter(|_| in_table).flat_map(|code| words(code.trim_start_matches("<header>")))
            {
                assert!(names.contains(name), "{}: there is no field {name}: {line}", filter.name());
                checked += 1;
            }
        }
        assert!(checked > 15, "{}: {checked}", filter.name());
    }
}
