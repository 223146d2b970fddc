//! What a plain scalar means, as kubectl and istiod read it.
//!
//! They read YAML 1.1, in which `off` is false and `010` is eight. A manifest must not mean one thing here and another
//! on the cluster, so the words mean here what they mean there, and numbers in another notation are refused.

use serde_json::Number;

use super::Value;
use crate::fault::Code;

/// Integers beyond this lose digits on their way through Istio.
const EXACT: u64 = 1 << 53;

/// The value of an unquoted scalar.
pub(super) fn plain(text: &str) -> Result<Value, (Code, String)> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if let Some(meaning) = word_of_yaml_1_1(text) {
        return Ok(Value::Bool(meaning));
    }
    if is_number_of_yaml_1_1_only(text) {
        let message = "as a number in another notation: put it in quotes, or write it in decimal";
        return Err((Code::AmbiguousYaml, format!("kubectl reads {text} {message}")));
    }
    number(text)
}

/// What YAML 1.1 takes this word for.
pub(super) fn word_of_yaml_1_1(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// `0777`, `0x1f`, `0b1`, `1_000`.
fn is_number_of_yaml_1_1_only(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |digits: &str, allowed: fn(&u8) -> bool| {
        !digits.is_empty() && digits.bytes().all(|byte| byte == b'_' || allowed(&byte))
    };
    if let Some(rest) = digits.strip_prefix('0') {
        let radix = rest.strip_prefix(['x', 'X', 'o', 'b']).unwrap_or_default();
        return all(rest, u8::is_ascii_digit) || all(radix, u8::is_ascii_hexdigit);
    }
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.contains('_')
        && all(digits, u8::is_ascii_digit)
}

fn number(text: &str) -> Result<Value, (Code, String)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err((Code::AmbiguousYaml, "there is no such number in JSON: put it in quotes".to_owned()));
    }
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
    {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Ok(integer) = text.parse::<i64>() {
        if integer.unsigned_abs() > EXACT {
            let message =
                "loses digits on its way through Istio, which carries numbers as doubles: put it in quotes";
            return Err((Code::Precision, message.to_owned()));
        }
        return Ok(Value::Number(integer.into()));
    }
    let Ok(float) = text.parse::<f64>() else { return Ok(Value::Text(text.to_owned())) };
    // Istio's JSON writes 1.0 as 1, and a filter that wants an integer takes it.
    if float.fract() == 0.0
        && float.abs() < 1e15
        && let Ok(integer) = format!("{float:.0}").parse::<i64>()
    {
        return Ok(Value::Number(integer.into()));
    }
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| (Code::Precision, "too large for a number: put it in quotes".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match plain(text) {
            Ok(Value::Null) => "null".to_owned(),
            Ok(Value::Bool(value)) => format!("bool {value}"),
            Ok(Value::Number(number)) => format!("number {number}"),
            Ok(Value::Text(text)) => format!("text {text}"),
            Ok(other) => format!("{other:?}"),
            Err((_, message)) => format!("refused: {message}"),
        };
        assert!(shown.starts_with(expected), "{text}: {shown}");
    }

    #[test]
    fn plain_scalars_mean_what_istio_takes_them_for() {
        check("", "null");
        check("~", "null");
        check("true", "bool true");
        check("FALSE", "bool false");
        check("off", "bool false");
        check("On", "bool true");
        check("y", "bool true");
        check("0", "number 0");
        check("-12", "number -12");
        check("+5", "number 5");
        check("1.0", "number 1");
        check("1e3", "number 1000");
        check("0.25", "number 0.25");
        check(".5", "number 0.5");
        check("9007199254740992", "number 9007199254740992");
        check("1.2.3", "text 1.2.3");
        check("10.0.0.1", "text 10.0.0.1");
        check("30s", "text 30s");
        check("12:30", "text 12:30");
        check("2026-11-21T10:00:00Z", "text 2026-11-21T10:00:00Z");
        check("Lax", "text Lax");
        check("e5", "text e5");
    }

    #[test]
    fn numbers_in_another_notation_are_refused() {
        for text in ["0777", "010", "08", "0x1f", "0b11", "1_000", "-0x1"] {
            check(text, "refused: kubectl reads");
        }
        check(".inf", "refused: there is no such number");
        check("9007199254740993", "refused: loses digits");
        check("1e999", "refused: too large");
    }
}
