//! The limits of a Limitador that counts this configuration's global limits.

use policy_core::ConfigError;
use policy_core::json::write_text;

use crate::config::Compiled;
use crate::global::variables;
use crate::limit::{Kind, Limit};
use crate::rate::Budget;

/// The limits as Limitador reads them (YAML), one for each window. Those that are switched off are among them: their
/// places are counted too.
///
/// # Errors
/// Names a global limit whose numbers the configuration does not have, and a configuration without global limits.
pub fn render(compiled: &Compiled) -> Result<String, ConfigError> {
    let Some(global) = &compiled.global else {
        return Err(ConfigError::at("global", "there is no service here to write limits for"));
    };
    let mut out = String::new();
    let limits = compiled.limits.iter().enumerate().filter(|(_, limit)| matches!(limit.kind, Kind::Global));
    for (place, (index, limit)) in limits.enumerate() {
        let Some(Budget::Windows(rates)) = limit.budgets.first() else {
            let message = "the service's numbers are written from here; give rate or rates";
            return Err(ConfigError::at("rate", message).under_item("limits", index));
        };
        for (window, rate) in rates.iter().enumerate() {
            let name = limit.policies.first().map_or(limit.name.as_str(), |policies| policies.name(window));
            out.push_str("- namespace: ");
            write_text(&mut out, &global.domain);
            out.push_str("\n  name: ");
            write_text(&mut out, name);
            out.push_str(&format!("\n  max_value: {}\n  seconds: {}\n", rate.requests, rate.unit.seconds()));
            out.push_str("  conditions:\n  - ");
            write_text(&mut out, &condition(limit, place));
            out.push_str("\n  variables:");
            let variables: Vec<String> =
                variables(limit).map(|element| entry(place, &element.entry_name())).collect();
            if variables.is_empty() {
                out.push_str(" []");
            }
            for variable in variables {
                out.push_str("\n  - ");
                write_text(&mut out, &variable);
            }
            out.push('\n');
        }
    }
    if out.is_empty() {
        return Err(ConfigError::at("limits", "no limit has scope: global"));
    }
    Ok(out)
}

/// When a call is about this limit. That the descriptor is there is asked first: Limitador breaks a call off that has
/// fewer than an expression names.
fn condition(limit: &Limit, place: usize) -> String {
    let mut condition = format!("size(descriptors) > {place}");
    for element in limit.key.elements() {
        if let Some(constant) = element.constant() {
            condition.push_str(" && ");
            condition.push_str(&entry(place, &element.entry_name()));
            condition.push_str(" == ");
            literal(&mut condition, &constant);
        }
    }
    condition
}

fn entry(place: usize, name: &str) -> String {
    let mut out = format!("descriptors[{place}][");
    literal(&mut out, name);
    out.push(']');
    out
}

/// A string of CEL.
fn literal(out: &mut String, text: &str) {
    out.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn rendered(limits: &str, global: &str) -> Result<String, String> {
        let json = format!(r#"{{"limits":[{limits}]{global}}}"#);
        let compiled =
            policy_core::config::parse(json.as_bytes()).and_then(|config| crate::compile(config, &|_| None));
        compiled.and_then(|compiled| render(&compiled)).map_err(|error| error.to_string())
    }

    const GLOBAL: &str = r#","global":{"cluster":"c","domain":"shop"}"#;

    #[test]
    fn each_window_of_each_limit_is_written_at_its_place() {
        let limits = r#"{"name":"quota","scope":"global","key":[{"identity":"id"},{"value":"checkout"}],"rate":{"requests":5,"unit":"minute"}},
            {"name":"local","rate":{"requests":5,"unit":"minute"}},
            {"name":"user","scope":"global","key":[{"header":"X-It's"},{"clientIp":{}}],"rates":[{"requests":100,"unit":"day"},{"requests":9,"unit":"second"}]},
            {"name":"all","scope":"global","key":[{"value":"a'b\\c%"}],"enforcement":"off","rate":{"requests":1,"unit":"hour"}}"#;
        let expected = r#"- namespace: "shop"
  name: "quota"
  max_value: 5
  seconds: 60
  conditions:
  - "size(descriptors) > 0 && descriptors[0]['value'] == 'checkout'"
  variables:
  - "descriptors[0]['identity']"
- namespace: "shop"
  name: "user.second"
  max_value: 9
  seconds: 1
  conditions:
  - "size(descriptors) > 1"
  variables:
  - "descriptors[1]['header.x-it\\'s']"
  - "descriptors[1]['clientIp']"
- namespace: "shop"
  name: "user.day"
  max_value: 100
  seconds: 86400
  conditions:
  - "size(descriptors) > 1"
  variables:
  - "descriptors[1]['header.x-it\\'s']"
  - "descriptors[1]['clientIp']"
- namespace: "shop"
  name: "all"
  max_value: 1
  seconds: 3600
  conditions:
  - "size(descriptors) > 2 && descriptors[2]['value'] == 'a\\'b\\\\c%25'"
  variables: []
"#;
        assert_eq!(rendered(limits, GLOBAL).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let local = r#"{"name":"a","rate":{"requests":5,"unit":"minute"}}"#;
        for (limits, global, expected) in [
            (local.to_owned(), "", "global: there is no service"),
            (local.to_owned(), GLOBAL, "limits: no limit has scope: global"),
            (
                format!(r#"{local},{{"name":"b","scope":"global","key":[{{"value":"b"}}]}}"#),
                GLOBAL,
                "limits[1].rate: the service's numbers are written from here",
            ),
        ] {
            let error = rendered(&limits, global).unwrap_err();
            assert!(error.starts_with(expected), "{limits}: {error}");
        }
    }
}
