//! Configurations that are refused, with the message an operator sees.

use crate::support::refusal;

#[test]
fn each_mistake_is_named_with_its_place_and_what_is_allowed() {
    for (config, expected) in [
        (
            "rules: [{request: {sett: []}}]",
            r#"rules[0].request.sett: unknown field "sett", did you mean "set"?"#,
        ),
        ("rules: [{request: {set: {name: a}}}]", "rules[0].request.set: expected a list, found an object"),
        (
            "rules: [{request: {set: [{name: 'a b', value: c}]}}]",
            r#"rules[0].request.set[0].name: "a b" is not a header name"#,
        ),
        (
            "rules: [{request: {set: [{name: a, value: '%WHO%'}]}}]",
            "rules[0].request.set[0].value: unknown operator %WHO% (known: REQ(name)",
        ),
        ("rules: [{name: empty}]", "rules[0]: the rule is empty"),
        ("rules: [{request: {}}]", "rules[0].request: no edit is given"),
        (
            "rules: [{request: {set: [{name: content-length, value: '0'}]}}]",
            "rules[0].request.set[0].name: content-length frames the message",
        ),
        (
            "securityHeaders: {frameOptions: {value: MAYBE}}",
            "securityHeaders.frameOptions.value: unknown value",
        ),
        ("cookies: {sameSite: None}", "cookies.sameSite"),
    ] {
        let message = refusal(config);
        assert!(message.starts_with(&format!("spec.pluginConfig.{expected}")), "{config}: {message}");
    }
}
