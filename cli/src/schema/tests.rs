//! The committed schemas are those of the code, take every good configuration, and agree with the filters' readers.

mod agreement;
mod documents;
mod good;
mod mutants;
mod readme;

use std::fs;

use clap::{Parser as _, ValueEnum as _};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::Filter;
use crate::args::{self, Command};

/// Those whose fields are their own; the other one's are theirs.
pub(super) const SINGLE: [Filter; 3] = [Filter::Auth, Filter::Header, Filter::RateLimit];

/// Whether a whole document is as the schema of a filter has it.
pub(super) fn validator(filter: Filter) -> Validator {
    jsonschema::draft7::new(&filter.schema()).unwrap()
}

/// The same for `pluginConfig` alone.
pub(super) fn config_validator(filter: Filter) -> Validator {
    jsonschema::draft7::new(&super::config::schema(filter)).unwrap()
}

/// What a schema says is wrong, in one line each.
pub(super) fn complaints(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    for filter in Filter::value_variants() {
        let path = good::root().join("manifests/schemas").join(filter.name()).with_extension("json");
        let committed = fs::read_to_string(&path).unwrap_or_default();
        // Compared as a whole: the texts are too long to print.
        assert!(committed == filter.text(), "{} is out of date: run `make schemas`", path.display());
    }
}

#[test]
fn the_schemas_are_schemas_that_editors_can_show() {
    for filter in Filter::value_variants() {
        let schema = filter.schema();
        assert!(jsonschema::draft7::meta::is_valid(&schema), "{}", filter.name());
        let text = filter.text();
        for trace in ["[`", "crate::", "null", "\"uint", "$defs", "\\n"] {
            assert!(!text.contains(trace), "{}: {trace}", filter.name());
        }
        let mut undescribed = Vec::new();
        for field in good::fields(&schema["definitions"]["pluginConfig"]) {
            if good::field(&schema["definitions"]["pluginConfig"], &field).get("description").is_none() {
                undescribed.push(field);
            }
        }
        // A directive of CSP is what its name says; of the other one its block says it.
        undescribed.retain(|field| !field.contains("directives.") && !field.ends_with("equals.path"));
        assert!(undescribed.is_empty(), "{}: {undescribed:?}", filter.name());
    }
}

#[test]
fn every_good_configuration_is_taken_by_reader_and_schema() {
    for filter in &SINGLE {
        let validator = config_validator(*filter);
        let configs = good::configs(*filter);
        assert!(configs.len() >= 4, "{}: {}", filter.name(), configs.len());
        for (place, config) in configs {
            assert_eq!(good::compile(*filter, &config), Ok(()), "{place}");
            assert_eq!(complaints(&validator, &config), Vec::<String>::new(), "{place}");
        }
    }
}

#[test]
fn the_parts_of_the_edge_filter_are_what_the_single_filters_are_told() {
    let validator = config_validator(Filter::Edge);
    let parts = [("headers", Filter::Header), ("auth", Filter::Auth), ("rateLimit", Filter::RateLimit)];
    for (part, filter) in parts {
        for (place, config) in good::configs(filter) {
            let config = json!({ part: config });
            assert_eq!(good::compile(Filter::Edge, &config), Ok(()), "{place}");
            assert_eq!(complaints(&validator, &config), Vec::<String>::new(), "{place}");
        }
        let wrong = json!({ part: { "sett": 1 } });
        assert!(good::compile(Filter::Edge, &wrong).is_err() && !validator.is_valid(&wrong), "{part}");
    }
    for wrong in [json!({}), json!({ "header": {} })] {
        assert!(good::compile(Filter::Edge, &wrong).is_err() && !validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn every_field_stands_in_some_good_configuration() {
    for filter in &SINGLE {
        let fields = good::fields(&super::config::schema(*filter));
        let mut unused = fields.clone();
        for (_, config) in good::configs(*filter) {
            good::used(&config, "", &fields, &mut |field| {
                unused.remove(field);
            });
        }
        unused.retain(|field| !field.contains("directives."));
        assert!(unused.is_empty(), "{}: {unused:?}", filter.name());
    }
}

#[test]
fn the_command_prints_one_schema_or_writes_all() {
    let args = |line: &[&str]| match args::Args::try_parse_from([&["tollgate", "schema"][..], line].concat())
    {
        Ok(args::Args { command: Command::Schema(args) }) => Ok(args),
        Ok(_) => Err("another command".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    assert_eq!(args(&["auth-filter"]).unwrap().filter, Some(Filter::Auth));
    assert_eq!(args(&["ratelimit"]).unwrap().filter, Some(Filter::RateLimit));
    for (line, expected) in [
        (vec![], "required"),
        (vec!["aut-filter"], "'auth-filter'"),
        (vec!["auth-filter", "--write", "x"], "cannot be used with"),
    ] {
        let error = args(&line).unwrap_err();
        assert!(error.contains(expected), "{line:?}: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("a/b");
    super::write(&below).unwrap();
    for filter in Filter::value_variants() {
        let written = fs::read_to_string(below.join(format!("{}.json", filter.name()))).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), filter.schema());
    }
    fs::write(directory.path().join("file"), "").unwrap();
    let error = super::write(&directory.path().join("file")).unwrap_err();
    assert!(error.contains("cannot be written"), "{error}");
}
